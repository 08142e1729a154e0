"""Chunks in this process: their numbers travel through Daft, their values stay here.

    driver                        Daft                      threads of the run
    chunk --> ticket of a number  a row per number waits
                             -->  for its ticket       -->  carry out its chunk
    results, as they come  <------------------------------  lay its result on the desk

The UDF is a coroutine: it never holds one of Daft's own threads while it
waits.  Daft has as many as processors for all queries of the process, and a
chunk that runs a query of its own would wait for itself.  For the same reason
a query may begin before anybody knows how large its last chunks will be.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import itertools
import queue
import threading
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from hypernodes.errors import ExecutionError
from hypernodes.execution import Chunk, ChunkResult, Context, run_chunk
from hypernodes.plan import Plan
from hypernodes_daft.options import DaftOptions
from hypernodes_daft.runtime import execution_config, load_daft

_NO_END: Final = float("inf")
#: One is carried out while the next one waits.
_CHUNKS_PER_WORKER: Final = 2
#: A row that stays empty costs little, a query that could have been spared costs a lot.
_ROWS_AT_ONCE: Final = 16
_desks: dict[str, Desk] = {}


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
        token: What stands for it in queries.
        last: The number of the lowest chunk that failed; later ones are not begun.
        under_way: How many chunks were laid on it and not taken.
    """

    def __init__(self, plan: Plan, context: Context, options: DaftOptions, workers: int) -> None:
        self.token: str = uuid.uuid4().hex
        self.last: float = _NO_END
        self.under_way: int = 0
        self.threads: ThreadPoolExecutor = ThreadPoolExecutor(
            workers, thread_name_prefix="hypernodes-daft"
        )
        self.tickets: dict[int, Ticket] = {}
        self._plan = plan
        self._context = context
        self._options = options
        self._by_row = not (options.use_batch_udf or plan.needs_columns)
        self._laid: deque[tuple[Work, int]] = deque()
        self._free: deque[Ticket] = deque()
        self._numbers = itertools.count()
        self._results: queue.SimpleQueue[ChunkResult | BaseException | None] = queue.SimpleQueue()
        self._queries: list[threading.Thread] = []
        # functions see the context variables of who called map
        self._variables = contextvars.copy_context()

    @contextlib.contextmanager
    def attended(self) -> Iterator[None]:
        """Be found under the token; at the end nothing of the run is left running."""
        _desks[self.token] = self
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
        for ticket in self._free:
            ticket.set_result(None)
        for query in self._queries if wait else ():
            query.join()
        self.threads.shutdown(wait=wait)
        del _desks[self.token]

    def lay(self, chunk: Chunk) -> None:
        """Take *chunk*, to be handed out."""
        work = Work(chunk, self._by_row)
        self._laid.extend((work, place) for place in range(work.parts))
        self.under_way += 1

    def hand_out(self, *, is_last: bool) -> None:
        """Let rows of queries have what was laid; ask for more rows where they run short."""
        lacking = len(self._laid) - len(self._free)
        if lacking > 0:
            self._ask_daft(lacking if is_last else max(lacking, _ROWS_AT_ONCE))
        while self._laid:
            self._free.popleft().set_result(self._laid.popleft())

    def _ask_daft(self, count: int) -> None:
        """Start a query of so many rows; each waits for what it is to carry out."""
        numbers = list(itertools.islice(self._numbers, count))
        tickets: list[Ticket] = [Future() for _ in numbers]
        self.tickets.update(zip(numbers, tickets, strict=True))
        self._free.extend(tickets)
        # not a daemon: Daft aborts a process that ends in the middle of a query
        query = threading.Thread(target=self._query, args=(numbers,))
        self._queries = [each for each in self._queries if each.is_alive()]
        self._queries.append(query)
        query.start()

    def _query(self, numbers: Sequence[int]) -> None:
        try:
            with execution_config(self._options.execution_config):
                ask(numbers, self.token).collect()
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


#: What a row waits for: its part of a chunk, or None where it is not needed.
Ticket = Future[tuple[Work, int] | None]


def ask(numbers: Sequence[int], token: str) -> Any:
    """Return the lazy DataFrame whose rows are what is to be carried out."""
    daft = load_daft()
    return daft.from_pydict({"chunk": list(numbers)}).select(_udf()(daft.col("chunk"), token))


async def carry_row(chunk: int, token: str) -> int:
    """Wait until a thread of the run of *token* has carried out *chunk*."""
    desk = _desks.get(token)
    if desk is None:
        msg = "the values of this run are in another process; make the engine with runner='ray'"
        raise ExecutionError(msg)
    found = await asyncio.wrap_future(desk.tickets.pop(chunk))
    if found is not None:
        await asyncio.get_running_loop().run_in_executor(desk.threads, desk.carry_out, *found)
    return chunk


@functools.cache
def _udf() -> Any:
    daft = load_daft()
    return daft.func(carry_row, return_dtype=daft.DataType.int64())
