"""What `AsyncEngine`, `arun` and `amap` promise: the results of `SeqEngine`, sooner."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hypernodes import AsyncEngine, DiskCache, MemoryCache, Pipeline, Recorder, SeqEngine, node
from hypernodes.errors import MissingInputError, PlanError
from hypernodes.testing import EngineContract

ITEMS = list(range(12))


class TestAsyncEngine(EngineContract):
    """Whatever holds for every engine."""

    script = "from hypernodes import AsyncEngine\nengine = AsyncEngine()"

    @pytest.fixture
    def engine(self) -> Callable[..., Any]:
        """Makes engines."""
        return AsyncEngine


class TestAsyncEngineOneByOne(TestAsyncEngine):
    """The same where nothing may overlap."""

    script = "from hypernodes import AsyncEngine\nengine = AsyncEngine(1)"

    @pytest.fixture
    def engine(self) -> Callable[..., Any]:
        """Makes engines."""
        return lambda **options: AsyncEngine(1, **options)


class TestAsyncEngineInThreads(TestAsyncEngine):
    """The same where plain functions overlap as well."""

    script = "from hypernodes import AsyncEngine\nengine = AsyncEngine(threads=True)"

    @pytest.fixture
    def engine(self) -> Callable[..., Any]:
        """Makes engines."""
        return lambda **options: AsyncEngine(8, threads=True, **options)


@node(output_name="y")
async def wait(x: int) -> int:
    """Wait: the later the item, the shorter."""
    await asyncio.sleep(0.002 * (len(ITEMS) - x) if x in ITEMS else 0)
    return x * 10


@node(output_name="z")
def add(y: int, k: int = 1) -> int:
    """Add."""
    return y + k


@pytest.fixture
def pipeline() -> Pipeline:
    """Return x -> y -> z on an event loop."""
    return Pipeline(nodes=[add, wait], engine=AsyncEngine())


def finish(awaitable: Awaitable[Any]) -> Any:
    """Await on a new event loop, of which no task may be left."""

    async def main() -> Any:
        before = asyncio.all_tasks()
        try:
            return await awaitable
        finally:
            await asyncio.sleep(0)
            assert asyncio.all_tasks() == before

    return asyncio.run(main())


def rows(items: list[int], k: int = 1) -> list[dict[str, int]]:
    """Return what the pipeline should."""
    return [{"y": x * 10, "z": x * 10 + k} for x in items]


# ---- arun and amap ----------------------------------------------------------------


def test_arun_returns_what_run_does(pipeline: Pipeline) -> None:
    """Inputs by dict and keyword, selections and bound values count as in ``run``."""
    pipeline.bind(k=5)
    found = [finish(pipeline.arun({"x": 1})), finish(pipeline.arun(x=1, output_name="z"))]
    assert found == [{"y": 10, "z": 15}, {"z": 15}]


def test_amap_returns_what_map_does(pipeline: Pipeline) -> None:
    """A list in item order, whatever finished first."""
    assert finish(pipeline.amap({"x": ITEMS}, map_over="x")) == rows(ITEMS)


@pytest.mark.parametrize("engine", [None, SeqEngine(), AsyncEngine(2)], ids=repr)
def test_they_work_on_the_engines_of_this_thread(engine: Any) -> None:
    """A pipeline without an engine, or with a sequential one, overlaps where it is awaited."""
    pipeline = Pipeline(nodes=[add, wait])
    found = finish(pipeline.amap({"x": ITEMS}, map_over="x", engine=engine))
    assert (found, finish(pipeline.arun({"x": 1}, engine=engine))) == (rows(ITEMS), rows([1])[0])


def test_a_sequential_engine_lends_its_cache_and_callbacks() -> None:
    """Awaited, a pipeline with a `SeqEngine` keeps that one's cache and observers."""
    recorder = Recorder()
    engine = SeqEngine(cache=MemoryCache(), callbacks=[recorder])
    pipeline = Pipeline(nodes=[add, wait], engine=engine)
    pipeline.run({"x": 1})
    finish(pipeline.arun({"x": 1}))
    assert (recorder.executed, recorder.cached) == (["wait", "add"], ["wait", "add"])


