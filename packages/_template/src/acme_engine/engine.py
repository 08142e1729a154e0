"""The engine: how chunks travel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypernodes.execution import (
    map_pipeline,
    read_cache,
    read_callbacks,
    run_chunk,
    run_pipeline,
)
from hypernodes.values import UNSET, Unset

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hypernodes.execution import Chunk, ChunkResult, Context
    from hypernodes.plan import Plan
    from hypernodes.protocols import Cache


class AcmeEngine:
    """Carry out chunks one after another, in this process.

    Args:
        cache: The cache, None for none; left out, it is inherited.
        callbacks: The observers, None for none; left out, they are inherited.
        strict: Raise what the cache would otherwise only warn of.
    """

    def __init__(
        self,
        cache: Cache | str | Unset | None = UNSET,
        callbacks: Sequence[Any] | Unset | None = UNSET,
        *,
        strict: bool = False,
    ) -> None:
        self.cache = read_cache(cache)
        self.callbacks = read_callbacks(callbacks)
        self.strict = strict

    def run(self, *request: Any, **named: Any) -> dict[str, Any]:
        """Run a pipeline once; see `hypernodes.protocols.Engine`."""
        return run_pipeline(self, *request, **named)

    def map(self, *request: Any, **named: Any) -> list[Any]:
        """Run a pipeline once per item; see `hypernodes.protocols.Engine`."""
        return map_pipeline(self, *request, **named)

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Carry out every chunk and yield every result; change this method."""
        for chunk in chunks:
            yield run_chunk(plan, chunk, context)
