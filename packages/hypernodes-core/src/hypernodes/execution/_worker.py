"""The worker's part of a run: a chunk as bytes in, what came of it as bytes out.

A worker process gets two kinds of bytes: the *manifest* of a run, once, with
the plan, what all items share and how keys are made; and *parcels*, one per
chunk.  It answers with a `Delivery`.  Results that were stored are not written
here: they go home encoded, because the driver signs what a cache keeps.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from hypernodes.cache import Entry, MemoryCache, Payload, Result
from hypernodes.errors import TransferError
from hypernodes.events import Event, Run
from hypernodes.execution._chunk import run_chunk
from hypernodes.execution._context import Context, Identities, Rules
from hypernodes.execution._errors import Failure
from hypernodes.execution._packing import is_picklable, pack, unpack
from hypernodes.execution._records import Chunk, ChunkResult
from hypernodes.hashing import Signature
from hypernodes.plan import Plan, Settings
from hypernodes.plugins import notify
from hypernodes.values import MISSING, Missing

#: Runs whose manifests a worker keeps unpacked, and how large they may be together.
_MOST_RUNS: Final = 8
_MOST_BYTES: Final = 256 * 2**20
_runs: OrderedDict[str, tuple[Manifest, int]] = OrderedDict()
_runs_lock = threading.Lock()

#: An encoded result on its way home: its record and its values by digest.
Stored = tuple[Entry, Mapping[bytes, Payload]]


@attrs.define
class Manifest:
    """What every worker needs of a run, once.

    Attributes:
        plan: What is done.
        settings: How; a cache in it is what stands for it on workers.
        constants: Values that all items share.
        identities: Fingerprints that the driver found.
        run: The record for observers; None where nobody hears of steps.
        rules: What holds in all of it.
    """

    plan: Plan
    settings: Settings
    constants: Mapping[str, Any]
    identities: Identities
    run: Run | None
    rules: Rules


@attrs.define
class Parcel:
    """One chunk for a worker.

    Attributes:
        number: Its number among the parcels of the run.
        chunk: Its items, without constants.
        known: Records that the driver found for them, by number of their cache.
        values: The pickled values of those that somebody will need.
        made: What other parcels of the run have made that its items waited
            for, by number of its cache.
    """

    number: int
    chunk: Chunk
    known: Mapping[int, Sequence[Entry]]
    values: Mapping[tuple[Signature, int], bytes]
    made: Mapping[int, Sequence[Stored]] = attrs.field(factory=dict)


@attrs.define
class Delivery:
    """What came of a parcel.

    Attributes:
        result: The outputs, failure and events.
        stored: What is to be kept, by number of its cache.
        warnings: What a cache had to say: (message, topic).
    """

    result: ChunkResult
    stored: Mapping[int, Sequence[Stored]]
    warnings: Sequence[tuple[str, str]]


class WorkerCache:
    """What stands for a cache of the driver while a worker carries out one chunk.

    Answers from what came with the parcel, then from what this chunk has made,
    then from the store itself, where workers can reach it.  Keeps what is to
    be stored until it goes home.

    Args:
        near: The store as workers see it; None where they cannot.
        known: Records that came with the parcel.
        values: Pickled values that came with it.
        made: Encoded results that came with it.
    """

    def __init__(
        self,
        near: Any,
        known: Sequence[Entry] = (),
        values: Mapping[tuple[Signature, int], bytes] | None = None,
        made: Sequence[Stored] = (),
    ) -> None:
        self._near = near
        self._known = {entry.signature: entry for entry in known}
        self._values = values or {}
        self._own = _Collector()
        self._own.learn(made)

    @property
    def stored(self) -> list[Stored]:
        """What was stored since the parcel came."""
        return self._own.collected

    def lookup_many(self, signatures: Sequence[Signature]) -> list[Entry | Missing]:
        """Return one record per signature, in order, ``MISSING`` where there is none."""
        found = {key: self._known[key] for key in signatures if key in self._known}
        own = self._own.read_records([key for key in signatures if key not in found])
        found.update(own)
        left = [key for key in signatures if key not in found]
        if left and self._near is not None:
            pairs = zip(left, self._near.lookup_many(left), strict=True)
            found.update((key, entry) for key, entry in pairs if isinstance(entry, Entry))
        return [found.get(key, MISSING) for key in signatures]

    def load_many(self, wanted: Sequence[tuple[Entry, int]]) -> list[Any]:
        """Return one value per (entry, output position), ``MISSING`` where it is gone."""
        values: list[Any] = [MISSING] * len(wanted)
        own: list[int] = []
        near: list[int] = []
        for place, (entry, position) in enumerate(wanted):
            packed = self._values.get((entry.signature, position))
            if packed is not None:
                values[place] = unpack(packed)
            else:
                (own if entry.signature in self._own.signatures else near).append(place)
        for places, cache in ((own, self._own), (near, self._near)):
            if places and cache is not None:
                found = cache.load_many([wanted[place] for place in places])
                for place, value in zip(places, found, strict=True):
                    values[place] = value
        return values

    def store_many(self, results: Sequence[Result]) -> None:
        """Encode and keep *results* until they go home."""
        self._own.store_many(results)

    def flush(self) -> None:
        """Nothing to do: the driver writes."""


class _Collector(MemoryCache):
    """A memory cache that remembers, in order, what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.collected: list[Stored] = []
        self.signatures: set[Signature] = set()

    def write(self, records: Sequence[Stored]) -> None:
        """Keep records with their values."""
        self.learn(records)
        self.collected.extend(records)

    def learn(self, records: Sequence[Stored]) -> None:
        """Keep records that were written elsewhere."""
        super().write(records)
        self.signatures.update(entry.signature for entry, _ in records)