def test_amap_says_at_once_what_is_wrong(pipeline: Pipeline) -> None:
    """The request is checked before anything is awaited."""
    with pytest.raises(PlanError, match="'q': not an input"):
        pipeline.amap({"x": ITEMS}, map_over="q")
    with pytest.raises(PlanError, match="unknown on_error"):
        pipeline.amap({"x": ITEMS}, map_over="x", on_error="ignore")  # type: ignore[arg-type]  # refused


def test_arun_says_what_is_missing(pipeline: Pipeline) -> None:
    """A missing input is an error of its own kind."""
    with pytest.raises(MissingInputError, match="x"):
        finish(pipeline.arun({}))


def test_an_empty_map_is_empty(pipeline: Pipeline) -> None:
    """Without items there is nothing to wait for."""
    assert finish(pipeline.amap({"x": []}, map_over="x")) == []


def test_products_keep_their_order(pipeline: Pipeline) -> None:
    """The last name varies fastest."""
    asked: Any = {"x": [1, 2], "k": [5, 6]}
    found = finish(pipeline.amap(asked, map_over=["x", "k"], map_mode="product"))
    assert [row["z"] for row in found] == [15, 16, 25, 26]


def test_awaiting_leaves_the_loop_free(pipeline: Pipeline) -> None:
    """Other tasks go on while a map waits."""

    async def main() -> tuple[Any, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        found = await pipeline.amap({"x": ITEMS}, map_over="x")
        ticking.cancel()
        return found, ticks

    found, ticks = asyncio.run(main())
    assert (found, ticks > 3) == (rows(ITEMS), True)


def test_plain_functions_let_the_loop_breathe() -> None:
    """A map of plain functions can be cancelled after some of them, not after all."""
    calls: list[int] = []

    @node(output_name="y")
    def work(x: int) -> int:
        calls.append(x)
        time.sleep(0.005)
        return x

    async def main() -> None:
        with contextlib.suppress(TimeoutError):
            waiting = Pipeline([work]).amap({"x": list(range(400))}, map_over="x")
            await asyncio.wait_for(waiting, 0.05)

    asyncio.run(main())
    assert 0 < len(calls) < 200


# ---- iterating ------------------------------------------------------------------


def test_iterating_keeps_the_order(pipeline: Pipeline) -> None:
    """Each row comes as soon as it and all before it are ready."""

    async def gather() -> list[Any]:
        return [row async for row in pipeline.amap({"x": ITEMS}, map_over="x")]

    assert finish(gather()) == rows(ITEMS)


def test_as_completed_gives_what_is_ready_first(pipeline: Pipeline) -> None:
    """The last item waits the least, so it comes first; every item comes once."""

    async def gather() -> list[Any]:
        return [pair async for pair in pipeline.amap({"x": ITEMS}, "x").as_completed()]

    found = finish(gather())
    assert (found[0][0], sorted(found)[3]) == (11, (3, rows([3])[0]))
    assert sorted(item for item, _ in found) == ITEMS


def test_rows_before_a_failing_item_come_first() -> None:
    """Iterating gives all that is below the lowest failure, then raises."""

    @node(output_name="y")
    async def invert(x: int) -> float:
        await asyncio.sleep(0.001 * x)
        return 1 / (x - 5)

    seen: list[Any] = []

    async def gather() -> None:
        rows = aiter(Pipeline([invert]).amap({"x": ITEMS}, map_over="x"))
        seen.extend([await anext(rows) for _ in range(5)])
        await anext(rows)

    with pytest.raises(ZeroDivisionError) as caught:
        finish(gather())
    assert (len(seen), caught.value.__notes__) == (5, ["in node 'invert' at invert, item 5"])


@pytest.mark.parametrize("way", ["order", "completed"])
def test_whoever_stops_iterating_stops_the_work(pipeline: Pipeline, way: str) -> None:
    """Leaving the loop cancels what is under way, and observers hear of the end."""
    closed: list[bool] = []

    class Watch(Recorder):
        def close(self, ctx: Any) -> None:
            closed.append(True)

    async def main() -> None:
        results = pipeline.amap({"x": ITEMS}, "x", engine=AsyncEngine(callbacks=[Watch()]))
        found: Any = aiter(results) if way == "order" else results.as_completed()
        async with contextlib.aclosing(found):
            async for _ in found:
                break

    finish(main())
    assert closed == [True]


# ---- cancelling ----------------------------------------------------------------------


@pytest.mark.parametrize("observed", [False, True])
def test_cancelling_keeps_what_was_finished(tmp_path: Any, observed: bool) -> None:
    """A cancelled map leaves no task behind, and a repetition runs only what is missing."""
    calls: list[int] = []

    @node(output_name="y")
    async def work(x: int) -> int:
        calls.append(x)
        await asyncio.sleep(0 if x < 6 or len(calls) > 12 else 30)
        return x

    callbacks = [Recorder()] if observed else None
    engine = AsyncEngine(cache=DiskCache(tmp_path / "cache"), callbacks=callbacks)
    pipeline = Pipeline([work], engine=engine)

    async def whole() -> Any:
        return await pipeline.amap({"x": ITEMS}, map_over="x")

    async def cancelled() -> None:
        task = asyncio.create_task(whole())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    finish(cancelled())
    calls.append(-1)
    found = finish(whole())
    assert (sorted(calls[:12]), sorted(calls[13:]), len(found)) == (ITEMS, ITEMS[6:], 12)


def test_a_timeout_around_arun_cancels_its_functions() -> None:
    """Functions under way see the cancellation and may clean up."""
    cleaned: list[int] = []

    @node(output_name="y")
    async def work(x: int) -> int:
        try:
            await asyncio.sleep(30)
        finally:
            cleaned.append(x)
        return x

    async def main() -> None:
        async with asyncio.timeout(0.05):
            await Pipeline([work]).arun({"x": 1})

    with pytest.raises(TimeoutError):
        finish(main())
    assert cleaned == [1]


def test_observers_hear_of_a_cancelled_run() -> None:
    """A cancelled run is closed for its observers, and the next one is told as usual."""
    story: list[str] = []

    class Watch(Recorder):
        def close(self, ctx: Any) -> None:
            story.append("closed")

    @node(output_name="y")
    async def work(x: int) -> int:
        await asyncio.sleep(30 if x else 0)
        return x

    watch = Watch()
    pipeline = Pipeline([work], engine=AsyncEngine(callbacks=[watch]))

    async def main() -> None:
        async with asyncio.timeout(0.05):
            await pipeline.arun({"x": 1})

    with pytest.raises(TimeoutError):
        finish(main())
    finish(pipeline.arun({"x": 0}))
    assert (story, watch.names[-1]) == (["closed", "closed"], "pipeline_end")


# ---- what else may be inside ------------------------------------------------------------


def test_maps_in_maps_overlap_and_keep_their_shape() -> None:
    """Inner and outer items keep their places, with a cache each key is made once."""
    calls: list[int] = []

    @node(output_name="y")
    async def work(x: int) -> int:
        calls.append(x)
        await asyncio.sleep(0.001 * (5 - x % 5))
        return -x

    inner = Pipeline([work]).as_node({"xs": "x"}, map_over="xs")
    pipeline = Pipeline([inner], engine=AsyncEngine(cache=MemoryCache()))
    groups = [[1, 2, 3], [], [3, 2], [4]]
    found = finish(pipeline.amap({"xs": groups}, map_over="xs"))
    assert ([row["y"] for row in found], sorted(calls)) == (
        [[-x for x in group] for group in groups],
        [1, 2, 3, 4],
    )


def test_exact_counts_with_a_cache(pipeline: Pipeline) -> None:
    """Three items run, then one, then none, as on every engine, and run shares with map."""
    recorder = Recorder()
    engine = AsyncEngine(cache=MemoryCache(), callbacks=[recorder])
    counts = []
    for items in ([1, 2, 3], [1, 2, 4], [4, 3, 2, 1]):
        recorder.events.clear()
        finish(pipeline.amap({"x": items}, map_over="x", engine=engine))
        counts.append(len(recorder.executed))
    recorder.events.clear()
    finish(pipeline.arun({"x": 4}, engine=engine))
    assert (counts, recorder.executed) == ([6, 2, 0], [])


def test_collected_failures_stand_in_their_places() -> None:
    """Awaited and iterated, a failed item is a record, and the others are finished."""

    @node(output_name="y")
    async def invert(x: int) -> float:
        await asyncio.sleep(0)
        return 1 / (x - 5)

    results = finish(Pipeline([invert]).amap({"x": ITEMS}, "x", on_error="collect"))
    assert [(each.item, each.path, each.inputs) for each in results.failed] == [
        (5, "invert", {"x": 5})
    ]
    assert len(results.finished) == 11
