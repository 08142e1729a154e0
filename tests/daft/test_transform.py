"""A pipeline over a lazy Daft DataFrame: types, rows, errors, caching, files."""

from __future__ import annotations

import gc
import os
import pickle
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

from hypernodes import DiskCache, FsspecCache, MemoryCache, Pipeline, SeqEngine, node
from hypernodes.errors import MissingInputError, PlanError, TransferError, UnknownPluginError
from hypernodes.testing import Tally

daft = pytest.importorskip("daft")
DaftEngine = pytest.importorskip("hypernodes_daft").DaftEngine
DataType = daft.DataType


@node(output_name="clean")
def clean(text: str) -> str:
    """Return *text* without spaces around it."""
    return text.strip()


@node(output_name=("size", "half"))
def measure(clean: str, factor: int = 1) -> tuple[int, float | None]:
    """Return the size, and half of it where that is whole."""
    size = len(clean) * factor
    return size, None if size % 2 else size / 2


@node(output_name="letters")
def spell(clean: str) -> list[str]:
    """Return the letters."""
    return list(clean)


PIPELINE = Pipeline([clean, measure, spell])


@pytest.fixture
def frame() -> Any:
    """Three rows of text."""
    return daft.from_pydict({"n": [1, 2, 3], "text": [" a", "bcd ", ""]})


def transformed(frame: Any, function: Any, **schema: Any) -> Any:
    """Return the column ``y`` that *function* makes of ``n``."""
    pipeline = Pipeline([node(function, output_name="y")])
    return DaftEngine().transform(frame, pipeline, schema=schema or None).to_pydict()["y"]


def test_outputs_become_typed_columns(frame: Any) -> None:
    """Annotations give the types; all columns of the frame stay."""
    found = PIPELINE.transform(frame)
    types = {field.name: field.dtype for field in found.schema()}
    assert types == {
        "n": DataType.int64(),
        "text": DataType.string(),
        "clean": DataType.string(),
        "size": DataType.int64(),
        "half": DataType.float64(),
        "letters": DataType.list(DataType.string()),
    }


def test_rows_are_those_of_map(frame: Any) -> None:
    """The values are what ``map`` gives for the rows."""
    rows = PIPELINE.transform(frame).exclude("n", "text").to_pylist()
    assert rows == PIPELINE.map({"text": [" a", "bcd ", ""]}, map_over="text")


def test_only_what_is_asked_for_is_added(frame: Any) -> None:
    """``output_name`` chooses columns, and what runs."""
    found = PIPELINE.transform(frame, output_name="size")
    assert found.column_names == ["n", "text", "size"]


def test_nothing_runs_before_somebody_reads(frame: Any) -> None:
    """The result is lazy."""
    calls: list[int] = []
    found = Pipeline([node(lambda n: calls.append(n) or 1, output_name="y")]).transform(frame)
    before = list(calls)
    found.collect()
    assert (before, sorted(calls)) == ([], [1, 2, 3])


def test_bound_values_are_the_same_for_all_rows(frame: Any) -> None:
    """What is bound stands for a column that is not there, and a column wins over it."""
    pipeline = Pipeline([clean, measure]).bind(factor=10, text="never")
    sizes = pipeline.transform(frame, output_name="size").to_pydict()["size"]
    assert sizes == [10, 30, 0]


def test_a_column_stands_for_an_output(frame: Any) -> None:
    """A column that bears the name of an output replaces its node."""
    given = frame.with_column("clean", daft.lit("four"))
    found = Pipeline([clean, spell]).transform(given)
    assert found.column_names == ["n", "text", "clean", "letters"]
    assert found.to_pydict()["letters"][0] == list("four")


def test_what_no_column_holds_is_stored_as_a_pickle(frame: Any) -> None:
    """A value without a column type comes back from its bytes as it was."""
    values = transformed(frame, lambda n: (n, {n}))
    assert [pickle.loads(value) for value in values] == [(1, {1}), (2, {2}), (3, {3})]


