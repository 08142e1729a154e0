"""What stands for pandas and polars values: names, types and columns.

How a frame is stored does not count: blocks, chunks, and whether text is held
by Arrow or by Python.  Row labels, column order, categories and ``attrs`` do.

Loaded when the first such value appears; imports the library of that value
only.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from typing import Any, Final

from hypernodes.hashing._expansion import NotFingerprintableError
from hypernodes.hashing._identity import type_name


def pandas_frame_state(frame: Any) -> Any:
    """Return columns, index, every column's values, and the frame's own notes."""
    columns = [pandas_array_state(frame.iloc[:, i].array) for i in range(frame.shape[1])]
    return frame.columns, frame.index, columns, _pandas_notes(frame)


def pandas_series_state(series: Any) -> Any:
    """Return name, index, values, and the series's own notes."""
    return series.name, series.index, pandas_array_state(series.array), _pandas_notes(series)


def _pandas_notes(value: Any) -> Any:
    # pandas documents _metadata as the way for subclasses to name their attributes
    names = value._metadata  # noqa: SLF001 - see above
    added = {name: getattr(value, name, None) for name in names if name != "name"}
    return value.attrs, value.flags.allows_duplicate_labels, added


def pandas_index_state(index: Any) -> Any:
    """Return names and labels; levels and codes where there are several levels."""
    names = list(index.names)
    if hasattr(index, "levels"):
        used = index.remove_unused_levels()
        return names, list(used.levels), [codes.copy() for codes in used.codes]
    return names, pandas_array_state(index.array), getattr(index, "freqstr", None)


def pandas_array_state(values: Any) -> Any:
    """Return the type and the values of a column, missing ones marked."""
    kind = type(values.dtype).__name__
    if hasattr(values, "asi8"):
        # nanoseconds and the like, which objects would round
        return kind, str(values.dtype), values.asi8, getattr(values, "freqstr", None)
    if type(values).__name__ in ("NumpyExtensionArray", "PandasArray"):
        return "numpy", values.to_numpy()
    if hasattr(values.dtype, "numpy_dtype") and kind != "ArrowDtype":
        # what lies under a mask is an accident
        data = values.to_numpy(dtype=values.dtype.numpy_dtype, na_value=0)
        return kind, str(values.dtype), data, values.isna()
    account = _PANDAS_ARRAYS.get(kind)
    if account is None:
        return kind, type_name(type(values)), values.to_numpy(dtype=object)
    return kind, account(values)


def _pandas_texts(values: Any) -> Any:
    # whether Arrow or Python holds the texts depends on what is installed
    missing = type(values.dtype.na_value).__name__
    return missing, values.to_numpy(dtype=object, na_value=None).tolist()


def _pandas_arrow(values: Any) -> Any:
    # needed only for values that are held by pyarrow
    from hypernodes.hashing._arrow import arrow_column_state

    return arrow_column_state(values.__arrow_array__())


_PANDAS_ARRAYS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "ArrowDtype": _pandas_arrow,
    "CategoricalDtype": lambda v: (v.categories, v.ordered, v.codes.copy()),
    "IntervalDtype": lambda v: (v.closed, v.left, v.right),
    "SparseDtype": lambda v: (v.fill_value, v.sp_values, v.sp_index.indices, len(v)),
    "StringDtype": _pandas_texts,
}


_POLARS_NUMBERS: Final = {
    "Int8": "b",
    "Int16": "h",
    "Int32": "i",
    "Int64": "q",
    "UInt8": "B",
    "UInt16": "H",
    "UInt32": "I",
    "UInt64": "Q",
    "Float32": "f",
    "Float64": "d",
}


def polars_frame_state(frame: Any) -> Any:
    """Return the height and every column."""
    return frame.height, [polars_series_state(column) for column in frame.get_columns()]


def polars_series_state(series: Any) -> Any:
    """Return name, type and values; a value of time counts by its number."""
    dtype = str(series.dtype)
    is_categorical = "Categorical" in dtype or "Enum" in dtype
    if is_categorical and series.dtype.is_nested():
        raise NotFingerprintableError(type_name(type(series)), "categories inside a nested column")
    categories = None
    if hasattr(series.dtype, "categories") and dtype.startswith("Enum"):
        categories = series.dtype.categories.to_list()
    values = series if is_categorical else series.to_physical()
    return series.name, dtype, categories, _polars_values(values)


def _polars_values(series: Any) -> Any:
    code = _POLARS_NUMBERS.get(str(series.dtype))
    if code is None or series.null_count():
        return series.to_list()
    try:
        return memoryview(series.rechunk().to_numpy().view("u1"))
    except ModuleNotFoundError:
        # polars lives without numpy; the bytes are the same, only slower to come by
        return memoryview(array(code, series.to_list()).tobytes())


def polars_lazy_state(frame: Any) -> Any:
    """Refuse: a query is not its result, and it may read files."""
    raise NotFingerprintableError(type_name(type(frame)), "collect it first")
