"""Items that the cache answers as a whole, found by columns instead of one by one.

A map that was run before is mostly looking things up.  So before any row is
made, the keys of a whole chunk are computed step by step, one list per value,
each step is looked up at once, and only the outputs that are asked for are
loaded.  Items that are not answered, and chunks that cannot be asked about in
this way, take the way through `_items`, which asks again and can do more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from hypernodes.cache import Entry
from hypernodes.execution._context import Level
from hypernodes.execution._records import Chunk
from hypernodes.execution._rows import Row
from hypernodes.hashing import Signature, column_digest, fingerprint_column, item_digests
from hypernodes.plan import Step
from hypernodes.values import MISSING

#: Value name to its digests: one for all items, or one per item.
_Digests = dict[str, bytes | list[bytes]]


def answer_items(level: Level, chunk: Chunk) -> dict[int, dict[str, Any]]:
    """Return the outputs of the items that the cache answers, by place in *chunk*.

    Makes one lookup per step and one load per chunk, in bulk; a chunk that was
    answered as a whole before takes a single lookup.  Observers hear nothing
    of it.

    Args:
        level: The pipeline.
        chunk: The items.
    """
    plan = level.plan
    if level.cache is None or not all(map(level.is_cached, plan.steps)):
        return {}
    digests = _digest_inputs(level, chunk)
    if digests is None:
        return {}
    key = _identify(level, chunk, digests)
    columns = None if key is None else level.cache.find_chunk(key)
    if columns is not None:
        return _make_rows(level, chunk, range(chunk.size), columns)
    found = _find(level, chunk.size, digests)
    if found is None:
        return {}
    outputs = [found.made[name] for name in plan.outputs if name in found.made]
    if key is not None and len(found.places) == chunk.size:
        level.cache.keep_chunk(key, found.steps, outputs)
    return _make_rows(level, chunk, found.places, _load(level, outputs, len(found.places)))


@attrs.frozen
class _Found:
    """What the records of a chunk say.

    Attributes:
        places: The items that every step has a record of.
        made: Value name to the records that hold it, and its position in them.
        steps: The records of each step.
    """

    places: Sequence[int]
    made: dict[str, tuple[list[Entry], int]]
    steps: list[list[Entry]]


def _find(level: Level, size: int, digests: _Digests) -> _Found | None:
    """Look up step by step; None where no item is answered as a whole."""
    found = _Found(range(size), {}, [])
    for step in level.plan.steps:
        entries = _look_up(level, step, digests, len(found.places))
        if entries is None:
            return None
        held = [n for n, entry in enumerate(entries) if entry is not MISSING]
        if not held:
            return None
        if len(held) < len(found.places):
            entries = [entries[n] for n in held]
            digests = {name: _only(column, held) for name, column in digests.items()}
            found = _Found(
                [found.places[n] for n in held],
                {name: (_only(some, held), at) for name, (some, at) in found.made.items()},
                [_only(some, held) for some in found.steps],
            )
        found.steps.append(entries)
        for position, name in enumerate(step.writes):
            if name is not None:
                found.made[name] = (entries, position)
                digests[name] = [entry.digests[position] for entry in entries]
    return found


def _identify(level: Level, chunk: Chunk, digests: _Digests) -> bytes | None:
    """Return the digest of all that goes into the outputs of *chunk*.

    None where no step has a say, or one cannot be identified, and in a worker,
    which never writes and whose chunks are not those of the map.
    """
    plan = level.plan
    nodes = [level.node_digest(step) for step in plan.steps]
    if not nodes or None in nodes or level.context.is_remote:
        return None
    wiring = repr([(step.arguments, step.writes) for step in plan.steps])
    # whether an input varies is part of what it is
    known = repr(
        (chunk.size, [(n, isinstance(d, bytes)) for n, d in digests.items()], plan.outputs)
    )
    columns = [
        each if isinstance(each, bytes) else column_digest(each) for each in digests.values()
    ]
    return column_digest([wiring.encode(), known.encode(), *filter(None, nodes), *columns])


def _digest_inputs(level: Level, chunk: Chunk) -> _Digests | None:
    """Return the digests of all inputs; None where one has none."""
    digests: _Digests = {}
    whole = Row(level, {})
    # in one order in every process: the key of a chunk is made of them
    for name in sorted(level.plan.reads):
        if name in chunk.columns:
            column = fingerprint_column(chunk.columns[name])
            if column is None:
                return None
            digests[name] = column
        else:
            digest = whole.digest(name)
            if not isinstance(digest, bytes):
                return None
            digests[name] = digest
    return digests


def _look_up(level: Level, step: Step, digests: _Digests, count: int) -> list[Any] | None:
    """Return the record of *step* for each item, ``MISSING`` where there is none."""
    node = level.node_digest(step)
    if node is None or level.cache is None:
        return None
    arguments = [(parameter, digests[name]) for parameter, name in step.arguments]
    keys = [Signature(node, item) for item in item_digests(arguments, count)]
    return list(level.cache.lookup_many(keys))


def _only(column: Any, places: Sequence[int]) -> Any:
    return column if isinstance(column, bytes) else [column[n] for n in places]


def _load(
    level: Level, outputs: Sequence[tuple[list[Entry], int]], count: int
) -> list[Sequence[Any]]:
    """Return the values of *outputs*, by column."""
    if level.cache is None:
        return []
    wanted = [
        pair
        for entries, position in outputs
        for pair in zip(entries, [position] * count, strict=True)
    ]
    loaded = list(level.cache.load_many(wanted))
    return [loaded[start : start + count] for start in range(0, len(wanted), count)]


def _make_rows(
    level: Level, chunk: Chunk, places: Sequence[int], made: Sequence[Sequence[Any]]
) -> dict[int, dict[str, Any]]:
    """Return the outputs of the items at *places*, but for those whose values are gone.

    Args:
        level: The pipeline.
        chunk: The items.
        places: Which of them.
        made: The columns of those outputs that steps make.
    """
    names = level.plan.outputs
    written = {name for step in level.plan.steps for name in step.writes}
    left = iter(made)
    columns: list[Sequence[Any]] = []
    for name in names:
        if name in written:
            columns.append(next(left))
        elif name in chunk.columns:
            columns.append([chunk.columns[name][place] for place in places])
        else:
            columns.append([level.constants[name]] * len(places))
    rows = zip(*columns, strict=True) if columns else [()] * len(places)
    return {
        place: dict(zip(names, row, strict=True))
        for place, row in zip(places, rows, strict=True)
        # values may compare in ways of their own
        if all(value is not MISSING for value in row)
    }
