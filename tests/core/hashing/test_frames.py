"""Digests of pandas, polars and pyarrow values."""

from __future__ import annotations

import copy
import datetime as dt
import decimal
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from hypernodes.errors import FingerprintError
from hypernodes.hashing import fingerprint

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

BASE = {"a": [1, 2, 3], "b": ["x", None, "z"]}


def frame(**changes: Any) -> Any:
    """Return a pandas frame, with some columns replaced."""
    return pd.DataFrame({**BASE, **changes})


def noted(value: Any, **notes: Any) -> Any:
    """Return *value* with notes in its attrs."""
    value.attrs.update(notes)
    return value


def categories(*names: str, ordered: bool = False) -> Any:
    """Return a categorical column of "u" and "v" whose categories are *names*."""
    return pd.Series(pd.Categorical(["u", "v"], categories=names, ordered=ordered))


PANDAS = [
    frame(),
    frame(a=[1, 2, 4]),
    frame(a=[1.0, 2.0, 3.0]),
    frame(a=["1", "2", "3"]),
    frame(b=["x", "", "z"]),
    frame(b=["x", "None", "z"]),
    frame()[["b", "a"]],
    frame().rename(columns={"a": "c"}),
    frame().set_index("a"),
    frame().iloc[::-1],
    frame().iloc[:2],
    frame().set_index(pd.Index([0, 1, 2], name="i")),
    frame().set_index(pd.Index([0.0, 1.0, 2.0])),
    noted(frame(), source="x"),
    frame().rename_axis(columns="names"),
    frame()["a"],
    frame()["a"].rename("b"),
    frame()["a"].array,
    frame()["b"],
    frame().index,
    frame().columns,
    pd.RangeIndex(4),
    pd.Index([0, 1, 2]),
    pd.Series([1, 2]),
    pd.Series([1, 2], dtype="Int64"),
    pd.Series([1, None], dtype="Int64"),
    pd.Series([1, 0], dtype="Int64"),
    pd.Series([1.0, None]),
    pd.Series([True, None], dtype="boolean"),
    pd.Series([1, 2], dtype="int64[pyarrow]"),
    pd.Series(["a", None]),
    pd.Series(["a", None], dtype="string"),
    pd.Series(["a", None], dtype=object),
    pd.Series(["a", None], dtype="string[pyarrow]").astype("large_string[pyarrow]"),
    categories("u", "v"),
    categories("v", "u"),
    categories("u", "v", "w"),
    categories("u", "v", ordered=True),
    pd.Series(["u", "v"]),
    pd.Series(pd.to_datetime(["2020", "2021"])),
    pd.Series(pd.to_datetime(["2020", "2021"])).dt.tz_localize("UTC"),
    pd.Series(pd.to_datetime(["2020", "2021"])).dt.as_unit("s"),
    pd.Series(pd.to_timedelta([1, 2])),
    pd.Series(pd.period_range("2020", periods=2, freq="D")),
    pd.Series(pd.period_range("2020", periods=2, freq="h")),
    pd.Series(pd.arrays.SparseArray([0, 1, 0])),
    pd.Series(pd.arrays.SparseArray([0, 1, 0], fill_value=1)),
    pd.Series(pd.arrays.IntervalArray.from_breaks([0, 1, 2])),
    pd.Series(pd.arrays.IntervalArray.from_breaks([0, 1, 2], closed="left")),
    pd.MultiIndex.from_product([[1, 2], ["a", "b"]]),
    pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["i", "j"]),
    pd.MultiIndex.from_product([[1, 2], ["a", "c"]]),
    pd.Timestamp("2020"),
    pd.Timestamp("2020", tz="UTC"),
    pd.Timestamp(1),
    pd.Timedelta(1),
    pd.Period("2020", "D"),
    pd.Period("2020", "Y"),
    pd.Interval(0, 1),
    pd.Interval(0, 1, "both"),
    pd.NaT,
    pd.NA,
    None,
]

