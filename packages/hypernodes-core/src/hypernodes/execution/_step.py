"""One step for one item: arguments in, one call, outputs out, result stored.

    load arguments --> tell observers --> call --> match outputs
                                                     |
                         tell observers <-- store <--+

The only place where a user's function is called for a single item.  Also
here: reading recorded values, because a value that turns out to be damaged
is made again by executing its step.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from types import CoroutineType
from typing import Any

import attrs

from hypernodes.cache import Entry, Result
from hypernodes.errors import ExecutionError, FingerprintError, OutputCountError
from hypernodes.execution._context import Level
from hypernodes.execution._errors import annotate
from hypernodes.execution._policy import prepared_call
from hypernodes.execution._purity import check_arguments, fingerprint_arguments
from hypernodes.execution._reasons import describe_arguments, describe_node, find_reasons, say
from hypernodes.execution._resolve import adopt
from hypernodes.execution._rows import Linked, Recorded, Row
from hypernodes.execution._telling import tell_executed, tell_failed, tell_hit, tell_started
from hypernodes.graph import DualNode, Node
from hypernodes.hashing import Signature, fingerprint, output_digest
from hypernodes.plan import Step
from hypernodes.plugins import call_hook
from hypernodes.values import MISSING

Wanted = tuple[Row, str]


def execute(level: Level, step: Step, row: Row) -> None:
    """Carry out *step* for *row*; a repeated key is answered by the first result.

    Raises:
        Exception: Whatever the function raised, with a note where it happened.
    """
    owners, key = level.context.owners, row.keys.get(step.index)
    if owners is None or key is None:
        _execute(level, step, row)
        return
    with owners.owning(key):
        _execute(level, step, row)


def _execute(level: Level, step: Step, row: Row) -> None:
    attempt = begin(level, step, row)
    if attempt is None:
        return
    try:
        outputs = make_outputs(level, step, row, attempt.arguments)
    except Exception as error:
        attempt.fail(error)
        raise
    attempt.complete(outputs)


@attrs.define
class Attempt:
    """One step about to be called for one row.

    Attributes:
        arguments: What it is called with, by parameter.
    """

    level: Level
    step: Step
    row: Row
    arguments: dict[str, Any]
    reason: str | None
    before: dict[str, bytes]
    started: float = attrs.field(factory=time.perf_counter)
    at: float = attrs.field(factory=time.time)

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.perf_counter() - self.started

    def fail(self, error: Exception) -> None:
        """Note on *error* where it happened, and tell observers."""
        annotate(error, self.step.name, self.step.path, self.row.items)
        tell_failed(self.level, self.step, self.row, error, self.seconds, self.at)

    def complete(self, outputs: Sequence[Any]) -> None:
        """Take the *outputs* of the call."""
        seconds = self.seconds
        check_arguments(self.level, self.step, self.row, self.before, seconds)
        finish(self.level, self.step, self.row, outputs, seconds, self.at, self.reason)


def begin(level: Level, step: Step, row: Row) -> Attempt | None:
    """Make *step* ready to be called for *row*; None where the cache answers it meanwhile."""
    if reuse(level, step, row):
        return None
    load([(row, name) for name in step.reads])
    arguments = {parameter: row.values[name] for parameter, name in step.arguments}
    tell_started(level, step, row, arguments)
    # asked before the result is stored, told with it
    reason = say(step, find_reasons(level, step, row)) if _explains(row) else None
    before = fingerprint_arguments(level, step, row)
    return Attempt(level, step, row, arguments, reason, before)


def _explains(row: Row) -> bool:
    context = row.level.context
    return row.tell is not None and context.rules.explains and not context.is_remote


def reuse(level: Level, step: Step, row: Row) -> bool:
    """Answer *step* from the cache where this run has stored its result meanwhile."""
    key = row.keys.get(step.index)
    entry = level.cache.recent(key) if level.cache is not None and key is not None else None
    if entry is None and level.context.owners is not None and key is not None:
        entry = level.context.owners.find(key)
    if entry is None:
        return False
    adopt(step, row, entry)
    tell_hit(level, step, row)
    return True


def make_outputs(level: Level, step: Step, row: Row, arguments: dict[str, Any]) -> tuple[Any, ...]:
    """Return the outputs of *step*, made by its function or by a plugin instead."""
    if "hypernodes_execute_step" not in level.context.rules.hooks:
        return match_outputs(step, _call(level, step, arguments))
    names = _node(step).outputs
    made = call_hook(
        "hypernodes_execute_step",
        lambda: dict(zip(names, match_outputs(step, _call(level, step, arguments)), strict=True)),
        run=row.run,
        item=row.item,
        step=level.infos[step.index],
        inputs=arguments,
    )
    missing = [name for name in names if name not in made]
    if missing:
        msg = f"a plugin carried out {step.name!r} without giving {', '.join(missing)}"
        raise OutputCountError(msg)
    return tuple(made[name] for name in names)


def call_function(step: Step, arguments: dict[str, Any]) -> Any:
    """Return what the function of *step* returns: a coroutine where it is async."""
    pairs = list(arguments.items())
    positional = [value for _, value in pairs[: step.positional]]
    return prepared_call(_node(step))(*positional, **dict(pairs[step.positional :]))


def call_plain(step: Step, arguments: dict[str, Any]) -> Any:
    """Return what the function of *step*, which is not async, returns.

    Raises:
        ExecutionError: It returned a coroutine.
    """
    result = call_function(step, arguments)
    refuse_coroutine(step, result)
    return result


def _call(level: Level, step: Step, arguments: dict[str, Any]) -> Any:
    if _node(step).is_async:
        return level.context.coroutines.run(call_function(step, arguments))
    return call_plain(step, arguments)


def refuse_coroutine(step: Step, result: object) -> None:
    """Refuse what nobody would ever await.

    Raises:
        ExecutionError: A plain function returned a coroutine.
    """
    if type(result) is CoroutineType:
        result.close()
        msg = (
            f"node {step.name!r} returned a coroutine that nobody awaits; "
            "make its function 'async def' and await inside it"
        )
        raise ExecutionError(msg)


def match_outputs(step: Step, result: Any) -> tuple[Any, ...]:
    """Return the outputs of *step* by position.

    Raises:
        OutputCountError: The function returned another number of values.
    """
    node = _node(step)
    if isinstance(node.output_name, str):
        return (result,)
    names = node.output_name
    if not isinstance(result, tuple | list):
        got = f"one {type(result).__name__}"
    elif len(result) != len(names):
        got = f"{len(result)} values"
    else:
        return tuple(result)
    expected = ", ".join(names)
    msg = (
        f"node {step.name!r} must return a tuple or list of {len(names)} values ({expected}), "
        f"but returned {got}"
    )
    raise OutputCountError(msg)


def finish(
    level: Level,
    step: Step,
    row: Row,
    outputs: Sequence[Any],
    seconds: float,
    at: float,
    reason: str | None = None,
) -> None:
    """Take the outputs of a step executed *at* some time: into row and cache, to observers."""
    row.note_execution()
    for name, value in zip(step.writes, outputs, strict=True):
        if name is not None:
            row.values[name] = value
    size = _store(level, step, row, outputs, seconds) if level.is_cached(step) else None
    tell_executed(level, step, row, outputs, seconds, at, reason, size)


def _store(
    level: Level, step: Step, row: Row, outputs: Sequence[Any], seconds: float
) -> int | None:
    """Store a result; return how many bytes it has become, where observers may ask."""
    key = row.keys.get(step.index)
    if key is None or level.cache is None or row.is_tainted:
        return None
    sizes: list[int] = []
    digests = tuple(_digest_output(key, position, value) for position, value in enumerate(outputs))
    if not level.context.is_remote:
        describe_once(level, step, key)
    entry = Entry(key, digests, seconds, time.time(), describe_arguments(step, row))
    result = Result(entry, tuple(outputs), _choose_serializers(level, step, outputs))
    if level.cache.store(result, step.path, None if row.tell is None else sizes.append):
        if level.context.owners is not None:
            level.context.owners.note(entry)
        for position, name in enumerate(step.writes):
            if name is not None:
                # should a later node change the value, it can be read back
                row.sources[name] = Recorded(entry, position)
                row.digests[name] = digests[position]
    return sizes[0] if sizes else None


def describe_once(level: Level, step: Step, key: Signature) -> None:
    """Keep, once per run, what the node half of the key is made of."""
    parts = None if level.is_described(step) else describe_node(level, step)
    if parts is not None and level.cache is not None:
        level.cache.describe(key.node, parts)


def _digest_output(key: Signature, position: int, value: Any) -> bytes:
    """Return the fingerprint of a result; one without is identified by how it was made."""
    try:
        return fingerprint(value)
    except FingerprintError:
        return output_digest(key, position)


def _choose_serializers(
    level: Level, step: Step, outputs: Sequence[Any]
) -> tuple[str | None, ...] | None:
    if "hypernodes_choose_serializer" not in level.context.rules.hooks:
        return None
    info = level.infos[step.index]
    columns = zip(info.outputs, outputs, strict=True)
    return tuple(
        call_hook("hypernodes_choose_serializer", str, step=info, output=name, value=value) or None
        for name, value in columns
    )


def load(wanted: Iterable[Wanted]) -> None:
    """Put values at hand; those that are recorded are read in bulk."""
    recorded: list[tuple[Row, str, Recorded]] = []
    linked: list[tuple[Row, str, Linked]] = []
    for row, name in wanted:
        if name not in row.values:
            source = row.sources.get(name)
            if source is None:
                # let go of when nobody seemed to need it any more
                remake(row, name)
                continue
            (recorded if isinstance(source, Recorded) else linked).append((row, name, source))  # type: ignore[arg-type]  # each list gets its own kind
    _read(recorded)
    if linked:
        load([target for _, _, source in linked for target in source.targets])
    for row, name, source in linked:
        values = [target.values[other] for target, other in source.targets]
        row.values[name] = values if source.is_column else values[0]


def _read(recorded: Sequence[tuple[Row, str, Recorded]]) -> None:
    """Read recorded values, one bulk load per cache; make damaged ones again."""
    by_level: dict[int, list[tuple[Row, str, Recorded]]] = {}
    for each in recorded:
        by_level.setdefault(id(each[0].level), []).append(each)
    for group in by_level.values():
        cache = group[0][0].level.cache
        asked = [(source.entry, source.position) for _, _, source in group]
        found = cache.load_many(asked) if cache is not None else [MISSING] * len(asked)
        for (row, name, _), value in zip(group, found, strict=True):
            if value is not MISSING:
                row.values[name] = value
        for row, name, _ in group:
            if name not in row.values:
                remake(row, name)


def remake(row: Row, name: str) -> None:
    """Execute the step that makes a value which could not be read, and what it needs.

    Walks upward without recursion: a whole chain may be damaged.
    """
    level = row.level
    needed: dict[int, Step] = {}
    stack = [name]
    while stack:
        step = level.plan.producers[stack.pop()]
        if step.index in needed:
            continue
        needed[step.index] = step
        for other in step.reads:
            source = row.sources.get(other)
            if other in row.values or isinstance(source, Linked):
                continue
            if source is None or not _reread(row, other, source):
                stack.append(other)
    for _, step in sorted(needed.items()):
        if level.cache is not None:
            level.cache.forget(row.keys.get(step.index))
        execute(level, step, row)


def _reread(row: Row, name: str, source: Recorded) -> bool:
    cache = row.level.cache
    found = cache.load_many([(source.entry, source.position)])[0] if cache is not None else MISSING
    if found is not MISSING:
        row.values[name] = found
    return found is not MISSING


def _node(step: Step) -> Node[..., Any] | DualNode:
    if step.node is None:
        msg = f"step {step.path!r} is a nested pipeline, not a function"
        raise TypeError(msg)
    return step.node
