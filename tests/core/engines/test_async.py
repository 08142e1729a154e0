"""Facts about `AsyncEngine` itself; what it has in common with others is in the contract tests."""

from __future__ import annotations

import asyncio
import contextvars
import pickle
from typing import Any

import pytest

from hypernodes import AsyncEngine, MemoryCache, Pipeline, PipelineCallback, SeqEngine, node
from hypernodes.engines import get_engine

ITEMS = list(range(30))


@node(output_name="y")
async def wait(x: int) -> int:
    """Wait a moment."""
    await asyncio.sleep(0.001)
    return x


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, None, "4"], ids=repr)
def test_a_limit_that_makes_no_sense_is_refused(limit: Any) -> None:
    """It is checked when the engine is made."""
    with pytest.raises(ValueError, match="max_concurrency must be a positive whole number, got"):
        AsyncEngine(limit)


def test_it_has_a_name() -> None:
    """The registry knows it by both names."""
    assert [type(get_engine(name)) for name in ("async", "AsyncEngine")] == [AsyncEngine] * 2


def test_it_can_be_pickled() -> None:
    """A copy in another process is configured alike."""
    engine = pickle.loads(pickle.dumps(AsyncEngine(7, threads=True, strict=True)))
    assert (engine.max_concurrency, engine.threads, engine.strict) == (7, True, True)


def test_repr_shows_how_it_is_configured() -> None:
    """The representation says the limit, threads, cache and callbacks."""
    assert repr(AsyncEngine(3)) == (
        "AsyncEngine(max_concurrency=3, threads=False, cache=UNSET, callbacks=UNSET)"
    )


def test_run_and_map_block_inside_a_running_loop() -> None:
    """In a notebook, calls that are not awaited still return their values."""
    pipeline = Pipeline([wait], engine=AsyncEngine())

    async def main() -> Any:
        return pipeline.run({"x": 1}), pipeline.map({"x": ITEMS[:3]}, map_over="x")

    assert asyncio.run(main()) == ({"y": 1}, [{"y": x} for x in ITEMS[:3]])


def test_a_plain_function_may_run_a_pipeline_inside() -> None:
    """Re-entrancy: a node that runs and maps a pipeline on the same engine."""
    engine = AsyncEngine()
    inner = Pipeline([wait], engine=engine)

    @node(output_name="z")
    def outer(y: int) -> Any:
        return inner.run({"x": y})["y"] + inner.map({"x": [y]}, map_over="x")[0]["y"]

    rows = Pipeline([wait, outer], engine=engine).map({"x": ITEMS[:3]}, map_over="x")
    assert rows == [{"y": x, "z": 2 * x} for x in ITEMS[:3]]


def test_a_coroutine_function_may_await_a_pipeline_inside() -> None:
    """The same, awaited on the loop that is there."""
    engine = AsyncEngine()
    inner = Pipeline([wait], engine=engine)

    @node(output_name="z")
    async def outer(y: int) -> Any:
        return (await inner.arun({"x": y}))["y"] + (await inner.amap({"x": [y]}, "x"))[0]["y"]

    rows = Pipeline([wait, outer], engine=engine).map({"x": ITEMS[:3]}, map_over="x")
    assert rows == [{"y": x, "z": 2 * x} for x in ITEMS[:3]]


def test_stop_iteration_of_a_plain_function_comes_out_of_run() -> None:
    """Although no coroutine can raise it, the caller of ``run`` gets it as it was."""

    @node(output_name="z")
    def stop(y: int) -> int:
        msg = "mine"
        raise StopIteration(msg)

    with pytest.raises(StopIteration, match="mine") as caught:
        Pipeline([wait, stop], engine=AsyncEngine()).run({"x": 1})
    assert caught.value.__notes__ == ["in node 'stop' at stop"]


def test_stop_iteration_of_a_coroutine_function_is_what_python_makes_of_it() -> None:
    """Python turns it into a `RuntimeError` before anybody sees it, on every engine."""

    @node(output_name="y")
    async def stop(x: int) -> int:
        raise StopIteration(x)

    for engine in (SeqEngine(), AsyncEngine()):
        with pytest.raises(RuntimeError, match="coroutine raised StopIteration") as caught:
            Pipeline([stop]).run({"x": 1}, engine=engine)
        assert caught.value.__notes__ == ["in node 'stop' at stop"]


def test_progress_does_not_slow_it_down() -> None:
    """Who hears of progress alone hears it live, while all items overlap."""
    most = inside = 0

    @node(output_name="y")
    async def count(x: int) -> int:
        nonlocal most, inside
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.005)
        inside -= 1
        return x

    class Progress(PipelineCallback):
        heard: list[int]

        def on_map_progress(self, done: int, *args: Any) -> None:
            """Note."""
            self.heard.append(done)

    progress = Progress()
    for call in ("map", "amap"):
        most, progress.heard = 0, []
        engine = AsyncEngine(callbacks=[progress])
        pipeline = Pipeline([count], engine=engine)
        found = getattr(pipeline, call)({"x": ITEMS}, map_over="x")
        if call == "amap":

            async def awaited(found: Any = found) -> Any:
                return await found

            found = asyncio.run(awaited())
        assert (most, progress.heard) == (len(ITEMS), [n + 1 for n in ITEMS])


def test_functions_see_the_context_variables_of_the_caller() -> None:
    """Also in threads."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    @node(output_name="p")
    def plain(x: int) -> str:
        return variable.get()

    @node(output_name="a")
    async def waiting(x: int) -> str:
        return variable.get()

    variable.set("set")
    pipeline = Pipeline([plain, waiting])
    engines = [AsyncEngine(), AsyncEngine(threads=True)]
    found = [pipeline.run({"x": 1}, engine=engine) for engine in engines]
    assert found == [{"a": "set", "p": "set"}] * 2


def test_an_interrupt_keeps_what_was_finished() -> None:
    """Ctrl-C ends the map at once; a repetition runs only what is missing."""
    calls: list[int] = []

    @node(output_name="y")
    async def work(x: int) -> int:
        calls.append(x)
        await asyncio.sleep(0)
        if x == 5 and len(calls) < 8:
            raise KeyboardInterrupt
        return x

    pipeline = Pipeline([work], engine=AsyncEngine(1, cache=MemoryCache()))
    with pytest.raises(KeyboardInterrupt):
        pipeline.map({"x": ITEMS}, map_over="x")
    before = list(calls)
    calls.append(-1)
    calls.append(-1)
    rows = pipeline.map({"x": ITEMS}, map_over="x")
    assert (before, calls[8:], len(rows)) == (ITEMS[:6], ITEMS[5:], 30)


def test_one_engine_serves_many_loops() -> None:
    """It keeps nothing of a run, so loops and threads may share it."""
    engine = AsyncEngine(3)
    pipeline = Pipeline([wait], engine=engine)

    async def main() -> Any:
        return await asyncio.gather(*(pipeline.arun({"x": x}) for x in ITEMS))

    async def aside() -> Any:
        calls = [asyncio.to_thread(pipeline.run, {"x": x}) for x in ITEMS[:5]]
        return await asyncio.gather(*calls)

    expected = [{"y": x} for x in ITEMS]
    assert (asyncio.run(main()), asyncio.run(aside())) == (expected, expected[:5])
