"""All steps for some items: item by item, or step by step where batches are taken.

    item by item                 step by step
    for row:                     for step:
        for step: one call           look up all rows at once
                                     one call per row, or one per batch

Both give the same results and the same events.  Going item by item, a
failure stops everything at once and observers hear live; going step by step,
events wait in a buffer per row until every row is through.  A failing row
ends the map there: earlier rows are carried on, later ones are dropped, so
the failure that remains is that of the lowest item.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from hypernodes.events import Event, ItemFinished, ItemStarted, Outcome, OutcomeKind, Run
from hypernodes.execution._batch import execute_batch
from hypernodes.execution._context import Level, is_batch
from hypernodes.execution._resolve import recall, resolve
from hypernodes.execution._rows import Row
from hypernodes.execution._step import execute, load, tell_hit
from hypernodes.plan import Step

Done = tuple[Sequence[Row], Exception | None]
NestedStep = Callable[[Level, Step, Sequence[Row], bool], Done]


def run_items(level: Level, rows: Sequence[Row], nested: NestedStep) -> Done:
    """Take *rows*, the items of a map, through all steps.

    Args:
        level: The pipeline.
        rows: Its items, in order.
        nested: Carries out a step that is a nested pipeline.

    Returns:
        The finished rows, and the failure of the row after them, if any.
    """
    resolve(level, rows)
    if level.plan.needs_columns:
        return _by_columns(level, rows, nested)
    for number, row in enumerate(rows):
        started = time.perf_counter()
        _tell_item_started(row)
        _, failure = run_steps(level, [row], nested)
        _tell_item_finished(row, time.perf_counter() - started, failure)
        level.context.note_progress(row.run, row.tell, row.is_hit, failure)
        if failure is not None:
            return rows[:number], failure
    return rows, None


def run_steps(level: Level, rows: Sequence[Row], nested: NestedStep, in_map: bool = False) -> Done:
    """Take *rows* through all steps, step by step; batches are taken where *in_map*.

    Returns:
        The finished rows, and the failure of the row after them, if any.
    """
    failure: Exception | None = None
    for step in level.plan.steps:
        if not rows:
            break
        if step.nested is not None:
            rows, failed = nested(level, step, rows, in_map)
        else:
            rows, failed = _carry_out(level, step, rows, in_map)
        failure = failed or failure
    return rows, failure


def _carry_out(level: Level, step: Step, rows: Sequence[Row], in_map: bool) -> Done:
    """Take *rows* through one function."""
    if level.is_cached(step):
        recall(level, step, rows)
    if in_map and is_batch(step):
        return _carry_out_batch(level, step, rows)
    for number, row in enumerate(rows):
        if step.index in row.found:
            tell_hit(level, step, row)
            continue
        try:
            execute(level, step, row)
        except Exception as error:
            return rows[:number], error
    return rows, None


def _carry_out_batch(level: Level, step: Step, rows: Sequence[Row]) -> Done:
    missing = [row for row in rows if step.index not in row.found]
    for row in rows:
        if step.index in row.found:
            tell_hit(level, step, row)
    try:
        execute_batch(level, step, missing)
    except Exception as error:
        return rows[: rows.index(missing[0])], error
    return rows, None


def _by_columns(level: Level, rows: Sequence[Row], nested: NestedStep) -> Done:
    """Go step by step, with a buffer of events per row."""
    buffers: list[list[Event]] = [[] for _ in rows]
    sinks = [row.tell for row in rows]
    for row, buffer in zip(rows, buffers, strict=True):
        if row.tell is not None:
            row.tell = buffer.append
        _tell_item_started(row)
    started = time.perf_counter()
    finished, failure = run_steps(level, rows, nested, in_map=True)
    share = (time.perf_counter() - started) / max(1, len(finished))
    ended = len(finished) + (failure is not None)
    for row, buffer, sink in list(zip(rows, buffers, sinks, strict=True))[:ended]:
        fault = failure if len(finished) < len(rows) and row is rows[len(finished)] else None
        _tell_item_finished(row, share, fault)
        row.tell = sink
        if sink is not None:
            for event in buffer:
                sink(event)
        level.context.note_progress(row.run, row.tell, row.is_hit, fault)
    return finished, failure


def collect(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the requested outputs of each row; recorded values are read in bulk."""
    load([(row, name) for row in rows for name in row.level.plan.outputs])
    return [{name: row.values[name] for name in row.level.plan.outputs} for row in rows]


def _tell_item_started(row: Row) -> None:
    if row.tell is None or row.run is None or row.item is None:
        return
    names = [name for name in row.level.plan.reads if row.has(name)]
    load([(row, name) for name in names])
    row.tell(ItemStarted(row.run, row.item, {name: row.values[name] for name in sorted(names)}))


def _tell_item_finished(row: Row, seconds: float, failure: Exception | None) -> None:
    if row.tell is None or row.run is None or row.item is None:
        return
    if failure is not None:
        row.tell(ItemFinished(row.run, row.item, Outcome(OutcomeKind.FAILED, error=failure)))
        return
    kind = OutcomeKind.HIT if row.is_hit else OutcomeKind.EXECUTED
    outcome = Outcome(kind, collect([row])[0], seconds, row.last_signature)
    row.tell(ItemFinished(row.run, row.item, outcome))


def new_rows(
    level: Level,
    columns: dict[str, Sequence[Any]],
    count: int,
    first: int,
    run: Run | None,
    tell: Callable[[Event], None] | None,
    outer: Row | None = None,
) -> list[Row]:
    """Return one row per item, with its own value from each of *columns*."""
    names = list(columns)
    values = zip(*columns.values(), strict=True) if columns else [()] * count
    return [
        Row(level, dict(zip(names, each, strict=True)), first + number, outer, run, tell)
        for number, each in enumerate(values)
    ]
