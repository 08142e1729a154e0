"""Polars frames and series as Arrow IPC streams, as polars itself writes them."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any, Final

import polars as pl

from hypernodes.cache.formats._refusal import NotDataError

Parts = tuple[Any, ...]


def _reduce_frame(frame: pl.DataFrame) -> Parts:
    if not frame.width or pl.Object in {kind.base_type() for kind in frame.dtypes}:
        msg = "a frame of Python objects, or without columns, does not come back exactly"
        raise NotDataError(msg)
    file = io.BytesIO()
    frame.write_ipc_stream(file)
    found = file.getbuffer()
    if pl.read_ipc_stream(io.BytesIO(found), use_pyarrow=False).schema != frame.schema:
        msg = f"a frame with the columns {frame.schema} does not come back exactly"
        raise NotDataError(msg)
    return "polars.frame", pickle.PickleBuffer(found)


def _rebuild_frame(data: bytes | bytearray) -> pl.DataFrame:
    return pl.read_ipc_stream(io.BytesIO(data), use_pyarrow=False)


def _reduce_series(series: pl.Series) -> Parts:
    return "polars.series", *_reduce_frame(series.to_frame())[1:]


def _rebuild_series(data: bytes | bytearray) -> pl.Series:
    return _rebuild_frame(data).to_series(0)


REDUCERS: Final[dict[type, Callable[[Any], Parts]]] = {
    pl.DataFrame: _reduce_frame,
    pl.Series: _reduce_series,
}
REBUILDERS: Final[dict[str, Callable[..., Any]]] = {
    "polars.frame": _rebuild_frame,
    "polars.series": _rebuild_series,
}
