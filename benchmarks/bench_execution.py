"""Run and map without a cache, against the loop that a good engineer would write.

Targets first, then how cost grows with items, nodes, width, depth and nesting.
Run it with ``python benchmarks/bench_execution.py``; it takes about a minute.
"""

from __future__ import annotations

import asyncio
import platform
import time
import tracemalloc
import types
from collections.abc import Callable
from typing import Any

from timing import Row, compare, print_table

from hypernodes import (
    AsyncEngine,
    CallbackContext,
    Pipeline,
    PipelineCallback,
    SeqEngine,
    node,
)
from hypernodes.hookspecs import hookimpl
from hypernodes.plugins import manager

_EVENTS = [name for name in vars(PipelineCallback) if name.startswith("on_")]


def make_chain(length: int) -> list[Any]:
    """Return nodes ``v0 -> v1 -> ... -> v<length>``, each adding one."""
    nodes = []
    for number in range(length):
        scope: dict[str, Any] = {}
        exec(f"def step{number}(v{number}): return v{number} + 1", scope)
        nodes.append(node(scope[f"step{number}"], output_name=f"v{number + 1}"))
    return nodes


def make_wide(count: int) -> list[Any]:
    """Return nodes that all read ``v0``, and one that reads all of them."""
    nodes = []
    for number in range(count):
        scope: dict[str, Any] = {}
        exec(f"def step{number}(v0): return v0 + {number}", scope)
        nodes.append(node(scope[f"step{number}"], output_name=f"w{number}"))
    names = ", ".join(f"w{number}" for number in range(count))
    exec(f"def gather({names}): return sum(({names},))", scope)
    return [*nodes, node(scope["gather"], output_name="total")]


def by_hand(nodes: list[Any]) -> Callable[[Any], dict[str, Any]]:
    """Return what one would write for one item: a call per function, results in a dict."""
    lines = []
    for each in nodes:
        arguments = ", ".join(each.root_args)
        lines.append(f"    {each.output_name} = f_{each.output_name}({arguments})")
    outputs = ", ".join(f"{each.output_name!r}: {each.output_name}" for each in nodes)
    scope: dict[str, Any] = {f"f_{each.output_name}": each.func for each in nodes}
    exec("\n".join(["def item(v0):", *lines, f"    return {{{outputs}}}"]), scope)
    written: Callable[[Any], dict[str, Any]] = scope["item"]
    return written


def loop_by_hand(first: Any, second: Any, items: list[int]) -> list[dict[str, int]]:
    """Return the rows of two functions over many items."""
    rows = []
    for item in items:
        one = first(item)
        two = second(one)
        rows.append({"v1": one, "v2": two})
    return rows


def callbacks() -> dict[str, PipelineCallback]:
    """Return observers that do nothing, by what they are."""

    def override(*names: str) -> PipelineCallback:
        """Return one with methods of its own, as empty as those that it inherits."""
        members = {name: _copied(getattr(PipelineCallback, name)) for name in names}
        made: PipelineCallback = type("Own", (PipelineCallback,), members)()
        return made

    classic = [name for name in _EVENTS if name != "on_event"]
    return {
        "a bare callback": PipelineCallback(),
        "a no-op callback for start and end of nodes": override("on_node_start", "on_node_end"),
        "a no-op callback with every method but on_event": override(*classic),
        "a no-op callback with on_event, which takes records": override("on_event"),
    }


def _copied(function: Any) -> Any:
    return types.FunctionType(function.__code__, function.__globals__, function.__name__)


def mapping() -> list[Row]:
    """Compare maps of two trivial nodes with the loop over items."""
    nodes = make_chain(2)
    pipeline, (first, second) = Pipeline(nodes), [each.func for each in nodes]
    items = list(range(10_000))

    def measure(what: str, target: float, **options: Any) -> Row:
        return compare(
            f"map of 10,000 items x 2 nodes{what}, per item",
            lambda: pipeline.map({"v0": items}, map_over="v0", **options),
            lambda: loop_by_hand(first, second, items),
            target=target,
            units=len(items),
        )

    rows = [measure("", 1.5)]
    for what, callback in callbacks().items():
        rows.append(measure(f" with {what}", 2.5, engine=SeqEngine(callbacks=[callback])))
    rows += [_told_by_hand(pipeline, items), _plugged(measure)]
    few, many = list(range(1_000)), list(range(100_000))
    rows.append(
        compare(
            "map of 100,000 items vs 100 maps of 1,000, per item",
            lambda: pipeline.map({"v0": many}, map_over="v0"),
            lambda: [pipeline.map({"v0": few}, map_over="v0") for _ in range(100)],
            target=1.3,
            units=len(many),
            repeats=3,
        )
    )
    return rows


