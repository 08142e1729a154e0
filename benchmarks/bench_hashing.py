"""Fingerprints against bare hashes of the same bytes: ``nox -s bench``."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from timing import Row, compare, print_table

from hypernodes.hashing import CodeOptions, fingerprint, start_epoch, track_code

REPEATS = range(2_000)
BYTES = b"x" * 30


@dataclasses.dataclass
class Point:
    """A small nested value."""

    x: float
    y: float


@dataclasses.dataclass
class Line:
    """A value of three objects."""

    start: Point
    end: Point


NODE = '''
import math
FACTOR = 3
def scale(x): return x * FACTOR
def shift(x, by=1): return scale(x) + by
class Model:
    rate = 0.5
    def step(self, x): return shift(x) * self.rate
def train(data, lr, rounds=10):
    """Twenty-four lines of work."""
    model = Model()
    total = 0.0
    history = []
    for number in range(rounds):
        values = [model.step(each) for each in data]
        mean = sum(values) / max(1, len(values))
        spread = math.sqrt(sum((each - mean) ** 2 for each in values))
        if spread > 1e6:
            break
        total += lr * mean
        history.append((number, mean, spread))
        if number % 2:
            total = scale(total)
        else:
            total = shift(total, by=2)
    best = max(history, key=lambda row: row[1], default=None)
    worst = min(history, key=lambda row: row[1], default=None)
    result = {"total": total, "best": best, "worst": worst}
    for key in sorted(result):
        if result[key] is None:
            result[key] = FACTOR
    return result
'''


def times(call: Callable[[], object]) -> Callable[[], object]:
    """Return *call*, many times over."""
    return lambda: [call() for _ in REPEATS]


def values() -> list[Row]:
    """Compare values with one SHA-256 of 30 bytes, large ones with a copy."""
    one = times(lambda: hashlib.sha256(BYTES).digest())
    small = {"a": 1, "b": [1.5, "x"], "c": {"d": None}, "e": "text"}
    floats = [float(number) for number in range(10_000)]
    array = np.arange(10 * 2**20 // 8, dtype="float64")
    line = Line(Point(0.0, 1.0), Point(2.0, 3.0))
    frame = pd.DataFrame(
        {"a": np.arange(100_000), "b": np.random.rand(100_000), "c": np.arange(100_000) % 7}
    )
    count = len(REPEATS)
    return [
        compare("short str vs sha256 of 30 bytes", times(lambda: fingerprint("a short text")), one,
                target=3, units=count),
        compare("nested dict of 4 keys, the same", times(lambda: fingerprint(small)), one,
                target=15, units=count),
        compare("nested dataclass of 3 objects, the same", times(lambda: fingerprint(line)), one,
                units=count),
        compare("10,000 floats vs 1,000 x sha256 of 30 bytes",
            lambda: fingerprint(floats),
            lambda: [hashlib.sha256(BYTES).digest() for _ in range(1000)],
            target=1),
        compare("10 MB array vs a copy", lambda: fingerprint(array), array.copy, target=6),
        compare("DataFrame of 100,000 x 3 vs sha256 of its buffers", lambda: fingerprint(frame),
                lambda: [hashlib.sha256(frame[name].to_numpy()).digest() for name in frame],
                target=1),
    ]  # fmt: skip


def code() -> list[Row]:
    """Show what a node of 24 lines with helpers costs once, and at each later run."""
    with tempfile.TemporaryDirectory() as folder:
        modules = [load(Path(folder) / f"project{number}.py") for number in range(40)]
        fresh = iter(modules)

        def find() -> object:
            module: Any = next(fresh)
            return track_code(module.train, CodeOptions()).current()

        tracked = track_code(modules[0].__dict__["train"], CodeOptions())

        def check() -> object:
            start_epoch()
            return tracked.current()

        module_text = NODE
        return [
            compare("closure of a 24-line node, once, vs compiling its module", find,
                    lambda: compile(module_text, "project", "exec")),
            compare("the check at each run, the same", times(check),
                    times(lambda: hashlib.sha256(BYTES).digest()), units=len(REPEATS)),
        ]  # fmt: skip


def load(path: Path) -> ModuleType:
    """Write the module of the node to *path* and run it."""
    path.write_text(NODE, encoding="utf-8")
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(NODE, str(path), "exec"), module.__dict__)
    return module


if __name__ == "__main__":
    print(f"Python {platform.python_version()} on {platform.machine()}, medians, one process")
    print_table("Fingerprints of values", values())
    print_table("Fingerprints of code", code())
