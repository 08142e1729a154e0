"""Pipelines applied to Ray Datasets."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from hypernodes import Pipeline, node
from hypernodes.errors import PlanError
from hypernodes.execution import request_map

pytest.importorskip("pyarrow")
pytest.importorskip("pandas")
transform = pytest.importorskip("hypernodes_ray.transform")
columns = pytest.importorskip("hypernodes_ray.columns")

# ray.data sets options of its own that it has given up
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data")


@node(output_name="y")
def add(x: int) -> int:
    return x + 1


@node(output_name="pair")
def pair(y: int) -> tuple[int, str]:
    return y, str(y)


@node(output_name=("half", "word"))
def split(y: int) -> tuple[float, str | None]:
    return y / 2, None if y > 2 else "few"


PIPELINE = Pipeline([add, pair, split])


@pytest.fixture
def dataset(connected: str) -> Any:
    """Five rows."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    return ray.data.from_items([{"x": number, "k": "a"} for number in range(5)])


def test_a_dataset_gets_typed_columns(dataset: Any) -> None:
    """Declared numbers and texts are Arrow columns; all else travels pickled."""
    lazy = PIPELINE.transform(dataset)
    rows = sorted(lazy.take_all(), key=lambda row: row["x"])
    assert isinstance(dataset, type(lazy))
    assert [row["y"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["word"] for row in rows] == ["few", "few", None, None, None]
    assert [transform.unpickle(row["pair"]) for row in rows[:2]] == [(1, "1"), (2, "2")]


def _plan(declared: Any) -> Any:
    def make(x: int) -> Any:
        return x

    make.__annotations__["return"] = declared
    return request_map(Pipeline([node(make, output_name="y")]), {"x": ()}, "x", "zip", None).plan


def _column(declared: Any, values: list[Any], schema: Any = None) -> Any:
    given = {} if schema is None else {"y": schema}
    (column,) = columns.find_columns(_plan(declared), given)
    return columns.to_arrow(column, values, {"x": range(len(values))})


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (int, 2.7),
        (int, True),
        (int, "7"),
        (int, None),
        (int, 2**63),
        (float, "1"),
        (float, 2**70 + 1),
        (str, 1),
        (bool, 1),
        (list[int], [1, 2.5]),
        (list[int], (1, 2)),
        (dt.datetime, dt.datetime(2026, 1, 2, tzinfo=dt.UTC)),
        (dt.date, dt.datetime(2026, 1, 2)),
    ],
    ids=repr,
)
def test_a_value_that_would_change_is_an_error(declared: Any, value: Any) -> None:
    """Arrow would cut or convert in silence; here the node, the output and the row are named."""
    good = {int: 1, float: 1.5, str: "a", bool: True}.get(declared)
    values = [value] if good is None else [good, value]
    with pytest.raises(TypeError, match=r"node 'make' gave .* for column 'y' of type") as caught:
        _column(declared, values)
    assert f"in the row where x={len(values) - 1};" in str(caught.value)


@pytest.mark.parametrize(
    ("declared", "values", "kind"),
    [
        (int, [1], "int64"),
        (int | None, [1, None], "int64"),
        (bool, [True], "bool"),
        (str, ["a"], "string"),
        (float, [1.5, float("inf"), -0.0], "double"),
        (list[int], [[1], []], "list<item: int64>"),
        (list[list[str]], [[["a"], []]], "list<item: list<item: string>>"),
        (dt.datetime, [dt.datetime(2026, 1, 2, 3, 4, 5, 6)], "timestamp[us]"),
        (dt.date, [dt.date(2026, 1, 2)], "date32[day]"),
        (dt.timedelta, [dt.timedelta(days=1, microseconds=1)], "duration[us]"),
        (tuple[int, str], [(1, "a")], "binary"),
        (None, [(1,)], "binary"),
        (int | str, [1, "a"], "binary"),
    ],
    ids=str,
)
def test_types_follow_declarations(declared: Any, values: list[Any], kind: str) -> None:
    """What has one plain type is stored as that, the rest pickled, and nothing changes."""
    found = _column(declared, values)
    back = found.to_pylist()
    assert str(found.type) == kind
    assert values == (list(map(transform.unpickle, back)) if kind == "binary" else back)


def test_numbers_that_stay_the_same_are_welcome() -> None:
    """A scalar of numpy, and an int where floats are declared, as in a Daft frame."""
    np = pytest.importorskip("numpy")
    assert _column(int, [np.int32(3)]).to_pylist() == [3]
    assert _column(float, [2, np.float64(0.5)]).to_pylist() == [2.0, 0.5]


def test_a_schema_goes_before_declarations() -> None:
    """Types of pyarrow and of Python; a narrow float rounds, and no other type does."""
    import pyarrow as pa

    assert str(_column(float, [0.1], pa.float32()).type) == "float"
    assert _column(None, [1, None], int).to_pylist() == [1, None]
    struct = pa.struct({"a": pa.int64()})
    assert _column(None, [{"a": 1}], struct).to_pylist() == [{"a": 1}]
    for value, kind in [(300, pa.int8()), ({"a": 1, "b": 2}, struct), ("1", pa.int64())]:
        with pytest.raises(TypeError, match="cannot hold it"):
            _column(None, [value], kind)


@pytest.mark.parametrize(
    ("schema", "message"),
    [({"z": int}, "'z', which is no output"), ({"y": object}, "'y' the type .* which no column")],
)
def test_a_schema_that_means_nothing_is_refused_at_once(schema: Any, message: str) -> None:
    """Names that are no outputs, and types that no column has."""
    with pytest.raises(PlanError, match=message):
        columns.find_columns(_plan(int), schema)


def test_a_dataset_takes_a_schema(dataset: Any) -> None:
    """By the public way, and without running anything before it is asked for."""
    import pyarrow as pa

    lazy = PIPELINE.transform(dataset, "half", schema={"half": pa.float32()})
    kinds = dict(zip(lazy.schema().names, map(str, lazy.schema().types), strict=True))
    assert kinds["half"] == "float"


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (Pipeline([node(lambda q: q, output_name="y")]), "no column is an input"),
        (Pipeline([node(lambda x, q: q, output_name="y")]), "Missing required"),
        (Pipeline([node(lambda x: x, output_name="k")]), "has columns k already"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(
    dataset: Any, pipeline: Pipeline, message: str
) -> None:
    """Missing inputs and columns that are there already are found before anything runs."""
    with pytest.raises(PlanError, match=message):
        pipeline.transform(dataset)
