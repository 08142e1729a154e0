"""What the cache already knows: keys, bulk lookups, and reading values back.

A key is made of the node and of the fingerprints of its arguments.  Upstream
results enter by the fingerprint that their record holds, so a chain of hits
is followed without reading a single value, and an upstream edit that gives
the same result stops there.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypernodes.cache import Entry
from hypernodes.errors import FingerprintError
from hypernodes.execution._context import Level
from hypernodes.execution._rows import Recorded, Row
from hypernodes.hashing import Signature, item_digest
from hypernodes.plan import Step
from hypernodes.values import MISSING


def resolve(level: Level, rows: Sequence[Row]) -> None:
    """Look up, in bulk, every step whose arguments are known without executing anything."""
    if level.cache is None:
        return
    for step in level.plan.steps:
        if level.is_cached(step):
            recall(level, step, [row for row in rows if all(map(row.has, step.reads))])


def recall(level: Level, step: Step, rows: Sequence[Row]) -> None:
    """Look up *step* for those *rows* that have not been asked for yet; one bulk lookup."""
    if level.cache is None:
        return
    asked: list[tuple[Row, Signature]] = []
    for row in rows:
        if step.index not in row.keys:
            key = row.keys[step.index] = _make_key(level, step, row)
            if key is not None:
                asked.append((row, key))
    entries = level.cache.lookup_many([key for _, key in asked])
    found = [(row, e) for (row, _), e in zip(asked, entries, strict=True) if isinstance(e, Entry)]
    for row, entry in _readable(level, step, found):
        adopt(step, row, entry)


def _readable(
    level: Level, step: Step, found: Sequence[tuple[Row, Entry]]
) -> Sequence[tuple[Row, Entry]]:
    """Return the hits that hold, reading them at once where somebody observes.

    Nobody may be told of a hit that turns out to be damaged; unobserved, a
    value is read when it is needed, and made again if it cannot be.
    """
    if level.cache is None or not level.context.hears_steps:
        return found
    names = [(position, name) for position, name in enumerate(step.writes) if name is not None]
    values = iter(level.cache.load_many([(e, position) for _, e in found for position, _ in names]))
    held = []
    for row, entry in found:
        outputs = {name: next(values) for _, name in names}
        if not any(value is MISSING for value in outputs.values()):
            row.values.update(outputs)
            held.append((row, entry))
    return held


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
