"""The items of a stream, taken from iterators a chunk at a time.

Decides how long is waited for the items of one chunk, and that what was taken
before iterators end, or raise, is handed over first: it cannot be taken again.
Rows are taken one by one, as ``zip`` does, so that iterators which share a
source stay in step.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hypernodes.errors import MapLengthError

_END: Final = object()


class StreamedRows:
    """Rows of values from iterators that end together.

    Args:
        columns: Iterators by name.

    Attributes:
        is_over: Whether there are no more rows.
        error: Why, where it is no common end.
    """

    def __init__(self, columns: Mapping[str, Iterator[Any]]) -> None:
        self.is_over = False
        self.error: Exception | None = None
        self._names = tuple(columns)
        self._rows = itertools.zip_longest(*columns.values(), fillvalue=_END)
        self._count = 0

    def take(self, most: int, seconds: float | None) -> list[tuple[Any, ...]]:
        """Return the next rows, fewer than *most* where they end first.

        Args:
            most: How many are wanted, at least one.
            seconds: How long others are waited for once the first is there;
                None to wait for all.
        """
        taken: list[tuple[Any, ...]] = []
        deadline = None
        try:
            for row in self._rows:
                if any(value is _END for value in row):
                    self.error = self._length_error(row)
                    break
                taken.append(row)
                self._count += 1
                if len(taken) >= most:
                    return taken
                if seconds is not None:
                    now = time.perf_counter()
                    deadline = deadline or now + seconds
                    if now > deadline:
                        return taken
        except Exception as error:
            # told once the rows before are through
            self.error = error
        self.is_over = True
        return taken

    def _length_error(self, row: tuple[Any, ...]) -> MapLengthError:
        ended = [name for name, value in zip(self._names, row, strict=True) if value is _END]
        longer = ", ".join(name for name in self._names if name not in ended)
        return MapLengthError(
            f"mapped inputs must have equal lengths, but {', '.join(ended)} ended after "
            f"{self._count} items and {longer} did not"
        )
