"""Chunks in worker processes of this machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, Recorder, node, stateful
from hypernodes.errors import NodeTimeoutError, TransferError, WorkerLostError
from hypernodes_dask import DaskEngine

_CHAIN = """
import os, sys, time
from hypernodes import Pipeline, node
from hypernodes_dask import DaskEngine
def slow(x):
    os.write(1, f"{os.getpid()}\\n".encode())
    time.sleep(30)
pipeline = Pipeline([node(slow, output_name="y")])
"""


def test_items_run_in_other_processes(processes: DaskEngine) -> None:
    """Two workers share the items, and neither is this process."""
    pipeline = Pipeline([node(lambda x: (time.sleep(0.02), os.getpid())[1], output_name="pid")])
    found = {row["pid"] for row in processes.map(pipeline, {"x": list(range(40))}, "x")}
    assert (len(found), os.getpid() in found) == (2, False)


def test_workers_stay_from_map_to_map(processes: DaskEngine) -> None:
    """What is stateful is built once per process, not once per map."""

    @stateful
    class Model:
        def __init__(self) -> None:
            self.born = time.time_ns()

    model = Model()
    pipeline = Pipeline([node(lambda x, m: m.born, output_name="born")])
    inputs = {"x": list(range(40)), "m": model}
    born = {row["born"] for _ in range(3) for row in processes.map(pipeline, inputs, "x")}
    assert 1 <= len(born) <= 2


def test_a_killed_worker_is_an_error_that_names_nodes_and_items(processes: DaskEngine) -> None:
    """SIGKILL in mid-map: the error says which items of which nodes; later maps go on."""

    def die(x: int) -> int:
        if x == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    pipeline = Pipeline([node(die, output_name="y")])
    with pytest.raises(WorkerLostError, match=r"item.* 3 .*'die'.*SIGKILL"):
        DaskEngine("processes", num_workers=1, npartitions=6).map(
            pipeline, {"x": list(range(6))}, "x"
        )
    assert processes.map(pipeline, {"x": [1]}, "x") == [{"y": 1}]


def test_a_killed_worker_takes_only_its_own_items(processes: DaskEngine) -> None:
    """With ``on_error="collect"`` every other item is finished."""

    def die(x: int) -> int:
        if x == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    engine = DaskEngine("processes", num_workers=2, npartitions=12)
    engine._pool = processes._pool
    found = engine.map(
        Pipeline([node(die, output_name="y")]), {"x": list(range(12))}, "x", on_error="collect"
    )
    lost = [number for number, row in enumerate(found) if not isinstance(row, dict)]
    assert lost == [5]


def test_a_map_goes_on_where_a_killed_worker_ended_it(processes: DaskEngine, tmp_path: Any) -> None:
    """Finished items are in the cache; the second map executes only what is left."""
    flag = tmp_path / "flag"

    def die_once(x: int, flag: str) -> int:
        if x == 30 and not os.path.exists(flag):  # noqa: PTH110 - a text travels
            open(flag, "w").close()  # noqa: PTH123 - likewise
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    recorder = Recorder()
    cache = DiskCache(tmp_path / "cache")
    engine = DaskEngine("processes", 2, npartitions=20, cache=cache, callbacks=[recorder])
    engine._pool = processes._pool
    pipeline = Pipeline([node(die_once, output_name="y")])
    inputs = {"x": list(range(40)), "flag": str(flag)}
    with pytest.raises(WorkerLostError):
        engine.map(pipeline, inputs, "x")
    recorder.clear()
    found = engine.map(pipeline, inputs, "x")
    assert [row["y"] for row in found] == list(range(40))
    assert 1 <= len(recorder.executed) < 25


def test_what_cannot_travel_is_named(processes: DaskEngine) -> None:
    """Inputs and results that cannot be pickled are errors that name them."""
    with pytest.raises(TransferError, match="'lock'"):
        processes.map(
            Pipeline([node(lambda x, lock: x, output_name="y")]),
            {"x": [1], "lock": threading.Lock()},
            "x",
        )
    with pytest.raises(TransferError, match=r"'y'.*item 0"):
        processes.map(
            Pipeline([node(lambda x: threading.Lock(), output_name="y")]), {"x": [1]}, "x"
        )


class TwoBasesError(RuntimeError, OSError):
    """Comes from two built-in classes, and takes two arguments."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(f"{what} {code}")
        self.code = code