def _told_by_hand(pipeline: Pipeline, items: list[int]) -> Row:
    """Compare with the loop that makes the same calls of the same callback."""
    callback = callbacks()["a no-op callback for start and end of nodes"]
    engine, (first, second) = (
        SeqEngine(callbacks=[callback]),
        [each.func for each in pipeline.nodes],
    )
    started, ended, context = callback.on_node_start, callback.on_node_end, CallbackContext()

    def written() -> list[dict[str, int]]:
        rows = []
        for item in items:
            started("step0", {"v0": item}, context)
            begun = time.perf_counter()
            one = first(item)
            ended("step0", {"v1": one}, time.perf_counter() - begun, context)
            started("step1", {"v1": one}, context)
            begun = time.perf_counter()
            two = second(one)
            ended("step1", {"v2": two}, time.perf_counter() - begun, context)
            rows.append({"v1": one, "v2": two})
        return rows

    return compare(
        "the same with start and end of nodes, vs the loop that calls them itself, per item",
        lambda: pipeline.map({"v0": items}, map_over="v0", engine=engine),
        written,
        units=len(items),
    )


class Plugin:
    """Observes functions by hooks, and does nothing."""

    @hookimpl
    def hypernodes_step_started(self, step: Any) -> None:
        """Do nothing."""

    @hookimpl
    def hypernodes_step_finished(self, step: Any) -> None:
        """Do nothing."""


def _plugged(measure: Callable[[str, float], Row]) -> Row:
    """Compare a map beside a plugin that observes."""
    manager().register(Plugin(), "bench")
    try:
        return measure(" with a no-op plugin that hooks into start and end of nodes", 2.5)
    finally:
        manager().unregister("bench")


