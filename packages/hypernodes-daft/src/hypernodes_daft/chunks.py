"""Chunks in this process: their numbers travel through Daft, their values stay here.

    driver                        Daft                      threads of the run
    chunk                    -->  the next row that asks -> carry out its chunk
    results, as they come  <------------------------------  lay its result on the desk

The UDF is a coroutine: it never holds one of Daft's own threads while a chunk
is carried out, which may run a query of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import itertools
import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from hypernodes.execution import Chunk, ChunkResult, Context, run_chunk
from hypernodes.plan import Plan
from hypernodes_daft.options import DaftOptions
from hypernodes_daft.queries import Query, next_of
from hypernodes_daft.runtime import load_daft

_NO_END: Final = float("inf")
#: One is carried out while the next one waits.
_CHUNKS_PER_WORKER: Final = 2
#: A row that stays empty costs little, a query that could have been spared costs a lot.
_ROWS_AT_ONCE: Final = 16


def carry_in_process(
    plan: Plan, chunks: Iterable[Chunk], context: Context, options: DaftOptions, workers: int
) -> Iterator[ChunkResult]:
    """Have *chunks* carried out by threads of this process, through Daft; yield their results.

    Takes chunks only as there is room.  After a failure that ends the map,
    chunks behind it are neither taken nor begun.

    Args:
        plan: What is done.
        chunks: The items.
        context: The run.
        options: How they go through Daft.
        workers: How many chunks at once.
    """
    desk = Desk(plan, context, options, workers)
    source = iter(chunks)
    is_open = True
    with desk.attended():
        while is_open or desk.under_way:
            while is_open and desk.under_way < workers * _CHUNKS_PER_WORKER:
                chunk = next(source, None)
                is_open = chunk is not None and desk.last == _NO_END
                if chunk is not None and is_open:
                    desk.lay(chunk)
            desk.hand_out(is_last=not is_open)
            if desk.under_way:
                result = desk.take()
                if result is not None:
                    yield result


class Desk:
    """What one run has under way in this process.

    Args:
        plan: What is done.
        context: The run.
        options: How chunks go through Daft.
        workers: How many chunks at once.

    Attributes:
        last: The number of the lowest chunk that failed; later ones are not begun.
        under_way: How many chunks were laid on it and not taken.
    """

    def __init__(self, plan: Plan, context: Context, options: DaftOptions, workers: int) -> None:
        self.last: float = _NO_END
        self.under_way: int = 0
        self.threads: ThreadPoolExecutor = ThreadPoolExecutor(
            workers, thread_name_prefix="hypernodes-daft"
        )
        self._plan = plan
        self._context = context
        self._options = options
        self._by_row = not (options.use_batch_udf or plan.needs_columns)
        self._laid: deque[tuple[Work, int]] = deque()
        self._results: queue.SimpleQueue[ChunkResult | BaseException | None] = queue.SimpleQueue()
        self._queries: list[Query] = []
        # functions see the context variables of who called map
        self._variables = contextvars.copy_context()

    @contextlib.contextmanager
    def attended(self) -> Iterator[None]:
        """Serve rows; at the end nothing of the run is left running."""
        try:
            yield
        except (Exception, GeneratorExit):
            self._leave(wait=True)
            raise
        except BaseException:
            # who interrupts does not wait for what cannot be stopped
            self._leave(wait=False)
            raise
        else:
            self._leave(wait=True)

    def _leave(self, *, wait: bool) -> None:
        self.last = -1
        for query in self._queries:
            query.end()
        for query in self._queries if wait else ():
            query.join()
        self.threads.shutdown(wait=wait)

    def lay(self, chunk: Chunk) -> None:
        """Take *chunk*, to be handed out."""
        work = Work(chunk, self._by_row)
        self._laid.extend((work, place) for place in range(work.parts))
        self.under_way += 1

    def hand_out(self, *, is_last: bool) -> None:
        """Let rows of queries have what was laid; ask for more rows where they run short."""
        while self._laid:
            if not (self._queries and self._queries[-1].room):
                self._ask_daft(len(self._laid) if is_last else max(len(self._laid), _ROWS_AT_ONCE))
            work, place = self._laid[0]
            if not self._queries[-1].give(work.chunk.index, (self, work, place)):
                # it broke, and `take` tells why
                return
            self._laid.popleft()

    def _ask_daft(self, rows: int) -> None:
        self._queries = [each for each in self._queries if each.is_alive]
        self._queries.append(Query(rows, self._query, self._options.execution_config))

    def _query(self, query: Query) -> None:
        try:
            ask(query.rows, query.token).collect()
        except BaseException as error:
            self._results.put(error)

    def take(self) -> ChunkResult | None:
        """Wait for the next chunk to end; return None for one that was not carried out.

        Raises:
            BaseException: What a chunk, or Daft, raised.
        """
        found = self._results.get()
        self.under_way -= 1
        if isinstance(found, BaseException):
            raise found
        return found

    def carry_out(self, work: Work, place: int) -> None:
        """Carry out one part of a chunk; nothing is raised."""
        try:
            piece = work.piece(place) if work.chunk.index <= self.last else None
            part = None if piece is None else self._variables.copy().run(self._run, piece)
            if part is not None and part.failure is not None:
                self.last = min(self.last, work.chunk.index)
            if work.add(place, part):
                self._results.put(work.result())
        except BaseException as error:
            self.last = -1
            self._results.put(error)

    def _run(self, chunk: Chunk) -> ChunkResult:
        with contextlib.closing(self._context.beside()) as context:
            return run_chunk(self._plan, chunk, context)


class Work:
    """A chunk, and what has come of its parts: all of it at once, or an item each.

    Args:
        chunk: The items.
        by_row: Whether each item is carried out by itself.

    Attributes:
        parts: How many there are.
    """

    def __init__(self, chunk: Chunk, by_row: bool) -> None:
        self.chunk = chunk
        self.parts: int = chunk.size if by_row else 1
        self._by_row = by_row
        self._made: list[ChunkResult | None] = [None] * self.parts
        self._left = self.parts
        self._last = self.parts
        self._lock = threading.Lock()

    def piece(self, place: int) -> Chunk | None:
        """Return what is to be done at *place*; None behind a failure."""
        if place > self._last:
            return None
        if not self._by_row:
            return self.chunk
        chunk = self.chunk
        columns = {name: [column[place]] for name, column in chunk.columns.items()}
        number = chunk.numbers[place]
        return Chunk(chunk.index, number, 1, columns, chunk.constants)

    def add(self, place: int, part: ChunkResult | None) -> bool:
        """Take what came of a part; say whether it was the last one."""
        with self._lock:
            self._made[place] = part
            if part is not None and part.failure is not None:
                self._last = min(self._last, place)
            self._left -= 1
            return self._left == 0

    def result(self) -> ChunkResult | None:
        """Return what came of the chunk, in item order; None if it was not carried out."""
        made = list(itertools.takewhile(lambda part: part is not None, self._made))
        parts = [part for part in made[: self._last + 1] if part is not None]
        is_whole = len(parts) == self.parts or (parts and parts[-1].failure is not None)
        if not is_whole:
            return None
        return ChunkResult(
            index=self.chunk.index,
            rows=[row for part in parts for row in part.rows],
            hits=sum(part.hits for part in parts),
            failure=parts[-1].failure,
            events=[event for part in parts for event in part.events],
            seconds=sum(part.seconds for part in parts),
        )


def ask(count: int, token: str) -> Any:
    """Return the lazy DataFrame with a row for each part that is to be carried out."""
    daft = load_daft()
    frame = daft.from_pydict({"chunk": list(range(count))})
    return frame.select(_udf()(daft.col("chunk"), token))


async def carry_row(chunk: int, token: str) -> int:
    """Wait until a thread of the run of *token* has carried out what this row was given."""
    found = await next_of(token)
    if found is not None:
        desk, work, place = found
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(desk.threads, desk.carry_out, work, place)
    return chunk


@functools.cache
def _udf() -> Any:
    daft = load_daft()
    return daft.func(carry_row, return_dtype=daft.DataType.int64())
