"""The default engine: one step after another, here, in this thread."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from hypernodes.engines._options import read_cache, read_callbacks, read_check_mutation
from hypernodes.execution import (
    Chunk,
    ChunkResult,
    Context,
    Recordable,
    map_pipeline,
    run_chunk,
    run_pipeline,
)
from hypernodes.values import UNSET, Unset

if TYPE_CHECKING:
    from hypernodes.graph import MapMode
    from hypernodes.pipeline import Pipeline
    from hypernodes.plan import Plan
    from hypernodes.protocols import Cache


class SeqEngine(Recordable):
    """Runs everything in order in the calling thread; observers hear live.

    It keeps no state of a run, so one engine may serve many threads at once.

    Args:
        cache: Where results are remembered: a cache, a folder, a URL, None
            for nowhere, or unset to inherit from the pipeline around it.
        callbacks: Who observes: callbacks or their names, None for nobody,
            or unset to inherit.
        strict: Raise what the cache would otherwise only warn of.
        salt: Tells keys apart: another salt finds nothing of the former one.
        check_mutation: When arguments of cached nodes are looked at for
            changes: ``"auto"`` after the first call, and after every call
            beside which looking costs little; ``"always"``; ``"never"``.
    """

    is_inline: Final = True

    def __init__(
        self,
        cache: Cache | str | os.PathLike[str] | Unset | None = UNSET,
        callbacks: Sequence[Any] | Unset | None = UNSET,
        strict: bool = False,
        salt: str = "",
        check_mutation: Literal["auto", "always", "never"] = "auto",
    ) -> None:
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
        """Run *pipeline* once; see `Pipeline.run`."""
        return run_pipeline(self, pipeline, inputs, output_name)

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
        """Run *pipeline* once per item; see `Pipeline.map`."""
        return map_pipeline(
            self, pipeline, inputs, map_over, map_mode, output_name, on_error=on_error
        )

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Carry out one chunk after another."""
        for chunk in chunks:
            yield run_chunk(plan, chunk, context, live=True)

    def __repr__(self) -> str:
        return f"SeqEngine(cache={self.cache!r}, callbacks={self.callbacks!r})"
