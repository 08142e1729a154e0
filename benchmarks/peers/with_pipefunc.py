"""pipefunc: functions with map specifications, results kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from contestants import functions_of
from pipefunc import PipeFunc, Pipeline


class Pipefunc:
    """Pipelines of pipefunc."""

    name = "pipefunc"

    def build(self, module: ModuleType) -> Callable[[], Any]:
        """Make a pipeline of pipeline functions."""
        return lambda: _pipeline(module)

    def run(self, module: ModuleType) -> Callable[[], Any]:
        """Run the pipeline for its last output."""
        pipeline, last = _pipeline(module), f"v{len(functions_of(module))}"
        return lambda: pipeline.run(last, kwargs={"v0": 1})

    def map(self, module: ModuleType, items: Sequence[Any]) -> Callable[[], list[Any]]:
        """Map along one axis, in this process, with results in memory."""
        return _map(_pipeline(module, is_mapped=True), items)

    def cached(
        self, module: ModuleType, items: Sequence[Any], folder: Path
    ) -> Callable[[], list[Any]]:
        """Map with its cache on disk, which keeps what it reads in memory, too."""

        def call() -> list[Any]:
            # not shared between processes, which costs it most of its time
            kept = {"cache_dir": folder, "lru_shared": False}
            options = {"cache_type": "disk", "cache_kwargs": kept}
            return _map(_pipeline(module, is_mapped=True, cache=True, **options), items)()

        return call

    def nested(self, module: ModuleType, rows: list[list[int]]) -> Callable[[], Any]:
        """Map along two axes, and add up along the second one."""
        pipeline = Pipeline(
            [
                PipeFunc(module.v1, "values", mapspec="v0[i, j] -> values[i, j]"),
                PipeFunc(module.total, "total", mapspec="values[i, :] -> total[i]"),
            ]
        )
        grid = np.array(rows)
        options = {"parallel": False, "storage": "dict"}
        return lambda: list(pipeline.map({"v0": grid}, **options)["total"].output)

    def parallel(self, module: ModuleType, items: Sequence[int]) -> Callable[[], list[Any]]:
        """Map in a pool that stays."""
        pool = ProcessPoolExecutor(2)
        options = {"parallel": True, "executor": pool, "show_progress": False}
        return _map(_pipeline(module, is_mapped=True), items, **options)


def _pipeline(
    module: ModuleType, *, is_mapped: bool = False, cache: bool = False, **options: Any
) -> Pipeline:
    functions = []
    for number, function in enumerate(functions_of(module), start=1):
        spec = f"v{number - 1}[i] -> v{number}[i]" if is_mapped else None
        functions.append(PipeFunc(function, f"v{number}", mapspec=spec, cache=cache))
    return Pipeline(functions, **options)


def _map(pipeline: Pipeline, items: Sequence[Any], **options: Any) -> Callable[[], list[Any]]:
    given = {"parallel": False, "storage": "dict", **options}
    last = f"v{len(pipeline.functions)}"
    return lambda: list(pipeline.map({"v0": items}, **given)[last].output)
