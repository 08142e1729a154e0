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

from hypernodes.cache import Entry
from hypernodes.execution._context import Level
from hypernodes.execution._records import Chunk
from hypernodes.execution._rows import Row
from hypernodes.hashing import Signature, fingerprint_column, item_digests
from hypernodes.plan import Step
from hypernodes.values import MISSING

#: Value name to its digests: one for all items, or one per item.
_Digests = dict[str, bytes | list[bytes]]


def answer_items(level: Level, chunk: Chunk) -> dict[int, dict[str, Any]]:
    """Return the outputs of the items that the cache answers, by place in *chunk*.

    Makes one lookup per step and one load per chunk, in bulk.  Observers hear
    nothing of it.

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
    places: Sequence[int] = range(chunk.size)
    made: dict[str, tuple[list[Entry], int]] = {}
    for step in plan.steps:
        entries = _look_up(level, step, digests, len(places))
        if entries is None:
            return {}
        held = [n for n, entry in enumerate(entries) if entry is not MISSING]
        if not held:
            return {}
        if len(held) < len(places):
            places = [places[n] for n in held]
            entries = [entries[n] for n in held]
            digests = {name: _only(column, held) for name, column in digests.items()}
            made = {name: (_only(found, held), at) for name, (found, at) in made.items()}
        for position, name in enumerate(step.writes):
            if name is not None:
                made[name] = (entries, position)
                digests[name] = [entry.digests[position] for entry in entries]
    return _load(level, chunk, places, made)


def _digest_inputs(level: Level, chunk: Chunk) -> _Digests | None:
    """Return the digests of all inputs; None where one has none."""
    digests: _Digests = {}
    whole = Row(level, {})
    for name in level.plan.reads:
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
    level: Level, chunk: Chunk, places: Sequence[int], made: dict[str, tuple[list[Entry], int]]
) -> dict[int, dict[str, Any]]:
    """Return the outputs of the items at *places*, but for those whose values are gone."""
    if level.cache is None:
        return {}
    names = level.plan.outputs
    wanted = [
        pair
        for name in names
        if name in made
        for pair in zip(made[name][0], [made[name][1]] * len(places), strict=True)
    ]
    loaded = list(level.cache.load_many(wanted))
    columns: list[Sequence[Any]] = []
    for name in names:
        if name in made:
            columns.append(loaded[: len(places)])
            del loaded[: len(places)]
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
