"""What a record of a run holds, and what comes of it when read again."""

from __future__ import annotations

import base64
import json
import pickle
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import MemoryCache, Pipeline, SeqEngine, node
from hypernodes.callbacks import RunRecord, RunSummary, find_run_file, read_run, read_runs
from hypernodes.callbacks._run_file import list_run_files, read_lines, runs_folder

if TYPE_CHECKING:
    from collections.abc import Callable

Record = "Callable[..., RunSummary]"


@node(output_name="y")
def increase(x: int) -> int:
    return x + 1


@node(output_name="z")
def invert(y: int) -> float:
    return 1 / y


PIPELINE = Pipeline(nodes=[increase, invert], name="two")


@pytest.fixture
def record(tmp_path: Path) -> Any:
    """Give a function that makes a call with a record, and returns what was kept."""
    cache = MemoryCache()

    def make(call: Callable[[SeqEngine], object]) -> RunSummary:
        call(SeqEngine(cache=cache, callbacks=[RunRecord(tmp_path / "runs")]))
        return read_runs(tmp_path / "runs", 1)[0]

    return make


def test_a_run_is_added_up(record: Any) -> None:
    """Counts, outcome and engine are those of the run."""
    found = record(lambda engine: PIPELINE.run(inputs={"x": 1}, engine=engine))
    assert (found.title, found.outcome, found.about["engine"]) == ("two", "executed", "SeqEngine")
    assert (found.executed, found.hits, found.failed, found.total) == (2, 0, 0, None)


def test_hits_and_reasons_are_kept(record: Any) -> None:
    """Each step knows how often it hit, and why it ran."""
    record(lambda engine: PIPELINE.run(inputs={"x": 1}, engine=engine))
    found = record(lambda engine: PIPELINE.map(inputs={"x": [1, 2]}, map_over="x", engine=engine))
    step = found.steps["increase"]
    assert (step.hits, step.executed) == (1, 1)
    assert step.reasons == {"increase runs: parameter x 1 -> 2": 1}


def test_items_are_kept(record: Any) -> None:
    """Each item of the outermost map knows how it ended."""
    PIPELINE_MAP = {"x": [1, 2, 1]}
    found = record(lambda engine: PIPELINE.map(PIPELINE_MAP, map_over="x", engine=engine))
    assert found.items == {0: "executed", 1: "executed", 2: "hit"}


def test_steps_of_nested_pipelines_stand_behind_theirs(record: Any) -> None:
    """The order of steps is that of a tree."""
    inner = Pipeline(nodes=[increase], name="inner")
    outer = Pipeline(nodes=[inner.as_node(map_over="x", name="all"), _total], name="outer")
    found = record(lambda engine: outer.run(inputs={"x": [1, 2]}, engine=engine))
    assert list(found.steps) == ["all", "all/increase", "total"]
    assert (found.steps["all"].nested, found.executed) == (True, 3)


@node(output_name="sum")
def total(y: list[int]) -> int:
    return sum(y)


_total = total


def test_what_steps_read_and_write_is_kept(record: Any) -> None:
    """The wiring of what was executed is known."""
    found = record(lambda engine: PIPELINE.run(inputs={"x": 1}, engine=engine))
    assert [(s.reads, s.writes) for s in found.functions] == [(("x",), ("y",)), (("y",), ("z",))]


def test_times_lie_within_the_run(record: Any) -> None:
    """Every span begins after the run, and none is longer."""
    found = record(lambda engine: PIPELINE.run(inputs={"x": 1}, engine=engine))
    assert all(0 <= span.at <= found.seconds for span in found.spans)
    assert sum(span.seconds for span in found.spans) <= found.seconds


