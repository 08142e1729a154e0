"""One call of ``arun`` or ``amap``, seen from the driver, on the running event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

from hypernodes.execution._concurrent import ConcurrentChunks
from hypernodes.execution._context import Context
from hypernodes.execution._errors import Failure
from hypernodes.execution._gathering import failed_item
from hypernodes.execution._open_run import OpenRun, tell_finished
from hypernodes.execution._pace import Pace
from hypernodes.execution._records import Chunk
from hypernodes.execution._request import Request, request_run
from hypernodes.execution._results import MapResults
from hypernodes.execution._rows import Row
from hypernodes.execution._step import load
from hypernodes.protocols import Engine


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
    """
    request = request_run(pipeline, inputs, output_name)
    with OpenRun(engine, pipeline, request) as context:
        started = time.perf_counter()
        with contextlib.closing(ConcurrentChunks(context, limit, threads)) as chunks:
            result = await chunks.carry(request.plan, request.whole())
        _tell(context, result.events)
        if result.failure is not None:
            raise result.failure.error
        outputs: dict[str, Any] = result.rows[0]
        tell_finished(context, outputs, time.perf_counter() - started)
    return outputs


class AsyncMap:
    """A map on the running event loop, which begins when it is awaited or iterated.

    Awaiting gives the list that ``map`` would; iterating gives the same
    results in item order, each as soon as it and all before it are ready;
    `as_completed` gives (item, result) as they come.  Good for one of these,
    once.

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

    def __await__(self) -> Any:
        return self._all().__await__()

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
        """
        request = self._request
        with OpenRun(self._engine, self._pipeline, request, self._collects) as context:
            started = time.perf_counter()
            pace = context.pace(request.plan, self._pace)
            chunks = ConcurrentChunks(context, self._limit, self._threads)
            with contextlib.closing(chunks):
                for chunk in request.chunks(pace):
                    begun = time.perf_counter()
                    arriving = _arrivals(chunks, request, chunk, context)
                    async with contextlib.aclosing(arriving):
                        async for arrival in arriving:
                            yield arrival
                    pace.note(chunk.size, time.perf_counter() - begun)
            tell_finished(context, {}, time.perf_counter() - started)


async def _arrivals(
    chunks: ConcurrentChunks, request: Request, chunk: Chunk, context: Context
) -> AsyncGenerator[tuple[int, Any], None]:
    """Yield the items of one chunk as they finish."""
    arrived: asyncio.Queue[tuple[int, Any] | None] = asyncio.Queue()
    carrying = asyncio.create_task(
        chunks.carry(request.plan, chunk, lambda place, row: arrived.put_nowait((place, row)))
    )
    carrying.add_done_callback(lambda _task: arrived.put_nowait(None))
    seen: set[int] = set()
    try:
        while (each := await arrived.get()) is not None:
            place, row = each
            outputs = _outputs(row)
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
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await carrying
    _tell(context, result.events)
    for place, row in enumerate(result.rows):
        if place not in seen:
            outputs = failed_item(chunk, place, row) if isinstance(row, Failure) else row
            yield (chunk.first or 0) + place, outputs
    if result.failure is not None:
        raise result.failure.error


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