ARROW = [
    pa.array([1, 2]),
    pa.array([1, 2], pa.int32()),
    pa.array([1, None]),
    pa.array([None, 1]),
    pa.array([1]),
    pa.array([0, 2]),
    pa.array([1.0, 2.0]),
    pa.array([True, False]),
    pa.array([True, None]),
    pa.array(["a", "bc"]),
    pa.array(["ab", "c"]),
    pa.array(["a", "bc"], pa.large_string()),
    pa.array([b"a", b"bc"]),
    pa.array(["a", None, ""]),
    pa.array(["a", "", None]),
    pa.array([[1], [2, 3]]),
    pa.array([[1, 2], [3]]),
    pa.array([[1], None, [2, 3]]),
    pa.array([[1], [], [2, 3]]),
    pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2)),
    pa.array([{"a": 1}, None]),
    pa.array([{"a": 1}, {"a": None}]),
    pa.array([{"b": 1}, None]),
    pa.array(["a", "b"]).dictionary_encode(),
    pa.array([None, None]),
    pa.array([None]),
    pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
    pa.array([decimal.Decimal("1.0")]),
    pa.array([dt.datetime(2020, 1, 1)], pa.timestamp("us")),
    pa.array([dt.datetime(2020, 1, 1)], pa.timestamp("ns")),
    pa.array([dt.datetime(2020, 1, 1)], pa.timestamp("us", "UTC")),
    pa.array([b"ab"], pa.binary(2)),
    pa.chunked_array([[1, 2]]),
    pa.table({"a": [1, 2]}),
    pa.table({"b": [1, 2]}),
    pa.table({"a": [1, 2], "b": [1, 2]}),
    pa.table({"b": [1, 2], "a": [1, 2]}),
    pa.table({"a": [1, 2]}).replace_schema_metadata({"k": "v"}),
    pa.record_batch({"a": [1, 2]}),
    pa.table({"a": pa.array([1, 2])}, schema=pa.schema([pa.field("a", pa.int64(), False)])),
    pa.scalar(1),
    pa.scalar(None, pa.int64()),
    pa.scalar("a"),
    pa.schema([("a", pa.int32())]),
    pa.int32(),
    pa.struct([("a", pa.int32())]),
    pa.field("a", pa.int32()),
]

POLARS = [
    pl.DataFrame({"a": [1, 2]}),
    pl.DataFrame({"b": [1, 2]}),
    pl.DataFrame({"a": [1, 3]}),
    pl.DataFrame({"a": [1, None]}),
    pl.DataFrame({"a": [1, 2], "b": [1, 2]}),
    pl.DataFrame({"b": [1, 2], "a": [1, 2]}),
    pl.DataFrame({"a": []}),
    pl.DataFrame(),
    pl.Series("a", [1, 2]),
    pl.Series([1, 2]),
    pl.Series([1, 2], dtype=pl.Int32),
    pl.Series([1.0, 2.0]),
    pl.Series(["1", "2"]),
    pl.Series([True, False]),
    pl.Series([[1], [2, 3]]),
    pl.Series([[1, 2], [3]]),
    pl.Series([{"a": 1}, {"a": 2}]),
    pl.Series([{"b": 1}, {"b": 2}]),
    pl.Series(["u", "v"], dtype=pl.Categorical),
    pl.Series(["u", "v"], dtype=pl.Enum(["u", "v"])),
    pl.Series(["u", "v"], dtype=pl.Enum(["v", "u"])),
    pl.Series(["u", "v"]),
    pl.Series([1, 2], dtype=pl.Datetime("ns")),
    pl.Series([1, 3], dtype=pl.Datetime("ns")),
    pl.Series([1, 2], dtype=pl.Datetime("us")),
    pl.Series([1, 2], dtype=pl.Datetime("us", "UTC")),
    pl.Series([1, 2], dtype=pl.Duration("us")),
    pl.Series([1, 2], dtype=pl.Date),
    pl.Series([decimal.Decimal("1.0")]),
    pl.Series([decimal.Decimal("1.00")]),
    pl.Series([b"a"]),
]


@pytest.mark.parametrize("values", [PANDAS, ARROW, POLARS], ids=["pandas", "arrow", "polars"])
def test_distinct_values_have_distinct_digests(values: list[Any]) -> None:
    """No two values of a table of look-alikes share a digest."""
    digests = [fingerprint(value) for value in values]
    same = [
        (values[i], values[j])
        for i, one in enumerate(digests)
        for j, other in enumerate(digests)
        if i < j and one == other
    ]
    assert same == []


