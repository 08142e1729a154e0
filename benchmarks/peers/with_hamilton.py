"""Hamilton: modules of functions, a driver; maps are made of parallel blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import blocks_compute
import blocks_pair
from contestants import MissingError, functions_of
from hamilton import driver
from hamilton.execution import executors

_BLOCKS = {"work_pair": blocks_pair, "work_compute": blocks_compute}


class Hamilton:
    """Drivers of Hamilton."""

    name = "Hamilton"

    def build(self, module: ModuleType) -> Callable[[], Any]:
        """Make a driver; functions that are in a module already cost no more."""
        return lambda: driver.Builder().with_modules(module).build()

    def run(self, module: ModuleType) -> Callable[[], Any]:
        """Execute the driver for its last output."""
        built, last = self.build(module)(), f"v{len(functions_of(module))}"
        return lambda: built.execute([last], inputs={"v0": 1})[last]

    def map(self, module: ModuleType, items: Sequence[Any]) -> Callable[[], list[Any]]:
        """Open a parallel block, and collect, in this process."""
        built = _parallel(module, executors.SynchronousLocalTaskExecutor())
        return lambda: built.execute(["found"], inputs={"items": items})["found"]

    def cached(
        self, module: ModuleType, items: Sequence[Any], folder: Path
    ) -> Callable[[], list[Any]]:
        """Execute once per item with its cache."""

        def call() -> list[Any]:
            built = driver.Builder().with_modules(module).with_cache(path=folder).build()
            last = f"v{len(functions_of(module))}"
            return [built.execute([last], inputs={"v0": item})[last] for item in items]

        return call

    def nested(self, module: ModuleType, rows: list[list[int]]) -> Callable[[], Any]:
        """Refuse: a parallel block cannot hold another."""
        msg = "no block in a block"
        raise MissingError(msg)

    def parallel(self, module: ModuleType, items: Sequence[int]) -> Callable[[], list[Any]]:
        """Open a parallel block whose tasks run in two processes."""
        built = _parallel(module, executors.MultiProcessingExecutor(max_tasks=2))
        return lambda: built.execute(["found"], inputs={"items": items})["found"]


def _parallel(module: ModuleType, executor: Any) -> driver.Driver:
    return (
        driver.Builder()
        .with_modules(module, _BLOCKS[module.__name__])
        .enable_dynamic_execution(allow_experimental_mode=True)
        .with_remote_executor(executor)
        .build()
    )
