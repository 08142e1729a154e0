"""Pipelines applied to bags and DataFrames of Dask."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

import pytest

from hypernodes import DiskCache, Pipeline, SeqEngine, node
from hypernodes.errors import PlanError

bag = pytest.importorskip("dask.bag")
frames = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")
transform = pytest.importorskip("hypernodes_dask.transform")


@node(output_name="y")
def add(x: int, k: int = 1) -> int:
    return x + k


@node(output_name="pair")
def pair(y: int) -> tuple[int, str]:
    return y, str(y)


@node(output_name=("half", "is_big"))
def split(y: int) -> tuple[float, bool]:
    return y / 2, y > 2


PIPELINE = Pipeline([add, pair, split])
TABLE = {"x": [1, 2, 3], "s": ["a", "b", "c"]}


def _frame(**columns: Any) -> Any:
    table = pd.DataFrame({**TABLE, **columns}, index=[5, 6, 7])
    return frames.from_pandas(table, npartitions=2)


def test_a_bag_gets_new_entries() -> None:
    """Each item is a dictionary, and comes back as one with the outputs."""
    items = [{"x": number, "other": object} for number in range(5)]
    found = PIPELINE.transform(bag.from_sequence(items, npartitions=2))
    rows = PIPELINE.map({"x": list(range(5))}, "x")
    assert isinstance(found, bag.Bag)
    assert found.compute(scheduler="threads") == [
        {**item, **row} for item, row in zip(items, rows, strict=True)
    ]


def test_a_frame_gets_typed_columns() -> None:
    """Numbers are columns of numbers, all else objects; rows keep order and index."""
    found = PIPELINE.transform(_frame())
    made = found.compute(scheduler="threads")
    kinds = {"y": "int64", "pair": "object", "half": "float64", "is_big": "bool"}
    assert {name: str(found.dtypes[name]) for name in kinds} == kinds
    assert {name: str(made.dtypes[name]) for name in kinds} == kinds
    assert list(made.index) == [5, 6, 7]
    assert made["pair"].tolist() == [(2, "2"), (3, "3"), (4, "4")]


def test_nothing_runs_before_it_is_asked_for(tmp_path: Any) -> None:
    """The result is lazy, and so are its functions."""

    def leave(x: int) -> int:
        (tmp_path / "called").touch()
        return x

    lazy = Pipeline([node(leave, output_name="y")]).transform(_frame())
    assert not (tmp_path / "called").exists()
    lazy.compute(scheduler="threads")
    assert (tmp_path / "called").exists()


def test_a_value_of_another_type_is_an_error() -> None:
    """Pandas would turn 1.5 into something else; here the row is named."""
    wrong = node(output_name="y")(_declared)
    lazy = Pipeline([wrong]).transform(_frame())
    with pytest.raises(TypeError, match=r"'y' of type int64 cannot hold float 1\.5.* where x=1;"):
        lazy.compute(scheduler="synchronous")


def _declared(x: int) -> int:
    return x + 0.5 if x == 1 else x  # type: ignore[return-value]  # it lies


def test_a_schema_goes_before_declarations() -> None:
    """What is asked for by name is converted as pandas does."""
    found = PIPELINE.transform(_frame(), output_name="half", schema={"half": "float32"})
    assert str(found.compute(scheduler="threads").dtypes["half"]) == "float32"


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("int64", True),
        ("int64", "7"),
        ("int64", None),
        ("int8", 300),
        ("int8", 2.0),
        ("string", 1),
        ("bool", 1),
        ("float64", "1.5"),
        ("float64", 2**70 + 1),
        ("datetime64[ns]", "2026-01-02"),
    ],
)
def test_a_value_that_would_change_is_an_error(dtype: str, value: Any) -> None:
    """Pandas would convert it in silence."""
    with pytest.raises(TypeError, match=f"column 'y' of type .*cannot hold {type(value).__name__}"):
        transform.to_column("y", dtype, [value], {"x": [1]})


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("int8", [1, -128]),
        ("Int64", [1, None]),
        ("string", ["a", None]),
        ("float32", [0.1, float("nan")]),
        ("float64", [1, 2.5, float("inf")]),
        ("datetime64[us]", [dt.datetime(2026, 1, 2, 3, 4, 5, 6)]),
        ("category", ["a", "b", "a"]),
        ("object", [[1], [2], {}, None]),
    ],
)
def test_values_that_stay_the_same_are_welcome(dtype: str, values: list[Any]) -> None:
    """Whatever type of pandas is asked for; a narrow float rounds, and an int may be a float."""
    found = pd.Series(transform.to_column("y", dtype, values, {}))
    assert str(found.dtype) == dtype
    assert [None if pd.api.types.is_scalar(v) and pd.isna(v) else v for v in found] == [
        None if v is None or v != v else pytest.approx(v) if dtype == "float32" else v
        for v in values
    ]


def test_a_failure_names_its_row() -> None:
    """The user's exception has a note with the columns of the row."""
    lazy = Pipeline([node(lambda x: 1 / (x - 2), output_name="y")]).transform(_frame())
    with pytest.raises(ZeroDivisionError) as caught:
        lazy.compute(scheduler="synchronous")
    assert "in the row where x=2" in caught.value.__notes__


@pytest.mark.parametrize(
    ("table", "pipeline", "message"),
    [
        (_frame, Pipeline([node(lambda q: q, output_name="y")]), "no column is an input"),
        (_frame, Pipeline([node(lambda x, q: q, output_name="y")]), "Missing required"),
        (lambda: _frame(y=1), PIPELINE, "has columns y already"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(table: Any, pipeline: Any, message: str) -> None:
    """Missing inputs and columns that are there already are found before anything runs."""
    with pytest.raises(PlanError, match=message):
        pipeline.transform(table())


def test_items_that_are_no_dictionaries_are_refused() -> None:
    """A bag of numbers has no names."""
    lazy = PIPELINE.transform(bag.from_sequence([1, 2], npartitions=1))
    with pytest.raises(TypeError, match="must be dicts"):
        lazy.compute(scheduler="synchronous")


def test_partitions_share_the_cache_of_maps(tmp_path: Any) -> None:
    """Rows that a map has seen are hits, whichever way they come."""
    from hypernodes_dask import DaskEngine

    cache = DiskCache(tmp_path / "cache")
    PIPELINE.map({"x": [1, 2, 3]}, "x", engine=SeqEngine(cache=cache))
    engine = DaskEngine(cache=cache)
    lazy = PIPELINE.transform(_frame(), engine=engine)
    assert lazy.compute(scheduler="threads")["y"].tolist() == [2, 3, 4]
    assert (cache.stats()["entries"], cache.stats()["hits"]) == (9, 9)


def test_processes_compute_it_too(client: Any) -> None:
    """What is applied travels with local functions, to a cluster as well."""
    offset = 10
    local = Pipeline([node(lambda x: (x + offset, os.getpid()), output_name="y")])
    made = client.compute(local.transform(_frame())).result()
    assert [value for value, _ in made["y"]] == [11, 12, 13]
    assert os.getpid() not in {pid for _, pid in made["y"]}


def test_tables_of_nobody_are_refused() -> None:
    """An engine is found by the type of the data, or not at all."""
    with pytest.raises(ValueError, match="no engine transforms"):
        PIPELINE.transform([1, 2])
