"""The engine for code that waits: items and steps overlap on one event loop."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from hypernodes.engines._options import read_cache, read_callbacks, read_check_mutation
from hypernodes.execution import (
    Chunk,
    ChunkResult,
    Context,
    CoroutineRunner,
    Failure,
    Pace,
    Recordable,
    map_pipeline,
    read_on_error,
    request_map,
)
from hypernodes.values import UNSET, Unset

if TYPE_CHECKING:
    from hypernodes.execution import AsyncMap
    from hypernodes.graph import MapMode
    from hypernodes.pipeline import Pipeline
    from hypernodes.plan import Plan
    from hypernodes.protocols import Cache

#: Few enough that the end of a chunk, where workers wait for the last one, is rare.
_CHUNK_ITEMS: Final = 10_000


class AsyncEngine(Recordable):
    """Runs coroutine functions side by side on one event loop.

    Results, keys and events are those of `SeqEngine`.  Items of a map overlap,
    and so do nodes that do not wait for each other.  Plain functions run in
    the thread of the loop, one at a time, unless *threads* is set.  Works
    inside a running loop too, where `Pipeline.arun` and `Pipeline.amap` are
    awaited on that loop, while ``run`` and ``map`` block it.

    Args:
        max_concurrency: How many coroutines of functions run at once, and how
            many items are under way.
        threads: Run plain functions in so many threads, so that those that
            wait for files or networks overlap as well.
        cache: As for `SeqEngine`.
        callbacks: As for `SeqEngine`; an item's events come together, once
            it and all earlier items are finished.
        strict: As for `SeqEngine`.
        salt: As for `SeqEngine`.
        check_mutation: As for `SeqEngine`.

    Raises:
        ValueError: *max_concurrency* is no positive number.

    Example:
        >>> import asyncio
        >>> from hypernodes import Pipeline, node
        >>> @node(output_name="answer")
        ... async def ask(question: str) -> str:
        ...     await asyncio.sleep(0.01)
        ...     return question[::-1]
        >>> pipeline = Pipeline([ask], engine=AsyncEngine(max_concurrency=50))
        >>> pipeline.map({"question": ["ab", "cd"]}, map_over="question")
        [{'answer': 'ba'}, {'answer': 'dc'}]
    """

    is_inline: Final = False

    def __init__(
        self,
        max_concurrency: int = 100,
        threads: bool = False,
        cache: Cache | str | os.PathLike[str] | Unset | None = UNSET,
        callbacks: Sequence[Any] | Unset | None = UNSET,
        strict: bool = False,
        salt: str = "",
        check_mutation: Literal["auto", "always", "never"] = "auto",
    ) -> None:
        self.max_concurrency: int = _read_limit(max_concurrency)
        self.threads = threads
        self.cache: Cache | Unset | None = read_cache(cache)
        self.callbacks: Sequence[Any] | Unset | None = read_callbacks(callbacks)
        self.strict = strict
        self.salt = salt
        self.check_mutation = read_check_mutation(check_mutation)

    def run(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any] | None = None,
        output_name: str | Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Run *pipeline* once and wait for it; see `Pipeline.run`."""
        # deferred: pipelines that never wait need no event loop
        from hypernodes.execution import try_async

        with contextlib.closing(CoroutineRunner()) as runner:
            found = runner.run(
                try_async(
                    self,
                    pipeline,
                    inputs,
                    output_name,
                    limit=self.max_concurrency,
                    threads=self.threads,
                )
            )
        if isinstance(found, Failure):
            raise found.error
        return found

    def map(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any] | None,
        map_over: str | Sequence[str],
        map_mode: MapMode = "zip",
        output_name: str | Sequence[str] | None = None,
        *,
        on_error: str = "raise",
    ) -> list[Any]:
        """Run *pipeline* once per item and wait for all; see `Pipeline.map`."""
        return map_pipeline(
            self,
            pipeline,
            inputs,
            map_over,
            map_mode,
            output_name,
            on_error=on_error,
            pace=self._pace(),
        )

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Carry out one chunk after another, the items of each side by side."""
        # deferred: pipelines that never wait need no event loop
        from hypernodes.execution import ConcurrentChunks

        async def carry(chunk: Chunk) -> ChunkResult:
            concurrent = ConcurrentChunks(context, self.max_concurrency, self.threads)
            with contextlib.closing(concurrent):
                return await concurrent.carry(plan, chunk)

        with contextlib.closing(CoroutineRunner()) as runner:
            for chunk in chunks:
                yield runner.run(carry(chunk))

    async def arun(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any] | None = None,
        output_name: str | Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Run *pipeline* once on the running event loop; see `Pipeline.arun`."""
        # deferred: pipelines that never wait need no event loop
        from hypernodes.execution import run_async

        return await run_async(
            self,
            pipeline,
            inputs,
            output_name,
            limit=self.max_concurrency,
            threads=self.threads,
        )

    def amap(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any] | None,
        map_over: str | Sequence[str],
        map_mode: MapMode = "zip",
        output_name: str | Sequence[str] | None = None,
        *,
        on_error: str = "raise",
    ) -> AsyncMap:
        """Return the map, to be awaited or iterated; see `Pipeline.amap`."""
        # deferred: pipelines that never wait need no event loop
        from hypernodes.execution import AsyncMap

        return AsyncMap(
            self,
            pipeline,
            request_map(pipeline, inputs, map_over, map_mode, output_name),
            read_on_error(on_error),
            limit=self.max_concurrency,
            threads=self.threads,
            pace=self._pace(),
        )

    def _pace(self) -> Pace:
        return Pace(_CHUNK_ITEMS, most=_CHUNK_ITEMS, overlaps=self._overlaps)

    def _overlaps(self, plan: Plan) -> bool:
        return self.threads or plan.is_async

    def __repr__(self) -> str:
        return (
            f"AsyncEngine(max_concurrency={self.max_concurrency}, threads={self.threads}, "
            f"cache={self.cache!r}, callbacks={self.callbacks!r})"
        )


def _read_limit(limit: int) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        msg = f"max_concurrency must be a positive whole number, got {limit!r}"
        raise ValueError(msg)
    return limit
