"""Facts about awaited runs and maps: exceptions that Python takes for an end, and interrupts."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from hypernodes import AsyncEngine, Pipeline, PipelineCallback, Recorder, SeqEngine, node
from hypernodes.errors import ExecutionError
from hypernodes.events import RunFinished
from hypernodes.graph import Retry


class _Ended(StopIteration):
    """An end of the user's own."""


@node(output_name="y")
def stop(x: int) -> int:
    """Raise what ends iterating, for 2."""
    if x == 2:
        raise _Ended(x)
    return x


async def _arun(**options: Any) -> Any:
    return await Pipeline([stop]).arun({"x": 2}, **options)


async def _amap(**options: Any) -> Any:
    return await Pipeline([stop]).amap({"x": [1, 2, 3]}, "x", **options)


async def _iterate(**options: Any) -> Any:
    return [row async for row in Pipeline([stop]).amap({"x": [1, 2, 3]}, "x", **options)]


@pytest.mark.parametrize("awaited", [_arun, _amap, _iterate])
@pytest.mark.parametrize("threads", [False, True])
def test_what_ends_awaiting_is_the_cause_of_an_error_that_says_so(
    awaited: Callable[..., Coroutine[Any, Any, Any]], threads: bool
) -> None:
    """Where no coroutine can raise a node's exception, it is chained, with the note where."""
    with pytest.raises(
        ExecutionError, match="a node raised _Ended, which ends iterating"
    ) as caught:
        asyncio.run(awaited(engine=AsyncEngine(threads=threads)))
    assert type(caught.value.__cause__) is _Ended
    assert caught.value.__notes__ == caught.value.__cause__.__notes__
    assert caught.value.__notes__[0].startswith("in node 'stop' at stop")


def test_an_engine_without_a_loop_is_never_waited_for_in_vain() -> None:
    """`StopIteration` from another thread cannot enter a future, and still comes home."""

    class Elsewhere:
        """Runs like a `SeqEngine`, and is none."""

        def run(self, *args: Any) -> Any:
            """Run."""
            return SeqEngine().run(*args)

    async def main() -> Any:
        return await asyncio.wait_for(_arun(engine=Elsewhere()), timeout=10)

    with pytest.raises(ExecutionError, match="call run instead of awaiting arun") as caught:
        asyncio.run(main())
    assert type(caught.value.__cause__) is _Ended


def test_observers_hear_of_the_exception_itself() -> None:
    """What stands in for it is for the one who awaits alone."""
    heard: list[Any] = []

    class Ends(Recorder):
        """Keeps what ended runs."""

        def on_event(self, event: Any, ctx: Any) -> None:
            """Keep it."""
            heard.extend([event.outcome.error] if isinstance(event, RunFinished) else [])

    for awaited in (_arun, _amap):
        with pytest.raises(ExecutionError):
            asyncio.run(awaited(engine=AsyncEngine(callbacks=[Ends()])))
    assert [type(error) for error in heard] == [_Ended, _Ended]


def test_an_end_of_asynchronous_iterating_comes_out_of_arun() -> None:
    """A coroutine can raise `StopAsyncIteration`; an iterator of results cannot."""

    @node(output_name="y")
    async def end(x: int) -> int:
        raise StopAsyncIteration(x)

    async def iterate() -> Any:
        return [row async for row in Pipeline([end]).amap({"x": [2]}, "x", engine=AsyncEngine())]

    with pytest.raises(StopAsyncIteration):
        asyncio.run(Pipeline([end]).arun({"x": 2}))
    with pytest.raises(ExecutionError, match="StopAsyncIteration"):
        asyncio.run(iterate())


@pytest.mark.parametrize("engine", [SeqEngine(), AsyncEngine()])
def test_what_ends_iterating_is_no_end_of_a_stream(engine: Any) -> None:
    """Rows before the failing item come first, then the error; nothing is cut short silently."""
    rows: list[Any] = []
    with pytest.raises(ExecutionError, match="call map, or collect failures") as caught:
        rows.extend(Pipeline([stop]).map_iter({"x": iter([1, 2, 3])}, "x", engine=engine))
    assert type(caught.value.__cause__) is _Ended
    assert caught.value.__notes__ == ["in node 'stop' at stop, item 1"]


def test_exits_of_functions_leave_the_loop_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """An exit in a coroutine function ends the program; the loop has nothing to complain of."""

    @node(output_name="y")
    async def leave(x: int) -> int:
        await asyncio.sleep(0)
        raise SystemExit(x)

    async def main() -> Any:
        return await Pipeline([leave], engine=AsyncEngine()).amap({"x": [3, 3]}, "x")

    with pytest.raises(SystemExit):
        asyncio.run(main())
    assert not caplog.records


