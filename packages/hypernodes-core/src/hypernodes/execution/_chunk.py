"""**The heart**: `run_chunk`, the one unit of work that every engine ships.

A plan and a chunk go in, a result comes out; all three are picklable.  What
runs where is the business of engines, what is asked for is in the plan, what
is known already is in the cache of the context.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from hypernodes.events import Event
from hypernodes.execution._context import Context, Level, Tell
from hypernodes.execution._direct import find_program, find_told
from hypernodes.execution._items import collect, first_failure, new_rows, run_items, run_steps
from hypernodes.execution._nested import run_nested
from hypernodes.execution._program import Program
from hypernodes.execution._records import Chunk, ChunkResult
from hypernodes.execution._resolve import resolve
from hypernodes.execution._rows import Row
from hypernodes.execution._told import ToldProgram
from hypernodes.execution._warm import answer_items
from hypernodes.plan import Plan, Settings


def run_chunk(
    plan: Plan, chunk: Chunk, context: Context | None = None, *, live: bool = False
) -> ChunkResult:
    """Carry out *plan* for the items of *chunk*.

    An exception of a user's function does not escape: it ends the chunk and
    comes home as its failure.  Interrupts do escape.

    Args:
        plan: What to do.
        chunk: For which values.
        context: The circumstances of the run; by default none: no cache, no
            observers, no plugins.
        live: Tell the context's observers while it happens; otherwise events
            are collected in the result.

    Returns:
        The outputs of every finished item, in item order.
    """
    own = context is None
    context = context or Context(bare_settings(plan))
    started = time.perf_counter()
    program = find_program(context, plan, None if chunk.first is None else chunk.size)
    if program is None and live and chunk.first is not None:
        program = find_told(plan, context)
    if program is not None:
        return _run_program(program, chunk, context)
    events: list[Event] = []
    tell = None
    if context.hears_steps:
        tell = context.tell if live else events.append
    try:
        answered = {} if context.hears_steps else _answer_chunk(plan, chunk, context)
        left = chunk.only([place for place in range(chunk.size) if place not in answered])
        level, rows = open_rows(plan, left, context, tell)
        if chunk.first is None:
            resolve(level, rows)
            run_steps(level, rows, run_nested)
        else:
            run_items(level, rows, run_nested)
        result = close_rows(context, left, rows, events, started)
    finally:
        context.close() if own else context.flush()
    result = attrs.evolve(result, is_told=live and context.hears_steps)
    return _merge(chunk, left, result, answered) if answered else result


def _answer_chunk(plan: Plan, chunk: Chunk, context: Context) -> dict[int, dict[str, Any]]:
    """Return the outputs of the items that the cache answers as a whole, by their place."""
    if chunk.first is None:
        return {}
    return answer_items(context.root_level(plan, chunk.constants), chunk)


def _merge(
    chunk: Chunk, left: Chunk, result: ChunkResult, answered: Mapping[int, Any]
) -> ChunkResult:
    """Return the result of *chunk*: what was answered, and what came of the items *left*."""
    made = dict(zip(left.numbers, result.rows, strict=False))
    last = None if result.failure is None else result.failure.item
    rows: list[Any] = []
    hits = result.hits
    for place, number in enumerate(chunk.numbers):
        if number == last:
            break
        hits += place in answered
        rows.append(answered[place] if place in answered else made[number])
    return attrs.evolve(result, rows=rows, hits=hits)


def open_rows(
    plan: Plan, chunk: Chunk, context: Context, tell: Tell | None
) -> tuple[Level, Sequence[Row]]:
    """Return the level of *plan* and a row for every item of *chunk*."""
    level = context.root_level(plan, chunk.constants)
    run = context.run if context.hears_steps else None
    if chunk.first is None:
        return level, [Row(level, {}, None, None, run, tell)]
    columns = dict(chunk.columns)
    return level, new_rows(level, columns, chunk.size, chunk.numbers, run, tell)


def close_rows(
    context: Context, chunk: Chunk, rows: Sequence[Row], events: list[Event], started: float
) -> ChunkResult:
    """Return what came of *rows* once they are through, up to a failure that ends the chunk."""
    failure = first_failure(rows)
    if failure is None:
        finished = rows
    elif context.rules.collects:
        finished = [row for row in rows if row.failure is None]
    else:
        finished = list(itertools.takewhile(lambda row: row.failure is None, rows))
    outputs: list[Any] = collect(finished)
    hits = sum(row.is_hit for row in finished)
    if context.rules.collects:
        made = iter(outputs)
        outputs, failure = [row.failure or next(made) for row in rows], None
    for row in rows:
        row.part()
    seconds = time.perf_counter() - started
    return ChunkResult(chunk.index, outputs, hits, failure, events, seconds=seconds)


def _run_program(program: Program, chunk: Chunk, context: Context) -> ChunkResult:
    started = time.perf_counter()
    done, failure = program.map(
        chunk.columns, chunk.constants, chunk.size, chunk.first, context.rules.collects
    )
    seconds = time.perf_counter() - started
    is_told = isinstance(program, ToldProgram)
    return ChunkResult(chunk.index, done, failure=failure, is_told=is_told, seconds=seconds)


def bare_settings(plan: Plan) -> Settings:
    """Return settings without engine, cache and callbacks, for *plan* and all inside it."""
    return Settings(
        engine=None,
        cache=None,
        callbacks=(),
        cached=(False,) * len(plan.steps),
        nested={
            step.index: bare_settings(step.nested.plan)
            for step in plan.steps
            if step.nested is not None
        },
    )
