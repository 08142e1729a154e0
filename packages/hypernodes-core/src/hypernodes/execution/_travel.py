"""Chunks that are carried out by other processes, seen from the driver.

    chunk --> what the cache knows stays here --+
      |                                         +--> one result per chunk
      +--> parcels of what is missing --> workers --+

Only misses travel.  Equal work of two chunks is done once: an item that waits
for a key which is under way stays here until that parcel has come back, and is
then looked up again.  What workers made is stored here, before anybody is told
of it.  How bytes get to workers is the business of a `Transport`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import attrs

from hypernodes.errors import WorkerLostError
from hypernodes.execution._context import Context
from hypernodes.execution._errors import Failure
from hypernodes.execution._packing import pack, unpack
from hypernodes.execution._parcels import Packer
from hypernodes.execution._records import Chunk, ChunkResult
from hypernodes.execution._trip import Trip
from hypernodes.execution._worker import Delivery, name_manifest
from hypernodes.plan import Plan


class Transport(Protocol):
    """Takes parcels to workers and brings deliveries back; made for one run.

    A worker answers a parcel by ``carry_out(name, fetch, parcel)``.

    Attributes:
        width: How many parcels may be under way at once.
    """

    width: int

    def start(self, name: str, manifest: bytes) -> None:
        """Make the manifest of the run available to workers, under *name*."""
        ...

    def send(self, number: int, parcel: bytes) -> None:
        """Send one parcel; returns at once."""
        ...

    def receive(self) -> tuple[int, bytes | Exception]:
        """Wait for any parcel under way; return its number and what came of it.

        An exception stands for a parcel that is lost: its worker died, or the
        way to it broke.
        """
        ...

    def close(self) -> None:
        """Cancel what is under way and let go of everything; called once, however it ends."""
        ...


def carry_chunks(
    plan: Plan, chunks: Iterable[Chunk], context: Context, transport: Transport
) -> Iterator[ChunkResult]:
    """Have *chunks* carried out through *transport*; yield a result for each, as they are ready.

    Holds at most ``transport.width`` parcels under way and takes chunks only
    as there is room.  After a failure that ends the map, chunks behind it are
    neither taken nor waited for.  This is all that ``submit`` of an engine
    with workers has to do.

    Args:
        plan: What is done.
        chunks: The items.
        context: The run.
        transport: The way to the workers; closed at the end.

    Yields:
        One result per chunk, in any order.
    """
    with contextlib.closing(transport):
        yield from _Journey(plan, context, transport).carry(iter(chunks))


@attrs.define
class _Journey:
    """The chunks of one run that are under way."""

    plan: Plan
    context: Context
    transport: Transport
    trips: dict[int, Trip] = attrs.field(factory=dict)
    under_way: dict[int, Trip] = attrs.field(factory=dict)
    packer: Packer | None = None
    last: float = float("inf")

    def carry(self, chunks: Iterator[Chunk]) -> Iterator[ChunkResult]:
        chunk: Chunk | None = None
        is_open = True
        while True:
            while is_open and len(self.under_way) < self.transport.width:
                chunk = next(chunks, None)
                is_open = chunk is not None and chunk.index < self.last
                if chunk is not None and is_open:
                    self._depart(chunk)
                    yield from self._arrivals()
            if not (self.trips and self.under_way):
                return
            self._receive()
            yield from self._arrivals()
            is_open = is_open and self.last == float("inf")

    def _depart(self, chunk: Chunk) -> None:
        if self.packer is None:
            self.packer = Packer(self.plan, chunk, self.context)
        self.trips[chunk.index] = trip = Trip(self.plan, chunk, self.context, self.packer)
        self._send(trip)

    def _send(self, trip: Trip) -> None:
        if self.packer is None:
            return
        for parcel in trip.pack():
            if not self.packer.is_announced:
                manifest = self.packer.manifest()
                self.transport.start(name_manifest(manifest), manifest)
            self.under_way[parcel.number] = trip
            self.transport.send(parcel.number, pack(parcel))

    def _receive(self) -> None:
        number, data = self.transport.receive()
        trip = self.under_way.pop(number)
        delivery = _lost(trip, number, data) if isinstance(data, Exception) else unpack(data)
        trip.take(number, delivery)
        if trip.failure is not None and not self.context.rules.collects:
            self.last = min(self.last, trip.chunk.index)
            self._forget_later()
        for waiting in list(self.trips.values()):
            if waiting.waits_for(number):
                waiting.learn(delivery)
                self._send(waiting)

    def _forget_later(self) -> None:
        """Wait no longer for what lies behind a failure; what comes home meanwhile is stored."""
        self.trips = {index: trip for index, trip in self.trips.items() if index <= self.last}

    def _arrivals(self) -> Iterator[ChunkResult]:
        for index, trip in list(self.trips.items()):
            if trip.is_over:
                del self.trips[index]
                yield trip.result()


def _lost(trip: Trip, number: int, cause: Exception) -> Delivery:
    """Return what stands for a parcel that never came back."""
    numbers = trip.numbers_of(number)
    where = f"items {numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else f"item {numbers[0]}"
    nodes = ", ".join(repr(name) for name in trip.plan.node_ids)
    msg = (
        f"the worker that carried out {where} (nodes {nodes}) was lost: {cause}; "
        "finished items are kept where there is a cache; run again to go on"
    )
    error = WorkerLostError(msg)
    error.__cause__ = cause
    failure = Failure(error, numbers[0])
    rows = [Failure(error, item) for item in numbers] if trip.context.rules.collects else []
    result = ChunkResult(trip.chunk.index, rows, failure=None if rows else failure)
    return Delivery(result, {}, [])