@pytest.mark.parametrize(
    ("option", "begun"),
    [({"retry": Retry(50, wait=0.01, factor=1.0)}, 20), ({"rate_limit": 20}, 1)],
)
def test_nothing_is_tried_again_once_nobody_waits(option: dict[str, Any], begun: int) -> None:
    """Calls in threads that wait for another attempt or their pace are given up with their run."""
    calls: list[int] = []

    @node(output_name="y", **option)
    def fail(x: int) -> int:
        calls.append(x)
        raise ValueError(x)

    async def main() -> int:
        rows = Pipeline([fail]).amap(
            {"x": list(range(20))}, "x", engine=AsyncEngine(20, threads=True), on_error="collect"
        )
        waiting = asyncio.ensure_future(rows)
        while not calls:
            await asyncio.sleep(0.001)
        waiting.cancel()
        await asyncio.wait([waiting])
        return len(calls)

    before = threading.active_count()
    counted = asyncio.run(main())
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before
    # calls that were just about to begin may still have begun
    assert len(calls) <= counted + begun


def test_a_coroutine_that_comes_too_late_is_closed() -> None:
    """Functions in threads that return coroutines are refused, and leave none unawaited."""

    async def later(x: int) -> int:
        return x

    @node(output_name="y")
    def hand_over(x: int) -> Any:
        time.sleep(0.01 * x)
        return later(x)

    engine = AsyncEngine(4, threads=True)
    with pytest.raises(ExecutionError, match="returned a coroutine that nobody awaits"):
        Pipeline([hand_over]).map({"x": [0, 1, 2, 3]}, "x", engine=engine)
    time.sleep(0.1)


def test_a_task_may_be_made_of_a_map() -> None:
    """By all that makes tasks of coroutines; cancelling the task cancels the map."""

    @node(output_name="y")
    async def double(x: int) -> int:
        await asyncio.sleep(0.01 if x < 10 else 10)
        return 2 * x

    pipeline, engine = Pipeline([double]), AsyncEngine()

    async def main() -> Any:
        async with asyncio.TaskGroup() as group:
            first = group.create_task(pipeline.amap({"x": [1]}, "x", engine=engine))
            second = asyncio.create_task(pipeline.amap({"x": [2]}, "x", engine=engine))
        third = await asyncio.wait_for(pipeline.amap({"x": [3]}, "x", engine=engine), 5)
        endless = asyncio.create_task(pipeline.amap({"x": [10]}, "x", engine=engine))
        await asyncio.sleep(0.01)
        endless.cancel()
        await asyncio.wait([endless])
        return first.result(), await second, third, endless.cancelled(), len(asyncio.all_tasks())

    rows = ([{"y": 2}], [{"y": 4}], [{"y": 6}])
    assert asyncio.run(main()) == (*rows, True, 1)


def test_a_map_that_nobody_awaits_warns() -> None:
    """Like a coroutine: nothing ran, and somebody should know; one that is closed is silent."""
    with pytest.warns(RuntimeWarning, match="never awaited, so nothing ran") as caught:
        Pipeline([stop]).amap({"x": [1]}, "x", engine=AsyncEngine())
    Pipeline([stop]).amap({"x": [1]}, "x", engine=AsyncEngine()).close()
    assert len(caught) == 1


@pytest.mark.parametrize("function", [lambda x: x, stop.func], ids=["fine", "failing"])
def test_awaited_maps_of_plain_functions_tell_how_far_they_are(function: Any) -> None:
    """A callback that only hears of progress hears of every item that ended."""
    heard: list[tuple[int, ...]] = []

    class Progress(PipelineCallback):
        """Keeps how far maps are."""

        def on_map_progress(self, done: int, hits: int, failed: int, total: int, ctx: Any) -> None:
            """Keep it."""
            heard.append((done, hits, failed, total))

    engine = AsyncEngine(callbacks=[Progress()])
    pipeline = Pipeline([node(function, output_name="y")])

    async def main() -> None:
        await pipeline.amap({"x": [1, 2, 3]}, "x", engine=engine, on_error="collect")

    asyncio.run(main())
    assert heard[-1] == (3, 0, int(function is stop.func), 3)


def test_a_failing_item_is_among_those_that_ended() -> None:
    """What is told of progress counts it once as done and once as failed, on both ways."""
    heard: list[tuple[int, ...]] = []

    class Progress(PipelineCallback):
        """Keeps how far maps are."""

        def on_map_progress(self, done: int, hits: int, failed: int, total: int, ctx: Any) -> None:
            """Keep it."""
            heard.append((done, failed))

    for engine in (SeqEngine, AsyncEngine):
        with pytest.raises(_Ended):
            Pipeline([stop]).map({"x": [1, 2]}, "x", engine=engine(callbacks=[Progress()]))
        assert heard[-1] == (2, 1)


def test_items_tell_of_themselves_when_it_is_their_turn() -> None:
    """On the event loop, too: not before the items ahead, and not only at the end."""
    ended: list[int] = []
    seen: list[tuple[int, int]] = []

    class Items(PipelineCallback):
        """Notes how many items had ended when one was told of."""

        def on_map_item_end(self, item: int, *rest: Any) -> None:
            """Note it."""
            seen.append((item, len(ended)))

    @node(output_name="y")
    async def late(x: int) -> int:
        await asyncio.sleep(0.05 if x == 0 else 0.002 * x)
        ended.append(x)
        return x

    engine = AsyncEngine(3, callbacks=[Items()])
    Pipeline([late]).map({"x": list(range(20))}, "x", engine=engine)
    assert [item for item, _ in seen] == list(range(20))
    assert seen[0][1] > 1
    assert seen[0][1] < 20