def test_a_failure_keeps_the_inputs_of_the_call(record: Any) -> None:
    """Words for readers, a pickle for those who make the call again."""

    def fail(engine: SeqEngine) -> None:
        with pytest.raises(ZeroDivisionError):
            PIPELINE.map(inputs={"x": [0, -1]}, map_over="x", engine=engine)

    (failure,) = record(fail).failures
    assert (failure.path, failure.item, failure.error) == ("invert", 1, "ZeroDivisionError")
    assert failure.inputs == {"y": "0"}
    assert pickle.loads(base64.b64decode(failure.pickle or "")) == {"y": 0}


def test_a_failure_names_the_function(record: Any) -> None:
    """Module, name and file lead to it, and the traceback holds the user's frames alone."""

    def fail(engine: SeqEngine) -> None:
        with pytest.raises(ZeroDivisionError):
            PIPELINE.run(inputs={"x": -1}, engine=engine)

    (failure,) = record(fail).failures
    assert (failure.function or {})["name"] == "invert"
    assert Path((failure.function or {})["file"]) == Path(__file__)
    assert failure.traceback.count("File ") == 1


def test_a_failure_in_a_nested_pipeline_is_one_failure(record: Any) -> None:
    """The wrappers of a failing call fail with it, and are not counted again."""
    outer = Pipeline(nodes=[PIPELINE.as_node(name="inner")])

    def fail(engine: SeqEngine) -> None:
        with pytest.raises(ZeroDivisionError):
            outer.run(inputs={"x": -1}, engine=engine)

    found = record(fail)
    assert ([each.path for each in found.failures], found.failed) == (["inner/invert"], 1)


def test_large_inputs_of_a_failure_are_kept_in_words(record: Any) -> None:
    """A record does not grow by megabytes."""

    @node(output_name="out")
    def refuse(data: bytes) -> None:
        raise ValueError(len(data))

    def fail(engine: SeqEngine) -> None:
        with pytest.raises(ValueError, match="2000000"):
            Pipeline([refuse]).run(inputs={"data": bytes(2_000_000)}, engine=engine)

    found = record(fail)
    assert found.failures[0].pickle is None
    assert found.file.stat().st_size < 20_000


def test_outputs_are_not_kept(record: Any) -> None:
    """Results are none of the record's business."""

    @node(output_name="out")
    def reveal(x: int) -> str:
        return "a secret " * 3

    found = record(lambda engine: Pipeline([reveal]).run(inputs={"x": 1}, engine=engine))
    assert "a secret" not in found.file.read_text("utf-8")


def test_an_interrupted_run_says_so(record: Any) -> None:
    """An interrupt is no failure of the pipeline."""

    @node(output_name="out")
    def stop(x: int) -> None:
        raise KeyboardInterrupt

    def interrupt(engine: SeqEngine) -> None:
        with pytest.raises(KeyboardInterrupt):
            Pipeline([stop]).run(inputs={"x": 1}, engine=engine)

    found = record(interrupt)
    assert (found.outcome, found.error) == ("interrupted", "KeyboardInterrupt")


