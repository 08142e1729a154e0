"""How many items travel together.

Large chunks cost the least per item; small ones let progress be seen, work be
spread and finished items be kept.  So a pace begins with a few items and
grows until a chunk takes about as long as it should.
"""

from __future__ import annotations

import threading
from typing import Final

#: What a map hands over at once where nothing asks for less.
CHUNK_ITEMS: Final = 1000
_GROWTH: Final = 8


class Pace:
    """The size of the next chunk.

    Args:
        first: How many items the first chunks hold.
        seconds: How long a chunk should take; None to keep to *first*.
        most: How many items a chunk may hold.
    """

    def __init__(
        self, first: int = CHUNK_ITEMS, seconds: float | None = None, most: int = CHUNK_ITEMS
    ) -> None:
        self._size = min(first, most)
        self._seconds = seconds
        self._most = most
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """How many items the next chunk holds."""
        return self._size

    def note(self, items: int, seconds: float) -> None:
        """Learn that a chunk of *items* took *seconds*."""
        if self._seconds is None or not items:
            return
        fits = self._seconds * items / max(seconds, 1e-9)
        with self._lock:
            # one lucky chunk must not swallow all that is left
            self._size = max(1, min(int(fits), self._size * _GROWTH, self._most))


def read_pace(pace: Pace | int | None) -> Pace:
    """Return *pace*; a number stands for chunks of that many items.

    Raises:
        ValueError: The number is below one.
    """
    if isinstance(pace, Pace):
        return pace
    if pace is not None and pace < 1:
        msg = f"a chunk needs at least one item, got {pace}; give a positive number"
        raise ValueError(msg)
    return Pace(CHUNK_ITEMS if pace is None else pace, most=max(CHUNK_ITEMS, pace or 0))
