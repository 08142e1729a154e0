"""Chunks on threads of this process."""

from __future__ import annotations

import contextvars
import signal
import sys
import threading
import time
from typing import Any

import pytest

from hypernodes import DualNode, MemoryCache, Pipeline, Recorder, SeqEngine, node
from hypernodes_dask import DaskEngine


@node(output_name="y")
def double(x: Any) -> Any:
    return [x, x]


@node(output_name="slept")
def sleep(x: int) -> int:
    time.sleep(0.1)
    return x


def test_results_come_in_item_order() -> None:
    """A map gives what SeqEngine gives, item for item."""
    pipeline = Pipeline([double])
    xs = list(range(500))
    expected = SeqEngine().map(pipeline, {"x": xs}, "x")
    assert expected == DaskEngine(num_workers=3).map(pipeline, {"x": xs}, "x")


def test_few_sleeping_items_overlap() -> None:
    """Eight items of a tenth of a second on eight threads take far less than one after another."""
    started = time.perf_counter()
    DaskEngine(num_workers=8).map(Pipeline([sleep]), {"x": list(range(8))}, "x")
    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize(
    "value", [(len, [1, 2]), ("hypernodes-lane", 0), "x", [(sum, [1, 2])], {"a": (max, 1, 2)}]
)
def test_data_is_not_mistaken_for_tasks(value: Any) -> None:
    """What Dask would execute or replace reaches functions as it is."""
    pipeline = Pipeline([double])
    found = DaskEngine(num_workers=2).map(pipeline, {"x": [value]}, "x")
    assert found[0]["y"][0] is value


def test_functions_are_called_once_per_item(calls) -> None:
    """Without a cache every item is a call, equal ones too."""

    @node(output_name="y")
    def note(x: int) -> int:
        calls.append(x)
        return x

    DaskEngine(num_workers=4).map(Pipeline([note]), {"x": [1, 2, 2, 1]}, "x")
    assert sorted(calls) == [1, 1, 2, 2]


def test_equal_items_run_once_with_a_cache(calls) -> None:
    """Threads that meet the same key at once execute it once."""

    @node(output_name="y")
    def note(x: int) -> int:
        calls.append(x)
        time.sleep(0.02)
        return x

    xs = [1, 2] * 40
    engine = DaskEngine(num_workers=8, cache=MemoryCache())
    found = engine.map(Pipeline([note]), {"x": xs}, "x")
    assert (sorted(calls), [row["y"] for row in found]) == ([1, 2], xs)


def test_the_lowest_failing_item_is_raised() -> None:
    """Whichever thread fails first, the error is that of the lowest item."""

    @node(output_name="y")
    def fail(x: int) -> int:
        time.sleep(0.05 if x == 1 else 0)
        if x:
            raise KeyError(x)
        return x

    with pytest.raises(KeyError, match="1") as caught:
        DaskEngine(num_workers=4).map(Pipeline([fail]), {"x": [0, 1, 2, 3]}, "x")
    assert caught.value.__notes__ == ["in node 'fail' at fail, item 1"]


def test_after_a_failure_nothing_more_is_begun(calls) -> None:
    """Items behind a failure are left alone, but for those under way."""

    @node(output_name="y")
    def fail(x: int) -> int:
        calls.append(x)
        time.sleep(0.01)
        if x == 0:
            raise ValueError(x)
        return x

    with pytest.raises(ValueError, match="0"):
        DaskEngine(num_workers=2).map(Pipeline([fail]), {"x": list(range(200))}, "x")
    seen = len(calls)
    time.sleep(0.1)
    assert (len(calls), seen < 30) == (seen, True)


def test_collected_failures_stand_in_their_places() -> None:
    """With ``on_error="collect"`` the other items are carried on."""

    @node(output_name="y")
    def invert(x: int) -> float:
        return 1 / x

    found = DaskEngine(num_workers=2).map(
        Pipeline([invert]), {"x": [1, 0, 2]}, "x", on_error="collect"
    )
    assert [row if isinstance(row, dict) else row.item for row in found] == [
        {"y": 1.0},
        1,
        {"y": 0.5},
    ]


def test_an_exit_in_a_function_reaches_the_caller() -> None:
    """``sys.exit()`` in a node ends the program that asked, not a thread."""
    with pytest.raises(SystemExit, match="7"):
        DaskEngine(num_workers=2).map(
            Pipeline([node(lambda x: sys.exit(7), output_name="y")]), {"x": [1]}, "x"
        )


def test_functions_see_the_context_of_the_caller() -> None:
    """Context variables are those around the map, and what a function sets stays with it."""
    variable = contextvars.ContextVar("variable", default="nobody")
    variable.set("caller")

    @node(output_name="y")
    def look(x: int) -> str:
        return variable.get()

    found = DaskEngine(num_workers=2).map(Pipeline([look]), {"x": [1, 2]}, "x")
    assert [row["y"] for row in found] == ["caller", "caller"]


