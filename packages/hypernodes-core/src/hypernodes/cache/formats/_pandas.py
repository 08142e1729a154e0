"""Pandas frames, series and indexes, column by column.

Columns of numpy values go as ``.npy``, text and other objects as data, text
kept by Arrow as an Arrow array, categories as codes beside their index.  What
those cannot give back exactly, such as a frequency that does not follow from
its name, is refused and left to pickle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from hypernodes.cache.formats._refusal import NotDataError

Parts = tuple[Any, ...]


def _reduce_frame(frame: pd.DataFrame) -> Parts:
    _check_flags(frame)
    columns = [_reduce_values(frame.iloc[:, at].array) for at in range(frame.shape[1])]
    return "pandas.frame", columns, frame.index, frame.columns, dict(frame.attrs)


def _rebuild_frame(
    columns: list[Parts], index: pd.Index, names: pd.Index, attrs: dict[Any, Any]
) -> pd.DataFrame:
    values = {at: _make_series(parts, index, None) for at, parts in enumerate(columns)}
    frame = pd.DataFrame(values, index=index, copy=True)
    frame.columns = names
    frame.attrs.update(attrs)
    return frame


def _reduce_series(series: pd.Series[Any]) -> Parts:
    _check_flags(series)
    attrs = dict(series.attrs)
    return "pandas.series", _reduce_values(series.array), series.index, series.name, attrs


def _rebuild_series(
    values: Parts, index: pd.Index, name: Any, attrs: dict[Any, Any]
) -> pd.Series[Any]:
    series = _make_series(values, index, name)
    series.attrs.update(attrs)
    return series


def _make_series(values: Parts, index: pd.Index, name: Any) -> pd.Series[Any]:
    array = _rebuild_values(*values)
    # without being told, pandas takes objects that are all text for text
    return pd.Series(array, index=index, name=name, dtype=array.dtype)


def _check_flags(value: pd.DataFrame | pd.Series[Any]) -> None:
    if not value.flags.allows_duplicate_labels:
        msg = "frames with flags do not come back exactly"
        raise NotDataError(msg)


def _reduce_values(array: Any) -> Parts:
    """Return what a column, or the labels of an index, is made of."""
    dtype = array.dtype
    if isinstance(dtype, pd.StringDtype):
        na = "nan" if dtype.na_value is not pd.NA else "NA"
        texts = array.to_numpy(dtype=object, na_value=None).tolist()
        return "text", texts, dtype.storage, na
    if isinstance(array, pd.arrays.NumpyExtensionArray) or isinstance(dtype, np.dtype):
        values = array.to_numpy()
        # objects go one by one, so that None and nan stay what they are
        return ("objects", values.tolist()) if values.dtype == object else ("numpy", values)
    if isinstance(dtype, pd.CategoricalDtype):
        return "categories", np.asarray(array.codes), dtype.categories, dtype.ordered
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "zoned", array.tz_convert(None).to_numpy(), dtype.tz
    msg = f"pandas columns of {dtype} do not come back exactly"
    raise NotDataError(msg)


def _rebuild_values(kind: str, *parts: Any) -> Any:
    return _KINDS[kind](*parts)


def _rebuild_objects(values: list[Any]) -> Any:
    array = np.empty(len(values), dtype=object)
    # one by one: numpy would take sequences apart
    for at, value in enumerate(values):
        array[at] = value
    return array


def _rebuild_categories(codes: Any, categories: pd.Index, ordered: bool) -> Any:
    dtype = pd.CategoricalDtype(categories, ordered)
    return pd.Categorical.from_codes(codes, dtype=dtype)


def _rebuild_zoned(instants: Any, zone: Any) -> Any:
    return pd.DatetimeIndex(instants).tz_localize("UTC").tz_convert(zone).array


def _rebuild_text(texts: list[str | None], storage: str, na: str) -> Any:
    missing = pd.NA if na == "NA" else np.nan
    return pd.array(_rebuild_objects(texts), dtype=pd.StringDtype(storage, na_value=missing))


def _reduce_index(index: pd.Index) -> Parts:
    freq = getattr(index, "freq", None)
    if freq is not None and to_offset(freq.freqstr) != freq:
        msg = f"the frequency {freq!r} does not come back exactly"
        raise NotDataError(msg)
    name = None if freq is None else freq.freqstr
    return "pandas.index", _reduce_values(index.array), index.name, name


def _rebuild_index(values: Parts, name: Any, freq: str | None) -> pd.Index:
    array = _rebuild_values(*values)
    index = pd.Index(array, dtype=array.dtype, name=name)
    if freq is not None:
        index.freq = freq
    return index


def _reduce_range(index: pd.RangeIndex) -> Parts:
    return "pandas.range", index.start, index.stop, index.step, index.name


def _rebuild_range(start: int, stop: int, step: int, name: Any) -> pd.RangeIndex:
    return pd.RangeIndex(start, stop, step, name=name)


def _reduce_levels(index: pd.MultiIndex) -> Parts:
    codes = [np.asarray(each) for each in index.codes]
    return "pandas.levels", list(index.levels), codes, list(index.names), index.sortorder


def _rebuild_levels(levels: Any, codes: Any, names: Any, sortorder: int | None) -> pd.MultiIndex:
    return pd.MultiIndex(levels, codes, sortorder, names=names)


def _reduce_instant(value: pd.Timestamp | pd.Timedelta) -> Parts:
    kind = "timestamp" if isinstance(value, pd.Timestamp) else "timedelta"
    return f"pandas.{kind}", value.asm8, getattr(value, "tz", None)


def _rebuild_timestamp(instant: Any, zone: Any) -> pd.Timestamp:
    value = pd.Timestamp(instant)
    return value if zone is None else value.tz_localize("UTC").tz_convert(zone)


_KINDS: Final[dict[str, Callable[..., Any]]] = {
    "categories": _rebuild_categories,
    "numpy": lambda values: values,
    "objects": _rebuild_objects,
    "text": _rebuild_text,
    "zoned": _rebuild_zoned,
}
REDUCERS: Final[dict[type, Callable[[Any], Parts]]] = {
    pd.CategoricalIndex: _reduce_index,
    pd.DataFrame: _reduce_frame,
    pd.DatetimeIndex: _reduce_index,
    pd.Index: _reduce_index,
    pd.MultiIndex: _reduce_levels,
    pd.RangeIndex: _reduce_range,
    pd.Series: _reduce_series,
    pd.Timedelta: _reduce_instant,
    pd.TimedeltaIndex: _reduce_index,
    pd.Timestamp: _reduce_instant,
    type(pd.NA): lambda _: ("pandas.NA",),
    type(pd.NaT): lambda _: ("pandas.NaT",),
}
REBUILDERS: Final[dict[str, Callable[..., Any]]] = {
    "pandas.NA": lambda: pd.NA,
    "pandas.NaT": lambda: pd.NaT,
    "pandas.frame": _rebuild_frame,
    "pandas.index": _rebuild_index,
    "pandas.levels": _rebuild_levels,
    "pandas.range": _rebuild_range,
    "pandas.series": _rebuild_series,
    "pandas.timedelta": lambda span, _: pd.Timedelta(span),
    "pandas.timestamp": _rebuild_timestamp,
}
