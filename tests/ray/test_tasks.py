"""Chunks as Ray tasks."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, Recorder, SeqEngine, node, stateful
from hypernodes.errors import TransferError, UnsupportedStepError, WorkerLostError


@node(output_name="y")
def wrap(x: Any) -> Any:
    return [x]


def test_results_come_in_item_order(engine: Any) -> None:
    """A map gives what SeqEngine gives, item for item."""
    xs = list(range(500))
    expected = SeqEngine().map(Pipeline([wrap]), {"x": xs}, "x")
    assert expected == engine().map(Pipeline([wrap]), {"x": xs}, "x")


def test_a_connected_ray_is_used_and_left_running(engine: Any) -> None:
    """An engine starts none where there is one, and ``close`` does not stop it."""
    import ray

    made = engine(num_cpus=7)
    made.map(Pipeline([wrap]), {"x": [1]}, "x")
    made.close()
    assert (ray.is_initialized(), ray.cluster_resources()["CPU"]) == (True, 2.0)


def test_arrays_may_be_written_to(engine: Any) -> None:
    """Ray's own arrays are read-only; those that functions get are not."""
    np = pytest.importorskip("numpy")

    def write(x: int, a: Any, b: Any) -> int:
        a[0] = b[0] = x
        return int(a[0] + b[0])

    inputs = {"x": [1, 2, 3], "a": np.zeros(200_000), "b": [np.zeros(200_000)] * 3}
    found = engine().map(Pipeline([node(write, output_name="y")]), inputs, ["x", "b"])
    assert [row["y"] for row in found] == [2, 4, 6]


def test_a_killed_worker_is_an_error_that_names_nodes_and_items(engine: Any) -> None:
    """SIGKILL in mid-map: nothing is tried again; later maps go on."""

    def die(x: int) -> int:
        time.sleep(0.02)
        if x == 30:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    pipeline = Pipeline([node(die, output_name="y")])
    with pytest.raises(WorkerLostError, match=r"item.* \d+.*'die'"):
        engine().map(pipeline, {"x": list(range(60))}, "x")
    assert engine().map(pipeline, {"x": [1]}, "x") == [{"y": 1}]


def test_a_map_goes_on_where_a_killed_worker_ended_it(engine: Any, tmp_path: Any) -> None:
    """Finished items are in the cache; the second map executes only what is left."""
    flag = tmp_path / "flag"

    def die_once(x: int, flag: str) -> int:
        time.sleep(0.01)
        if x == 40 and not os.path.exists(flag):  # noqa: PTH110 - a text travels
            open(flag, "w").close()  # noqa: PTH123 - likewise
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    recorder = Recorder()
    made = engine(cache=DiskCache(tmp_path / "cache"), callbacks=[recorder])
    pipeline = Pipeline([node(die_once, output_name="y")])
    inputs = {"x": list(range(50)), "flag": str(flag)}
    with pytest.raises(WorkerLostError):
        made.map(pipeline, inputs, "x")
    recorder.clear()
    found = made.map(pipeline, inputs, "x")
    assert [row["y"] for row in found] == list(range(50))
    assert 1 <= len(recorder.executed) < 45


def test_an_exit_in_a_function_reaches_the_caller(engine: Any) -> None:
    """``sys.exit()`` ends the program that asked; Ray would try it three times more."""
    with pytest.raises(SystemExit, match="7"):
        engine().map(
            Pipeline([node(lambda x: sys.exit(7), output_name="y")]), {"x": list(range(5))}, "x"
        )


def test_what_cannot_travel_is_named(engine: Any) -> None:
    """Inputs and results that cannot be pickled are errors that name them."""
    take = Pipeline([node(lambda x, lock: x, output_name="y")])
    with pytest.raises(TransferError, match="'lock'"):
        engine().map(take, {"x": [1], "lock": threading.Lock()}, "x")
    give = Pipeline([node(lambda x: threading.Lock(), output_name="y")])
    with pytest.raises(TransferError, match=r"'y'.*item 0"):
        engine().map(give, {"x": [1]}, "x")


def test_equal_items_run_once_with_a_cache(engine: Any) -> None:
    """An item waits for an equal one that is under way."""
    recorder = Recorder()
    made = engine(cache=MemoryCache(), callbacks=[recorder])
    made.map(Pipeline([wrap]), {"x": [1, 2] * 20}, "x")
    assert (len(recorder.executed), len(recorder.cached)) == (2, 38)


def test_variables_of_the_environment_reach_workers(engine: Any) -> None:
    """``runtime_env`` is given to Ray as it is, and shown to nobody."""
    made = engine(runtime_env={"env_vars": {"WORD": "secret"}})
    look = Pipeline([node(lambda x: os.environ["WORD"], output_name="y")])
    assert made.map(look, {"x": [1]}, "x") == [{"y": "secret"}]
    assert "secret" not in repr(made) + repr(made.options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gpus": 1}, "needs 1 GPU, but the Ray cluster has 0 GPU"),
        ({"cpus": 64}, "needs 64 CPU, but the Ray cluster has 2 CPU"),
    ],
)
def test_what_no_cluster_node_has_fails_at_once(
    engine: Any, options: dict[str, Any], message: str
) -> None:
    """Ray would wait for it for ever; the error names the node and what is missing."""
    asks = node(lambda x: x, output_name="y", **options)
    with pytest.raises(UnsupportedStepError, match=f"node '<lambda>' {message}"):
        engine().map(Pipeline([asks]), {"x": [1]}, "x")


def test_a_declared_pool_is_kept_from_map_to_map(engine: Any) -> None:
    """``max_concurrency`` makes actors: so many at most, the same in the next map."""

    @stateful
    class Model:
        def __init__(self) -> None:
            self.born = time.time_ns()

    def look(x: int, model: Any) -> tuple[int, int]:
        time.sleep(0.01)
        return os.getpid(), model.born

    pipeline = Pipeline([node(look, output_name="y", max_concurrency=1)])
    inputs = {"x": list(range(20)), "model": Model()}
    found = [{row["y"] for row in made.map(pipeline, inputs, "x")} for made in (engine(), engine())]
    assert (len(found[0]), found[0]) == (1, found[1])


def test_a_killed_actor_is_replaced(engine: Any) -> None:
    """What it had is lost, and said; the next map gets another one."""

    def die(x: int) -> int:
        if x == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    pipeline = Pipeline([node(die, output_name="y", max_concurrency=1)])
    with pytest.raises(WorkerLostError, match="'die'"):
        engine().map(pipeline, {"x": list(range(6))}, "x")
    assert engine().map(pipeline, {"x": [1]}, "x") == [{"y": 1}]


def test_a_nested_pipeline_may_use_the_ray_it_is_on(engine: Any) -> None:
    """Maps inside tasks give their processor to others, so nothing waits for itself."""
    inner = Pipeline([wrap], engine=engine())
    outer = Pipeline([inner.as_node(map_over="x")])
    found = outer.map({"x": [[1, 2], [], [3]]}, "x", engine=engine())
    assert found == [{"y": [[1], [2]]}, {"y": []}, {"y": [[3]]}]
