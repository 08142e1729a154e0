"""Which bytes of a segment are read at once: pieces that lie close together.

Works by columns, because a bulk lookup asks for thousands of small pieces.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Sequence
from typing import Final

# bytes between two wanted pieces that are rather read than skipped
_GAP_BYTES: Final = 16 << 10
_READ_BYTES: Final = 4 << 20


def by_segment(numbers: Sequence[int]) -> dict[int, Sequence[int]]:
    """Return which places lie in which segment."""
    if len({*numbers}) == 1:
        return {numbers[0]: range(len(numbers))}
    found: dict[int, list[int]] = {}
    for position, number in enumerate(numbers):
        found.setdefault(number, []).append(position)
    return dict(found)


def find_runs(
    members: Sequence[int], offsets: Sequence[int], lengths: Sequence[int]
) -> Iterator[tuple[int, int, Sequence[int]]]:
    """Yield what to read at once of a segment: first and last byte, and who wants some of it."""
    order = sorted(members, key=offsets.__getitem__)
    firsts = [offsets[position] for position in order]
    lasts = [offsets[position] + lengths[position] for position in order]
    gaps = map(operator.sub, firsts[1:], lasts)
    cuts = [at for at, gap in enumerate(gaps, 1) if gap > _GAP_BYTES]
    for start, end in itertools.pairwise([0, *cuts, len(order)]):
        if lasts[end - 1] - firsts[start] <= _READ_BYTES:
            yield firsts[start], max(lasts[start:end]), order[start:end]
        else:
            yield from _portions(firsts, lasts, order, start, end)


def _portions(
    firsts: Sequence[int], lasts: Sequence[int], order: Sequence[int], start: int, end: int
) -> Iterator[tuple[int, int, Sequence[int]]]:
    """Yield a long run in parts, so that no more is read at once than there is room for."""
    begin = start
    for at in range(start, end):
        if at + 1 == end or lasts[at + 1] - firsts[begin] > _READ_BYTES:
            yield firsts[begin], max(lasts[begin : at + 1]), order[begin : at + 1]
            begin = at + 1
