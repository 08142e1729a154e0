"""Chunks on one event loop: items overlap, and so do steps that do not wait for each other.

The sequence of events, keys and results of every item is that of `_items`;
what differs is who waits for whom.  Items are pulled by a fixed number of
workers, never a task per item, and no more coroutines of functions run at
once than that.  Plain functions run where the loop runs, one at a time, or in
threads where that is asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import attrs

from hypernodes.events import Event
from hypernodes.execution._batch import execute_batch
from hypernodes.execution._beside import LoopRunner, call_beside, call_wrapped, unwrap
from hypernodes.execution._branching import overlap
from hypernodes.execution._chunk import close_rows, open_rows, run_chunk
from hypernodes.execution._context import Context, Level, is_batch
from hypernodes.execution._direct import find_program
from hypernodes.execution._errors import Failure, annotate
from hypernodes.execution._items import (
    HeldEvents,
    release,
    tell_item_finished,
    tell_item_started,
    unharmed,
)
from hypernodes.execution._nested import enter, read_nested
from hypernodes.execution._program import Program
from hypernodes.execution._pulling import pull
from hypernodes.execution._records import Chunk, ChunkResult
from hypernodes.execution._resolve import recall, resolve
from hypernodes.execution._rows import Row
from hypernodes.execution._step import (
    begin,
    call_function,
    call_plain,
    make_outputs,
    match_outputs,
)
from hypernodes.execution._telling import tell_failed, tell_hit
from hypernodes.graph import DualNode
from hypernodes.hashing import Signature
from hypernodes.plan import Plan, Step

T = TypeVar("T")
#: Told of each item as it finishes: its place in the chunk, and its row, outputs or failure.
Arrival = Callable[[int, Any], None]


class ConcurrentChunks:
    """Carries out chunks on the running event loop; made for one run.

    Args:
        context: The run.
        limit: How many coroutines of functions run at once.
        threads: Whether plain functions run in threads, so that they overlap
            too; otherwise they run in the thread of the loop.
    """

    def __init__(self, context: Context, limit: int, threads: bool = False) -> None:
        self._context = context
        self._limit = limit
        self._calls = asyncio.Semaphore(limit)
        self._has_threads = threads
        self._flights: dict[Signature, asyncio.Event] = {}
        # what must wait in a thread waits for this loop
        context.coroutines = LoopRunner(asyncio.get_running_loop())
        self._pool: ThreadPoolExecutor | None = None

    async def carry(self, plan: Plan, chunk: Chunk, arrived: Arrival | None = None) -> ChunkResult:
        """Carry out *plan* for the items of *chunk*.

        As `run_chunk`; an exception of a user's function does not escape.
        Cancelling cancels what is under way and stores what is finished.

        Args:
            plan: What is done.
            chunk: For which values.
            arrived: Told of each item as soon as it is finished.
        """
        if not plan.is_async and not self._has_threads:
            return self._carry_plain(plan, chunk, arrived)
        if chunk.first is not None and not self._has_threads:
            program = find_program(self._context, plan, chunk.size, is_awaited=True)
            if program is not None:
                return await self._carry_program(program, chunk, arrived)
        started = time.perf_counter()
        events: list[Event] = []
        # what a run inside another one has to tell travels with its results
        sink = self._context.tell or events.append
        tell = sink if self._context.hears_steps else None
        level, rows = open_rows(plan, chunk, self._context, tell)
        try:
            resolve(level, rows)
            if chunk.first is not None and plan.needs_columns:
                await self._by_columns(level, rows)
            else:
                await self._by_items(level, rows, chunk.first is not None, arrived)
            result = close_rows(self._context, chunk, rows, events, started)
            return attrs.evolve(result, is_told=True)
        finally:
            self._context.flush()

    def close(self) -> None:
        """Let go of the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _carry_plain(self, plan: Plan, chunk: Chunk, arrived: Arrival | None) -> ChunkResult:
        """Carry out a plan in which nothing waits."""
        result = run_chunk(plan, chunk, self._context, live=self._context.tell is not None)
        for place, row in enumerate(result.rows if arrived is not None else ()):
            arrived(place, row)  # type: ignore[misc]  # not None here
        return result

    async def _carry_program(
        self, program: Program, chunk: Chunk, arrived: Arrival | None
    ) -> ChunkResult:
        """Carry out items that nothing caches and nobody observes."""
        started = time.perf_counter()
        columns = [
            chunk.columns.get(name, [chunk.constants.get(name)] * chunk.size)
            for name in program.reads
        ]
        given = list(zip(*columns, strict=True)) if columns else [()] * chunk.size
        rows: list[Any] = [None] * chunk.size
        collects, first = self._context.rules.collects, chunk.first or 0

        async def one(place: int) -> bool:
            try:
                rows[place] = await program.coroutine(given[place])
            except Exception as caught:
                error = program.unwrap(caught)
                path = program.locate(error, first + place)
                rows[place] = Failure(error, first + place, path)
            self._context.count(failed=type(rows[place]) is not dict)
            if arrived is not None:
                arrived(place, rows[place])
            return collects or type(rows[place]) is dict

        await pull(one, chunk.size, self._limit)
        failure = None
        if not collects:
            failure = next((row for row in rows if isinstance(row, Failure)), None)
            rows = rows[: rows.index(failure)] if failure is not None else rows
        seconds = time.perf_counter() - started
        return ChunkResult(chunk.index, rows, failure=failure, is_told=True, seconds=seconds)

    async def _by_items(
        self, level: Level, rows: Sequence[Row], in_map: bool, arrived: Arrival | None = None
    ) -> None:
        """Take every row through all steps, some rows at once."""
        # one alone waits for nobody
        held = HeldEvents(rows) if len(rows) > 1 else None
        ready: set[int] = set()
        through = 0

        def let_go(place: int) -> None:
            """Tell what items have to tell, once all before them did."""
            nonlocal through
            ready.add(place)
            while held is not None and through in ready:
                held.let_go(through)
                is_end = rows[through].failure is not None and not level.collects
                through = len(rows) if is_end else through + 1

        async def one(place: int) -> bool:
            row = rows[place]
            started = time.perf_counter()
            if in_map:
                tell_item_started(row)
            await self._steps(level, row)
            if in_map:
                tell_item_finished(row, time.perf_counter() - started)
                self._count(row)
            let_go(place)
            if arrived is not None:
                arrived(place, row)
            return row.failure is None or level.collects

        await pull(one, len(rows), self._limit)

    async def _by_columns(self, level: Level, rows: Sequence[Row]) -> None:
        """Go step by step, because a step takes whole batches."""
        held = HeldEvents(rows)
        for row in rows:
            tell_item_started(row)
        started = time.perf_counter()
        alive = await self._step_by_step(level, rows)
        share = (time.perf_counter() - started) / max(1, len(alive))
        for place, row in enumerate(rows):
            tell_item_finished(row, share)
            held.let_go(place)
            self._count(row)
            if row.failure is not None and not level.collects:
                return

    def _count(self, row: Row) -> None:
        if row.outer is None:
            failed = row.failure is not None
            self._context.count(hits=row.is_hit and not failed, failed=failed)

    async def _step_by_step(self, level: Level, rows: Sequence[Row]) -> Sequence[Row]:
        for step in level.plan.steps:
            if step.nested is None and level.is_cached(step):
                recall(level, step, rows)
            if is_batch(step):
                rows = await self._batch(level, step, rows)
            elif _needs_columns(step):
                rows = await self._inside_by_columns(level, step, rows)
            else:
                rows = await self._each(level, step, rows)
            release(rows, level.plan.releases[step.index])
        return rows

    async def _each(self, level: Level, step: Step, rows: Sequence[Row]) -> Sequence[Row]:
        async def one(place: int) -> bool:
            await self._step(level, step, rows[place])
            return rows[place].failure is None or level.collects

        await pull(one, len(rows), self._limit)
        return _alive(level, rows)

    async def _inside_by_columns(
        self, level: Level, step: Step, rows: Sequence[Row]
    ) -> Sequence[Row]:
        insides = [inside for row in rows if (inside := enter(level, step, row)) is not None]
        children = [inside.children[0] for inside in insides]
        if children:
            await self._step_by_step(insides[0].inner, children)
        for inside in insides:
            inside.leave(inside.seconds / len(insides))
        return _alive(level, rows)

    async def _batch(self, level: Level, step: Step, rows: Sequence[Row]) -> Sequence[Row]:
        missing = [row for row in rows if step.index not in row.found]
        for row in rows:
            if step.index in row.found:
                tell_hit(level, step, row)
        try:
            waits = isinstance(step.node, DualNode) and step.node.is_batch_async
            await self._aside(execute_batch, level, step, missing, is_async=waits)
        except Exception as caught:
            error = unwrap(caught)
            for row in missing if level.collects else missing[:1]:
                row.fail(error, step.path)
        return _alive(level, rows)

    async def _steps(self, level: Level, row: Row) -> None:
        """Take *row* through all steps; those that need not wait for each other overlap."""
        plan = level.plan
        if not (plan.has_branches if self._has_threads else plan.has_async_branches):
            for step in plan.steps:
                await self._step(level, step, row)
                if row.failure is not None:
                    return
                release([row], plan.releases[step.index])
            return
        await overlap(level, row, lambda step, tell: self._step(level, step, row, tell))

    async def _step(self, level: Level, step: Step, row: Row, tell: Any = None) -> None:
        """Carry out *step* for *row*; a failure is kept in the row."""
        if tell is not None:
            row.tell = tell
        if step.nested is not None:
            await self._inside(level, step, row, tell)
            return
        if level.is_cached(step):
            recall(level, step, [row])
        if step.index in row.found:
            tell_hit(level, step, row)
            return
        async with self._flight(row.keys.get(step.index)):
            await self._execute(level, step, row, tell)

    @contextlib.asynccontextmanager
    async def _flight(self, key: Signature | None) -> AsyncIterator[None]:
        """Wait while another item makes what *key* stands for; then nobody else does."""
        while key is not None and key in self._flights:
            await self._flights[key].wait()
        if key is None:
            yield
            return
        self._flights[key] = landed = asyncio.Event()
        try:
            yield
        finally:
            del self._flights[key]
            landed.set()

    async def _execute(self, level: Level, step: Step, row: Row, tell: Any) -> None:
        if tell is not None:
            row.tell = tell
        attempt = None
        try:
            attempt = begin(level, step, row)
            if attempt is None:
                return
            outputs = await self._call(level, step, row, attempt.arguments)
            if tell is not None:
                row.tell = tell
            attempt.complete(outputs)
        except Exception as caught:
            error = unwrap(caught)
            if tell is not None:
                row.tell = tell
            if attempt is not None:
                attempt.fail(error)
            else:
                annotate(error, step.name, step.path, row.items)
                tell_failed(level, step, row, error)
            row.fail(error, step.path)

    async def _inside(self, level: Level, step: Step, row: Row, tell: Any) -> None:
        """Carry out the pipeline inside *step*."""
        inside = enter(level, step, row)
        if inside is None:
            return
        inner, children = inside.inner, inside.children
        if inside.travels:
            await asyncio.to_thread(inside.send)
        elif read_nested(step).map_over:
            resolve(inner, children)
            if inner.plan.needs_columns:
                await self._by_columns(inner, children)
            else:
                await self._by_items(inner, children, in_map=True)
        else:
            await self._steps(inner, children[0])
        if tell is not None:
            row.tell = tell
        inside.leave(inside.seconds)

    async def _call(
        self, level: Level, step: Step, row: Row, arguments: dict[str, Any]
    ) -> tuple[Any, ...]:
        """Return the outputs of *step*."""
        is_async = step.node is not None and step.node.is_async
        if "hypernodes_execute_step" in level.context.rules.hooks:
            # plugins go around plain calls, so a coroutine is waited for in a thread
            return await self._aside(make_outputs, level, step, row, arguments, is_async=is_async)
        if is_async:
            async with self._calls:
                return match_outputs(step, await call_function(step, arguments))
        return match_outputs(step, await self._aside(call_plain, step, arguments))

    async def _aside(self, call: Callable[..., T], *arguments: Any, is_async: bool = False) -> T:
        """Call in a thread where that is asked for, or where a coroutine is waited for there."""
        if not (self._has_threads or is_async):
            return call_wrapped(call, *arguments)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._limit, thread_name_prefix="hypernodes")
        return await call_beside(self._pool, call, *arguments)


def _alive(level: Level, rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows to carry on: all unharmed ones, or those before the first failure."""
    if level.collects:
        return unharmed(rows)
    ended = next((n for n, row in enumerate(rows) if row.failure is not None), len(rows))
    return rows[:ended]


def _needs_columns(step: Step) -> bool:
    nested = step.nested
    return nested is not None and not nested.map_over and nested.plan.needs_columns
