"""**The heart**: `run_chunk`, the one unit of work that every engine ships.

A plan and a chunk go in, a result comes out; all three are picklable.  What
runs where is the business of engines, what is asked for is in the plan, what
is known already is in the cache of the context.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from hypernodes.events import Event
from hypernodes.execution._context import Context, Tell
from hypernodes.execution._direct import find_program
from hypernodes.execution._items import collect, first_failure, new_rows, run_items, run_steps
from hypernodes.execution._nested import run_nested
from hypernodes.execution._program import Program
from hypernodes.execution._records import Chunk, ChunkResult
from hypernodes.execution._resolve import resolve
from hypernodes.execution._rows import Row
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
    if program is not None:
        return _run_program(program, chunk, context.collects)
    events: list[Event] = []
    tell = None
    if context.hears_steps:
        tell = context.tell if live else events.append
    try:
        rows, finished = _run(plan, chunk, context, tell)
        hits = sum(row.is_hit for row in finished)
        outputs: list[Any] = collect(finished)
    finally:
        context.close() if own else context.flush()
    failure = first_failure(rows)
    if context.collects:
        made = iter(outputs)
        outputs, failure = [row.failure or next(made) for row in rows], None
    seconds = time.perf_counter() - started
    is_told = live and context.hears_steps
    return ChunkResult(chunk.index, outputs, hits, failure, events, is_told, seconds)


def _run_program(program: Program, chunk: Chunk, collects: bool) -> ChunkResult:
    started = time.perf_counter()
    done, failure = program.map(chunk.columns, chunk.constants, chunk.size, chunk.first, collects)
    seconds = time.perf_counter() - started
    return ChunkResult(chunk.index, done, failure=failure, seconds=seconds)


def _run(
    plan: Plan, chunk: Chunk, context: Context, tell: Tell | None
) -> tuple[Sequence[Row], Sequence[Row]]:
    """Return the row of every item, and those that finished."""
    level = context.root_level(plan, chunk.constants)
    run = context.run if context.hears_steps else None
    if chunk.first is None:
        rows = [Row(level, {}, None, None, run, tell)]
        resolve(level, rows)
        return rows, run_steps(level, rows, run_nested)
    rows = new_rows(level, dict(chunk.columns), chunk.size, chunk.numbers, run, tell)
    return rows, run_items(level, rows, run_nested)


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
