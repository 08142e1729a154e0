"""How many items travel together.

Large chunks cost the least per item; small ones let progress be seen, work be
spread and finished items be kept.  So a pace begins with a few items and
grows until a chunk takes about as long as it should.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from hypernodes.errors import PlanError

#: What a map hands over at once where nothing asks for less.
CHUNK_ITEMS: Final = 1000
#: How long who waits for the next result of a stream, or for the event loop, should wait.
STREAM_SECONDS: Final = 0.1
_GROWTH: Final = 8


class Pace:
    """The size of the next chunk.

    Args:
        first: How many items the first chunks hold.
        seconds: How long a chunk should take; None to keep to *first*.
        most: How many items a chunk may hold.
        overlaps: Says whether the items of a plan overlap within a chunk, and
            tell of themselves; then nothing asks for smaller chunks.
        is_fixed: Whether the user asked for just this size.

    Attributes:
        seconds: How long a chunk should take, and how long its items may be in coming.
    """

    def __init__(
        self,
        first: int = CHUNK_ITEMS,
        seconds: float | None = None,
        most: int = CHUNK_ITEMS,
        *,
        overlaps: Callable[[Any], bool] | None = None,
        is_fixed: bool = False,
    ) -> None:
        self.overlaps = overlaps
        self.is_fixed = is_fixed
        self._size = min(first, most)
        self.seconds = seconds
        self._most = most
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """How many items the next chunk holds."""
        return self._size

    def note(self, items: int, seconds: float) -> None:
        """Learn that a chunk of *items* took *seconds*."""
        if self.seconds is None or not items:
            return
        fits = self.seconds * items / max(seconds, 1e-9)
        with self._lock:
            # one lucky chunk must not swallow all that is left
            self._size = max(1, min(int(fits), self._size * _GROWTH, self._most))


def read_pace(pace: Pace | int | None, *, is_stream: bool = False) -> Pace:
    """Return *pace*; a number stands for chunks of that many items.

    A stream begins with one item, so that its first result is there soon, and
    keeps to the number that it is given.

    Raises:
        PlanError: It is no whole number above zero; a `ValueError`.
    """
    if isinstance(pace, Pace):
        return pace
    if pace is not None and (isinstance(pace, bool) or not isinstance(pace, int) or pace < 1):
        msg = f"a chunk needs at least one item, got {pace!r}; give a positive whole number"
        raise PlanError(msg)
    if is_stream:
        return Pace(1, STREAM_SECONDS) if pace is None else Pace(pace, most=pace, is_fixed=True)
    return Pace(CHUNK_ITEMS if pace is None else pace, most=max(CHUNK_ITEMS, pace or 0))
