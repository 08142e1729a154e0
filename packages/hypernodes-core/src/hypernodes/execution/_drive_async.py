"""One call of ``arun`` or ``amap``, seen from the driver, on the running event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from hypernodes.execution._beside import WrappedError, call_wrapped, unwrap
from hypernodes.execution._concurrent import ConcurrentChunks
from hypernodes.execution._context import Context
from hypernodes.execution._errors import Failure, stand_in
from hypernodes.execution._gathering import count_chunk, failed_item
from hypernodes.execution._open_run import OpenRun, tell_finished
from hypernodes.execution._pace import Pace
from hypernodes.execution._records import Chunk, ChunkResult
from hypernodes.execution._request import Request, request_run
from hypernodes.execution._results import MapResults
from hypernodes.execution._rows import Row
from hypernodes.execution._step import load
from hypernodes.protocols import Engine

_USE_RUN: Final = "call run instead of awaiting arun"
_USE_MAP: Final = "call map, or collect failures with on_error='collect'"


async def run_async(
    engine: Engine,
    pipeline: Any,
    inputs: Mapping[str, Any] | None,
    output_name: str | Sequence[str] | None,
    *,
    limit: int,
    threads: bool,
) -> dict[str, Any]:
    """Run *pipeline* once on the running event loop; as `run_pipeline`.

    Steps that need not wait for each other overlap.  Cancelling cancels what
    is under way; finished results are in the cache.

    Raises:
        ExecutionError: A node raised `StopIteration`, which nothing that is
            awaited can raise; it is the cause.
    """
    found = await try_async(engine, pipeline, inputs, output_name, limit=limit, threads=threads)
    if isinstance(found, Failure):
        raise _awaited(found.error)
    return found


async def try_async(
    engine: Engine,
    pipeline: Any,
    inputs: Mapping[str, Any] | None,
    output_name: str | Sequence[str] | None,
    *,
    limit: int,
    threads: bool,
) -> dict[str, Any] | Failure:
    """As `run_async`, but return what a node raised: some exceptions cannot be raised here."""
    request = request_run(pipeline, inputs, output_name)
    result: ChunkResult | None = None
    try:
        with OpenRun(engine, pipeline, request) as context:
            started = time.perf_counter()
            with contextlib.closing(ConcurrentChunks(context, limit, threads)) as chunks:
                result = await chunks.carry(request.plan, request.whole())
            return _finish(context, result, started)
    except Exception as error:
        if result is None or result.failure is None or error is not result.failure.error:
            raise
        return result.failure


def _finish(context: Context, result: ChunkResult, started: float) -> dict[str, Any]:
    """Tell observers how a run went; return its outputs, or raise what made it fail."""
    _tell(context, result.events)
    if result.failure is not None:
        raise result.failure.error
    outputs: dict[str, Any] = result.rows[0]
    tell_finished(context, outputs, time.perf_counter() - started)
    return outputs


async def run_beside(
    engine: Engine,
    pipeline: Any,
    inputs: Mapping[str, Any] | None,
    output_name: str | Sequence[str] | None,
) -> dict[str, Any]:
    """Run *pipeline* in a thread, with an engine that has no event loop.

    Raises:
        ExecutionError: As for `run_async`.
    """
    try:
        found: dict[str, Any] = await asyncio.to_thread(
            call_wrapped, engine.run, pipeline, inputs, output_name
        )
    except WrappedError as wrapped:
        error = unwrap(wrapped)
    else:
        return found
    raise _awaited(error)


def _awaited(error: BaseException) -> BaseException:
    """Return *error*, or what stands for it where no coroutine can raise it."""
    return stand_in(error, _USE_RUN) if isinstance(error, StopIteration) else error


class AsyncMap(Coroutine[Any, Any, list[Any]]):
    """A map on the running event loop, which begins when it is awaited or iterated.

    Awaiting gives the list that ``map`` would, and a task may be made of it;
    iterating gives the same results in item order, each as soon as it and all
    before it are ready; `as_completed` gives (item, result) as they come.
    Good for one of these, once; one that nobody ever asks warns.

    Example:
        >>> import asyncio
        >>> from hypernodes import AsyncEngine, Pipeline, node
        >>> @node(output_name="reply")
        ... async def ask(question: str) -> str:
        ...     await asyncio.sleep(0)
        ...     return question.upper()
        >>> pipeline = Pipeline([ask], engine=AsyncEngine())
        >>> async def main():
        ...     return [row async for row in pipeline.amap({"question": ["a", "b"]}, "question")]
        >>> asyncio.run(main())
        [{'reply': 'A'}, {'reply': 'B'}]
    """

    def __init__(
        self,
        engine: Engine,
        pipeline: Any,
        request: Request,
        collects: bool,
        *,
        limit: int,
        threads: bool,
        pace: Pace,
    ) -> None:
        self._engine = engine
        self._pipeline = pipeline
        self._request = request
        self._collects = collects
        self._limit = limit
        self._threads = threads
        self._pace = pace
        self._is_begun = False
        self._awaited: Coroutine[Any, Any, list[Any]] | None = None

    def __await__(self) -> Any:
        return self._all().__await__()

    def send(self, value: Any, /) -> Any:
        """Go on; for tasks, which drive what they are made of."""
        return self._begun().send(value)

    def throw(self, kind: Any, error: Any = None, trace: Any = None, /) -> Any:
        """Go on with an exception; for tasks, too."""
        if error is None and trace is None:
            return self._begun().throw(kind)
        return self._begun().throw(kind, error, trace)

    def close(self) -> None:
        """End it, begun or not."""
        self._is_begun = True
        if self._awaited is not None:
            self._awaited.close()

    def __del__(self, warn: Callable[..., None] = warnings.warn) -> None:
        # made, but not to the end, where the class was given nonsense
        if not getattr(self, "_is_begun", True):
            message = (
                "a map of amap was never awaited, so nothing ran; await it, or iterate over it"
            )
            warn(message, RuntimeWarning, stacklevel=2, source=self)

    def _begun(self) -> Coroutine[Any, Any, list[Any]]:
        if self._awaited is None:
            self._awaited = self._all()
        return self._awaited

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._in_order()

    async def _all(self) -> list[Any]:
        found: list[Any] = MapResults() if self._collects else []
        found.extend([row async for row in self._in_order()])
        return found

    async def _in_order(self) -> AsyncIterator[Any]:
        waiting: dict[int, Any] = {}
        through = 0
        async with contextlib.aclosing(self.as_completed()) as arriving:
            async for item, row in arriving:
                waiting[item] = row
                while through in waiting:
                    yield waiting.pop(through)
                    through += 1

    async def as_completed(self) -> AsyncGenerator[tuple[int, Any], None]:
        """Yield (item, outputs) in the order in which items finish.

        Raises:
            Exception: What the lowest failing item raised, once all lower ones
                have been yielded, where failures are not collected.
            ExecutionError: Instead of `StopIteration` and `StopAsyncIteration`,
                which cannot come out of an iterator; they are the cause.
        """
        self._is_begun = True
        try:
            with OpenRun(self._engine, self._pipeline, self._request, self._collects) as context:
                started = time.perf_counter()
                chunks = ConcurrentChunks(context, self._limit, self._threads)
                with contextlib.closing(chunks):
                    async with contextlib.aclosing(self._arriving(context, chunks)) as arriving:
                        async for item, outputs in arriving:
                            if isinstance(outputs, Failure):
                                raise outputs.error
                            yield item, outputs
                tell_finished(context, {}, time.perf_counter() - started)
        except (StopIteration, StopAsyncIteration) as error:
            raise stand_in(error, _USE_MAP) from error

    async def _arriving(
        self, context: Context, chunks: ConcurrentChunks
    ) -> AsyncGenerator[tuple[int, Any], None]:
        """Yield the items of all chunks as they finish, and last the failure that counts."""
        request, pace = self._request, context.pace(self._request.plan, self._pace)
        for chunk in request.chunks(pace):
            begun = time.perf_counter()
            arriving = _arrivals(chunks, request, chunk, context)
            async with contextlib.aclosing(arriving):
                async for arrival in arriving:
                    yield arrival
            pace.note(chunk.size, time.perf_counter() - begun)


async def _arrivals(
    chunks: ConcurrentChunks, request: Request, chunk: Chunk, context: Context
) -> AsyncGenerator[tuple[int, Any], None]:
    """Yield the items of one chunk as they finish, and last the failure that counts."""
    arrived: asyncio.Queue[tuple[int, Any] | None] = asyncio.Queue()
    carrying = asyncio.create_task(
        chunks.carry(
            request.plan, chunk, lambda place, row: arrived.put_nowait((place, _outputs(row)))
        )
    )
    carrying.add_done_callback(lambda _task: arrived.put_nowait(None))
    seen: set[int] = set()
    try:
        while (each := await arrived.get()) is not None:
            place, outputs = each
            if isinstance(outputs, Failure):
                if not context.rules.collects:
                    continue
                outputs = failed_item(chunk, place, outputs)
            seen.add(place)
            yield (chunk.first or 0) + place, outputs
        result = await carrying
    finally:
        # whoever stops iterating, or is cancelled, stops the work
        carrying.cancel()
        await asyncio.wait([carrying])
        if not carrying.cancelled():
            # looked at: an interrupt in a function has come out of the loop itself
            carrying.exception()
    count_chunk(context, result)
    _tell(context, result.events)
    for place, row in enumerate(result.rows):
        if place not in seen:
            outputs = failed_item(chunk, place, row) if isinstance(row, Failure) else row
            yield (chunk.first or 0) + place, outputs
    if result.failure is not None:
        yield result.failure.item or 0, result.failure


def _outputs(row: Any) -> Any:
    """Return the outputs of what arrived, or its failure."""
    if not isinstance(row, Row):
        return row
    if row.failure is not None:
        return row.failure
    names = row.level.plan.outputs
    load([(row, name) for name in names])
    return {name: row.values[name] for name in names}


def _tell(context: Context, events: Sequence[Any]) -> None:
    for event in events:
        if context.tell is not None:
            context.tell(event)
