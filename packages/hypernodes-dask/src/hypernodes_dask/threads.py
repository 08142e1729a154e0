"""Threads that stay from one map to the next: those of one engine.

Unlike those of ``concurrent.futures`` they are daemons: after Ctrl-C, a
function that still sleeps somewhere must not keep the program from ending.
Every call gets a thread at once, an idle one or a new one, so calls that wait
for each other never wait for a thread.
"""

from __future__ import annotations

import os
import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Final

#: Idle threads that are kept: nested maps may need many for a moment.
_MOST_IDLE: Final = 64

_Task = tuple["Future[Any]", Callable[..., Any], tuple[Any, ...]]


class Threads:
    """The threads of one engine; forgotten with it."""

    def __init__(self) -> None:
        self._crew = _Crew()
        _all.add(self)

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Have *call* carried out by a thread of its own."""
        return self._crew.submit(call, arguments)

    def close(self) -> None:
        """End idle threads; busy ones end when they are through."""
        crew, self._crew = self._crew, _Crew()
        crew.dismiss()

    def _forget(self) -> None:
        # a forked child has none of the threads of its parent
        self._crew = _Crew()

    def __del__(self) -> None:
        self._crew.dismiss()


class Lanes(Executor):
    """What Dask takes for a pool of so many threads.

    Args:
        threads: Where they come from.
        width: How many there are.
    """

    def __init__(self, threads: Threads, width: int) -> None:
        self._threads = threads
        self._max_workers = width

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Have *call* carried out by a thread of its own."""
        return self._threads.submit(lambda: call(*arguments, **named))


class _Crew:
    """Threads, and what they are to do; they hold it and not its owner."""

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._is_dismissed = False

    def submit(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Future[Any]:
        future: Future[Any] = Future()
        self._tasks.put((future, call, arguments))
        with self._lock:
            is_new = not self._idle
            self._idle -= not is_new
        if is_new:
            threading.Thread(target=self._work, name="hypernodes-dask", daemon=True).start()
        return future

    def dismiss(self) -> None:
        with self._lock:
            idle, self._idle, self._is_dismissed = self._idle, 0, True
        for _ in range(idle):
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, call, arguments = task
            result, error = _call(call, arguments)
            is_kept = self._rest()
            # only now, so that who waits for it finds this thread idle
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
            # what they hold must not live as long as this thread is idle
            del task, future, call, arguments, result, error
            if not is_kept:
                return

    def _rest(self) -> bool:
        """Count one more idle thread; say whether it is to be kept."""
        with self._lock:
            is_kept = not self._is_dismissed and self._idle < _MOST_IDLE
            self._idle += is_kept
            return is_kept


def _call(call: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, BaseException | None]:
    try:
        return call(*arguments), None
    except BaseException as error:
        return None, error


_all: Final[weakref.WeakSet[Threads]] = weakref.WeakSet()


def _forget_all() -> None:
    for threads in list(_all):
        threads._forget()  # noqa: SLF001 - only here a fork is noticed


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
