"""Looking ahead: what a run would find in the cache, without executing anything.

Walks a request as `run_chunk` would, with every lookup and no call.  Below a
step that would run, keys are not known before it has: there the cache may
still answer, if the step gives the result it gave before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs

from hypernodes.cache import Entry
from hypernodes.errors import FingerprintError, PlanError
from hypernodes.execution._chunk import bare_settings
from hypernodes.execution._context import Context, Level, Rules, engine_option
from hypernodes.execution._items import new_rows
from hypernodes.execution._reasons import find_reasons, read_history
from hypernodes.execution._request import Request
from hypernodes.execution._resolve import check_held, recall, resolve, take_back
from hypernodes.execution._rows import Linked, Row, outward
from hypernodes.execution._step import load, make_outputs
from hypernodes.hashing import Signature, fingerprint, is_of_value, start_epoch
from hypernodes.plan import Nested, Settings, Step, resolve_settings
from hypernodes.values import expand_columns

#: The number of an item that stands for all those which are not known yet.
_UNKNOWN: Final = -1


@attrs.frozen
class Forecast:
    """What would happen to one function.

    Attributes:
        name: What observers call it.
        path: Where it sits.
        hits: For how many items the cache answers.
        runs: For how many it would be executed.
        reasons: Why, each sentence once, the first items first.
        seconds: What the executions should take, from recorded times; None
            where none was ever recorded.
        saved: What the hits once took.
        is_known: False below a nested map whose items are not known yet;
            then *runs* counts the maps.
    """

    name: str
    path: str
    hits: int
    runs: int
    reasons: tuple[str, ...]
    seconds: float | None
    saved: float
    is_known: bool = True


@attrs.frozen
class Recheck:
    """A recorded result that was computed again.

    Attributes:
        path: The function.
        signature: The key of the result, as text.
        is_same: Whether it came out the same.
    """

    path: str
    signature: str
    is_same: bool


def look_ahead(engine: Any, pipeline: Any, request: Request) -> list[Forecast]:
    """Return what a run of *request* would do, function by function, in order."""
    with _dry(engine, pipeline, request) as context:
        level, rows = _rows(context, request)
        return list(_forecast(level, rows))


def recheck(engine: Any, pipeline: Any, request: Request, sample: float) -> list[Recheck]:
    """Compute a *sample* of the hits of *request* again and compare.

    Of each function at least one hit is taken, if there is any; which ones is
    decided by their keys, so the same call takes the same ones.
    """
    with _dry(engine, pipeline, request) as context:
        level, rows = _rows(context, request)
        return [
            _recompute(at, step, row)
            for at, step, some in _walk(level, rows)
            for row in _choose(step, some, sample)
        ]


@contextlib.contextmanager
def _dry(engine: Any, pipeline: Any, request: Request) -> Iterator[Context]:
    around = Settings(engine, None, (), (), bare_settings(request.plan).nested)
    settings = resolve_settings(request.plan, pipeline.graph, engine, around)
    start_epoch()
    context = Context(settings, rules=Rules(salt=str(engine_option(engine, "salt", ""))))
    try:
        yield context
    finally:
        context.close()


def _rows(context: Context, request: Request) -> tuple[Level, list[Row]]:
    chunk = request.whole()
    level = context.root_level(request.plan, chunk.constants)
    if chunk.first is None:
        return level, [Row(level, {})]
    return level, new_rows(level, dict(chunk.columns), chunk.size, chunk.numbers, None, None)


def _walk(level: Level, rows: Sequence[Row]) -> Iterator[tuple[Level, Step, Sequence[Row]]]:
    """Yield every function with the rows that reach it, nested ones in their place."""
    resolve(level, rows)
    take_back(level, rows, check_held)
    for step in level.plan.steps:
        nested = step.nested
        if nested is None:
            if level.is_cached(step):
                recall(level, step, [row for row in rows if all(map(row.has, step.reads))])
            yield level, step, rows
            continue
        inner = level.inside(step, nested)
        families = [_children(inner, nested, row) for row in rows]
        yield from _walk(inner, [child for family in families for child in family])
        for row, family in zip(rows, families, strict=True):
            _link_results(nested, row, family)


def _children(inner: Level, nested: Nested, row: Row) -> list[Row]:
    """Return the inner rows of an outer row, as far as they are known."""
    if not nested.map_over:
        return [_child(inner, nested, row, {}, None)]
    if not all(map(row.has, nested.map_over)):
        return [_child(inner, nested, row, {}, _UNKNOWN)]
    load([(row, name) for name in nested.map_over])
    mapped = {name: row.values[name] for name in nested.map_over}
    try:
        count, columns = expand_columns(mapped, nested.map_over, nested.map_mode)
    except PlanError:
        # the run itself says what is wrong with it
        return []
    return [
        _child(inner, nested, row, {name: columns[name][item] for name in columns}, item)
        for item in range(count)
    ]


def _child(inner: Level, nested: Nested, row: Row, own: dict[str, Any], item: int | None) -> Row:
    values = {name: own[outer] for name, outer in nested.wiring if outer in own}
    child = Row(inner, values, item, row)
    for name, outer in nested.wiring:
        if outer not in nested.map_over and row.has(outer):
            child.sources[name] = Linked(((row, outer),))
    return child


def _link_results(nested: Nested, row: Row, children: list[Row]) -> None:
    """Make known outside what is known inside, once every child is through."""
    if any(child.item == _UNKNOWN for child in children):
        return
    for name, outer in nested.results:
        if all(child.has(name) for child in children):
            targets = tuple((child, name) for child in children)
            row.sources[outer] = Linked(targets, is_column=bool(nested.map_over))


def _forecast(level: Level, rows: Sequence[Row]) -> Iterator[Forecast]:
    # what one call gives is found by all others with its key
    made: set[tuple[int, Signature]] = set()
    for at, step, some in _walk(level, rows):
        hits = [row.found[step.index] for row in some if step.index in row.found]
        missed = [row for row in some if step.index not in row.found]
        runs = [row for row in missed if _is_first(at, step, row, made)]
        sentences = dict.fromkeys(sentence for row in runs for sentence in _why(at, step, row))
        known = at.history(step, read_history)
        entries: Sequence[Entry] = known.entries or known.former_entries or hits
        mean = sum(entry.seconds for entry in entries) / len(entries) if entries else None
        yield Forecast(
            name=step.name,
            path=step.path,
            hits=len(some) - len(runs),
            runs=len(runs),
            reasons=tuple(sentences),
            seconds=0.0 if not runs else None if mean is None else mean * len(runs),
            saved=sum(entry.seconds for entry in hits),
            is_known=all(map(_is_item, some)),
        )


def _is_first(level: Level, step: Step, row: Row, made: set[tuple[int, Signature]]) -> bool:
    """Say whether nobody before *row* would store what *step* gives for it."""
    key = row.keys.get(step.index)
    if key is None or not level.is_cached(step):
        return True
    place = (id(level.cache), key)
    is_first = place not in made
    made.add(place)
    return is_first


def _is_item(row: Row) -> bool:
    return all(each.item != _UNKNOWN for each in outward(row))


def _why(level: Level, step: Step, row: Row) -> Iterator[str]:
    if not level.is_cached(step):
        yield "it is not cached" if level.settings.cache is not None else "there is no cache"
        return
    waiting = [name for name in step.reads if not row.has(name)]
    if waiting:
        yield f"{', '.join(waiting)} must be computed first"
        return
    for reason in find_reasons(level, step, row):
        yield reason.text


def _choose(step: Step, rows: Sequence[Row], sample: float) -> list[Row]:
    found = [row for row in rows if step.index in row.found and all(map(row.has, step.reads))]
    # a result without a fingerprint cannot be compared
    found = [row for row in found if any(map(is_of_value, row.found[step.index].digests))]
    bound = int(sample * 256)
    chosen = [row for row in found if row.found[step.index].signature.item[0] < bound]
    return chosen or found[:1]


def _recompute(level: Level, step: Step, row: Row) -> Recheck:
    entry = row.found[step.index]
    load([(row, name) for name in step.reads])
    arguments = {parameter: row.values[name] for parameter, name in step.arguments}
    outputs = make_outputs(level, step, row, arguments)
    pairs = zip(entry.digests, outputs, strict=True)
    is_same = all(_has_digest(value, digest) for digest, value in pairs if is_of_value(digest))
    return Recheck(step.path, str(entry.signature), is_same)


def _has_digest(value: Any, digest: bytes) -> bool:
    try:
        return fingerprint(value) == digest
    except FingerprintError:
        return False
