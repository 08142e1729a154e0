"""The engine: what users make, and what it asks HyperNodes to do."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

from hypernodes.execution import (
    Pace,
    carry_chunks,
    map_pipeline,
    read_cache,
    read_callbacks,
    run_chunk,
    run_pipeline,
)
from hypernodes.values import UNSET, Unset
from hypernodes_pool_engine.transport import PoolTransport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hypernodes.execution import Chunk, ChunkResult, Context
    from hypernodes.plan import Plan
    from hypernodes.protocols import Cache


class PoolEngine:
    """Carry out the items of a map in processes of this machine.

    Args:
        workers: How many processes; None for one per processor.
        cache: The cache, None for none; left out, it is inherited.
        callbacks: The observers, None for none; left out, they are inherited.
        strict: Raise what the cache would otherwise only warn of.
    """

    def __init__(
        self,
        workers: int | None = None,
        cache: Cache | str | Unset | None = UNSET,
        callbacks: Sequence[Any] | Unset | None = UNSET,
        *,
        strict: bool = False,
    ) -> None:
        self.workers = workers or multiprocessing.cpu_count()
        self.cache = read_cache(cache)
        self.callbacks = read_callbacks(callbacks)
        self.strict = strict

    def run(self, *request: Any, **named: Any) -> dict[str, Any]:
        """Run a pipeline once, here; see `hypernodes.protocols.Engine`."""
        return run_pipeline(self, *request, **named)

    def map(self, *request: Any, **named: Any) -> list[Any]:
        """Run a pipeline once per item; about a tenth of a second's worth travels together."""
        return map_pipeline(self, *request, pace=Pace(1, seconds=0.1, most=10_000), **named)

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Carry out every chunk and yield every result, in any order."""
        if multiprocessing.parent_process() is not None:
            # a worker has one processor, so it opens no pool for a pipeline inside
            return (run_chunk(plan, chunk, context) for chunk in chunks)
        return carry_chunks(plan, chunks, context, PoolTransport(self.workers))