def test_unusual_exceptions_come_home(processes: DaskEngine) -> None:
    """An exception that plain pickle cannot rebuild keeps type, attributes and notes."""

    def fail(x: int) -> int:
        error = TwoBasesError("broken", 7)
        error.add_note("look here")
        raise error

    with pytest.raises(RuntimeError, match="broken 7") as caught:
        processes.map(Pipeline([node(fail, output_name="y")]), {"x": [1]}, "x")
    error: Any = caught.value
    assert (type(error).__name__, error.code) == ("TwoBasesError", 7)
    assert error.__notes__ == ["look here", "in node 'fail' at fail, item 0"]


def test_our_own_errors_come_home(processes: DaskEngine) -> None:
    """Dask changes how exceptions are pickled; a timeout is one all the same."""
    slow = node(lambda x: time.sleep(5), output_name="y", timeout=0.05)
    with pytest.raises(NodeTimeoutError):
        processes.map(Pipeline([slow]), {"x": [1]}, "x")


def test_an_exit_in_a_function_reaches_the_caller(processes: DaskEngine) -> None:
    """``sys.exit()`` in a node ends the program that asked, not a worker."""
    with pytest.raises(SystemExit, match="7"):
        processes.map(
            Pipeline([node(lambda x: sys.exit(7), output_name="y")]), {"x": list(range(5))}, "x"
        )


def test_an_interrupt_of_the_users_own_reaches_the_caller(processes: DaskEngine) -> None:
    """A `BaseException` that no module knows arrives as itself, not as words."""

    class EnoughError(BaseException):
        pass

    def stop(x: int) -> int:
        raise EnoughError(x)

    with pytest.raises(BaseException, match="3") as caught:
        processes.map(Pipeline([node(stop, output_name="y")]), {"x": [3]}, "x")
    assert type(caught.value).__name__ == "EnoughError"


def test_observers_stay_on_the_driver(processes: DaskEngine) -> None:
    """A callback that cannot be pickled hears of every item."""
    recorder = Recorder()
    recorder.lock = threading.Lock()  # type: ignore[attr-defined]  # what makes it unpicklable
    engine = DaskEngine("processes", num_workers=2, cache=MemoryCache(), callbacks=[recorder])
    engine._pool = processes._pool
    engine.map(Pipeline([node(lambda x: x, output_name="y")]), {"x": [1, 2, 1]}, "x")
    assert (len(recorder.executed), len(recorder.cached)) == (2, 1)


def test_a_node_may_ask_for_a_process() -> None:
    """``use_process=True`` leaves the threads of this process."""
    engine = DaskEngine("threads", num_workers=1)
    apart = node(lambda x: os.getpid(), output_name="pid", use_process=True)
    found = engine.map(Pipeline([apart]), {"x": [1]}, "x")
    engine.close()
    assert found[0]["pid"] != os.getpid()


def test_a_closed_engine_leaves_no_process(running) -> None:
    """``close`` ends the workers; the next map starts others."""
    engine = DaskEngine("processes", num_workers=1)
    pipeline = Pipeline([node(lambda x: os.getpid(), output_name="pid")])
    pids = []
    for _ in range(2):
        pids += [row["pid"] for row in engine.map(pipeline, {"x": [1]}, "x")]
        engine.close()
    assert (len(set(pids)), [running(pid) for pid in pids]) == (2, [False, False])


def test_a_script_without_a_guard_gets_a_clear_error(script) -> None:
    """Workers import the script; what is wrong, and what to do, is said, and nothing hangs."""
    process = script(
        "from hypernodes import Pipeline, node\n"
        "from hypernodes_dask import DaskEngine\n"
        "pipeline = Pipeline([node(lambda x: x, output_name='y')])\n"
        "DaskEngine('processes', num_workers=2).map(pipeline, {'x': [1, 2]}, 'x')\n"
    )
    _, errors = process.communicate(timeout=40)
    last = errors.strip().splitlines()[-1]
    assert process.returncode == 1
    assert "a worker process could not start" in last
    assert "if __name__ == '__main__':" in last


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda each: each.name)
def test_no_orphans_are_left(script, running, number: signal.Signals) -> None:
    """Workers end with their driver, however it ends, busy or not."""
    process = script(
        _CHAIN + "if __name__ == '__main__':\n"
        "    DaskEngine('processes', num_workers=2).map(pipeline, {'x': [1, 2, 3]}, 'x')\n"
    )
    assert process.stdout is not None
    pids = [int(process.stdout.readline()) for _ in range(2)]
    process.send_signal(number)
    process.communicate(timeout=20)
    deadline = time.monotonic() + 10
    while any(map(running, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [running(pid) for pid in pids] == [False, False]
