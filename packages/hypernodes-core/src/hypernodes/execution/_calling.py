"""Calling what may be a coroutine function, from code that is not async."""

from __future__ import annotations

import contextvars
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

R = TypeVar("R")


class CoroutineRunner:
    """Runs coroutines to their end, all on one event loop, until it is closed.

    The loop lives in the calling thread, so that user code sees the thread
    it expects.  Where a loop already runs there, as in a notebook, no second
    one can: then it lives in a thread of its own and the caller waits.
    """

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None
        self._thread: ThreadPoolExecutor | None = None

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Return the result of *coroutine*; its exception is raised."""
        # deferred: pipelines without coroutines never need it
        import asyncio

        if self._runner is None:
            self._runner = asyncio.Runner()
            self._thread = _new_thread() if _is_loop_running() else None
        context = contextvars.copy_context()
        if self._thread is None:
            return self._runner.run(coroutine, context=context)
        return self._thread.submit(self._runner.run, coroutine, context=context).result()

    def close(self) -> None:
        """Close the loop and end its thread."""
        if self._runner is not None:
            self._runner.close() if self._thread is None else self._thread.submit(self._runner.close).result()
        if self._thread is not None:
            self._thread.shutdown()
        self._runner = self._thread = None


def _is_loop_running() -> bool:
    # deferred: see CoroutineRunner.run
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _new_thread() -> ThreadPoolExecutor:
    # deferred: only needed inside a running loop
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="hypernodes-loop")
