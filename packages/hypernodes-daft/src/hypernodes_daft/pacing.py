"""How many items travel together: a few, until it is known what an item costs."""

from __future__ import annotations

import math
from typing import Final

from hypernodes.execution import Pace

#: How long a chunk should take: long beside what it costs, short enough to be seen.
CHUNK_SECONDS: Final = 0.1
MOST_ITEMS: Final = 10_000
_FIRST_ITEMS: Final = 64
_GROWTH: Final = 64
_FIRST_CHUNKS_PER_WORKER: Final = 2


class MeasuredPace(Pace):
    """Chunks that soon take as long as they should.

    Args:
        items: How many there are, if that is known.
        workers: How many chunks are carried out at once.
        seconds: How long a chunk should take.
    """

    def __init__(self, items: int | None, workers: int, seconds: float = CHUNK_SECONDS) -> None:
        share = _FIRST_ITEMS
        if items is not None:
            share = math.ceil(items / (workers * _FIRST_CHUNKS_PER_WORKER))
        self._items = max(1, min(share, _FIRST_ITEMS))
        self._target = seconds
        super().__init__(self._items, seconds, MOST_ITEMS)

    @property
    def size(self) -> int:
        """How many items the next chunk holds."""
        return self._items

    def note(self, items: int, seconds: float) -> None:
        """Learn that a chunk of *items* took *seconds*."""
        if items:
            fits = self._target * items / max(seconds, 1e-9)
            # what a few trivial items cost is mostly noise
            self._items = max(1, min(int(fits), items * _GROWTH, MOST_ITEMS))


def make_pace(batch_size: int | None, items: int | None, workers: int) -> Pace:
    """Return how many items travel together; *batch_size* where that was decided."""
    if batch_size is not None:
        return Pace(batch_size, most=batch_size)
    return MeasuredPace(items, workers)
