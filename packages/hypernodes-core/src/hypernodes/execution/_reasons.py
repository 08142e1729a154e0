"""Why a step is executed though a cache is there.

The nearest thing that the cache knows of the same step is compared with what
is asked for now: a record of the same node whose arguments differ, else the
latest other state of the node.  What was known is read once per step and run,
before the run adds to it, so a whole map of misses costs two small queries.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import attrs

from hypernodes.cache import (
    UNREAD,
    Argument,
    Entry,
    NodeParts,
    Reason,
    ReasonKind,
    compare_arguments,
    compare_nodes,
    describe_value,
    nearest,
)
from hypernodes.execution._context import Level
from hypernodes.execution._guard import GuardedCache
from hypernodes.execution._rows import Linked, Row
from hypernodes.plan import Step
from hypernodes.values import MISSING

_MOST_ENTRIES = 200


@attrs.frozen
class History:
    """What the cache knew of one step when the run began.

    Attributes:
        entries: Records of the node as it is now, the latest first.
        former: What the node was made of before, if it was another one.
        former_entries: Records of that one.
    """

    entries: Sequence[Entry]
    former: NodeParts | None
    former_entries: Sequence[Entry]


def describe_node(level: Level, step: Step) -> NodeParts | None:
    """Return what the node half of the key of *step* is made of."""
    node = step.node
    if node is None:
        return None
    code = node.code
    body = getattr(node, "func", None) or getattr(node, "singular", None)
    body = getattr(body, "__func__", body)
    module, name = getattr(body, "__module__", ""), getattr(body, "__qualname__", "")
    return NodeParts(
        step=step.path,
        own=f"{module}.{name}",
        symbols=code.account.describe_symbols(),
        constants=code.describe_constants(describe_value),
        environment=dict(code.environment),
        created=time.time(),
    )


def describe_arguments(step: Step, row: Row) -> tuple[Argument, ...]:
    """Return what the item half of the key of *step* is made of; reads nothing."""
    return tuple(
        Argument(parameter, digest.hex()[:16] if isinstance(digest, bytes) else "", words)
        for parameter, name in step.arguments
        for digest in (row.digest(name),)
        for words in (_words_of(row, name),)
    )


def _words_of(row: Row, name: str) -> str:
    """Return a few words about a value, wherever it is at hand."""
    while name not in row.values:
        source = row.sources.get(name)
        if not isinstance(source, Linked):
            return UNREAD
        if source.is_column:
            return f"list of {len(source.targets)}"
        row, name = source.targets[0]
    return describe_value(row.values[name])


def find_reasons(level: Level, step: Step, row: Row) -> list[Reason]:
    """Return why the cache does not answer *step* for *row*, the weightiest first."""
    if not level.is_cached(step) or level.cache is None:
        return []
    if row.keys.get(step.index) is None:
        return [Reason(ReasonKind.UNCACHEABLE, "it has no key: see the warning")]
    return compare_call(level, step, describe_arguments(step, row))


def compare_call(level: Level, step: Step, now: tuple[Argument, ...]) -> list[Reason]:
    """Return what tells a call of *step* from all that the cache knew when the run began."""
    history = level.history(step, read_history)
    if history.entries:
        found = _compare_calls(level, step, history.entries, now)
        return found or [_why_gone(level.cache, history.entries, now)]
    if history.former is None:
        return [Reason(ReasonKind.NEW, "nothing is known of it")]
    parts = describe_node(level, step)
    changes = list(compare_nodes(history.former, parts)) if parts is not None else []
    if not changes:
        changes = [Reason(ReasonKind.CODE, "its code or what it captures changed")]
    return [*changes, *_compare_calls(level, step, history.former_entries, now)]


def _why_gone(
    cache: GuardedCache | None, entries: Sequence[Entry], now: tuple[Argument, ...]
) -> Reason:
    """Return why the very call that is asked for is recorded and does not answer."""
    position = nearest([entry.arguments for entry in entries], now)
    asked = [] if position is None else [entries[position].signature]
    if cache is not None and MISSING in cache.lookup_many(asked):
        return Reason(ReasonKind.EXPIRED, "its result has expired")
    return Reason(ReasonKind.GONE, "its result was dropped, or cannot be read")


def say(step: Step, reasons: Sequence[Reason]) -> str | None:
    """Return *reasons* as one sentence."""
    if not reasons:
        return None
    return f"{step.name} runs: {'; '.join(reason.text for reason in reasons)}"


def read_history(level: Level, step: Step) -> History:
    """Return what the cache knows of *step*."""
    cache, node = level.cache, level.node_digest(step)
    if cache is None or node is None:
        return History((), None, ())
    entries = cache.find_entries(node, _MOST_ENTRIES)
    if entries:
        return History(entries, None, ())
    for other, parts in cache.find_nodes(step.path):
        if other != node:
            return History((), parts, cache.find_entries(other, _MOST_ENTRIES))
    return History((), None, ())


def _compare_calls(
    level: Level, step: Step, entries: Sequence[Entry], now: tuple[Argument, ...]
) -> list[Reason]:
    """Return what differs from the nearest recorded call; nothing where there is none."""
    position = nearest([entry.arguments for entry in entries], now)
    if position is None:
        return []
    return list(compare_arguments(entries[position].arguments, now, _makers(level, step)))


def _makers(level: Level, step: Step) -> Mapping[str, str]:
    """Return {parameter: the step that makes its value}."""
    makers = level.plan.producers
    return {p: makers[name].name for p, name in step.arguments if name in makers}
