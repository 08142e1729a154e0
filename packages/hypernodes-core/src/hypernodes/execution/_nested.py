"""A pipeline inside a step: rows inside for rows outside, and back again.

Unmapped, every outer row has one inner row, and whole columns of them go
through together.  Mapped, every outer row has a map of its own, with as many
inner rows as there are items.  Values are linked, not copied: a nested
pipeline whose results are all in the cache reads nothing from outside.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from hypernodes.errors import PlanError
from hypernodes.events import Outcome, Run, RunFinished, RunStarted, StepFinished
from hypernodes.execution._context import Level, engine_option
from hypernodes.execution._errors import add_note, annotate, place_inside
from hypernodes.execution._items import collect, first_failure, run_items, run_steps
from hypernodes.execution._pace import Pace
from hypernodes.execution._records import Chunk, ChunkResult
from hypernodes.execution._rows import Linked, Row
from hypernodes.execution._step import load
from hypernodes.execution._telling import executed, failed, tell_failed, tell_started
from hypernodes.plan import Nested, Step
from hypernodes.values import expand_columns


def run_nested(level: Level, step: Step, rows: Sequence[Row], in_map: bool) -> Sequence[Row]:
    """Take *rows* through the pipeline inside *step*; return those that finished."""
    if read_nested(step).map_over:
        return _map_inside(level, step, rows)
    stays = [enter(level, step, row) for row in rows]
    insides = [inside for inside in stays if inside is not None]
    children = [inside.children[0] for inside in insides]
    finished: set[int] = set()
    if children:
        finished = set(map(id, run_steps(insides[0].inner, children, run_nested, in_map)))
    seconds = insides[0].seconds / max(1, len(finished)) if insides else 0.0
    for inside, child in zip(insides, children, strict=True):
        if id(child) in finished or child.failure is not None:
            inside.leave(seconds)
    return [inside.row for inside in insides if id(inside.children[0]) in finished]


def _map_inside(level: Level, step: Step, rows: Sequence[Row]) -> Sequence[Row]:
    """Map the inner pipeline over the items that each of *rows* holds."""
    finished: list[Row] = []
    for row in rows:
        inside = enter(level, step, row)
        if inside is not None:
            if inside.travels:
                inside.send()
            else:
                run_items(inside.inner, inside.children, run_nested)
            inside.leave(inside.seconds)
        if row.failure is None:
            finished.append(row)
        elif not level.collects:
            break
    return finished


def read_nested(step: Step) -> Nested:
    """Return the pipeline in *step*."""
    if step.nested is None:
        msg = f"step {step.path!r} is not a nested pipeline"
        raise TypeError(msg)
    return step.nested


@attrs.define
class Inside:
    """One stay in the pipeline inside a step: one inner row, or those of a map.

    Attributes:
        inner: The level of that pipeline.
        row: The row outside.
        run: The record of the nested run; None where nobody observes.
        children: The rows inside, in order.
        started: When it began, by the clock that measures.
        at: When it began, in seconds since the epoch.
    """

    inner: Level
    step: Step
    nested: Nested
    row: Row
    run: Run | None
    children: Sequence[Row]
    started: float
    at: float

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.perf_counter() - self.started

    @property
    def travels(self) -> bool:
        """Whether an explicit engine of the pipeline carries its items elsewhere."""
        engine = self.inner.settings.engine
        is_own = engine is not self.row.level.settings.engine
        return is_own and not engine_option(engine, "is_inline", False)

    def send(self) -> None:
        """Let the pipeline's own engine carry out its items."""
        _send(self.inner, self.children, self.run)

    def leave(self, seconds: float) -> None:
        """Hand what came of it to the row outside, and tell observers."""
        level, step, row = self.row.level, self.step, self.row
        failure = first_failure(self.children)
        if failure is not None:
            row.failure = attrs.evolve(failure, item=row.item)
            _tell_left(step, row, self.run, failed(level, failure.error, seconds, self.at))
            return
        is_map = bool(self.nested.map_over)
        for name, outer in self.nested.results:
            targets = tuple((child, name) for child in self.children)
            row.sources[outer] = Linked(targets, is_column=is_map)
        if self.run is not None:
            found = collect(self.children)
            names = [name for name, _ in self.nested.results]
            outputs = {n: [each[n] for each in found] for n in names} if is_map else found[0]
            _tell_left(step, row, self.run, executed(level, outputs, seconds, self.at))


def enter(level: Level, step: Step, row: Row) -> Inside | None:
    """Begin the pipeline inside *step* for *row*; None where its items cannot be told."""
    nested = read_nested(step)
    inner = level.inside(step, nested)
    started, at = time.perf_counter(), time.time()
    if not nested.map_over:
        child = _child(inner, step, nested, row)
        return Inside(inner, step, nested, row, child.run, [child], started, at)
    load([(row, name) for name in nested.map_over])
    try:
        count, columns = _columns(step, nested, row)
    except Exception as error:
        annotate(error, step.name, step.path, row.items)
        _tell_wrapper(level, step, row)
        tell_failed(level, step, row, error)
        row.fail(error, step.path)
        return None
    run = _tell_begun(level, inner, step, row, count)
    children = [_child_item(inner, nested, row, run, columns, item) for item in range(count)]
    return Inside(inner, step, nested, row, run, children, started, at)


