"""**The heart**: `run_chunk`, the one unit of work that every engine ships.

A plan and a chunk go in, a result comes out; all three are picklable.  What
runs where is the business of engines, what is asked for is in the plan, what
is known already is in the cache of the context.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypernodes.events import Event
from hypernodes.execution._context import Context, Tell
from hypernodes.execution._direct import find_program
from hypernodes.execution._errors import Failure
from hypernodes.execution._items import collect, new_rows, run_items, run_steps
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
    program = find_program(context, plan, None if chunk.first is None else chunk.size)
    if program is not None:
        return _run_program(program, chunk)
    events: list[Event] = []
    tell = None
    if context.is_observed:
        tell = context.tell if live else events.append
    try:
        rows, failure = _run(plan, chunk, context, tell)
        hits = sum(row.is_hit for row in rows)
        outputs = collect(rows)
    finally:
        context.close() if own else context.flush()
    failed = None
    if failure is not None:
        failed = Failure(failure, None if chunk.first is None else chunk.first + len(rows))
    return ChunkResult(chunk.index, outputs, hits, failed, events, is_told=live)


def _run_program(program: Program, chunk: Chunk) -> ChunkResult:
    if chunk.first is not None:
        done, error = program.map(chunk.columns, chunk.constants, chunk.size, chunk.first)
    else:
        done, error = program.map({}, chunk.constants, 1, None)
    if error is None:
        return ChunkResult(chunk.index, done)
    item = None if chunk.first is None else chunk.first + len(done)
    return ChunkResult(chunk.index, done, failure=Failure(error, item))


def _run(
    plan: Plan, chunk: Chunk, context: Context, tell: Tell | None
) -> tuple[Sequence[Row], Exception | None]:
    level = context.root_level(plan, chunk.constants)
    run = context.run
    if chunk.first is None:
        rows = [Row(level, {}, None, None, run, tell)]
        resolve(level, rows)
        return run_steps(level, rows, run_nested)
    rows = new_rows(level, dict(chunk.columns), chunk.size, chunk.first, run, tell)
    return run_items(level, rows, run_nested)


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
