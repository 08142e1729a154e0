"""A query whose rows wait, in this process, for what they are to carry.

A query may begin before anybody knows what it will carry: each of its rows
asks when its turn comes, and gets what was given first.  A row that is not
needed gets nothing.  Asking is a coroutine, which holds none of Daft's own
threads: Daft has as many as processors for all queries of the process, and
one that waits for another would wait for itself.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final

from hypernodes.errors import ExecutionError
from hypernodes_daft.runtime import execution_config

_known: Final[dict[str, Query]] = {}


class Query:
    """A query that is carried out in a thread of its own, as rows are given what they carry.

    Args:
        rows: How many rows it has.
        carry_out: Carries it out, given the query; anything it raises is its own business.
        config: What Daft is told.

    Attributes:
        token: What stands for it in expressions of Daft.
        rows: How many rows it has.
        room: How many of them were given nothing yet.
        taken: The numbers of what rows carry, or have carried.
    """

    def __init__(
        self, rows: int, carry_out: Callable[[Query], None], config: Mapping[str, Any]
    ) -> None:
        self.token: str = uuid.uuid4().hex
        self.rows: int = rows
        self.room: int = rows
        self.taken: set[int] = set()
        self._lock = threading.Lock()
        self._given: deque[tuple[int, Any]] = deque()
        self._asking: deque[Future[Any]] = deque()
        self._is_over = False
        self._has_begun = threading.Event()
        self._carry_out = carry_out
        # not a daemon: Daft aborts a process that ends in the middle of a query
        self._thread = threading.Thread(target=self._work)
        _known[self.token] = self
        with execution_config(config):
            self._thread.start()
            if config:
                # the configuration belongs to the process: nobody keeps it longer than this
                self._has_begun.wait()

    def _work(self) -> None:
        try:
            self._carry_out(self)
        finally:
            self.end()
            self._has_begun.set()
            del _known[self.token]

    def give(self, number: int, what: Any) -> bool:
        """Let the next row carry *what*, known by *number*; say whether there was one."""
        with self._lock:
            if self._is_over or not self.room:
                return False
            self.room -= 1
            while self._asking:
                row = self._asking.popleft()
                # Daft may have given up on it meanwhile
                if row.set_running_or_notify_cancel():
                    self.taken.add(number)
                    row.set_result(what)
                    return True
            self._given.append((number, what))
            return True

    def ask(self) -> Future[Any]:
        """Return what the next row carries: None where it is not needed."""
        self._has_begun.set()
        row: Future[Any] = Future()
        with self._lock:
            if self._given:
                number, what = self._given.popleft()
                self.taken.add(number)
                row.set_result(what)
            elif self._is_over:
                row.set_result(None)
            else:
                self._asking.append(row)
        return row

    def end(self) -> list[tuple[int, Any]]:
        """Give nothing more; return what no row has asked for, with its numbers."""
        with self._lock:
            self._is_over = True
            left, self._given = list(self._given), deque()
            asking, self._asking = list(self._asking), deque()
        for row in asking:
            if row.set_running_or_notify_cancel():
                row.set_result(None)
        return left

    def join(self) -> None:
        """Wait until Daft has carried it out."""
        self._thread.join()

    @property
    def has_begun(self) -> bool:
        """Whether a row has asked."""
        return self._has_begun.is_set()

    @property
    def is_alive(self) -> bool:
        """Whether Daft still carries it out."""
        return self._thread.is_alive()


async def next_of(token: str) -> Any:
    """Wait for what a row of the query of *token* is to carry; None for nothing.

    Raises:
        ExecutionError: The row is carried out by another process.
    """
    query = _known.get(token)
    if query is None:
        msg = "the values of this run are in another process; make the engine with runner='ray'"
        raise ExecutionError(msg)
    return await asyncio.wrap_future(query.ask())
