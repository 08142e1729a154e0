"""The answer to a whole chunk of a map, kept beside the records that it was made of.

Whoever repeats a map asks for the same thousand items again, and looking up
each of their records is most of the work.  So the outputs of a chunk that was
answered from records are written once more, together, under a key of
everything that went into them, and signed as one.  Nothing depends on it: it
goes with the first record that is dropped or replaced, whichever it is, and
is made again by the next repeat.

::

    items 4 | columns 2 | steps 2
    steps    node 16, seconds saved 8, a key in the index 8 per item
    columns  length of the serializer's name 1, version 4, its name,
             size of each value 4, the values

Only small values of one serializer per column are worth it.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from struct import Struct
from typing import Any, Final

import attrs

from hypernodes.cache._entry import Entry
from hypernodes.cache._record import split_inline
from hypernodes.cache._rows import record_keys
from hypernodes.cache._serializers import decode_column

#: One output of a chunk: its records and its position in them.
Column = tuple[Sequence[Entry], int]

_HEAD: Final = Struct("<IHH")
_STEP: Final = Struct("<16sd")
_FORM: Final = Struct("<BI")
# beyond, reading the values takes longer than finding them
_MOST_BYTES: Final = 1024


@attrs.frozen
class Use:
    """What an answer stands for, for the books.

    Attributes:
        node: The node of a step.
        seconds: What its results took to compute.
        keys: The keys of its records in the index.
    """

    node: bytes
    seconds: float
    keys: Sequence[int]


@attrs.frozen
class Kept:
    """An answer on its way to the disk.

    Attributes:
        data: Its bytes.
        records: When the records it was made of were stored, by their key in the index.
    """

    data: bytes
    records: Mapping[int, float]


def make_chunk(steps: Sequence[Sequence[Entry]], outputs: Sequence[Column]) -> Kept | None:
    """Return the answer to a chunk; None where it is not worth keeping.

    Args:
        steps: The records of each step, one per item.
        outputs: What was asked for.
    """
    data = _encode(steps, outputs)
    if data is None:
        return None
    records: dict[int, float] = {}
    for use, entries in zip(read_uses(data), steps, strict=True):
        records.update(zip(use.keys, (entry.created for entry in entries), strict=True))
    return Kept(data, records)


def _encode(steps: Sequence[Sequence[Entry]], outputs: Sequence[Column]) -> bytes | None:
    count = len(steps[0])
    pieces = [_HEAD.pack(count, len(outputs), len(steps))]
    for entries in steps:
        node = entries[0].signature.node
        keys = record_keys(node, [entry.signature.item for entry in entries])
        pieces.append(_STEP.pack(node, sum(entry.seconds for entry in entries)))
        pieces.append(struct.pack(f"<{count}q", *keys))
    for entries, position in outputs:
        form = split_inline([(entry, position) for entry in entries])
        if form is None:
            return None
        name, version, values = form
        sizes = list(map(len, values))
        if sum(sizes) > _MOST_BYTES * count:
            return None
        text = name.encode("utf-8", "surrogatepass")
        pieces += (_FORM.pack(len(text), version), text)
        pieces += (struct.pack(f"<{count}I", *sizes), *values)
    return b"".join(pieces)


def decode_chunk(data: bytes, *, allow_pickle: bool) -> list[list[Any]] | None:
    """Return the outputs by column, decoded anew; None where one does not decode.

    Args:
        data: The bytes; checked already.
        allow_pickle: Whether values may be decoded by pickle.
    """
    count, width, steps = _HEAD.unpack_from(data)
    at = _HEAD.size + steps * (_STEP.size + 8 * count)
    found: list[list[Any]] = []
    for _ in range(width):
        length, version = _FORM.unpack_from(data, at)
        at += _FORM.size + length
        name = data[at - length : at].decode("utf-8", "surrogatepass")
        sizes = struct.unpack_from(f"<{count}I", data, at)
        *ends, at = itertools.accumulate(sizes, initial=at + 4 * count)
        values = [data[start:end] for start, end in zip(ends, [*ends[1:], at], strict=True)]
        column = decode_column(name, version, values, allow_pickle=allow_pickle)
        if column is None:
            return None
        found.append(column)
    return found


def read_uses(data: bytes) -> Iterator[Use]:
    """Yield what the answer stands for."""
    count, _, steps = _HEAD.unpack_from(data)
    at = _HEAD.size
    for _ in range(steps):
        node, seconds = _STEP.unpack_from(data, at)
        at += _STEP.size
        yield Use(node, seconds, struct.unpack_from(f"<{count}q", data, at))
        at += 8 * count
