"""All steps for some items: item by item, or step by step where batches are taken.

    item by item                 step by step
    for row:                     for step:
        for step: one call           look up all rows at once
                                     one call per row, or one per batch

Both give the same results and the same events.  Going item by item, a
failure stops everything at once and observers hear live; going step by step,
events wait in a buffer per row until every row is through.  With a cache and
without observers, blocks of items go step by step, so many that a block takes
a moment: lookups are made in bulk, and a failure is noticed soon.  A failure is
kept in its row.  Where failures are collected, all other rows are carried on;
else later rows are dropped and only earlier ones carried on, so the failure
that counts is that of the lowest item.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from hypernodes.events import Event, ItemFinished, ItemStarted, Outcome, OutcomeKind, Run
from hypernodes.execution._batch import execute_batch
from hypernodes.execution._context import Level, Tell, is_batch
from hypernodes.execution._errors import Failure
from hypernodes.execution._pace import Pace
from hypernodes.execution._resolve import recall, resolve
from hypernodes.execution._rows import Row
from hypernodes.execution._step import execute, load
from hypernodes.execution._telling import failed, tell_hit
from hypernodes.plan import Step

#: How long a failure may go unnoticed while other items are carried on.
_BLOCK_SECONDS: Final = 0.05

#: Takes rows through a nested pipeline and returns those that finished.
NestedStep = Callable[[Level, Step, Sequence[Row], bool], Sequence[Row]]


def run_items(level: Level, rows: Sequence[Row], nested: NestedStep) -> Sequence[Row]:
    """Take *rows*, the items of a map, through all steps.

    Args:
        level: The pipeline.
        rows: Its items, in order.
        nested: Carries out a step that is a nested pipeline.

    Returns:
        The finished rows.
    """
    resolve(level, rows)
    if level.plan.needs_columns:
        return _by_columns(level, rows, nested)
    if level.cache is not None and not level.context.hears_steps:
        return _by_blocks(level, rows, nested)
    finished: list[Row] = []
    for row in rows:
        started = time.perf_counter()
        tell_item_started(row)
        finished.extend(run_steps(level, [row], nested))
        tell_item_finished(row, time.perf_counter() - started)
        level.context.note_progress(row)
        if row.failure is not None and not level.collects:
            break
    return finished


def _by_blocks(level: Level, rows: Sequence[Row], nested: NestedStep) -> Sequence[Row]:
    """Go step by step for as many items as take a moment: a cache is asked in bulk."""
    finished: list[Row] = []
    pace = Pace(1, _BLOCK_SECONDS, max(1, len(rows)))
    at = 0
    while at < len(rows):
        block = rows[at : at + pace.size]
        started = time.perf_counter()
        done = run_steps(level, block, nested)
        pace.note(len(block), time.perf_counter() - started)
        finished.extend(done)
        if len(done) < len(block) and not level.collects:
            break
        at += len(block)
    return finished


def run_steps(
    level: Level, rows: Sequence[Row], nested: NestedStep, in_map: bool = False
) -> Sequence[Row]:
    """Take *rows* through all steps, step by step; batches are taken where *in_map*.

    Returns:
        The finished rows.
    """
    for step in level.plan.steps:
        if not rows:
            break
        if step.nested is not None:
            rows = nested(level, step, rows, in_map)
        else:
            rows = _carry_out(level, step, rows, in_map)
        release(rows, level.plan.releases[step.index])
    return rows


def release(rows: Sequence[Row], names: Sequence[str]) -> None:
    """Let go of values that no step needs any more."""
    for name in names:
        for row in rows:
            row.release(name)


def first_failure(rows: Sequence[Row]) -> Failure | None:
    """Return the failure of the lowest failing item, if any."""
    return next((row.failure for row in rows if row.failure is not None), None)


def _carry_out(level: Level, step: Step, rows: Sequence[Row], in_map: bool) -> Sequence[Row]:
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
            row.fail(error, step.path)
            if not level.collects:
                return rows[:number]
    return unharmed(rows) if level.collects else rows


def _carry_out_batch(level: Level, step: Step, rows: Sequence[Row]) -> Sequence[Row]:
    missing = [row for row in rows if step.index not in row.found]
    for row in rows:
        if step.index in row.found:
            tell_hit(level, step, row)
    try:
        execute_batch(level, step, missing)
    except Exception as error:
        # one call for all: nobody can say which of them it was
        for row in missing if level.collects else missing[:1]:
            row.fail(error, step.path)
        return unharmed(rows) if level.collects else rows[: rows.index(missing[0])]
    return rows


def unharmed(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows that did not fail."""
    return [row for row in rows if row.failure is None]


class HeldEvents:
    """What rows have to tell, held back until it is their turn.

    Args:
        rows: The rows; until they are let go of, they tell it here.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self._held: list[tuple[Row, Tell | None, list[Event]]] = []
        for row in rows:
            buffer: list[Event] = []
            self._held.append((row, row.tell, buffer))
            row.tell = None if row.tell is None else buffer.append

    def let_go(self, place: int) -> None:
        """Tell what the row at *place* had to tell, and let it tell the rest itself."""
        row, tell, buffer = self._held[place]
        row.tell = tell
        if tell is not None:
            for event in buffer:
                tell(event)
            buffer.clear()


def _by_columns(level: Level, rows: Sequence[Row], nested: NestedStep) -> Sequence[Row]:
    """Go step by step, with a buffer of events per row."""
    held = HeldEvents(rows)
    for row in rows:
        tell_item_started(row)
    started = time.perf_counter()
    finished = run_steps(level, rows, nested, in_map=True)
    share = (time.perf_counter() - started) / max(1, len(finished))
    for place, row in enumerate(rows):
        tell_item_finished(row, share)
        held.let_go(place)
        level.context.note_progress(row)
        if row.failure is not None and not level.collects:
            break
    return finished


def collect(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the requested outputs of each row; recorded values are read in bulk."""
    load([(row, name) for row in rows for name in row.level.plan.outputs])
    return [{name: row.values[name] for name in row.level.plan.outputs} for row in rows]


def tell_item_started(row: Row) -> None:
    """Tell observers that an item of a map begins."""
    if row.tell is None or row.run is None or row.item is None:
        return
    names = [name for name in row.level.plan.reads if row.has(name)]
    load([(row, name) for name in names])
    row.tell(ItemStarted(row.run, row.item, {name: row.values[name] for name in sorted(names)}))


def tell_item_finished(row: Row, seconds: float) -> None:
    """Tell observers how an item of a map ended."""
    if row.tell is None or row.run is None or row.item is None:
        return
    started = time.time() - seconds
    if row.failure is not None:
        outcome = failed(row.level, row.failure.error, seconds, started)
        row.tell(ItemFinished(row.run, row.item, outcome))
        return
    kind = OutcomeKind.HIT if row.is_hit else OutcomeKind.EXECUTED
    outcome = Outcome(
        kind,
        collect([row])[0],
        seconds,
        row.last_signature,
        started=started,
        worker=row.level.context.worker,
    )
    row.tell(ItemFinished(row.run, row.item, outcome))


def new_rows(
    level: Level,
    columns: dict[str, Sequence[Any]],
    count: int,
    numbers: Sequence[int],
    run: Run | None,
    tell: Callable[[Event], None] | None,
    outer: Row | None = None,
) -> list[Row]:
    """Return one row per item, with its own value from each of *columns*."""
    names = list(columns)
    values = zip(*columns.values(), strict=True) if columns else [()] * count
    return [
        Row(level, dict(zip(names, each, strict=True)), number, outer, run, tell)
        for number, each in zip(numbers, values, strict=True)
    ]
