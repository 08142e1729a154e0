"""What runs hold on to: values that somebody still needs, and nothing once they are over."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hypernodes import AsyncEngine, MemoryCache, Pipeline, PipelineCallback, SeqEngine, node


class Big:
    """A value whose copies in memory are counted."""

    alive = most = 0

    def __init__(self, number: int) -> None:
        self.number = number
        type(self).alive += 1
        type(self).most = max(self.most, self.alive)

    def __del__(self) -> None:
        type(self).alive -= 1

    def __reduce__(self) -> Any:
        return Big, (self.number,)

    def __cache_key__(self) -> str:
        """Tell apart by number; the counts are no state."""
        return str(self.number)


class Silent(PipelineCallback):
    """Is told of every function, and does nothing."""

    def on_node_start(self, *args: Any) -> None:
        """Do nothing."""


@node(output_name="a", ignore=[Big])
def first(x: int) -> Big:
    """Make one."""
    return Big(x)


@node(output_name="a", ignore=[Big])
async def first_awaited(x: int) -> Big:
    """Make one, later."""
    await asyncio.sleep(0)
    return Big(x)


@node(output_name="b", ignore=[Big])
def second(a: Big) -> Big:
    """Make another."""
    return Big(a.number + 1)


@node(output_name="c", ignore=[Big])
def third(b: Big) -> Big:
    """Make yet another."""
    return Big(b.number + 1)


@node(output_name="d")
def last(c: Big) -> int:
    """Return what is small."""
    return c.number


ENGINES: dict[str, Callable[[], Any]] = {
    "plain": SeqEngine,
    "observed": lambda: SeqEngine(callbacks=[Silent()]),
    "cached": lambda: SeqEngine(cache=MemoryCache()),
    "async": lambda: AsyncEngine(4),
    "async, observed": lambda: AsyncEngine(4, callbacks=[Silent()]),
    "async, cached": lambda: AsyncEngine(4, cache=MemoryCache()),
    "threads": lambda: AsyncEngine(4, threads=True),
}
ITEMS = list(range(100))


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """Without a garbage collector: what goes away goes away by itself."""
    gc.collect()
    Big.most = Big.alive
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("begin", [first, first_awaited], ids=["plain", "awaited"])
@pytest.mark.parametrize("name", ["plain", "observed", "async", "async, observed", "threads"])
def test_values_between_functions_are_let_go_of(name: str, begin: Any) -> None:
    """Of an item, no more than what the next function reads and makes; of a map, few items.

    What observers are to be told is held until it is an item's turn, no longer.
    """
    pipeline = Pipeline([begin, second, third, last])
    inner = pipeline.as_node({"xs": "x"}, {"d": "ds"}, map_over="xs")
    before = Big.alive
    pipeline.map({"x": ITEMS}, "x", output_name="d", engine=ENGINES[name]())
    Pipeline([inner]).run({"xs": ITEMS}, engine=ENGINES[name]())
    # four items under way, with two values each; a thread may have made one for its next
    assert Big.most - before <= 16


def test_values_between_branches_are_let_go_of() -> None:
    """Also where steps overlap: once all that stand before the last reader are through."""

    @node(output_name="e", ignore=[Big])
    async def beside(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @node(output_name="most")
    async def late(d: int, e: int) -> int:
        return Big.alive

    pipeline = Pipeline([first_awaited, second, third, last, beside, late])
    before = Big.alive
    found = pipeline.run({"x": 1}, output_name="most", engine=AsyncEngine())
    assert found == {"most": before}


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("begin", [first, first_awaited], ids=["plain", "awaited"])
def test_nothing_outlives_its_results(name: str, begin: Any) -> None:
    """Without their results, nothing of runs is left, not even for a garbage collector."""
    pipeline = Pipeline([begin, second, third])
    inner = Pipeline([pipeline.as_node({"xs": "x"}, {"c": "cs"}, map_over="xs")])
    outer = Pipeline([Pipeline([pipeline])])
    constant = Pipeline([node(lambda x, big: x, output_name="y")])
    engine, before = ENGINES[name](), Big.alive
    pipeline.run({"x": 1}, engine=engine)
    pipeline.map({"x": ITEMS}, "x", engine=engine)
    inner.run({"xs": ITEMS}, engine=engine)
    outer.map({"x": ITEMS}, "x", engine=engine)
    list(pipeline.map_iter({"x": iter(ITEMS)}, "x", engine=engine))
    constant.map({"x": ITEMS, "big": Big(1)}, "x", engine=engine)
    deadline = time.monotonic() + 5
    while name == "threads" and Big.alive > before and time.monotonic() < deadline:
        # a thread holds what it returned until it waits again
        time.sleep(0.001)
    assert Big.alive == before


def test_nothing_of_awaited_maps_outlives_their_results() -> None:
    """The same, on the event loop of the caller."""

    async def main() -> None:
        pipeline = Pipeline([first_awaited, second, third])
        await pipeline.amap({"x": ITEMS}, "x", engine=AsyncEngine(4, cache=MemoryCache()))
        await pipeline.arun({"x": 1}, engine=AsyncEngine(4))
        async for _ in Pipeline([pipeline]).amap({"x": ITEMS}, "x", engine=AsyncEngine(4)):
            pass

    before = Big.alive
    asyncio.run(main())
    assert Big.alive == before