def _columns(step: Step, nested: Nested, row: Row) -> tuple[int, dict[str, list[Any]]]:
    """Return the number of items and their values by outer name.

    Raises:
        PlanError: The values cannot be mapped over.
    """
    mapped = {name: row.values[name] for name in nested.map_over}
    try:
        return expand_columns(mapped, nested.map_over, nested.map_mode)
    except PlanError as error:
        add_note(error, f"while mapping over the items of nested pipeline {step.name!r}")
        raise


def _child(inner: Level, step: Step, nested: Nested, row: Row) -> Row:
    """Return the inner row of an outer row, its run begun."""
    level = row.level
    run = _tell_begun(level, inner, step, row, None)
    child = Row(inner, {}, None, row, run, row.tell)
    for name, outer in nested.wiring:
        child.sources[name] = Linked(((row, outer),))
    return child


def _child_item(
    inner: Level,
    nested: Nested,
    row: Row,
    run: Run | None,
    columns: dict[str, list[Any]],
    item: int,
) -> Row:
    """Return the inner row of one item."""
    own = {name: columns[outer][item] for name, outer in nested.wiring if outer in columns}
    child = Row(inner, own, item, row, run, row.tell)
    for name, outer in nested.wiring:
        if outer not in columns:
            child.sources[name] = Linked(((row, outer),), is_shared=True)
    return child


def _send(inner: Level, children: Sequence[Row], run: Run | None) -> None:
    """Let the nested pipeline's own engine carry out its items, in chunks."""
    names = sorted(inner.plan.reads.difference(inner.constants))
    names = [name for name in names if all(child.has(name) for child in children)]
    load([(child, name) for child in children for name in names])
    context = inner.context.inside(inner.settings, run)
    engine = inner.settings.engine
    pace = context.pace(inner.plan, _pace_of(engine, len(children)))
    sent: dict[int, int] = {}
    came: dict[int, ChunkResult] = {}
    for result in engine.submit(inner.plan, _cut(inner, children, names, pace, sent), context):
        pace.note(len(result.rows), result.seconds)
        came[result.index] = result
    for index, result in sorted(came.items()):
        first = sent[index]
        for child, outputs in zip(children[first:], result.rows, strict=False):
            child.values.update(outputs)
        for event in result.events:
            if children[0].tell is not None:
                children[0].tell(event)
        _note_outcome(children[0], result.hits, len(result.rows))
        if result.failure is not None:
            child = children[first + len(result.rows)]
            child.failure = result.failure
            place_inside(result.failure.error, child.items[:-1], first + len(result.rows))
            return


def _pace_of(engine: Any, count: int) -> Pace:
    """Return how many of *count* items an engine would have travel together in a map of its own."""
    choose = getattr(engine, "pace", None)
    pace: Pace = Pace() if choose is None else choose(count)
    return pace


def _cut(
    inner: Level, children: Sequence[Row], names: Sequence[str], pace: Pace, sent: dict[int, int]
) -> Iterator[Chunk]:
    """Yield the items in chunks; the size of each is decided when it is taken."""
    start = 0
    for index in itertools.count():
        some = children[start : start + pace.size]
        if not some:
            return
        columns = {name: [child.values[name] for child in some] for name in names}
        sent[index] = start
        yield Chunk(index, start, len(some), columns, inner.constants)
        start += len(some)


def _note_outcome(child: Row, hits: int, count: int) -> None:
    if hits:
        child.note_hit()
    if hits < count:
        child.note_execution()


def _tell_wrapper(level: Level, step: Step, row: Row) -> None:
    """Tell observers that the nested pipeline begins, with what it is given."""
    if row.tell is not None:
        load([(row, name) for name in step.reads])
        tell_started(level, step, row, {name: row.values[name] for name in step.reads})


def _tell_begun(level: Level, inner: Level, step: Step, row: Row, total: int | None) -> Run | None:
    """Tell observers that a nested run begins; return its record."""
    if row.tell is None or row.run is None or step.nested is None:
        return None
    _tell_wrapper(level, step, row)
    run = level.context.nested_run(inner, row.run, row.item, step, total)
    given = {name: row.values[outer] for name, outer in step.nested.wiring}
    row.tell(RunStarted(run, {**inner.constants, **given}))
    return run


def _tell_left(step: Step, row: Row, run: Run | None, outcome: Outcome) -> None:
    """Tell observers how a nested run ended, and its step with it."""
    if row.tell is None or row.run is None or run is None:
        return
    row.tell(RunFinished(run, outcome))
    inside = outcome.outputs
    results = read_nested(step).results if outcome.error is None else ()
    shown = {outer: inside[name] for name, outer in results}
    info = row.level.infos[step.index]
    row.tell(StepFinished(row.run, row.item, info, attrs.evolve(outcome, outputs=shown)))