def test_python_columns_are_made_where_asked(frame: Any) -> None:
    """``DataType.python()`` keeps the objects, for Daft alone."""
    assert transformed(frame, lambda n: {n}, y=DataType.python()) == [{1}, {2}, {3}]


def test_a_schema_stands_for_annotations(frame: Any) -> None:
    """Types of Daft and of Python are taken."""
    for type_, expected in ((int, DataType.int64()), (DataType.int8(), DataType.int8())):
        pipeline = Pipeline([node(lambda n: n, output_name="y")])
        found = pipeline.transform(frame, schema={"y": type_})
        assert found.schema()["y"].dtype == expected


def test_a_failure_says_its_row(frame: Any) -> None:
    """The exception is the user's, with the node and the values of the row."""
    with pytest.raises(ZeroDivisionError) as caught:
        transformed(frame, lambda n: 1 // (n - 2))
    assert caught.value.__notes__ == ["in node '<lambda>' at <lambda>", "in the row where n=2"]


def test_a_missing_column_is_refused_at_once(frame: Any) -> None:
    """Nothing runs, and the columns that are there are named."""
    with pytest.raises(MissingInputError, match=r"input\(s\): text; .* columns n"):
        PIPELINE.transform(frame.select("n"))


def test_mistakes_in_a_request_are_refused_at_once(frame: Any) -> None:
    """Unknown outputs and types for what is no output are told before anything runs."""
    with pytest.raises(PlanError, match=r"output 'sise' not found.*did you mean 'size'"):
        PIPELINE.transform(frame, output_name="sise")
    with pytest.raises(PlanError, match=r"'sise'.*did you mean 'size'"):
        PIPELINE.transform(frame, schema={"sise": int})
    with pytest.raises(PlanError, match="no column has"):
        PIPELINE.transform(frame, schema={"size": complex})


def test_what_cannot_be_pickled_is_named_at_once(frame: Any) -> None:
    """Daft may carry the work anywhere, so a lock is refused before anything runs."""
    pipeline = Pipeline([node(lambda n, lock: n, output_name="y")]).bind(lock=threading.Lock())
    with pytest.raises(TransferError, match="bound input 'lock'"):
        pipeline.transform(frame)


def test_results_are_cached_where_they_are_made(frame: Any, tmp_path: Path) -> None:
    """A second reading, and ``map``, find what the first one stored."""
    calls: list[int] = []

    def square(n: int) -> int:
        calls.append(n)
        return n * n

    calls_stay_out = node(square, output_name="y", ignore=["calls"])
    cache = DiskCache(tmp_path / "cache")
    pipeline = Pipeline([calls_stay_out], engine=SeqEngine(cache=cache))
    for _ in range(2):
        # a frame keeps what was once collected, so each time a new one
        assert pipeline.transform(frame).to_pydict()["y"] == [1, 4, 9]
    pipeline.map({"n": [3, 1]}, "n")
    assert sorted(calls) == [1, 2, 3]


@pytest.mark.usefixtures("closed_pipes")
@pytest.mark.parametrize("make", [DiskCache, lambda path: FsspecCache(f"file://{path}")])
def test_processes_share_what_they_cache(frame: Any, tmp_path: Path, make: Any) -> None:
    """What worker processes store is found by other ones, and by this one."""
    tally = Tally(tmp_path / "tally")

    def square(n: int) -> int:
        tally.note(os.getpid())
        return n * n

    cache = make(tmp_path / "cache")
    pipeline = Pipeline([node(square, output_name="y", use_process=True)])
    engine = DaftEngine(cache=cache)
    for _ in range(2):
        assert engine.transform(frame, pipeline).to_pydict()["y"] == [1, 4, 9]
    assert pipeline.map({"n": [3, 1]}, "n", engine=SeqEngine(cache=cache))[0] == {"y": 9}
    made = tally.read()
    assert len(made) == 3
    assert str(os.getpid()) not in made


def test_each_frame_calls_its_own_functions(frame: Any) -> None:
    """Frames of functions that look alike do not share them, however many there are."""

    def make(calls: list[int]) -> Any:
        def count(n: int) -> int:
            calls.append(n)
            return n

        return DaftEngine().transform(frame, Pipeline([node(count, output_name="y")]))

    noted: list[list[int]] = [[] for _ in range(100)]
    frames = [make(calls) for calls in noted]
    for each in (frames[0], frames[-1]):
        each.collect()
    assert [sorted(calls) for calls in noted if calls] == [[1, 2, 3]] * 2


def test_a_frame_takes_its_task_along_when_it_goes(frame: Any) -> None:
    """What a frame holds is let go of with it."""

    class Large:
        pass

    bound = Large()
    gone = weakref.ref(bound)
    pipeline = Pipeline([node(lambda n, bound: n, output_name="y")]).bind(bound=bound)
    found = DaftEngine().transform(frame, pipeline)
    found.collect()
    del found, pipeline, bound
    gc.collect()
    assert gone() is None


@pytest.mark.usefixtures("closed_pipes")
def test_a_failure_in_a_process_is_told_whole(frame: Any) -> None:
    """Daft makes a `RuntimeError` of it there, whose text holds type, node and row."""
    pipeline = Pipeline([node(lambda n: 1 // (n - 2), output_name="y", use_process=True)])
    with pytest.raises(RuntimeError, match=r"(?s)ZeroDivisionError.*in the row where n=2"):
        DaftEngine().transform(frame, pipeline).collect()


def test_files_go_through_without_being_collected(tmp_path: Path) -> None:
    """From read_parquet to write_parquet."""
    daft.from_pydict({"text": [f" {each} " for each in range(500)]}).write_parquet(
        str(tmp_path / "in")
    )
    frame = daft.read_parquet(str(tmp_path / "in" / "*.parquet"))
    PIPELINE.transform(frame).write_parquet(str(tmp_path / "out"))
    found = daft.read_parquet(str(tmp_path / "out" / "*.parquet")).to_pydict()
    assert sorted(found["clean"]) == sorted(str(each) for each in range(500))


def test_nested_and_mapped_pipelines_become_lists(frame: Any) -> None:
    """The column of a mapped nested pipeline is a list of what is inside."""
    inner = Pipeline([node(_upper, output_name="upper")]).as_node(map_over="letter", name="inner")
    outer = Pipeline(
        [clean, spell, inner.pipeline.as_node({"letters": "letter"}, map_over="letters")]
    )
    found = outer.transform(frame, output_name="upper")
    assert found.schema()["upper"].dtype == DataType.list(DataType.string())
    assert found.to_pydict()["upper"] == [["A"], ["B", "C", "D"], []]


def _upper(letter: str) -> str:
    return letter.upper()


def test_an_engine_says_what_it_claims(frame: Any) -> None:
    """DataFrames of Daft are taken, others and impostors are not."""
    impostor = type("DataFrame", (), {})()
    assert [DaftEngine.claims(each) for each in (frame, {}, impostor)] == [True, False, False]


def test_what_is_no_frame_is_refused() -> None:
    """An engine that is given something else says what it takes."""
    with pytest.raises(TypeError, match=r"a daft.DataFrame, got list; use map"):
        DaftEngine().transform([1], PIPELINE)


def test_data_that_nobody_claims_is_told() -> None:
    """The error names the type and what is taken."""
    with pytest.raises(UnknownPluginError, match=r"builtins.dict.*daft"):
        PIPELINE.transform({"text": ["a"]})


def test_an_engine_without_tables_is_told(frame: Any) -> None:
    """Asking `SeqEngine` to transform says what to do."""
    with pytest.raises(PlanError, match="SeqEngine takes no tables"):
        PIPELINE.transform(frame, engine=SeqEngine(cache=MemoryCache()))


def test_the_plan_is_shown(frame: Any) -> None:
    """``explain`` gives Daft's plans, of a transform and of a map."""
    engine = DaftEngine()
    assert "carry_rows" in engine.explain(PIPELINE, frame)
    assert "carry_row" in engine.explain(PIPELINE)
