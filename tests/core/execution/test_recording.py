"""Which runs are recorded, without anything in the program that says so."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hypernodes import AsyncEngine, LoggingCallback, Pipeline, Recorder, SeqEngine, node
from hypernodes.callbacks import RunRecord, read_runs
from hypernodes.errors import CallbackWarning

_SCRIPT = """
from hypernodes import Pipeline, node

@node(output_name="y")
def double(x):
    return 2 * x

for x in range(4):
    Pipeline([double], name="plain").run({"x": x})
print(Pipeline([double], name="plain").map({"x": [1, 2]}, map_over="x"))
"""


@node(output_name="y")
def double(x: int) -> int:
    return 2 * x


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Give a folder for records, which is not there yet."""
    return tmp_path / "runs"


def test_a_variable_records_every_run_of_a_program(runs: Path) -> None:
    """A script that says nothing of records leaves them, short runs included."""
    environment = {**os.environ, "HYPERNODES_RUNS": str(runs)}
    subprocess.run([sys.executable, "-c", _SCRIPT], env=environment, check=True, timeout=60)
    assert sorted(run.executed for run in read_runs(runs)) == [1, 1, 1, 1, 2]


def test_a_variable_counts_from_the_moment_it_is_set(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs that took the shortest way before are recorded, too."""
    pipeline = Pipeline([double])
    for x in range(5):
        pipeline.run({"x": x})
    monkeypatch.setenv("HYPERNODES_RUNS", str(runs))
    pipeline.run({"x": 1})
    assert len(read_runs(runs)) == 1


def test_a_variable_adds_to_the_observers_of_an_engine(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an engine has been given stays."""
    monkeypatch.setenv("HYPERNODES_RUNS", str(runs))
    recorder = Recorder()
    Pipeline([double]).run({"x": 1}, engine=SeqEngine(callbacks=[recorder]))
    assert (recorder.executed, len(read_runs(runs))) == (["double"], 1)


def test_a_run_is_recorded_once(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who records already is not doubled by the variable."""
    monkeypatch.setenv("HYPERNODES_RUNS", str(runs))
    for engine in (SeqEngine(callbacks=[RunRecord(runs)]), SeqEngine().record(runs)):
        Pipeline([double]).run({"x": 1}, engine=engine)
    assert len(read_runs(runs)) == 2


def test_an_engine_wins_over_the_variable(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes where the engine was told to put it."""
    monkeypatch.setenv("HYPERNODES_RUNS", str(runs / "elsewhere"))
    Pipeline([double]).run({"x": 1}, engine=SeqEngine().record(runs))
    assert (len(read_runs(runs)), (runs / "elsewhere").exists()) == (1, False)


def test_a_record_covers_pipelines_with_engines_of_their_own(runs: Path) -> None:
    """Nothing inside a run is left out, whatever observes it there."""
    inner = Pipeline([double], name="inner", engine=SeqEngine(callbacks=None))
    outer = Pipeline([inner.as_node(name="inside")], name="outer")
    outer.run({"x": 1}, engine=SeqEngine().record(runs))
    assert list(read_runs(runs)[0].steps) == ["inside", "inside/double"]


def test_an_engine_inside_records_what_it_carries_out(runs: Path) -> None:
    """Where the run around it is not recorded, that of the nested pipeline is."""
    inner = Pipeline([double], name="inner", engine=SeqEngine().record(runs))
    Pipeline([inner.as_node()], name="outer").run({"x": 1})
    assert [run.title for run in read_runs(runs)] == ["inner"]


def test_awaited_runs_are_recorded(runs: Path) -> None:
    """An engine that becomes one with an event loop keeps its record."""
    pipeline = Pipeline([double], engine=SeqEngine().record(runs))
    asyncio.run(pipeline.arun({"x": 1}))
    pipeline.with_engine(AsyncEngine().record(runs))
    asyncio.run(pipeline.arun({"x": 1}))
    assert [run.executed for run in read_runs(runs)] == [1, 1]


@pytest.mark.parametrize("name", ["DaftEngine", "DaskEngine", "RayEngine"])
def test_engines_of_extensions_record(name: str, runs: Path) -> None:
    """The method is there on every engine; a run stays in this process on each."""
    module = pytest.importorskip(f"hypernodes_{name.removesuffix('Engine').lower()}")
    Pipeline([double]).run({"x": 1}, engine=getattr(module, name)().record(runs))
    assert read_runs(runs)[0].about["engine"] == name


def test_a_folder_that_cannot_be_made_costs_one_warning(tmp_path: Path) -> None:
    """The run goes on, and no second attempt is made."""
    (tmp_path / "file").write_text("")
    engine = SeqEngine().record(tmp_path / "file" / "runs")
    with pytest.warns(CallbackWarning, match="RunRecord raised in on_event") as warned:
        assert Pipeline([double]).run({"x": 1}, engine=engine) == {"y": 2}
    assert len(warned) == 1


def _count_logged(caplog: pytest.LogCaptureFixture, *callbacks: object) -> int:
    """Return how many records one run of a nested pipeline logs."""
    caplog.clear()
    inner = Pipeline([node(lambda x: x + 1, output_name="y")], name="inner")
    inner.with_engine(SeqEngine(callbacks=None))
    engine = SeqEngine(callbacks=list(callbacks))
    with caplog.at_level(logging.DEBUG, "hypernodes"):
        Pipeline([inner.as_node()], engine=engine).run({"x": 1})
    return len(caplog.records)


def test_observers_that_a_variable_names_hear_every_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`HYPERNODES_CALLBACKS` adds observers, also to engines with others or with none."""
    assert _count_logged(caplog, Recorder()) == 0
    with_own = _count_logged(caplog, LoggingCallback())
    monkeypatch.setenv("HYPERNODES_CALLBACKS", "logging")
    assert _count_logged(caplog, Recorder()) > 0
    assert any("inner" in record.getMessage() for record in caplog.records)
    # an engine that has one of its own gets no second one
    assert _count_logged(caplog, LoggingCallback()) == with_own > 0
