"""joblib: `Memory` around each function, `Parallel` for processes, loops for the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
from by_hand import ByHand
from contestants import functions_of


class Joblib(ByHand):
    """Loops over remembered functions: joblib has no pipelines of its own."""

    name = "joblib"

    def cached(
        self, module: ModuleType, items: Sequence[Any], folder: Path
    ) -> Callable[[], list[Any]]:
        """Loop over functions that remember."""

        def call() -> list[Any]:
            memory = joblib.Memory(folder, verbose=0)
            functions = [memory.cache(function) for function in functions_of(module)]
            found = []
            for item in items:
                value = item
                for function in functions:
                    value = function(value)
                found.append(value)
            return found

        return call

    def parallel(self, module: ModuleType, items: Sequence[int]) -> Callable[[], list[Any]]:
        """Use the default backend, whose workers stay."""
        return lambda: joblib.Parallel(n_jobs=2)(joblib.delayed(module.v1)(item) for item in items)
