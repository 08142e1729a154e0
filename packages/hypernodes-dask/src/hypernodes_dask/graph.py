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
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from hypernodes.execution import run_chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hypernodes.execution import Chunk, ChunkResult, Context
    from hypernodes.plan import Plan

_NOTHING_LEFT: Final = -1
_NO_FAILURE: Final = float("inf")


def carry_on_threads(
    plan: Plan, chunks: Iterable[Chunk], context: Context, width: int
) -> Iterator[ChunkResult]:
    """Carry out *chunks* on *width* threads; yield results as they are ready.

    Chunks are taken by the calling thread, one ahead of each busy one.  After
    a failure later chunks are neither taken nor begun.  Closing the generator
    waits for what runs, except after an interrupt, since a thread cannot be
    stopped.

    Raises:
        BaseException: An interrupt that a user's function raised.
    """
    lanes = _Lanes(plan, context, width)
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

    def __init__(self, plan: Plan, context: Context, width: int) -> None:
        self._plan = plan
        self._context = context
        self._width = width
        self._around = contextvars.copy_context()
        self._waiting: queue.SimpleQueue[Chunk | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[ChunkResult | BaseException | None] = queue.SimpleQueue()
        self._last: float = _NO_FAILURE
        self._scheduler: threading.Thread | None = None

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
            result = self._done.get()
            if isinstance(result, BaseException):
                raise result
            under_way, finished = under_way - 1, finished + 1
            if result is None:
                continue
            if result.failure is not None:
                self._last, is_open = min(self._last, result.index), False
            yield result

    def close(self, wait: bool) -> None:
        """Begin nothing more; *wait* until nothing runs."""
        self._last = _NOTHING_LEFT
        for _ in range(self._width):
            self._waiting.put(None)
        if self._scheduler is not None and wait:
            self._scheduler.join()

    def _send(self, chunk: Chunk) -> None:
        self._waiting.put(chunk)
        if self._scheduler is None:
            self._scheduler = threading.Thread(
                target=self._schedule, name="hypernodes-dask", daemon=True
            )
            self._scheduler.start()

    def _schedule(self) -> None:
        # deferred: Dask is only needed once something is mapped
        from dask.threaded import get

        graph = {("hypernodes-lane", number): (self._lane,) for number in range(self._width)}
        try:
            with _thread_pool(self._width) as pool:
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


def _thread_pool(width: int) -> contextlib.AbstractContextManager[Any]:
    """Return the pool that Dask is configured to use, else one for this run."""
    # deferred: see above
    import dask

    configured = dask.config.get("pool", None)
    if configured is not None:
        return contextlib.nullcontext(configured)
    return ThreadPoolExecutor(width, thread_name_prefix="hypernodes-dask")
