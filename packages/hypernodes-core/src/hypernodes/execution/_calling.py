"""Calling what may be a coroutine function, from code that is not async."""

from __future__ import annotations

import contextvars
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future, ThreadPoolExecutor

R = TypeVar("R")
_LOOK_UP_SECONDS: Final = 0.1


class CoroutineRunner:
    """Runs coroutines to their end, all on one event loop, until it is closed.

    The loop is run in the calling thread, so that user code sees the thread
    it expects.  Where a loop already runs there, as in a notebook, no second
    one can: then it runs in a thread of its own and the caller waits.  The
    caller's own event loop is never touched.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: ThreadPoolExecutor | None = None

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Return the result of *coroutine*; its exception is raised.

        An interrupt of the caller cancels the coroutine.
        """
        # deferred: pipelines without coroutines never need it
        import asyncio

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = _new_thread() if _is_loop_running() else None
        loop, context = self._loop, contextvars.copy_context()
        if self._thread is None:
            return _complete(loop, coroutine, context)
        waiting = self._thread.submit(_complete, loop, coroutine, context)
        try:
            return _wait(waiting)
        except BaseException:
            if not waiting.done():
                loop.call_soon_threadsafe(_cancel_all, loop)
            raise

    def close(self) -> None:
        """Cancel what still runs, close the loop and end its thread."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is None:
            _close(loop)
        elif loop is not None and thread is not None:
            thread.submit(_close, loop).result()
            thread.shutdown()


def _complete(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, R], context: contextvars.Context
) -> R:
    return loop.run_until_complete(loop.create_task(coroutine, context=context))


def _wait(waiting: Future[R]) -> R:
    """Return the result; look up now and then whether the task around us was cancelled.

    Under ``asyncio.run`` an interrupt only marks the task, it stops no waiting.
    """
    # deferred: see CoroutineRunner.run
    import asyncio
    from concurrent.futures import wait

    around = asyncio.current_task()
    while not wait([waiting], timeout=_LOOK_UP_SECONDS).done:
        if around is not None and around.cancelling():
            raise asyncio.CancelledError
    return waiting.result()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[Any]]:
    # deferred: see CoroutineRunner.run
    import asyncio

    tasks = list(asyncio.all_tasks(loop))
    for task in tasks:
        task.cancel()
    return tasks


def _close(loop: asyncio.AbstractEventLoop) -> None:
    # deferred: see CoroutineRunner.run
    import asyncio

    try:
        tasks = _cancel_all(loop)
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


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
