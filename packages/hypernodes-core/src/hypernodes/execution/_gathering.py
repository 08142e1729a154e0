"""Chunks on their way to whoever carries them out, and back into item order.

Results come in any order; rows, events and the failure that counts leave in
item order.  This module decides what is told when; where chunks are carried
out is the engine's business.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from hypernodes.execution._context import Context
from hypernodes.execution._errors import Failure
from hypernodes.execution._open_run import tell_finished
from hypernodes.execution._pace import Pace
from hypernodes.execution._records import Chunk, ChunkResult
from hypernodes.execution._request import Request
from hypernodes.execution._results import FailedItem
from hypernodes.protocols import Engine


class Gathering:
    """Chunks on their way out, and their results on the way back into item order.

    Iterating carries out the map and gives the rows in item order, some at a
    time, up to the lowest failing item; `end` then says how it went.

    Args:
        engine: Carries out the chunks.
        context: The run.
        request: What is asked for.
        pace: How many items travel together.
    """

    def __init__(self, engine: Engine, context: Context, request: Request, pace: Pace) -> None:
        self._engine = engine
        self._context = context
        self._request = request
        self._pace = context.pace(request.plan, pace)
        self._sent: dict[int, Chunk] = {}
        self._failure: Failure | None = None
        self._ended_by: Exception | None = None
        self._started = time.perf_counter()

    def __iter__(self) -> Iterator[list[Any]]:
        waiting: dict[int, ChunkResult] = {}
        through = 0
        results = self._engine.submit(self._request.plan, self._chunks(), self._context)
        with contextlib.ExitStack() as ending:
            # an engine cancels what is still on its way when its generator is closed
            ending.callback(getattr(results, "close", lambda: None))
            for result in results:
                self._pace.note(len(result.rows), result.seconds)
                count_chunk(self._context, result)
                waiting[result.index] = result
                while through in waiting:
                    ready = waiting.pop(through)
                    self._tell_events(ready)
                    yield self._rows(self._sent.pop(through), ready)
                    through += 1
                    if ready.failure is not None:
                        self._failure = ready.failure
                        return

    def end(self) -> None:
        """Tell observers that the run ended.

        Raises:
            Exception: That of the lowest failing item, instead, or of what gave the items.
        """
        if self._failure is not None:
            # here, not while iterating: a generator would change a StopIteration
            raise self._failure.error
        if self._ended_by is not None:
            raise self._ended_by
        tell_finished(self._context, {}, time.perf_counter() - self._started)

    def _chunks(self) -> Iterator[Chunk]:
        """Yield the chunks; the size of each is decided when it is taken."""
        try:
            for chunk in self._request.chunks(self._pace):
                self._sent[chunk.index] = chunk
                yield chunk
        except Exception as error:
            # raised in the end: engines are to finish the items that came before
            self._ended_by = error

    def _rows(self, chunk: Chunk, result: ChunkResult) -> list[Any]:
        if not self._context.rules.collects:
            return result.rows
        return [
            failed_item(chunk, offset, row) if isinstance(row, Failure) else row
            for offset, row in enumerate(result.rows)
        ]

    def _tell_events(self, result: ChunkResult) -> None:
        if self._context.tell is not None:
            for event in result.events:
                self._context.tell(event)


def count_chunk(context: Context, result: ChunkResult) -> None:
    """Tell observers how far the run is, where nobody did while the chunk was carried out."""
    if result.is_told or context.run is None:
        return
    failed = int(result.failure is not None)
    done = len(result.rows) + failed
    if context.rules.collects:
        failed += sum(isinstance(row, Failure) for row in result.rows)
    context.count(done, result.hits, failed)


def failed_item(chunk: Chunk, offset: int, failure: Failure) -> FailedItem:
    """Return what stands in the place of an item that failed."""
    own = {name: column[offset] for name, column in chunk.columns.items()}
    inputs = {**chunk.constants, **own}
    return FailedItem((chunk.first or 0) + offset, failure.error, failure.path, inputs)
