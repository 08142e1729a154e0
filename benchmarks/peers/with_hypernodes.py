"""HyperNodes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from contestants import functions_of

from hypernodes import DiskCache, Pipeline, SeqEngine, node
from hypernodes.engines import DaskEngine


class HyperNodes:
    """Pipelines of nodes."""

    name = "HyperNodes"

    def build(self, module: ModuleType) -> Callable[[], Any]:
        """Make nodes and a pipeline."""
        return lambda: _pipeline(module)

    def run(self, module: ModuleType) -> Callable[[], Any]:
        """Run the pipeline for its last output."""
        pipeline = _pipeline(module)
        last = f"v{len(pipeline.graph.nodes)}"
        return lambda: pipeline.run({"v0": 1}, output_name=last)[last]

    def map(self, module: ModuleType, items: Sequence[Any]) -> Callable[[], list[Any]]:
        """Map it."""
        return _map(_pipeline(module), items)

    def cached(
        self, module: ModuleType, items: Sequence[Any], folder: Path
    ) -> Callable[[], list[Any]]:
        """Map it with a cache on disk, opened for each call as a new program would."""

        def call() -> list[Any]:
            with contextlib.closing(DiskCache(folder)) as cache:
                return _map(_pipeline(module).with_engine(SeqEngine(cache=cache)), items)()

        return call

    def nested(self, module: ModuleType, rows: list[list[int]]) -> Callable[[], Any]:
        """Map a pipeline with a mapped pipeline inside."""
        inner = Pipeline([node(module.v1, output_name="v1")])
        each = inner.as_node(
            input_mapping={"row": "v0"}, output_mapping={"v1": "values"}, map_over="row"
        )
        pipeline = Pipeline([each, node(module.total, output_name="total")])
        return lambda: [
            found["total"]
            for found in pipeline.map({"row": rows}, map_over="row", output_name="total")
        ]

    def parallel(self, module: ModuleType, items: Sequence[int]) -> Callable[[], list[Any]]:
        """Map on Dask's processes, which stay."""
        engine = DaskEngine("processes", num_workers=2)
        return _map(_pipeline(module).with_engine(engine), items)


def _pipeline(module: ModuleType) -> Pipeline:
    return Pipeline([node(each, output_name=each.__name__) for each in functions_of(module)])


def _map(pipeline: Pipeline, items: Sequence[Any]) -> Callable[[], list[Any]]:
    last = f"v{len(pipeline.graph.nodes)}"
    return lambda: [
        found[last] for found in pipeline.map({"v0": items}, map_over="v0", output_name=last)
    ]
