"""An engine that carries out the last chunk first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from hypernodes.execution import map_pipeline, run_chunk, run_pipeline
from hypernodes.values import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hypernodes.execution import Chunk, ChunkResult, Context
    from hypernodes.pipeline import Pipeline
    from hypernodes.plan import Plan
    from hypernodes.protocols import Cache
    from hypernodes.values import Unset


class AcmeEngine:
    """Carry out all chunks in this process, the last one first."""

    def __init__(
        self,
        cache: Cache | Unset | None = UNSET,
        callbacks: Sequence[Any] | Unset | None = UNSET,
    ) -> None:
        self.cache = cache
        self.callbacks = callbacks

    def run(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any],
        output_name: str | Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Run *pipeline* once and return its outputs by name."""
        return run_pipeline(self, pipeline, inputs, output_name)

    def map(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any],
        map_over: str | Sequence[str],
        map_mode: Literal["zip", "product"] = "zip",
        output_name: str | Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Run *pipeline* once per item and return the outputs in item order."""
        return map_pipeline(self, pipeline, inputs, map_over, map_mode, output_name)

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Carry out every chunk, the last one first."""
        for chunk in reversed(list(chunks)):
            yield run_chunk(plan, chunk, context)
