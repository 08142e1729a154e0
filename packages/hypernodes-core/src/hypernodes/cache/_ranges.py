"""Which ranges of packs to read for a number of values.

Values that lie close together are read together, because a request costs as
much as some hundred kilobytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from hypernodes.cache._mirror import Place
from hypernodes.cache._objects import Objects, Range

_GAP_BYTES: Final = 256 << 10
_MOST_BYTES: Final = 8 << 20
_AT_ONCE_BYTES: Final = 256 << 20

Wanted = tuple[int, int, bytes]


def pack_name(index: str) -> str:
    """Return the name of the pack beside an index object."""
    return index.replace("index/", "packs/", 1)


def read_values(
    objects: Objects, places: Mapping[bytes, Place]
) -> Iterator[tuple[bytes, bytes | memoryview | None]]:
    """Yield each value's digest and bytes, in any order; None where its pack is gone.

    Raises:
        CacheUnavailableError: The store does not answer.
    """
    by_pack: dict[str, list[Wanted]] = {}
    for digest, place in places.items():
        if place.data is not None:
            yield digest, place.data
        else:
            wanted = (place.start, place.size, digest)
            by_pack.setdefault(pack_name(place.object), []).append(wanted)
    ranges = [each for name, wanted in by_pack.items() for each in _join(name, sorted(wanted))]
    for some in _in_portions(ranges):
        answers = objects.read([each for each, _ in some])
        for ((_, start, _), members), data in zip(some, answers, strict=True):
            for at, size, digest in members:
                view = None if data is None else memoryview(data)[at - start : at - start + size]
                yield digest, view


def _join(name: str, wanted: Sequence[Wanted]) -> Iterator[tuple[Range, list[Wanted]]]:
    """Yield the ranges to read of one pack, each with the values that lie in it."""
    members: list[Wanted] = []
    start = end = 0
    for each in wanted:
        at, size, _ = each
        if members and (at - end > _GAP_BYTES or at + size - start > _MOST_BYTES):
            yield (name, start, end), members
            members = []
        if not members:
            start = end = at
        members.append(each)
        end = max(end, at + size)
    if members:
        yield (name, start, end), members


def _in_portions(
    ranges: Sequence[tuple[Range, list[Wanted]]],
) -> Iterator[Sequence[tuple[Range, list[Wanted]]]]:
    """Yield as many ranges as may be in memory at once."""
    begin = size = 0
    for count, ((_, start, end), _) in enumerate(ranges, 1):
        size += end - start
        if size >= _AT_ONCE_BYTES or count == len(ranges):
            yield ranges[begin:count]
            begin, size = count, 0