def name_manifest(manifest: bytes) -> str:
    """Return the name under which workers keep *manifest*."""
    return hashlib.blake2b(manifest, digest_size=16).hexdigest()


def carry_out(name: str, fetch: Callable[[], bytes], parcel: bytes) -> bytes:
    """Carry out one chunk in this process; any thread may.

    Nothing of a user's functions escapes but interrupts: exceptions, and results
    that cannot be pickled, come home as failures.

    Args:
        name: The name of the run's manifest.
        fetch: Gives the manifest, where this process has not seen it.
        parcel: The packed `Parcel`.

    Returns:
        The packed `Delivery`.

    Raises:
        TransferError: The manifest or the parcel cannot be opened here.
    """
    manifest = _find_manifest(name, fetch)
    opened: Parcel = _open("items", parcel)
    delivery = _carry_out(manifest, opened)
    try:
        return pack(delivery)
    except Exception as error:
        # only now is it worth looking for the item
        return pack(_without_unpicklable(delivery, opened.chunk, error, manifest.rules.collects))


def _find_manifest(name: str, fetch: Callable[[], bytes]) -> Manifest:
    with _runs_lock:
        if name not in _runs:
            data = fetch()
            _runs[name] = _open("the pipeline or what all items share", data), len(data)
            # what large runs share must not pile up here
            while len(_runs) > 1 and (
                len(_runs) > _MOST_RUNS or sum(size for _, size in _runs.values()) > _MOST_BYTES
            ):
                _runs.popitem(last=False)
        _runs.move_to_end(name)
        return _runs[name][0]


def _open(what: str, data: bytes) -> Any:
    try:
        return unpack(data)
    except Exception as error:
        msg = (
            f"a worker cannot open {what}: {type(error).__name__}: {error}; install on workers "
            "what it needs, or have its module travel: cloudpickle.register_pickle_by_value(module)"
        )
        raise TransferError(msg) from error


def _carry_out(manifest: Manifest, parcel: Parcel) -> Delivery:
    caches: dict[int, WorkerCache] = {}
    settings = _with_caches(manifest.settings, parcel, caches)
    chunk = attrs.evolve(parcel.chunk, constants=manifest.constants)
    context = Context(
        settings,
        manifest.run,
        None,
        manifest.rules,
    )
    context.become_remote(manifest.identities, parcel.number)
    with contextlib.closing(context):
        result = run_chunk(manifest.plan, chunk, context)
    if "hypernodes_chunk_finished" in manifest.rules.hooks and manifest.run is not None:
        notify("hypernodes_chunk_finished", run=manifest.run)
    stored = {number: cache.stored for number, cache in caches.items() if cache.stored}
    return Delivery(result, stored, context.said)


def _with_caches(settings: Settings, parcel: Parcel, made: dict[int, WorkerCache]) -> Settings:
    """Return *settings* with a fresh `WorkerCache` in the place of each `CacheStub`."""
    stub = settings.cache
    cache: WorkerCache | None = None
    if isinstance(stub, CacheStub):
        if stub.number not in made:
            known = parcel.known.get(stub.number, ())
            others = parcel.made.get(stub.number, ())
            made[stub.number] = WorkerCache(stub.near, known, parcel.values, others)
        cache = made[stub.number]
    nested = {index: _with_caches(each, parcel, made) for index, each in settings.nested.items()}
    return attrs.evolve(settings, cache=cache, nested=nested)


@attrs.frozen
class CacheStub:
    """Stands for a cache of the driver in a manifest.

    Attributes:
        number: Tells the caches of a run apart.
        near: What workers may read; None where they cannot reach the store.
    """

    number: int
    near: Any


def _without_unpicklable(
    delivery: Delivery, chunk: Chunk, cause: Exception, collects: bool
) -> Delivery:
    """Return *delivery* with failures in the place of items that cannot be sent."""
    rows: list[Any] = []
    failure: Failure | None = None
    for number, row in zip(chunk.numbers, delivery.result.rows, strict=False):
        if not is_picklable(row):
            failure = _unpicklable(number if chunk.first is not None else None, row, cause)
            if not collects:
                break
            row = failure  # noqa: PLW2901 - it stands in its place
        rows.append(row)
    kept: list[Event] = [event for event in delivery.result.events if is_picklable(event)]
    result = attrs.evolve(
        delivery.result, rows=rows, failure=None if collects else failure, events=kept
    )
    return attrs.evolve(delivery, result=result)


def _unpicklable(number: int | None, row: Any, cause: Exception) -> Failure:
    names = [name for name, value in row.items() if not is_picklable(value)]
    what = f"output {', '.join(map(repr, names))}"
    where = "" if number is None else f" of item {number}"
    msg = (
        f"{what}{where} cannot be sent back from a worker: {type(cause).__name__}: {cause}; "
        "return plain data, or leave it out with output_name="
    )
    return Failure(TransferError(msg), number)
