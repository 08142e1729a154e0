"""Chunks in other processes: each travels as one binary cell of a Daft query.

    parcels  -->  {number, parcel}  -->  carried out there  -->  {number, delivery}

Values never meet a typed column: Daft sees bytes.  On this machine a query
takes its parcels as they come, see `stream`.  On a cluster no row can wait for
this process: there it takes as many as are waiting when its turn comes, and
the next one begins before the last has ended, so that no worker waits for a
straggler.
"""

from __future__ import annotations

import functools
import itertools
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hypernodes.execution import carry_out
from hypernodes_daft.options import DaftOptions
from hypernodes_daft.runtime import execution_config, load_daft
from hypernodes_daft.workplace import Workplace, at_work

_PARCELS_PER_WORKER: Final = 32
#: Begins a delivery; what begins otherwise tells why there is none.
_WHOLE: Final = b"+"


class CellTransport:
    """Takes parcels to Daft's workers on a cluster and brings deliveries back; made for one run.

    Args:
        workplace: What kind of worker carries out the chunks.
        workers: How many chunks at once.
        options: How chunks go through Daft.

    Attributes:
        width: How many parcels may be under way at once.
    """

    def __init__(self, workplace: Workplace, workers: int, options: DaftOptions) -> None:
        self.width: int = workers * _PARCELS_PER_WORKER
        self._workplace = workplace
        self._workers = workers
        self._options = options
        self._name = ""
        self._manifest = b""
        self._waiting: dict[int, bytes] = {}
        self._under_way: set[int] = set()
        self._arrived: queue.SimpleQueue[tuple[int, bytes | Exception]] = queue.SimpleQueue()
        self._is_closed = False

    def start(self, name: str, manifest: bytes) -> None:
        """Keep the manifest, which goes along with every query."""
        self._name, self._manifest = name, manifest

    def send(self, number: int, parcel: bytes) -> None:
        """Keep a parcel for the next query."""
        self._waiting[number] = parcel

    def receive(self) -> tuple[int, bytes | Exception]:
        """Wait for any delivery; ask Daft for more where workers would run out of work."""
        if self._waiting and len(self._under_way) <= self._workers:
            parcels, self._waiting = self._waiting, {}
            self._under_way.update(parcels)
            # not a daemon: Daft aborts a process that ends in the middle of a query
            threading.Thread(target=self._query, args=(parcels,)).start()
        number, found = self._arrived.get()
        self._under_way.discard(number)
        return number, found

    def close(self) -> None:
        """Let go of everything; what Daft has begun ends by itself."""
        self._is_closed = True

    def _query(self, parcels: Mapping[int, bytes]) -> None:
        left = set(parcels)
        try:
            with execution_config(self._options.execution_config):
                found = deliveries(self.ask(list(parcels), list(parcels.values())))
                # Daft has begun the query when the first of them is here
                first = list(itertools.islice(found, 1))
            for number, delivery in itertools.chain(first, found):
                left.discard(number)
                self._arrived.put((number, delivery))
                if self._is_closed:
                    return
            cause: Exception = RuntimeError("Daft gave no row for it")
        except BaseException as error:
            cause = as_exception(error)
        for number in sorted(left):
            self._arrived.put((number, cause))

    def example(self) -> Any:
        """Return a query as it would be made, to be shown."""
        return self.ask([0], [b""])

    def ask(self, numbers: Sequence[int], parcels: Sequence[bytes]) -> Any:
        """Return the lazy DataFrame of the deliveries."""
        daft = load_daft()
        frame = daft.from_pydict({"number": numbers, "parcel": parcels})
        if len(numbers) > 1:
            frame = frame.into_partitions(min(len(numbers), self._workers))
        udf = udf_for(self._workplace)
        delivery = udf(daft.col("parcel"), self._name, self._manifest).alias("delivery")
        return frame.select(daft.col("number"), delivery)


def carry_cells(parcels: Any, name: str, manifest: bytes) -> Any:
    """Carry out every parcel of a column; nothing of a user's escapes."""
    daft = load_daft()
    cells = [_carry(parcel, name, manifest) for parcel in parcels.to_pylist()]
    return daft.Series.from_pylist(cells, dtype=daft.DataType.binary())


def _carry(parcel: bytes, name: str, manifest: bytes) -> bytes:
    try:
        with at_work():
            return _WHOLE + carry_out(name, lambda: manifest, parcel)
    except BaseException as error:
        # an interrupt in a function must not bring down the query of all others
        return f"{type(error).__name__}: {error}".encode()


def deliveries(frame: Any) -> Iterator[tuple[int, bytes | Exception]]:
    """Yield the rows of a query as they come: number, and delivery or why there is none."""
    for batch in frame.to_arrow_iter():
        for number, cell in zip(*(each.to_pylist() for each in batch.columns), strict=True):
            is_whole = cell.startswith(_WHOLE)
            yield number, cell[1:] if is_whole else RuntimeError(cell.decode(errors="replace"))


def as_exception(error: BaseException) -> Exception:
    """Return what ended a query as an exception: a panic of Daft is none."""
    return error if isinstance(error, Exception) else RuntimeError(f"{error!r}")


@functools.cache
def udf_for(workplace: Workplace) -> Any:
    """Return what carries out a column of parcels at *workplace*; made once."""
    daft = load_daft()
    binary = daft.DataType.binary()
    if not workplace.is_pool:
        make = daft.func.batch(
            return_dtype=binary,
            batch_size=1,
            use_process=workplace.use_process,
            cpus=workplace.cpus,
        )
        return make(carry_cells)
    return _pool(workplace, binary)


def _pool(workplace: Workplace, binary: Any) -> Any:
    """Return what carries out parcels in a pool of workers of its own."""
    daft = load_daft()

    class ChunkWorker:
        @daft.method.batch(return_dtype=binary, batch_size=1)  # type: ignore[untyped-decorator]  # Daft has no types here
        def carry(self, parcels: Any, name: str, manifest: bytes) -> Any:
            return carry_cells(parcels, name, manifest)

    make = daft.cls(
        gpus=workplace.gpus,
        cpus=workplace.cpus,
        max_concurrency=workplace.max_concurrency,
        use_process=workplace.use_process or None,
        name_override="hypernodes",
    )
    return make(ChunkWorker)().carry
