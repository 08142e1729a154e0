"""Columns of `transform`: what is stored is what was given, or an error says what is not."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import pytest

from hypernodes import Pipeline, node

daft = pytest.importorskip("daft")
DaftEngine = pytest.importorskip("hypernodes_daft").DaftEngine
DataType = daft.DataType


@pytest.fixture
def frame() -> Any:
    """Three rows."""
    return daft.from_pydict({"n": [1, 2, 3]})


def transformed(frame: Any, function: Any, **schema: Any) -> Any:
    """Return the column ``y`` that *function* makes of ``n``."""
    pipeline = Pipeline([node(function, output_name="y")])
    return DaftEngine().transform(frame, pipeline, schema=schema or None).to_pydict()["y"]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (int, "1"),
        (int, True),
        (int, 2.0),
        (int, 2**63),
        (float, "1.5"),
        (float, 2**60 + 1),
        (float, 10**400),
        (str, 1),
        (str, None),
        (str, "\ud800"),
        (bool, 1),
        (bytes, "a"),
        (list[int], (1,)),
        (list[int], [1, "a"]),
        (list[str], [None]),
        (dt.date, dt.datetime(2026, 1, 1)),
        (dt.timedelta, dt.timedelta.max),
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


def test_an_array_is_no_number(frame: Any) -> None:
    """An array of one number is not that number."""
    np = pytest.importorskip("numpy")

    def give(n: int) -> int:
        return np.array([n])  # type: ignore[no-any-return]  # that is the point

    with pytest.raises(TypeError, match="gave ndarray"):
        transformed(frame, give)


FLOAT: Any = DataType.float32()
REFUSED: dict[Any, list[Any]] = {
    FLOAT: ["7", True, 1e39, 2**30 + 1],
    DataType.int8(): [128],
    DataType.uint8(): [-1],
    DataType.decimal128(10, 2): [decimal.Decimal("1.123"), 1.5, "1.5"],
    DataType.struct({"a": DataType.int64()}): [{"b": 1}],
    DataType.struct({"a": FLOAT}): [{"a": "1"}],
    DataType.list(FLOAT): [["1"], [True]],
    DataType.fixed_size_list(DataType.int64(), 2): [[1], [1, 2, 3]],
    DataType.embedding(FLOAT, 2): [[1.0], ["a", "b"], [None, 1.0], (1.0, 2.0)],
    DataType.timestamp("s"): [dt.datetime(2026, 1, 1, 1, 1, 1, 5)],
    DataType.timestamp("ns"): [dt.datetime(9999, 1, 1)],
    DataType.timestamp("us", "UTC"): [dt.datetime(2026, 1, 1)],
    DataType.duration("s"): [dt.timedelta(seconds=1.5)],
    DataType.duration("ns"): [dt.timedelta(days=365 * 300)],
    DataType.map(DataType.string(), DataType.int64()): [{1: 2}, {"a": "b"}],
    DataType.null(): [1],
    DataType.tensor(DataType.int64()): ["no tensor", [[1]]],
}


@pytest.mark.parametrize(
    ("dtype", "value"), [(dtype, value) for dtype, values in REFUSED.items() for value in values]
)
def test_types_of_daft_are_checked_as_well(frame: Any, dtype: Any, value: Any) -> None:
    """What Daft would parse, cut, wrap or forget is refused, with node, column and row."""
    with pytest.raises(TypeError, match=r"node '<lambda>' gave .* for column 'y'.*n=1"):
        transformed(frame, lambda n: value, y=dtype)


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        (FLOAT, 2.5, 2.5),
        (FLOAT, 3, 3.0),
        (FLOAT, 0.1, pytest.approx(0.1, rel=1e-6)),
        (FLOAT, float("inf"), float("inf")),
        (DataType.decimal128(10, 2), decimal.Decimal("1.10"), decimal.Decimal("1.10")),
        (DataType.timestamp("s"), dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 1)),
        (DataType.duration("ms"), dt.timedelta(seconds=1.5), dt.timedelta(seconds=1.5)),
        (DataType.list(FLOAT), [1.5, None], [1.5, None]),
        (DataType.map(DataType.string(), DataType.int64()), {"a": 1}, [("a", 1)]),
        (DataType.null(), None, None),
    ],
)
def test_what_a_type_of_daft_holds_is_taken(
    frame: Any, dtype: Any, value: Any, expected: Any
) -> None:
    """Strictness refuses nothing that is stored as it is."""
    assert transformed(frame, lambda n: value, y=dtype) == [expected] * 3


def test_arrays_go_into_embeddings_and_tensors(frame: Any) -> None:
    """Arrays come back as arrays, with the numbers that they held."""
    np = pytest.importorskip("numpy")
    vector, matrix = np.array([1.5, 2.0]), np.ones((2, 3))
    for dtype, value in (
        (DataType.embedding(FLOAT, 2), vector),
        (DataType.embedding(FLOAT, 2), vector.tolist()),
        (DataType.tensor(DataType.float64()), matrix),
    ):
        found = transformed(frame, lambda n, value=value: value, y=dtype)
        assert [each.tolist() for each in found] == [np.asarray(value).tolist()] * 3
