"""Chunks in other processes of this machine: one query takes parcels as they come.

    a row asks  -->  its parcel  -->  carried out in a process  -->  {number, delivery}

Daft starts processes for each query and ends them with it, and stateful objects
live as long: so there is one query for a whole run, or a few if it is long.
No more parcels are under way than keep workers busy, for those are lost where
one of them dies.
"""

from __future__ import annotations

import functools
import queue
from collections import deque
from typing import Any, Final

from hypernodes.errors import ExecutionError
from hypernodes_daft.cells import as_exception, deliveries, udf_for
from hypernodes_daft.options import DaftOptions
from hypernodes_daft.queries import Query, next_of
from hypernodes_daft.runtime import load_daft
from hypernodes_daft.workplace import Workplace

#: One is carried out, the others are on their way there and back.
_PARCELS_PER_WORKER: Final = 3
#: A row that stays empty costs a tenth of a millisecond, a query half a second.
_FIRST_ROWS: Final = 1024
_GROWTH: Final = 4
_MOST_ROWS: Final = 16_384
#: A delivery, a reason to end the run, or None where something is to be sent again.
Arrival = tuple[int, bytes | Exception] | ExecutionError | None


class StreamTransport:
    """Takes parcels to processes of this machine and brings deliveries back; made for one run.

    Args:
        workplace: What kind of worker carries out the chunks.
        workers: How many chunks at once.
        options: How chunks go through Daft.

    Attributes:
        width: How many parcels may be under way at once.
    """

    def __init__(self, workplace: Workplace, workers: int, options: DaftOptions) -> None:
        self.width: int = _PARCELS_PER_WORKER * max(workers, workplace.max_concurrency or 0)
        self._workplace = workplace
        self._options = options
        self._name = ""
        self._manifest = b""
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._query: Query | None = None
        self._rows = _FIRST_ROWS
        self._arrived: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._is_closed = False

    def start(self, name: str, manifest: bytes) -> None:
        """Keep the manifest, which goes along with every query."""
        self._name, self._manifest = name, manifest

    def send(self, number: int, parcel: bytes) -> None:
        """Keep a parcel until the next delivery is waited for."""
        self._waiting.append((number, parcel))

    def receive(self) -> tuple[int, bytes | Exception]:
        """Give rows what they wait for; wait for any delivery.

        Raises:
            ExecutionError: Daft cannot begin.
        """
        while True:
            self._hand_out()
            found = self._arrived.get()
            if isinstance(found, ExecutionError):
                raise found
            if found is not None:
                return found

    def close(self) -> None:
        """Let go of everything; what a process has begun ends by itself."""
        self._is_closed = True
        if self._query is not None:
            self._query.end()

    def _hand_out(self) -> None:
        while self._waiting:
            if self._query is None or not self._give(self._query):
                self._query = self._begin()
                if not self._give(self._query):
                    # it broke, and what arrives tells why
                    return
            self._waiting.popleft()

    def _give(self, query: Query) -> bool:
        number, parcel = self._waiting[0]
        return query.give(number, (number, parcel))

    def _begin(self) -> Query:
        """Begin a query; one of few rows where all there is was sent already."""
        if self._query is None and len(self._waiting) < self.width:
            rows = len(self._waiting)
        else:
            rows, self._rows = self._rows, min(self._rows * _GROWTH, _MOST_ROWS)
        return Query(rows, self._carry, self._options.execution_config)

    def _carry(self, query: Query) -> None:
        delivered: set[int] = set()
        try:
            for number, found in deliveries(self.ask(query.rows, query.token)):
                delivered.add(number)
                self._arrived.put((number, found))
                if self._is_closed:
                    return
            cause: Exception = RuntimeError("Daft gave no row for it")
        except BaseException as error:
            cause = as_exception(error)
        left = query.end()
        if not query.has_begun:
            msg = f"Daft cannot begin: {cause}"
            failed = ExecutionError(msg)
            failed.__cause__ = cause
            self._arrived.put(failed)
            return
        for number in sorted(query.taken - delivered):
            self._arrived.put((number, cause))
        self._waiting.extend(left)
        self._arrived.put(None)

    def example(self) -> Any:
        """Return a query as it would be made, to be shown."""
        return self.ask(1, "")

    def ask(self, rows: int, token: str) -> Any:
        """Return the lazy DataFrame of the deliveries."""
        daft = load_daft()
        frame = daft.from_pydict({"row": list(range(rows))}).into_batches(1)
        frame = frame.select(_fetching()(daft.col("row"), token))
        frame = frame.where(daft.col("number").not_null())
        udf = udf_for(self._workplace)
        delivery = udf(daft.col("parcel"), self._name, self._manifest).alias("delivery")
        return frame.select(daft.col("number"), delivery)


async def fetch_parcel(row: int, token: str) -> dict[str, Any]:
    """Wait for the parcel that this row is to carry."""
    number, parcel = await next_of(token) or (None, None)
    return {"number": number, "parcel": parcel}


@functools.cache
def _fetching() -> Any:
    daft = load_daft()
    fields = {"number": daft.DataType.int64(), "parcel": daft.DataType.binary()}
    return daft.func(fetch_parcel, return_dtype=daft.DataType.struct(fields), unnest=True)
