"""Calls beside an event loop: in threads, which may wait there for coroutines of the loop.

Decides how exceptions cross from a thread into a coroutine as themselves, and
what becomes of a coroutine that nobody waits for any more.  What is called,
and whether in a thread at all, is decided by whoever asks.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

import attrs

R = TypeVar("R")


class WrappedError(Exception):
    """Holds an exception that coroutines and futures would change, or cannot raise."""


def call_wrapped(call: Callable[..., R], *arguments: Any) -> R:
    """Call; whatever is raised comes wrapped, for `unwrap`."""
    try:
        return call(*arguments)
    except Exception as error:
        raise WrappedError(error) from None


def unwrap(error: Exception) -> Exception:
    """Return what was raised by what `call_wrapped` called."""
    found: Exception = error.args[0] if isinstance(error, WrappedError) else error
    return found


@attrs.define
class _Waiting:
    """What a call in a thread began on the loop."""

    tasks: list[asyncio.Task[None]] = attrs.field(factory=list)
    is_over: bool = False

    async def cancel(self) -> None:
        """Cancel it, and wait until it is; what the thread would begin later is refused."""
        self.is_over = True
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)


_waiting: Final[contextvars.ContextVar[_Waiting | None]] = contextvars.ContextVar(
    "hypernodes_waiting", default=None
)


def is_given_up() -> bool:
    """Say whether this is a call in a thread whose caller was cancelled meanwhile."""
    waiting = _waiting.get()
    return waiting is not None and waiting.is_over


async def call_beside(pool: ThreadPoolExecutor, call: Callable[..., R], *arguments: Any) -> R:
    """Call in a thread of *pool*, with the context variables of the caller.

    Cancelling cancels the coroutines that the thread waits for, and what waits
    there to be tried again or for its pace; a function itself cannot be
    stopped, and what it returns later is dropped.

    Raises:
        WrappedError: Holds whatever the call raised.
    """
    around, waiting = contextvars.copy_context(), _Waiting()
    around.run(_waiting.set, waiting)
    inside = functools.partial(around.run, call_wrapped, call, *arguments)
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, inside)
    except asyncio.CancelledError:
        await waiting.cancel()
        raise


class LoopRunner:
    """Runs coroutines on a loop that runs elsewhere, for calls made in other threads.

    Args:
        loop: The loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Return the result of *coroutine*; its exception is raised.

        Must not be called in the thread of the loop, which would wait for itself.
        """
        found: Future[R] = Future()
        around = contextvars.copy_context()
        self._loop.call_soon_threadsafe(_begin, self._loop, coroutine, around, found)
        return found.result()

    def close(self) -> None:
        """Do nothing: the loop belongs to others."""


def _begin(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, R],
    around: contextvars.Context,
    found: Future[R],
) -> None:
    waiting = around.get(_waiting)
    if waiting is not None and waiting.is_over:
        coroutine.close()
        found.set_exception(asyncio.CancelledError())
        return

    async def complete() -> None:
        try:
            found.set_result(await coroutine)
        except BaseException as error:
            found.set_exception(error)
            if not isinstance(error, Exception):
                raise

    task = loop.create_task(complete(), context=around)
    # the loop itself holds its tasks weakly
    found.add_done_callback(lambda _done: task)
    if waiting is not None:
        waiting.tasks.append(task)