def test_coroutines_are_awaited() -> None:
    """An async function is a node here as well."""

    async def wait(x: int) -> int:
        return -x

    pipeline = Pipeline([node(wait, output_name="y")])
    assert DaskEngine(num_workers=2).map(pipeline, {"x": [1, 2]}, "x") == [{"y": -1}, {"y": -2}]


def test_a_batch_is_one_call(calls) -> None:
    """A dual node gets a map of up to 1,000 items at once, however many threads there are."""
    pytest.importorskip("pyarrow")

    def batch(x: Any) -> Any:
        calls.append(len(x))
        return x

    pipeline = Pipeline([DualNode("y", singular=lambda x: x, batch=batch)])
    found = DaskEngine(num_workers=4).map(pipeline, {"x": list(range(1000))}, "x")
    assert (calls, found[-1]) == ([1000], {"y": 999})


def test_a_nested_pipeline_may_have_its_own_threads() -> None:
    """Maps inside threads, on threads of their own, neither hang nor mix."""
    inner = Pipeline([double], engine=DaskEngine(num_workers=3))
    outer = Pipeline([inner.as_node(map_over="x")])
    xs = [[1, 2], [], [3]]
    expected = outer.map({"x": xs}, "x", engine=SeqEngine())
    assert expected == outer.map({"x": xs}, "x", engine=DaskEngine(num_workers=2))


def test_observers_hear_items_in_order_on_the_driver() -> None:
    """Events come in item order, in the thread that called."""
    threads = set()

    class Watch(Recorder):
        def on_node_end(self, *arguments: Any) -> None:
            threads.add(threading.current_thread())
            super().on_node_end(*arguments)

    here, there = Recorder(), Watch()
    Pipeline([double]).map({"x": [1, 2, 3]}, "x", engine=SeqEngine(callbacks=[here]))
    Pipeline([double]).map({"x": [1, 2, 3]}, "x", engine=DaskEngine(callbacks=[there]))
    names = [name for name, _ in here.events if name != "map_progress"]
    assert names == [name for name, _ in there.events if name != "map_progress"]
    assert threads == {threading.current_thread()}


def test_npartitions_says_how_many_chunks_there_are() -> None:
    """With *npartitions* all chunks but the last have one size."""
    sizes = []

    class Watched(DaskEngine):
        def submit(self, plan, chunks, context):
            def watched():
                for chunk in chunks:
                    sizes.append(chunk.size)
                    yield chunk

            return super().submit(plan, watched(), context)

    Watched(npartitions=3).map(Pipeline([double]), {"x": list(range(10))}, "x")
    assert sizes == [4, 4, 2]


def test_the_synchronous_scheduler_stays_in_the_calling_thread() -> None:
    """For debugging: one chunk after another, here."""
    found = DaskEngine("synchronous").map(
        Pipeline([node(lambda x: threading.current_thread(), output_name="y")]), {"x": [1, 2]}, "x"
    )
    assert {row["y"] for row in found} == {threading.current_thread()}


def test_a_configured_pool_is_used() -> None:
    """Threads come from the pool that Dask is configured to use."""
    from concurrent.futures import ThreadPoolExecutor

    import dask

    with ThreadPoolExecutor(2, thread_name_prefix="mine") as pool, dask.config.set(pool=pool):
        found = DaskEngine().map(
            Pipeline([node(lambda x: threading.current_thread().name, output_name="y")]),
            {"x": [1, 2]},
            "x",
        )
    assert {row["y"].partition("_")[0] for row in found} == {"mine"}


def test_an_interrupt_comes_back_at_once(script) -> None:
    """Ctrl-C ends a map on threads without waiting for later items."""
    process = script(
        "import time\n"
        "from hypernodes import Pipeline, node\n"
        "from hypernodes_dask import DaskEngine\n"
        "def sleep(x):\n"
        "    print(x, flush=True)\n"
        "    time.sleep(0.3)\n"
        "pipeline = Pipeline([node(sleep, output_name='y')])\n"
        "try: DaskEngine(num_workers=2).map(pipeline, {'x': list(range(100))}, 'x')\n"
        "except KeyboardInterrupt: print('interrupted', flush=True)\n"
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert "interrupted" in output
    assert len(output.split()) < 10


def test_an_interrupted_program_does_not_wait_for_sleepers(script) -> None:
    """After Ctrl-C a function that still sleeps keeps nobody from ending."""
    process = script(
        "import time\n"
        "from hypernodes import Pipeline, node\n"
        "from hypernodes_dask import DaskEngine\n"
        "def sleep(x):\n"
        "    print(x, flush=True)\n"
        "    time.sleep(60)\n"
        "pipeline = Pipeline([node(sleep, output_name='y')])\n"
        "DaskEngine(num_workers=2).map(pipeline, {'x': [1, 2, 3]}, 'x')\n"
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert errors.rstrip().endswith("KeyboardInterrupt")
