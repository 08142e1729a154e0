"""Facts about chunks on an event loop: who waits for whom, and what a failure ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import pytest

from hypernodes import AsyncEngine, MemoryCache, Pipeline, Recorder, SeqEngine, node
from hypernodes.execution._pulling import pull

ITEMS = list(range(12))


class Watch:
    """Counts how many are inside at once."""

    def __init__(self) -> None:
        self.inside = self.most = self.count = 0

    async def __aenter__(self) -> None:
        self.count += 1
        self.inside += 1
        self.most = max(self.most, self.inside)

    async def __aexit__(self, *_: object) -> None:
        self.inside -= 1


def sleeper(watch: Watch, seconds: float = 0.002) -> Any:
    """Return a node ``x -> y`` that waits while it is watched."""

    @node(output_name="y")
    async def wait(x: int) -> int:
        async with watch:
            await asyncio.sleep(seconds)
        return x

    return wait


def told(recorder: Recorder) -> list[Any]:
    """Return the events without their times and progress."""
    found = []
    for name, args in recorder.events:
        if name != "map_progress":
            found.append((name, [each for each in args if not isinstance(each, float)]))
    return found


# ---- pulling -----------------------------------------------------------------


def test_places_are_pulled_in_order_and_no_more_than_the_limit() -> None:
    """Work begins at the lowest places, a fixed number at once."""
    begun: list[int] = []
    watch = Watch()

    async def one(place: int) -> bool:
        begun.append(place)
        async with watch:
            await asyncio.sleep(0)
        return True

    asyncio.run(pull(one, 20, 3))
    assert (begun, watch.most) == (list(range(20)), 3)


def test_places_above_a_failure_are_ended_and_those_below_are_finished() -> None:
    """A failure at 3 lets 0 to 2 end by themselves, cancels 4, and begins nothing more."""
    ended: dict[int, str] = {}

    async def one(place: int) -> bool:
        try:
            await asyncio.sleep(0.001 if place == 3 else 0.02)
        except asyncio.CancelledError:
            ended[place] = "cancelled"
            raise
        ended[place] = "finished"
        return place != 3

    asyncio.run(pull(one, 100, 5))
    assert ended == {0: "finished", 1: "finished", 2: "finished", 3: "finished", 4: "cancelled"}


def test_the_lowest_of_several_failures_decides() -> None:
    """A later failure at a lower place ends what the first one left."""
    finished: list[int] = []

    async def one(place: int) -> bool:
        await asyncio.sleep(0.001 * (10 - place))
        finished.append(place)
        return place not in (1, 3)

    asyncio.run(pull(one, 6, 4))
    assert finished == [3, 2, 1, 0]


def test_work_that_swallows_its_cancellation_ends_all_the_same() -> None:
    """A function that catches the cancellation is let finish, and nothing hangs."""

    async def one(place: int) -> bool:
        try:
            await asyncio.sleep(0.001 if place == 0 else 10)
        except asyncio.CancelledError:
            return True
        return place != 0

    asyncio.run(asyncio.wait_for(pull(one, 3, 3), 5))


def test_an_exception_of_its_own_reaches_the_caller() -> None:
    """What the work raises itself is raised once everybody is through."""

    async def one(place: int) -> bool:
        if place == 2:
            msg = "mine"
            raise asyncio.CancelledError(msg)
        await asyncio.sleep(0)
        return True

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(pull(one, 5, 5))


# ---- limits --------------------------------------------------------------------


@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_functions_wait_at_once_than_the_limit(limit: int, observed: bool) -> None:
    """The bound is reached, and never exceeded."""
    watch = Watch()
    engine = AsyncEngine(limit, callbacks=[Recorder()] if observed else None)
    Pipeline([sleeper(watch)]).map({"x": ITEMS}, map_over="x", engine=engine)
    assert (watch.most, watch.count) == (limit, len(ITEMS))


def test_the_limit_holds_across_nested_maps_and_branches() -> None:
    """Items of maps in maps, and steps that overlap, share one bound."""
    watch = Watch()
    wait = sleeper(watch)
    inner = Pipeline([wait, sleeper_named("z", watch)])
    pipeline = Pipeline([inner.as_node({"xs": "x"}, map_over="xs")])
    rows = pipeline.map({"xs": [[1, 2, 3]] * 4}, map_over="xs", engine=AsyncEngine(5))
    assert (watch.most, watch.count, rows[0]) == (5, 24, {"y": [1, 2, 3], "z": [1, 2, 3]})


def sleeper_named(name: str, watch: Watch) -> Any:
    """Return another node that waits."""
    return node(output_name=name)(sleeper(watch).func)


def test_a_nested_engine_has_a_limit_of_its_own() -> None:
    """A pipeline inside with its own engine keeps to the bound of that."""
    watch = Watch()
    inner = Pipeline([sleeper(watch)], engine=AsyncEngine(2))
    pipeline = Pipeline([inner.as_node({"xs": "x"}, map_over="xs")], engine=AsyncEngine(50))
    found = pipeline.run({"xs": ITEMS})
    assert (watch.most, found) == (2, {"y": ITEMS})


# ---- branches --------------------------------------------------------------------


def branch(name: str, waits: int, error: type[Exception] | None = None) -> Any:
    """Return a node that waits so many turns, and may fail."""

    async def work(x: int) -> str:
        for _ in range(waits):
            await asyncio.sleep(0)
        if error is not None:
            raise error(name)
        return name

    work.__name__ = name
    return node(output_name=f"{name}_out")(work)


def test_independent_steps_overlap() -> None:
    """Two steps that need not wait for each other take the time of one."""
    gate = asyncio.Event

    @node(output_name="p")
    async def opens(x: Any) -> str:
        x.set()
        return "opened"

    @node(output_name="o")
    async def waits(x: Any) -> str:
        await asyncio.wait_for(x.wait(), 5)
        return "passed"

    async def main() -> Any:
        return await Pipeline([waits, opens], engine=AsyncEngine()).arun({"x": gate()})

    assert asyncio.run(main()) == {"o": "passed", "p": "opened"}


@pytest.mark.parametrize("waits", [(0, 5), (5, 0), (1, 1)])
def test_of_several_failing_branches_the_first_in_order_is_raised(waits: tuple[int, int]) -> None:
    """Whichever fails first in time, the exception is the one of a sequential run."""
    nodes = [branch("a", waits[0], ValueError), branch("b", waits[1], KeyError), branch("c", 9)]
    with pytest.raises(ValueError, match="a") as caught:
        Pipeline(nodes).run({"x": 1}, engine=AsyncEngine())
    assert caught.value.__notes__ == ["in node 'a' at a"]


@pytest.mark.parametrize("waits", [(0, 3, 5), (5, 3, 0), (1, 1, 1)])
def test_events_of_overlapping_branches_are_those_of_a_sequential_run(waits: Any) -> None:
    """Also where one fails: nothing is told of the steps behind it."""
    for error in (None, ValueError):
        nodes = [branch("a", waits[0]), branch("b", waits[1], error), branch("c", waits[2])]
        stories = []
        for kind in (SeqEngine, AsyncEngine):
            recorder = Recorder()
            engine = kind(callbacks=[recorder])
            with contextlib.suppress(ValueError):
                Pipeline(nodes).run({"x": 1}, engine=engine)
            stories.append([(name, args[0]) for name, args in told(recorder)])
        assert stories[0] == stories[1]


# ---- equal keys ---------------------------------------------------------------------


def test_equal_items_under_way_execute_once() -> None:
    """Who comes second waits for the result of the first, on an event loop too."""
    watch = Watch()
    engine = AsyncEngine(cache=MemoryCache())
    rows = Pipeline([sleeper(watch)]).map({"x": [1, 2] * 10}, map_over="x", engine=engine)
    assert (watch.count, rows) == (2, [{"y": 1}, {"y": 2}] * 10)


def test_equal_items_are_tried_again_where_the_first_one_failed() -> None:
    """Waiting for a result that never comes does not hang, and each item fails by itself."""
    calls: list[int] = []

    @node(output_name="y")
    async def fail(x: int) -> int:
        calls.append(x)
        await asyncio.sleep(0)
        raise ValueError(x)

    engine = AsyncEngine(cache=MemoryCache())
    results = Pipeline([fail]).map({"x": [1] * 4}, map_over="x", on_error="collect", engine=engine)
    assert ([type(each.error) for each in results.failed], len(calls)) == ([ValueError] * 4, 4)


# ---- plain functions -------------------------------------------------------------------


@pytest.mark.parametrize("error", [StopIteration, ValueError, KeyError, StopAsyncIteration])
@pytest.mark.parametrize("threads", [False, True])
def test_exceptions_of_plain_functions_keep_their_type(error: Any, threads: bool) -> None:
    """Also those that coroutines and futures cannot raise themselves."""

    @node(output_name="y")
    def fail(x: int) -> int:
        if x == 9:
            msg = "mine"
            raise error(msg)
        return x

    @node(output_name="z")
    async def wait(y: int) -> int:
        return y

    pipeline = Pipeline([fail, wait], engine=AsyncEngine(threads=threads))
    with pytest.raises(error, match="mine") as caught:
        pipeline.map({"x": ITEMS}, map_over="x")
    assert caught.value.__notes__ == ["in node 'fail' at fail, item 9"]


@pytest.mark.parametrize("observed", [False, True])
def test_plain_functions_stay_in_the_thread_of_the_loop(observed: bool) -> None:
    """Without threads nothing leaves the thread that waits."""
    seen: set[int] = set()

    @node(output_name="y")
    def note(x: int) -> int:
        seen.add(threading.get_ident())
        return x

    @node(output_name="z")
    async def wait(y: int) -> int:
        seen.add(threading.get_ident())
        return y

    engine = AsyncEngine(callbacks=[Recorder()] if observed else None)
    Pipeline([note, wait], engine=engine).map({"x": ITEMS}, map_over="x")
    assert seen == {threading.get_ident()}


def test_plain_functions_overlap_in_threads_where_asked() -> None:
    """With threads, functions that wait for each other all get through."""
    barrier = threading.Barrier(4)

    @node(output_name="y")
    def meet(x: int) -> int:
        barrier.wait(5)
        return x

    engine = AsyncEngine(4, threads=True)
    rows = Pipeline([meet], engine=engine).map({"x": ITEMS}, map_over="x")
    assert rows == [{"y": x} for x in ITEMS]
