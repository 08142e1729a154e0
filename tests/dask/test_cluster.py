"""Chunks on a Dask cluster."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

import pytest

from hypernodes import MemoryCache, Pipeline, Recorder, SeqEngine, node
from hypernodes.errors import ExecutionError, UnsupportedStepError, WorkerLostError
from hypernodes_dask import DaskEngine


@node(output_name="y")
def wrap(x: Any) -> Any:
    return [x]


def test_results_come_in_item_order(client: Any) -> None:
    """A map gives what SeqEngine gives, item for item."""
    xs = list(range(500))
    expected = SeqEngine().map(Pipeline([wrap]), {"x": xs}, "x")
    assert expected == DaskEngine(client=client).map(Pipeline([wrap]), {"x": xs}, "x")


def test_without_a_client_none_is_started() -> None:
    """The error says how to make one."""
    with pytest.raises(ExecutionError, match="there is no Dask client"):
        DaskEngine("distributed").map(Pipeline([wrap]), {"x": [1]}, "x")


def test_the_current_client_is_used(client: Any) -> None:
    """Inside ``client.as_current()`` the engine needs no client of its own."""
    with client.as_current():
        found = DaskEngine("distributed").map(Pipeline([wrap]), {"x": [1]}, "x")
    assert found == [{"y": [1]}]


def test_a_client_goes_with_a_cluster_only(client: Any) -> None:
    """Another scheduler beside a client is a mistake."""
    with pytest.raises(ValueError, match="client goes with scheduler='distributed'"):
        DaskEngine("processes", client=client)


@pytest.mark.parametrize("value", [(len, [1, 2]), ("a", 0), [(sum, [1, 2])], {"a": (max, 1, 2)}])
def test_data_is_not_mistaken_for_tasks(client: Any, value: Any) -> None:
    """What Dask would execute or replace reaches functions as it is."""
    assert DaskEngine(client=client).map(Pipeline([wrap]), {"x": [value]}, "x") == [{"y": [value]}]


def test_what_is_no_client_is_refused() -> None:
    """An address is none."""
    with pytest.raises(TypeError, match=r"takes a distributed\.Client, got str"):
        DaskEngine(client="tcp://127.0.0.1:1").map(Pipeline([wrap]), {"x": [1]}, "x")


def test_an_asynchronous_client_is_refused(client: Any) -> None:
    """It answers by awaitables, which a map would take for results."""
    from distributed import Client

    async def main() -> None:
        async with Client(client.scheduler.address, asynchronous=True, set_as_default=False) as it:
            with pytest.raises(ExecutionError, match="asynchronous, and a map waits"):
                DaskEngine(client=it).map(Pipeline([wrap]), {"x": [1]}, "x")

    asyncio.run(main())


def test_equal_items_are_executed_each(client: Any) -> None:
    """Without a cache, three equal items are three calls, which Dask would make one."""
    clock = node(lambda x: time.time_ns(), output_name="y")
    found = DaskEngine(client=client, npartitions=3).map(Pipeline([clock]), {"x": [1, 1, 1]}, "x")
    assert len({row["y"] for row in found}) == 3


def test_equal_items_run_once_with_a_cache(client: Any) -> None:
    """An item waits for an equal one that is under way."""
    recorder = Recorder()
    engine = DaskEngine(client=client, npartitions=6, cache=MemoryCache(), callbacks=[recorder])
    engine.map(Pipeline([wrap]), {"x": [1, 2, 1, 2, 1, 2]}, "x")
    assert (len(recorder.executed), len(recorder.cached)) == (2, 4)


def test_large_constants_travel_once(client: Any) -> None:
    """A large array goes to each worker, not to each chunk, and may be written to."""
    np = pytest.importorskip("numpy")

    def write(x: int, a: Any) -> int:
        a[0] = x
        return int(a[0])

    pipeline = Pipeline([node(write, output_name="y")])
    inputs = {"x": list(range(20)), "a": np.zeros(1_000_000)}
    found = DaskEngine(client=client, npartitions=20).map(pipeline, inputs, "x")
    assert [row["y"] for row in found] == list(range(20))


def test_a_nested_pipeline_may_use_the_cluster_it_is_on(client: Any) -> None:
    """Maps inside tasks give their place to others, so nothing waits for itself."""
    inner = Pipeline([wrap], engine=DaskEngine("distributed"))
    outer = Pipeline([inner.as_node(map_over="x")])
    xs = [[1, 2], [], [3]] * 4
    found = outer.map({"x": xs}, "x", engine=DaskEngine(client=client, npartitions=12))
    assert found == [{"y": [[x] for x in each]} for each in xs]


def test_graphics_cards_that_are_not_there_fail_at_once(client: Any) -> None:
    """Dask would wait for them for ever."""
    asks = node(lambda x: x, output_name="y", gpus=2)
    with pytest.raises(UnsupportedStepError, match=r"needs 2 GPU, but the Dask workers have 0"):
        DaskEngine(client=client).map(Pipeline([asks]), {"x": [1]}, "x")


def test_a_deadly_item_is_an_error_that_names_it() -> None:
    """A worker that dies again and again is given up as the cluster says; nothing hangs."""
    import dask
    from distributed import Client, LocalCluster

    def die(x: int) -> int:
        # the first: with a later one, results that still lie in its worker are lost, too
        if x == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            silence_logs=50,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        engine = DaskEngine(client=client, npartitions=6)
        with pytest.raises(WorkerLostError, match=r"item.* 0 .*'die'"):
            engine.map(Pipeline([node(die, output_name="y")]), {"x": list(range(6))}, "x")
    with pytest.raises(ExecutionError, match="closed"):
        engine.map(Pipeline([wrap]), {"x": [1]}, "x")


def test_a_cluster_that_goes_away_ends_the_map(script) -> None:
    """A scheduler that dies in mid-map is an error, not a hang."""
    process = script(
        "import os, signal, time\n"
        "from distributed import Client, LocalCluster\n"
        "from hypernodes import Pipeline, node\n"
        "from hypernodes_dask import DaskEngine\n"
        "pipeline = Pipeline([node(lambda x: time.sleep(0.2), output_name='y')])\n"
        "def main():\n"
        "    cluster = LocalCluster(n_workers=1, dashboard_address='127.0.0.1:0',\n"
        "        host='127.0.0.1', silence_logs=50)\n"
        "    client = Client(cluster)\n"
        "    import threading\n"
        "    threading.Timer(1.0, client.close).start()\n"
        "    try: DaskEngine(client=client).map(pipeline, {'x': list(range(1000))}, 'x')\n"
        "    except Exception as error: print(type(error).__name__, error, flush=True)\n"
        "    os._exit(0)\n"
        "if __name__ == '__main__': main()\n"
    )
    output, errors = process.communicate(timeout=40)
    assert output.startswith(("ExecutionError", "WorkerLostError")), errors
