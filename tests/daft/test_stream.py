"""Processes of this machine: one query for a run, and what a lost process takes with it."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from hypernodes import Pipeline, node, stateful
from hypernodes.errors import ExecutionError, WorkerLostError
from hypernodes.testing import Tally
from hypernodes.testing._engine_values import COLUMNS, describe

pytest.importorskip("daft")
DaftEngine = pytest.importorskip("hypernodes_daft").DaftEngine
queries = pytest.importorskip("hypernodes_daft.queries")
stream = pytest.importorskip("hypernodes_daft.stream")
Workplace = pytest.importorskip("hypernodes_daft.workplace").Workplace
DaftOptions = pytest.importorskip("hypernodes_daft.options").DaftOptions

pytestmark = pytest.mark.usefixtures("closed_pipes")


def make(function: Any, **resources: Any) -> Pipeline:
    """Return a pipeline of one node that gives ``y``."""
    return Pipeline([node(function, output_name="y", **resources)])


@pytest.mark.parametrize("resources", [{"use_process": True}, {"max_concurrency": 2}])
def test_stateful_objects_live_as_long_as_a_map(resources: Any, tmp_path: Path) -> None:
    """However many chunks there are, a process builds its object once."""
    path = str(tmp_path / "built")

    @stateful
    class Model:
        def __init__(self) -> None:
            Tally(path).note(os.getpid())

        def scale(self, x: int) -> int:
            return 2 * x

    inputs = {"x": list(range(200)), "model": Model()}
    engine = DaftEngine(default_daft_config={"batch_size": 1}, num_workers=2)
    pipeline = make(lambda x, model: model.scale(x), **resources)
    rows = pipeline.map(inputs, map_over="x", engine=engine)
    built = Tally(path).read()
    assert rows == [{"y": 2 * x} for x in range(200)]
    assert len(built) == len(set(built)) <= max(2, os.cpu_count() or 1)


def test_values_come_back_from_processes_unchanged() -> None:
    """Type, content and order of whatever Daft and Arrow are known to change."""
    values = [value for column in COLUMNS.values() for value in column()]
    pipeline = make(lambda value, around: (value, [around]), use_process=True)
    inputs = {"value": values, "around": values}
    expected = pipeline.map(inputs, map_over="value")
    actual = pipeline.map(inputs, map_over="value", engine=DaftEngine(num_workers=1))
    assert describe(expected) == describe(actual)


def test_a_lost_process_takes_only_what_it_had(tmp_path: Path) -> None:
    """Items that no process had begun go to another one."""

    def work(x: int) -> int:
        if x == 20:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    engine = DaftEngine(default_daft_config={"batch_size": 1}, num_workers=1)
    pipeline = make(work, max_concurrency=1)
    found: Any = pipeline.map({"x": list(range(60))}, "x", engine=engine, on_error="collect")
    lost = [each.item for each in found.failed]
    assert all(isinstance(each.error, WorkerLostError) for each in found.failed)
    assert 20 in lost
    assert len(lost) <= 6
    assert [row["y"] for row in found.finished] == [x for x in range(60) if x not in lost]


def test_more_parcels_than_a_query_has_rows_go_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that is longer than expected goes on."""
    monkeypatch.setattr(stream, "_FIRST_ROWS", 4)
    engine = DaftEngine(default_daft_config={"batch_size": 1}, num_workers=1)
    rows = make(lambda x: x, max_concurrency=1).map({"x": list(range(15))}, "x", engine=engine)
    assert rows == [{"y": x} for x in range(15)]


def test_what_daft_cannot_begin_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A query that breaks before any row has asked ends the map, without talk of workers."""

    def broken(*_arguments: Any) -> Any:
        message = "no such plan"
        raise ValueError(message)

    monkeypatch.setattr(stream.StreamTransport, "ask", broken)
    with pytest.raises(ExecutionError, match="Daft cannot begin: no such plan") as caught:
        make(lambda x: x, use_process=True).map({"x": [1]}, "x", engine=DaftEngine())
    assert not isinstance(caught.value, WorkerLostError)


def test_rows_that_ask_too_late_get_nothing() -> None:
    """What was not asked for is known when a query ends; nothing waits for ever."""
    ends = threading.Event()
    query = queries.Query(3, lambda _query: ends.wait(20), {})
    assert query.give(1, "first")
    early = query.ask()
    waiting = query.ask()
    assert query.give(2, "second")
    assert query.give(3, "third")
    assert not query.give(4, "no room")
    assert query.end() == [(3, "third")]
    assert [each.result(0) for each in (early, waiting, query.ask())] == ["first", "second", None]
    assert query.taken == {1, 2}
    ends.set()
    query.join()
    assert query.token not in queries._known


def test_a_configuration_is_held_only_until_a_query_has_begun() -> None:
    """Maps inside maps may both tell Daft something."""
    config = {"default_morsel_size": 4321}
    inside = make(lambda x: x + 1)
    inside.with_engine(DaftEngine(default_daft_config=config))
    outer = Pipeline([inside.as_node(map_over="x", name="inner")])
    found: list[Any] = []

    def work() -> None:
        engine = DaftEngine(default_daft_config=config)
        found.extend(outer.map({"x": [[1, 2], [], [3]]}, "x", engine=engine))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    assert found == [{"y": [2, 3]}, {"y": []}, {"y": [4]}]