def test_a_process_that_dies_leaves_what_it_did(tmp_path: Path) -> None:
    """The file of a killed run is read as unfinished."""
    code = """
import os, time
from hypernodes import Pipeline, SeqEngine, node
from hypernodes.callbacks import RunRecord

@node(output_name="y")
def work(x: int) -> int:
    if x == 5:
        os._exit(1)
    time.sleep(0.3)
    return x

engine = SeqEngine(callbacks=[RunRecord("runs")])
Pipeline([work], name="doomed").map(inputs={"x": range(9)}, map_over="x", engine=engine)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    (found,) = read_runs(tmp_path / "runs", 5)
    assert (found.title, found.outcome, found.total) == ("doomed", "unfinished", 9)
    assert found.executed >= 3


def test_half_a_line_is_left_out(record: Any) -> None:
    """What a crash cut off does not spoil what is before it."""
    found = record(lambda engine: PIPELINE.run(inputs={"x": 1}, engine=engine))
    with found.file.open("a", encoding="utf-8") as file:
        file.write('{"event": "ste')
    assert read_run(found.file).executed == 2


def test_what_a_later_version_adds_is_skipped(record: Any) -> None:
    """Unknown events and keys change nothing."""
    found = record(lambda engine: PIPELINE.run(inputs={"x": 1}, engine=engine))
    with found.file.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"event": "comet", "run": "x"}) + "\n")
    assert read_run(found.file).executed == 2


def test_runs_at_once_have_files_of_their_own(tmp_path: Path) -> None:
    """One callback serves many threads."""
    from concurrent.futures import ThreadPoolExecutor

    engine = SeqEngine(callbacks=[RunRecord(tmp_path)])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda x: PIPELINE.run(inputs={"x": x}, engine=engine), range(12)))
    assert [run.executed for run in read_runs(tmp_path, 20)] == [2] * 12


def test_a_failure_inside_a_nested_map_knows_both_items(record: Any) -> None:
    """The item of the outermost map is the item, that of the map inside comes after it."""
    inner = PIPELINE.as_node(map_over="x", name="inside")
    outer = Pipeline(nodes=[inner], name="outer")

    def call(engine: SeqEngine) -> None:
        with pytest.raises(ZeroDivisionError):
            outer.map(inputs={"x": [[1], [2, 3, -1]]}, map_over="x", engine=engine)

    (failure,) = record(call).failures
    assert (failure.path, failure.item, failure.inner) == ("inside/invert", 1, (2,))
    assert failure.items == "item 1, inner item 2"


def test_inputs_of_a_failure_can_be_seen(record: Any) -> None:
    """Values show what is in them, in short; one that cannot be shown does no harm."""

    class Shy:
        def __repr__(self) -> str:
            raise RuntimeError

    @node(output_name="out")
    def fail(point: complex, many: list[int], shy: Shy) -> None:
        raise LookupError

    def call(engine: SeqEngine) -> None:
        inputs = {"point": Fraction(1, 3), "many": list(range(100)), "shy": Shy()}
        with pytest.raises(LookupError):
            Pipeline([fail]).run(inputs=inputs, engine=engine)

    shown = record(call).failures[0].inputs
    assert (shown["point"], shown["many"]) == ("Fraction(1, 3)", "[0, 1, 2, 3, 4, 5, ...]")
    assert shown["shy"].startswith("<Shy instance at")


def test_every_line_is_json_with_an_event(record: Any) -> None:
    """The format is what it says."""
    found = record(lambda engine: PIPELINE.run(inputs={"x": 1}, engine=engine))
    events = [line["event"] for line in read_lines(found.file)]
    assert events == ["begin", "step", "step", "end"]


def test_the_folder_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """``HYPERNODES_RUNS`` names it, an argument wins."""
    monkeypatch.setenv("HYPERNODES_RUNS", "from-variable")
    assert (runs_folder(), runs_folder("given")) == (Path("from-variable"), Path("given"))


def test_a_run_is_found_by_its_beginning(record: Any) -> None:
    """``last``, some letters of the id, or the file itself."""
    found = record(lambda engine: PIPELINE.run(inputs={"x": 1}, engine=engine))
    folder = found.file.parent
    names = ["last", found.id[:5], found.id, str(found.file)]
    assert [find_run_file(folder, name) for name in names] == [found.file] * 4


def test_an_unknown_run_is_refused(record: Any, tmp_path: Path) -> None:
    """The message names what there is."""
    found = record(lambda engine: PIPELINE.run(inputs={"x": 1}, engine=engine))
    with pytest.raises(LookupError, match=f"no run 'zzz' .*the latest is '{found.id}'"):
        find_run_file(found.file.parent, "zzz")
    with pytest.raises(LookupError, match="there are no runs in"):
        find_run_file(tmp_path / "nowhere", "last")


def test_the_latest_run_comes_first(record: Any) -> None:
    """Files are listed by when they began."""
    for x in (1, 2, 3):
        found = record(lambda engine, x=x: PIPELINE.run(inputs={"x": x}, engine=engine))
    assert list_run_files(found.file.parent)[0] == found.file
