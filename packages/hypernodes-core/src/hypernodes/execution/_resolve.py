"""What the cache already knows: keys, bulk lookups, and reading values back.

A key is made of the node and of the fingerprints of its arguments.  Upstream
results enter by the fingerprint that their record holds, so a chain of hits
is followed without reading a single value, and an upstream edit that gives
the same result stops there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypernodes.cache import Entry
from hypernodes.errors import FingerprintError
from hypernodes.execution._context import Level
from hypernodes.execution._rows import Recorded, Row
from hypernodes.hashing import Signature, item_digest
from hypernodes.plan import Step
from hypernodes.values import MISSING

#: A value that somebody needs: its row and name, its record and the position in that.
Wanted = tuple[Row, str, Entry, int]
Check = Callable[[Level, Sequence[Wanted]], Sequence[bool]]


def resolve(level: Level, rows: Sequence[Row]) -> None:
    """Look up, in bulk, every step whose arguments are known without executing anything."""
    if level.cache is None:
        return
    for step in level.plan.steps:
        if level.is_cached(step):
            for row, entry in _look_up(
                level, step, [row for row in rows if all(map(row.has, step.reads))]
            ):
                adopt(step, row, entry)
    if level.context.hears_steps:
        take_back(level, rows, _load_all)


def recall(level: Level, step: Step, rows: Sequence[Row]) -> None:
    """Look up *step* for those *rows* that have not been asked for yet; one bulk lookup."""
    found = _look_up(level, step, rows)
    if level.context.hears_steps:
        found = _readable(level, step, found)
    for row, entry in found:
        adopt(step, row, entry)


def _look_up(level: Level, step: Step, rows: Sequence[Row]) -> list[tuple[Row, Entry]]:
    if level.cache is None:
        return []
    asked: list[tuple[Row, Signature]] = []
    for row in rows:
        if step.index not in row.keys:
            key = row.keys[step.index] = _make_key(level, step, row)
            if key is not None:
                asked.append((row, key))
    entries = level.cache.lookup_many([key for _, key in asked])
    return [(row, e) for (row, _), e in zip(asked, entries, strict=True) if isinstance(e, Entry)]


def _readable(
    level: Level, step: Step, found: Sequence[tuple[Row, Entry]]
) -> list[tuple[Row, Entry]]:
    """Return the hits that hold, their values read: nobody may be told of a damaged one."""
    if level.cache is None:
        return []
    names = [(position, name) for position, name in enumerate(step.writes) if name is not None]
    values = iter(level.cache.load_many([(e, position) for _, e in found for position, _ in names]))
    held = []
    for row, entry in found:
        outputs = {name: next(values) for _, name in names}
        if not any(value is MISSING for value in outputs.values()):
            row.values.update(outputs)
            held.append((row, entry))
    return held


def take_back(level: Level, rows: Sequence[Row], check: Check) -> None:
    """Give up hits whose values somebody needs and the cache no longer has.

    A record outlives its values, so that what comes after it can hit.  Going
    backward, a value is needed that is asked for, or read by a step that has
    no hit.  What was given up keeps its fingerprint: hits below stay.

    Args:
        level: The pipeline.
        rows: Its items, looked up as far as possible.
        check: Says of each (row, name, record, position) whether it is there.
    """
    needed = [set(level.plan.outputs) for _ in rows]
    for step in reversed(level.plan.steps):
        wanted: list[Wanted] = [
            (row, name, row.found[step.index], position)
            for row, names in zip(rows, needed, strict=True)
            if step.index in row.found
            for position, name in enumerate(step.writes)
            if name is not None and name in names
        ]
        if wanted:
            for (row, _, _, _), is_there in zip(wanted, check(level, wanted), strict=True):
                if not is_there:
                    _give_up(step, row)
        for row, names in zip(rows, needed, strict=True):
            if step.index not in row.found:
                names.update(step.reads)


def _load_all(level: Level, wanted: Sequence[Wanted]) -> Sequence[bool]:
    """Put values at hand; say for each whether that went well."""
    if level.cache is None:
        return [False] * len(wanted)
    values = level.cache.load_many([(entry, position) for _, _, entry, position in wanted])
    for (row, name, _, _), value in zip(wanted, values, strict=True):
        if value is not MISSING:
            row.values[name] = value
    return [value is not MISSING for value in values]


def check_held(level: Level, wanted: Sequence[Wanted]) -> Sequence[bool]:
    """Say for each value whether the cache holds it, without reading it."""
    if level.cache is None:
        return [False] * len(wanted)
    return level.cache.holds_many([(entry, position) for _, _, entry, position in wanted])


def _give_up(step: Step, row: Row) -> None:
    if row.found.pop(step.index, None) is None:
        return
    for name in step.writes:
        if name is not None:
            row.sources.pop(name, None)
            row.values.pop(name, None)


def adopt(step: Step, row: Row, entry: Entry) -> None:
    """Let *entry* answer *step*: its outputs are known, though not read."""
    row.found[step.index] = entry
    row.note_hit()
    for position, name in enumerate(step.writes):
        if name is not None:
            row.sources[name] = Recorded(entry, position)
            row.digests[name] = entry.digests[position]


def _make_key(level: Level, step: Step, row: Row) -> Signature | None:
    """Return the key of *step* for *row*; None, with a warning, where there is none."""
    node = level.node_digest(step)
    if node is None or level.cache is None:
        return None
    arguments: list[tuple[str, bytes]] = []
    for parameter, name in step.arguments:
        digest = row.digest(name)
        if isinstance(digest, FingerprintError):
            topic = f"{step.path} {parameter}"
            level.cache.warn(f"node {step.path!r} runs uncached: {digest}", digest, topic)
            return None
        arguments.append((parameter, digest))
    return Signature(node, item_digest(arguments))
