"""What travels between the driver and whoever does the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from hypernodes.events import Event
from hypernodes.execution._errors import Failure


@attrs.frozen
class Chunk:
    """Some items of a map, or the one item of a single run; picklable.

    Attributes:
        index: Its number; results are put in order by it, never by arrival.
        first: The number of its first item in the map; None for a single run.
        size: How many items it holds.
        columns: Values by name, one per item.
        constants: Values by name, the same for all items.
        picked: The numbers of its items, where they do not follow one another.
    """

    index: int
    first: int | None
    size: int
    columns: Mapping[str, Sequence[Any]]
    constants: Mapping[str, Any]
    picked: Sequence[int] | None = None

    @property
    def numbers(self) -> Sequence[int]:
        """The number of each item."""
        first = self.first or 0
        return range(first, first + self.size) if self.picked is None else self.picked

    def only(self, places: Sequence[int]) -> Chunk:
        """Return the items at *places* as a chunk that keeps their numbers."""
        if len(places) == self.size:
            return self
        numbers = self.numbers
        return attrs.evolve(
            self,
            size=len(places),
            columns={name: [each[n] for n in places] for name, each in self.columns.items()},
            picked=[numbers[n] for n in places],
        )


@attrs.frozen
class ChunkResult:
    """What came of a chunk; picklable.

    Attributes:
        index: The number of the chunk.
        rows: The outputs of each finished item, in item order; where failures
            are collected, a `Failure` in the place of a failed one.
        hits: How many items were wholly answered by the cache.
        failure: What ended it early, else None.
        events: What observers are still to be told, in item order.
        is_told: Whether observers heard everything live.
        seconds: What it took.
    """

    index: int
    rows: list[Any]
    hits: int = 0
    failure: Failure | None = None
    events: list[Event] = attrs.field(factory=list)
    is_told: bool = False
    seconds: float = 0.0
