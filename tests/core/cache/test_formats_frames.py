"""Facts about frames, series, indexes and tables in the format of data."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from hypernodes.cache import Payload, decode, encode
from hypernodes.errors import SerializationError
from hypernodes.hashing import fingerprint

pd = pytest.importorskip("pandas")
np = pytest.importorskip("numpy")


def through(value: Any) -> Any:
    """Return *value* after it was encoded and decoded without pickle."""
    return decode(encode(value, allow_pickle=False), allow_pickle=False)


def make_frame() -> Any:
    """Return a frame with a column of each kind that is known."""
    days = pd.date_range("2026-01-01", periods=4, freq="D")
    return pd.DataFrame(
        {
            "int": np.array([1, 2, 3, 4], "i4"),
            "float": [1.5, np.nan, -0.0, np.inf],
            "bool": [True, False, True, False],
            "text": ["a", None, "", "d"],
            "object": pd.Series([None, "a", 1, (2,)], dtype=object),
            "day": days,
            "zoned": days.tz_localize("Europe/Berlin"),
            "fixed": days.tz_localize(dt.UTC),
            "span": days - days[0],
            "kind": pd.Categorical(["x", "y", None, "x"], categories=["y", "x"], ordered=True),
            "string": pd.array(["a", pd.NA, "c", "d"], dtype=pd.StringDtype("python")),
        },
        index=pd.Index([10, 20, 30, 40], name="number"),
    )


def test_a_frame_comes_back() -> None:
    """Columns, their types and order, missing values and the index are what they were."""
    frame = make_frame()
    found = through(frame)
    pd.testing.assert_frame_equal(frame, found, check_exact=True, check_freq=True)
    assert list(frame.dtypes) == list(found.dtypes)
    assert fingerprint(frame) == fingerprint(found)


def test_missing_values_keep_their_kind() -> None:
    """None, nan and NA among objects are not made one."""
    found = through(pd.Series([None, float("nan"), "a"], dtype=object))
    assert found[0] is None
    assert found[1] != found[1]


def test_attributes_and_names_come_back() -> None:
    """What a frame carries beside its columns is kept, where it is data."""
    frame = pd.DataFrame([[1, 2]], columns=pd.Index(["a", "a"], name="twice"))
    frame.attrs["unit"] = {"a": "m"}
    found = through(frame)
    assert ({"unit": {"a": "m"}}, "twice", ["a", "a"]) == (
        found.attrs,
        found.columns.name,
        list(found.columns),
    )


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(2, 10, 3, name="r"),
        pd.Index([1.5, 2.5]),
        pd.Index(["a", "b"], name=("two", "parts")),
        pd.Index([(1, 2), None], dtype=object, tupleize_cols=False),
        pd.date_range("2026", periods=3, freq="D", tz="UTC"),
        pd.DatetimeIndex(["2026-01-01", "2026-03-01"]),
        pd.timedelta_range("1h", periods=3),
        pd.CategoricalIndex(["a", "b", "a"], name="c"),
        pd.MultiIndex.from_product([["x", "y"], [1, 2]], names=["a", None]),
        pd.Index([]),
    ],
    ids=lambda index: type(index).__name__,
)
def test_an_index_comes_back(index: Any) -> None:
    """Each kind of index keeps its labels, type, name and frequency."""
    found = through(index)
    pd.testing.assert_index_equal(index, found, exact=True)
    assert getattr(index, "freq", None) == getattr(found, "freq", None)
    assert (type(index), index.dtype, list(index.names)) == (
        type(found),
        found.dtype,
        list(found.names),
    )


def test_a_series_comes_back() -> None:
    """Values, index and name are what they were."""
    series = pd.Series([1, 2], index=["a", "b"], name=("x", 1), dtype="uint8")
    pd.testing.assert_series_equal(series, through(series))


@pytest.mark.parametrize(
    "value",
    [
        pd.Series([1, None], dtype="Int64"),
        pd.Series(pd.period_range("2026", periods=2, freq="M")),
        pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
        pd.DataFrame({"a": [print]}),
    ],
    ids=["masked", "periods", "flags", "code"],
)
def test_what_does_not_come_back_exactly_is_pickled(value: Any) -> None:
    """Rarer kinds are left to pickle, and come back that way."""
    payload = encode(value)
    assert "pickle" == payload.serializer.partition("+")[0]
    assert type(value) is type(decode(payload))


@pytest.mark.parametrize(
    "value",
    [
        pd.NA,
        pd.NaT,
        pd.Timestamp("2026-01-02 03:04:05.6789"),
        pd.Timestamp("2026-10-25 03:30", tz="Europe/Berlin"),
        pd.Timestamp("2026-01-02", tz=dt.UTC).as_unit("s"),
        pd.Timedelta("1 day 2 ns"),
        pd.Timedelta(5, unit="s").as_unit("ms"),
    ],
    ids=repr,
)
def test_single_values_of_pandas_are_data(value: Any) -> None:
    """Instants keep zone and resolution, and what is missing stays itself."""
    found = through([value])[0]
    assert (type(value), repr(value)) == (type(found), repr(found))
    assert getattr(value, "unit", None) == getattr(found, "unit", None)


def test_frames_inside_others_are_data() -> None:
    """A result of several frames and numbers needs no pickle either."""
    frame = make_frame()
    found = through({"frame": frame, "score": np.float64(0.5), "rows": [frame["int"]]})
    pd.testing.assert_frame_equal(frame, found["frame"])
    pd.testing.assert_series_equal(frame["int"], found["rows"][0])


def make_tables() -> list[Any]:
    """Return values of pyarrow of each kind that is known."""
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": [1, None], "b": ["x", "y"]}, metadata={"of": "the table"})
    return [
        table,
        pa.concat_tables([table, table]),
        table.slice(1),
        pa.table({"a": pa.array([], pa.int8())}),
        table.to_batches()[0],
        pa.RecordBatch.from_arrays([pa.array([], pa.string())], names=["a"]),
        pa.array([1, None, 3]),
        pa.array([]),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array([[1], None, [2, 3]]),
        pa.chunked_array([[1], [2, 3]]),
        pa.chunked_array([], pa.float32()),
        table.schema,
        pa.list_(pa.timestamp("us", "UTC")),
    ]


def test_arrow_values_come_back() -> None:
    """Tables, batches, arrays, schemas and types keep values, types and metadata."""
    for value in make_tables():
        found = through(value)
        assert (type(value), True) == (type(found), found.equals(value))


def test_damaged_tables_are_an_error() -> None:
    """A changed byte gives a value or an error, and never a crash when it is used."""
    pa = pytest.importorskip("pyarrow")
    from hypernodes.cache.formats._arrow import read_table, write_batches

    table = pa.table({"a": ["text"] * 20, "b": [[1, 2]] * 20, "c": list(range(20))})
    data = bytes(write_batches(table.schema, table.to_batches()).raw())
    for at in range(0, len(data), 3):
        damaged = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        try:
            read_table(damaged).to_pylist()
        # whatever it is, it is caught where a stream is read
        except Exception:
            continue


def test_polars_frames_come_back() -> None:
    """Frames and series of polars keep values, types and names."""
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(
        {
            "a": [1, None],
            "b": ["x", "y"],
            "c": [dt.date(2026, 1, 1)] * 2,
            "d": [[1], []],
            "e": [{"f": 1}, None],
        }
    )
    found = through(frame)
    assert (frame.schema, True) == (found.schema, frame.equals(found))
    assert fingerprint(frame) == fingerprint(found)
    series = pl.Series("name", ["a", "b"], dtype=pl.Categorical)
    assert (series.dtype, ["a", "b"], "name") == (
        (back := through(series)).dtype,
        back.to_list(),
        back.name,
    )


def test_damaged_frames_are_an_error() -> None:
    """A frame whose bytes were changed is told."""
    data = bytearray(encode(make_frame()).data)
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(SerializationError):
        decode(Payload(encode(make_frame()).serializer, 1, bytes(data[:-9])))
