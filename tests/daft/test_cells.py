"""Chunks in other processes of this machine: who works where, what is lost, what is shipped."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, Recorder, SeqEngine, node, stateful
from hypernodes.errors import TransferError, WorkerLostError
from hypernodes.testing import Tally

daft = pytest.importorskip("daft")
DaftEngine = pytest.importorskip("hypernodes_daft").DaftEngine
workplaces = pytest.importorskip("hypernodes_daft.workplace")

pytestmark = pytest.mark.usefixtures("closed_pipes")


def make(function: Any, **resources: Any) -> Pipeline:
    """Return a pipeline of one node that gives ``y``."""
    return Pipeline([node(function, output_name="y", **resources)])


def small_chunks(size: int = 1, **options: Any) -> Any:
    """Return an engine with two workers and small chunks."""
    return DaftEngine(default_daft_config={"batch_size": size}, num_workers=2, **options)


def test_nodes_are_called_in_processes_where_they_ask_for_it() -> None:
    """``use_process=True`` keeps calls out of this process; values are those of other engines."""
    pipeline = make(lambda x: (os.getpid(), (x, [x])), use_process=True)
    rows = pipeline.map({"x": list(range(10))}, map_over="x", engine=small_chunks(2))
    assert [row["y"][1] for row in rows] == [(x, [x]) for x in range(10)]
    assert os.getpid() not in {row["y"][0] for row in rows}


def test_a_pool_has_as_many_workers_as_it_may() -> None:
    """``max_concurrency=2`` gives two processes, each with stateful objects of its own."""

    @stateful
    class Model:
        def __init__(self) -> None:
            self.maker = os.getpid()

    pipeline = make(lambda x, model: (model.maker, os.getpid()), max_concurrency=2)
    inputs = {"x": list(range(12)), "model": Model()}
    rows = pipeline.map(inputs, map_over="x", engine=small_chunks())
    assert all(maker == process for maker, process in (row["y"] for row in rows))
    assert 1 <= len({row["y"][1] for row in rows}) <= 2


def test_only_missing_items_travel() -> None:
    """The driver answers what is cached, and stores what comes home."""
    recorder = Recorder()
    engine = small_chunks(2, cache=MemoryCache(), callbacks=[recorder])
    pipeline = make(lambda x: 2 * x, use_process=True)
    for xs in ([1, 2, 3], [1, 2, 3], [3, 4, 1]):
        rows = pipeline.map({"x": xs}, map_over="x", engine=engine)
        assert [row["y"] for row in rows] == [2 * x for x in xs]
    assert len(recorder.executed) == 4


def test_a_killed_worker_is_told_with_what_is_lost(tmp_path: Path) -> None:
    """The error names items and nodes; what was finished is in the cache."""
    tally = Tally(tmp_path / "tally")

    def work(x: int) -> int:
        tally.note(x)
        if x == 9:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    engine = DaftEngine(cache=MemoryCache(), default_daft_config={"batch_size": 1}, num_workers=1)
    pipeline = make(work, use_process=True)
    pipeline.map({"x": [1, 2, 3]}, map_over="x", engine=engine)
    with pytest.raises(WorkerLostError, match=r"item.*nodes 'work'.*was lost") as caught:
        pipeline.map({"x": [1, 2, 9, 4]}, map_over="x", engine=engine)
    assert isinstance(caught.value.__cause__, Exception)
    assert tally.read().count("1") == tally.read().count("2") == 1


def test_what_cannot_be_sent_is_named() -> None:
    """An input or a result that no process can be given is told by its name."""
    engine = small_chunks()
    take = make(lambda x, lock: x, use_process=True)
    with pytest.raises(TransferError, match="input 'lock'"):
        take.map({"x": [1], "lock": threading.Lock()}, map_over="x", engine=engine)
    give = make(lambda x: threading.Lock(), use_process=True)
    with pytest.raises(TransferError, match=r"output 'y'.*item 0"):
        give.map({"x": [1]}, map_over="x", engine=engine)


def test_failures_keep_their_type_and_place() -> None:
    """The exception of the lowest failing item comes home, with its note."""
    engine = small_chunks(2)
    pipeline = make(lambda x: 1 / x, use_process=True)
    with pytest.raises(ZeroDivisionError) as caught:
        pipeline.map({"x": [1, 2, 0, 0, 1]}, map_over="x", engine=engine)
    assert any("item 2" in each for each in caught.value.__notes__)
    found: Any = pipeline.map({"x": [1, 0, 2]}, "x", engine=engine, on_error="collect")
    assert (len(found.finished), [each.item for each in found.failed]) == (2, [1])


def test_the_user_s_own_modules_are_shipped(tmp_path: Path, monkeypatch: Any) -> None:
    """Decorated functions of a module that workers cannot import travel, with what they use."""
    (tmp_path / "project_of_the_user.py").write_text(
        "from hypernodes import node\nOFFSET = 5\ndef helper(x): return x + OFFSET\n"
        "@node(output_name='y', use_process=True)\ndef work(x: int) -> int: return helper(x)\n"
    )
    # known here alone: worker processes look elsewhere
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("project_of_the_user")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    cache = DiskCache(tmp_path / "cache")
    pipeline, engine = Pipeline([module.work]), small_chunks(cache=cache)
    assert pipeline.map({"x": [1, 2]}, map_over="x", engine=engine) == [{"y": 6}, {"y": 7}]
    frame = engine.transform(daft.from_pydict({"x": [2, 3]}), pipeline)
    assert frame.to_pydict()["y"] == [7, 8]
    assert pipeline.plan_map({"x": [1, 2, 3]}, "x", engine=SeqEngine(cache=cache)).hits == 3


def test_the_plan_shows_who_works() -> None:
    """``explain`` names processes and pools."""
    engine = DaftEngine()
    shown = engine.explain(make(lambda x: x, use_process=True))
    assert "use_process = true" in shown
    assert "carry_cells" in shown


def test_the_workplace_grants_what_all_nodes_ask_for() -> None:
    """Nothing asked for is a thread; the largest wish and the smallest pool count."""
    plain = node(output_name="a")(lambda x: x)
    wide = node(output_name="b", gpus=0.5, max_concurrency=4)(lambda a: a)
    narrow = node(output_name="c", gpus=1, max_concurrency=2, cpus=3)(lambda b: b)
    found = [
        workplaces.find_workplace(Pipeline(nodes).compiled(None, {"x"}))
        for nodes in ([plain], [plain, wide, narrow])
    ]
    assert found[0].is_thread
    assert found[1] == workplaces.Workplace(False, 2, 1, 3)


def test_a_worker_does_not_hand_on_its_work() -> None:
    """A nested pipeline with an engine of this kind is carried out where its item is."""
    inside = node(output_name="y", use_process=True)(lambda x: (x, os.getpid()))
    inner = Pipeline([inside], engine=small_chunks())
    here = node(output_name="here", use_process=True)(lambda k: os.getpid())
    outer = Pipeline([inner.as_node(map_over="x", name="inner"), here])
    rows = outer.map({"x": [[1, 2], [3]], "k": 0}, map_over="x", engine=small_chunks())
    assert [[x for x, _ in row["y"]] for row in rows] == [[1, 2], [3]]
    assert all(process == row["here"] for row in rows for _, process in row["y"])