@pytest.mark.parametrize("values", [PANDAS, ARROW, POLARS], ids=["pandas", "arrow", "polars"])
@pytest.mark.parametrize("make", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_have_the_same_digest(values: list[Any], make: Callable[[Any], Any]) -> None:
    """A copy, also one by pickle, is the same value."""
    for value in values:
        assert fingerprint(make(value)) == fingerprint(value), repr(value)


def test_blocks_and_slices_of_pandas_do_not_count() -> None:
    """A frame that was cut out or put together equals a fresh one."""
    large = pd.DataFrame({"a": range(10), "b": [f"t{i}" for i in range(10)], "c": [0.5] * 10})
    part = large.iloc[2:5].reset_index(drop=True)
    fresh = pd.DataFrame({"a": [2, 3, 4], "b": ["t2", "t3", "t4"], "c": [0.5] * 3})
    grown = pd.DataFrame({"a": [2, 3, 4]})
    grown["b"] = ["t2", "t3", "t4"]
    grown["c"] = 0.5
    assert fingerprint(part) == fingerprint(fresh) == fingerprint(grown)


def test_who_holds_pandas_strings_does_not_count() -> None:
    """Text held by Arrow equals text held by Python, missing ones included."""
    texts = ["a", None, "c"]
    held = [pd.Series(texts, dtype=f"string[{storage}]") for storage in ("python", "pyarrow")]
    assert fingerprint(held[0]) == fingerprint(held[1])


def test_what_lies_under_a_mask_does_not_count() -> None:
    """A missing number of pandas is missing, whatever the memory holds."""
    one = pd.array([1, 2], dtype="Int64")
    one[1] = pd.NA
    assert fingerprint(one) == fingerprint(pd.array([1, None], dtype="Int64"))


def test_unused_levels_do_not_count() -> None:
    """A part of an index with several levels equals a fresh one."""
    index = pd.MultiIndex.from_product([[1, 2], ["a", "b"]])
    assert fingerprint(index[:2]) == fingerprint(pd.MultiIndex.from_product([[1], ["a", "b"]]))


@pytest.mark.parametrize("array", [a for a in ARROW if isinstance(a, pa.Array)], ids=str)
def test_chunks_and_offsets_of_arrow_do_not_count(array: Any) -> None:
    """However a column is cut, its values are what counts."""
    whole = pa.chunked_array([array])
    pieces = [array.slice(i, 1) for i in range(len(array))]
    empty = array.slice(0, 0)
    assert fingerprint(pa.chunked_array([empty, *pieces, empty])) == fingerprint(whole)
    padded = pa.concat_arrays([array, array, array]).slice(len(array), len(array))
    assert fingerprint(padded) == fingerprint(array)


def test_chunks_of_polars_do_not_count() -> None:
    """A series that was put together equals a fresh one."""
    for values in ([1, 2, 3], ["a", None, "c"], [[1], [], [2]]):
        parts = pl.concat([pl.Series(values[:1]), pl.Series(values[1:])], rechunk=False)
        assert parts.n_chunks() == 2
        assert fingerprint(parts) == fingerprint(pl.Series(values))


def test_polars_numbers_do_not_need_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without numpy the same bytes are come by another way."""
    series = pl.Series([1.5, -2.0])
    before = fingerprint(series)

    def fail(*_: object) -> None:
        raise ModuleNotFoundError

    monkeypatch.setattr(pl.Series, "to_numpy", fail)
    assert fingerprint(series) == before


def test_a_lazy_frame_is_refused() -> None:
    """A query may read files; it has to be collected."""
    with pytest.raises(FingerprintError, match=r"LazyFrame at x: collect it first"):
        fingerprint(pl.DataFrame({"a": [1]}).lazy(), "x")


def test_attributes_that_a_subclass_of_pandas_names_count() -> None:
    """What a subclass lists in _metadata is state."""

    class Tagged(pd.DataFrame):  # type: ignore[misc]  # pandas is untyped here
        _metadata = ["unit"]  # noqa: RUF012 - the way pandas wants it

    one, other = Tagged({"a": [1]}), Tagged({"a": [1]})
    one.unit, other.unit = "m", "s"
    assert fingerprint(one) != fingerprint(other)
