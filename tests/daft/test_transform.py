"""A pipeline over a lazy Daft DataFrame: types, rows, errors, caching, files."""

from __future__ import annotations

import datetime as dt
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, SeqEngine, node
from hypernodes.errors import MissingInputError, PlanError, TransferError, UnknownPluginError

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


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (int, "1"),
        (int, True),
        (int, 2.0),
        (int, 2**63),
        (float, "1.5"),
        (float, 2**60 + 1),
        (str, 1),
        (str, None),
        (bool, 1),
        (bytes, "a"),
        (list[int], (1,)),
        (list[int], [1, "a"]),
        (list[str], [None]),
        (dt.date, dt.datetime(2026, 1, 1)),
        (dt.datetime, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
    ],
)
def test_a_value_that_does_not_fit_is_refused(frame: Any, type_: Any, value: Any) -> None:
    """Nothing is turned into None or another type; node, column and row are named."""

    def give(n: int) -> Any:
        return value

    give.__annotations__["return"] = type_
    with pytest.raises(TypeError, match=r"node 'give' gave .* for column 'y'.*n=1"):
        transformed(frame, give)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        (DataType.int8(), 128),
        (DataType.uint8(), -1),
        (DataType.struct({"a": DataType.int64()}), {"b": 1}),
        (DataType.timestamp("us", "UTC"), dt.datetime(2026, 1, 1)),
        (DataType.tensor(DataType.int64()), "no tensor"),
    ],
)
def test_types_of_daft_are_checked_as_well(frame: Any, dtype: Any, value: Any) -> None:
    """A type from ``schema=`` is as strict as an annotation."""
    with pytest.raises((TypeError, ValueError)):
        transformed(frame, lambda n: value, y=dtype)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (float, 3),
        (int | None, None),
        (list[int | None], [1, None]),
        (list[list[float]], [[1.5], []]),
        (bytes, b"\x00\xff"),
        (dt.datetime, dt.datetime(2026, 1, 2, 3, 4, 5, 6)),
        (dt.timedelta, dt.timedelta(seconds=1.5)),
        (int, -(2**63)),
    ],
)
def test_values_that_fit_come_back_equal(frame: Any, type_: Any, value: Any) -> None:
    """What a column can hold is stored as it is."""

    def give(n: int) -> Any:
        return value

    give.__annotations__["return"] = type_
    assert transformed(frame, give) == [value] * 3


def test_numbers_of_numpy_are_numbers(frame: Any) -> None:
    """A scalar of numpy is stored as the number that it is."""
    np = pytest.importorskip("numpy")

    def give(n: int) -> int:
        return np.int32(n)  # type: ignore[no-any-return]  # that is the point

    assert transformed(frame, give) == [1, 2, 3]


def test_a_failure_says_its_row(frame: Any) -> None:
    """The exception is the user's, with the node and the values of the row."""
    with pytest.raises(ZeroDivisionError) as caught:
        transformed(frame, lambda n: 1 // (n - 2))
    assert any("n=2" in note for note in caught.value.__notes__)


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
    found = Pipeline([calls_stay_out], engine=SeqEngine(cache=cache)).transform(frame)
    for _ in range(2):
        assert found.to_pydict()["y"] == [1, 4, 9]
    Pipeline([calls_stay_out]).map({"n": [3, 1]}, "n", engine=SeqEngine(cache=cache))
    assert sorted(calls) == [1, 2, 3]


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
