"""Threads of this process: chunks through Dask's threaded scheduler.

    driver --chunks--> queue --> lanes, one task of the graph each
    driver <-------- results ------+

The graph that Dask sees holds one *lane* per thread and no value of a user:
what Dask would take for a task, a key or something to hash never comes near
it.  A lane takes chunks until there are no more, so chunks are made only when
there is room, and their size can follow what the first ones took.
"""

from __future__ import annotations

import contextlib
import contextvars
import queue
from typing import TYPE_CHECKING, Final

from hypernodes.execution import run_chunk
from hypernodes_dask.threads import Lanes, Threads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from hypernodes.execution import Chunk, ChunkResult, Context
    from hypernodes.plan import Plan

_NOTHING_LEFT: Final = -1
_NO_FAILURE: Final = float("inf")
_WAKE_SECONDS: Final = 0.5


def carry_on_threads(
    plan: Plan, chunks: Iterable[Chunk], context: Context, threads: Threads, width: int
) -> Iterator[ChunkResult]:
    """Carry out *chunks* on *width* of *threads*; yield results as they are ready.

    Chunks are taken by the calling thread, one ahead of each busy one.  After
    a failure later chunks are neither taken nor begun.  Closing the generator
    waits for what runs, except after an interrupt, since a thread cannot be
    stopped.

    Raises:
        BaseException: An interrupt that a user's function raised.
    """
    lanes = _Lanes(plan, context, threads, width)
    is_interrupted = False
    try:
        yield from lanes.carry(iter(chunks))
    except KeyboardInterrupt:
        is_interrupted = True
        raise
    finally:
        lanes.close(wait=not is_interrupted)


class _Lanes:
    """The tasks of one run that take chunks and give results."""

    def __init__(self, plan: Plan, context: Context, threads: Threads, width: int) -> None:
        self._plan = plan
        self._context = context
        self._threads = threads
        self._width = width
        self._around = contextvars.copy_context()
        self._waiting: queue.SimpleQueue[Chunk | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[ChunkResult | BaseException | None] = queue.SimpleQueue()
        self._last: float = _NO_FAILURE
        self._scheduler: Future[None] | None = None

    def carry(self, chunks: Iterator[Chunk]) -> Iterator[ChunkResult]:
        under_way = finished = 0
        is_open = True
        while True:
            # what waits has the size that was right when it was taken, so little waits at first
            room = self._width if finished < 2 * self._width else 2 * self._width
            while is_open and under_way < room:
                chunk = next(chunks, None)
                is_open = chunk is not None
                if chunk is not None:
                    under_way += 1
                    self._send(chunk)
            if not under_way:
                return
            result = self._receive()
            if isinstance(result, BaseException):
                raise result
            under_way, finished = under_way - 1, finished + 1
            if result is None:
                continue
            if result.failure is not None:
                self._last, is_open = min(self._last, result.index), False
            yield result

    def _receive(self) -> ChunkResult | BaseException | None:
        while True:
            # a signal that came just before is only seen when this thread wakes up
            with contextlib.suppress(queue.Empty):
                return self._done.get(timeout=_WAKE_SECONDS)

    def close(self, wait: bool) -> None:
        """Begin nothing more; *wait* until nothing runs."""
        self._last = _NOTHING_LEFT
        for _ in range(self._width):
            self._waiting.put(None)
        if self._scheduler is not None and wait:
            self._scheduler.result()

    def _send(self, chunk: Chunk) -> None:
        self._waiting.put(chunk)
        if self._scheduler is None:
            self._scheduler = self._threads.submit(self._schedule)

    def _schedule(self) -> None:
        # deferred: Dask is only needed once something is mapped
        import dask

        # deferred, as above
        from dask.threaded import get

        graph = {("hypernodes-lane", number): (self._lane,) for number in range(self._width)}
        pool = dask.config.get("pool", None) or Lanes(self._threads, self._width)
        try:
            self._around.run(get, graph, list(graph), pool=pool)
        except BaseException as error:
            self._done.put(error)

    def _lane(self) -> None:
        while (chunk := self._waiting.get()) is not None:
            if chunk.index > self._last:
                self._done.put(None)
                continue
            try:
                # a chunk must not see the context variables that another one set
                self._done.put(self._around.copy().run(self._carry_out, chunk))
            except BaseException as error:
                self._done.put(error)

    def _carry_out(self, chunk: Chunk) -> ChunkResult:
        with contextlib.closing(self._context.beside()) as context:
            return run_chunk(self._plan, chunk, context)
