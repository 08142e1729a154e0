"""What the command line counts while a pipeline runs, to say it at the end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from hypernodes.callbacks import CallbackContext, PipelineCallback


class RunTally(PipelineCallback):
    """Count the nodes of a single run."""

    def __init__(self) -> None:
        self.executed = 0
        self.hits = 0
        self.total = 0
        self.began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.perf_counter() - self.began

    def on_pipeline_start(
        self, pipeline_id: str, inputs: Mapping[str, Any], ctx: CallbackContext
    ) -> None:
        """Take note of the number of nodes."""
        if ctx.depth == 0:
            self.total = ctx.get_pipeline_metadata(pipeline_id)["total_nodes"]

    def on_node_end(
        self, node_id: str, outputs: Mapping[str, Any], duration: float, ctx: CallbackContext
    ) -> None:
        """Count a node of the outermost pipeline."""
        self.executed += ctx.depth == 0

    def on_node_cached(self, node_id: str, signature: str, ctx: CallbackContext) -> None:
        """Count a hit of the outermost pipeline."""
        self.hits += ctx.depth == 0

    def describe(self) -> str:
        """Return what has happened, in words."""
        done = self.executed + self.hits
        return f"{done} of {_count(self.total, 'node')}{_hits(self.hits)}"


class MapTally(PipelineCallback):
    """Count the items of a map; hears of progress alone, so that it costs nothing per step."""

    def __init__(self) -> None:
        self.done = 0
        self.hits = 0
        self.failed = 0
        self.total = 0
        self.began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.perf_counter() - self.began

    def on_map_start(self, total_items: int | None, ctx: CallbackContext) -> None:
        """Take note of the number of items."""
        if ctx.depth == 0:
            self.total = total_items or 0

    def on_map_progress(
        self, done: int, hits: int, failed: int, total: int | None, ctx: CallbackContext
    ) -> None:
        """Take over the counts of the outermost map."""
        if ctx.depth == 0:
            self.done, self.hits, self.failed = done, hits, failed

    def describe(self) -> str:
        """Return what has happened, in words."""
        finished = self.done - self.failed
        return f"{finished:,} of {_count(self.total, 'item')}{_hits(self.hits)}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _hits(count: int) -> str:
    return f" ({_count(count, 'hit')})" if count else ""