def running() -> list[Row]:
    """Compare single runs with the calls written out."""
    rows = []
    for length, target in ((2, 6.0), (100, 3.0)):
        nodes = make_chain(length)
        pipeline, written = Pipeline(nodes), by_hand(nodes)
        repeats = range(10_000 // length)
        rows.append(
            compare(
                f"run of {length} trivial nodes, per node",
                lambda: [pipeline.run({"v0": 1}) for _ in repeats],  # noqa: B023 - called at once
                lambda: [written(1) for _ in repeats],  # noqa: B023
                target=target,
                units=length * len(repeats),
            )
        )
    return rows


def nesting() -> list[Row]:
    """Compare maps in maps in maps, 1,000 leaf items, with three loops."""

    def leaf(word: int, k: int) -> int:
        return word + k

    def both(leaves: list[int]) -> int:
        return len(leaves)

    sections = Pipeline([node(leaf, output_name="leaf")])
    inner = Pipeline(
        [
            sections.as_node({"words": "word"}, {"leaf": "leaves"}, map_over="words"),
            node(both, output_name="size"),
        ]
    )
    middle = Pipeline(
        [inner.as_node({"sections": "words"}, {"size": "sizes"}, map_over="sections")]
    )
    pipeline = Pipeline([middle.as_node({"texts": "sections"}, map_over="texts")])
    texts = [[list(range(10)) for _ in range(10)] for _ in range(10)]

    def written() -> dict[str, Any]:
        sizes = []
        for text in texts:
            found = []
            for words in text:
                leaves = [leaf(word, 3) for word in words]
                found.append(both(leaves))
            sizes.append(found)
        return {"sizes": sizes}

    asked, one = {"texts": texts, "k": 3}, Pipeline([middle])
    return [
        compare(
            "run of 3 nested maps, 10 x 10 x 10, per leaf",
            lambda: [pipeline.run(asked, output_name="sizes") for _ in range(10)],
            lambda: [written() for _ in range(10)],
            target=2,
            units=10_000,
        ),
        compare(
            "map of 10 items with 2 nested maps each, 10 x 10, per leaf",
            lambda: [
                one.map({"sections": texts, "k": 3}, map_over="sections", output_name="sizes")
                for _ in range(10)
            ],
            lambda: [written() for _ in range(10)],
            units=10_000,
        ),
    ]


def waiting() -> list[Row]:
    """Compare coroutines with awaiting them one after the other, and with the ideal."""

    async def add(x: int) -> int:
        return x + 1

    async def doze(x: int) -> int:
        await asyncio.sleep(0.01)
        return x

    async def serial() -> list[dict[str, int]]:
        return [{"y": await add(x)} for x in items]

    async def ideal() -> None:
        for _ in range(5):
            await asyncio.sleep(0.01)

    items, naps = list(range(5_000)), list(range(500))
    trivial = Pipeline([node(add, output_name="y")], engine=AsyncEngine())
    dozing = Pipeline([node(doze, output_name="y")], engine=AsyncEngine(max_concurrency=100))
    return [
        compare(
            "map of 5,000 trivial coroutines vs awaiting them in turn, per item",
            lambda: trivial.map({"x": items}, map_over="x"),
            lambda: asyncio.run(serial()),
            target=6,
            units=len(items),
        ),
        compare(
            "map of 500 sleeps of 10 ms, 100 at once, vs the ideal of 50 ms",
            lambda: dozing.map({"x": naps}, map_over="x"),
            lambda: asyncio.run(ideal()),
            target=3,
            repeats=5,
        ),
    ]


def scale() -> list[Row]:
    """Show how cost grows with items, nodes, width and depth."""
    rows = []
    for count in (100, 1_000, 10_000, 100_000):
        nodes = make_chain(2)
        pipeline, written, items = Pipeline(nodes), by_hand(nodes), list(range(count))
        again = range(max(1, 10_000 // count))
        rows.append(
            compare(
                f"map of {count:,} items x 2 nodes, per item",
                lambda: [pipeline.map({"v0": items}, map_over="v0") for _ in again],  # noqa: B023 - called at once
                lambda: [[written(item) for item in items] for _ in again],  # noqa: B023
                units=count * len(again),
                repeats=3,
            )
        )
    lengths, widths = (1, 10, 1_000, 5_000), (10, 300)
    rows += [_grow(f"chain of {length:,} nodes", make_chain(length)) for length in lengths]
    rows += [_grow(f"{width} nodes side by side", make_wide(width)) for width in widths]
    for depth in (1, 5, 25):
        nodes = make_chain(2)
        pipeline = Pipeline(nodes)
        for _ in range(depth):
            pipeline = Pipeline([pipeline])
        rows.append(_grow(f"2 nodes under {depth} pipelines", nodes, pipeline))
    return rows


def _grow(what: str, nodes: list[Any], pipeline: Pipeline | None = None) -> Row:
    """Compare a run with the calls written out."""
    chosen, written = pipeline or Pipeline(nodes), by_hand(nodes)
    repeats = range(max(1, 2_000 // len(nodes)))
    for _ in range(3):
        # the first runs write what the later ones carry out
        chosen.run({"v0": 1})
    return compare(
        f"run of {what}, per node",
        lambda: [chosen.run({"v0": 1}) for _ in repeats],
        lambda: [written(1) for _ in repeats],
        units=len(nodes) * len(repeats),
        repeats=3,
    )


def print_memory() -> None:
    """Print what the rows of a map take, and at most took, against a list of the same dicts."""
    nodes = make_chain(2)
    pipeline, written = Pipeline(nodes), by_hand(nodes)
    items = list(range(50_000))
    ours = _memory(lambda: pipeline.map({"v0": items}, map_over="v0"))
    theirs = _memory(lambda: [written(item) for item in items])
    print("\n### Memory of a map of 50,000 items x 2 nodes\n")
    print("| what | bytes per item | ratio to yardstick | target |\n|---|---|---|---|")
    for what, mine, yardstick in zip(("kept", "at most"), ours, theirs, strict=True):
        print(f"| {what} | {mine / len(items):.0f} | {mine / yardstick:.2f} | <= 1.3 |")


def _memory(make: Callable[[], Any]) -> tuple[int, int]:
    """Return the bytes that a result takes, and the most while it was made."""
    make()
    tracemalloc.start()
    result = make()
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del result
    return kept, most


if __name__ == "__main__":
    print(f"Python {platform.python_version()} on {platform.machine()}, medians, one process")
    print_table("Map", mapping())
    print_table("Run", running())
    print_table("Maps in maps", nesting())
    print_table("Coroutines", waiting())
    print_memory()
    print_table("Scale", scale())
