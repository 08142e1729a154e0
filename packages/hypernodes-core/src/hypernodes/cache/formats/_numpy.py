"""Numpy arrays and scalars as ``.npy``: a header in text, then the elements.

Decides what comes back exactly; object elements, subclasses and element types
with metadata do not, and are left to pickle.  Headers are read once per
process, because the arrays of a map mostly have the same one.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.lib import format as npy

from hypernodes.cache.formats._refusal import NotDataError
from hypernodes.errors import SerializationError

Parts = tuple[Any, ...]
Header = tuple[tuple[int, ...], bool, np.dtype[Any]]

_PREFIX_BYTES: Final = 10


def write_header(array: np.ndarray[Any, Any]) -> bytes:
    """Return the header of a ``.npy`` file that holds *array*.

    Raises:
        NotDataError: Its elements do not come back exactly.
    """
    dtype, is_fortran = array.dtype, _is_fortran(array)
    if dtype.isbuiltin == 1 and dtype.metadata is None and not dtype.hasobject:
        return _write_known(dtype.str, array.shape, is_fortran)
    if dtype.hasobject or not _is_exact(dtype):
        msg = f"arrays of {dtype} do not come back exactly"
        raise NotDataError(msg)
    return _write_any(npy.dtype_to_descr(dtype), array.shape, is_fortran)


def write_elements(array: np.ndarray[Any, Any]) -> memoryview:
    """Return the elements in the order that the header states, copied only if they must be."""
    flat = array.ravel(order="F" if _is_fortran(array) else "C")
    return flat.view(np.uint8).data if flat.dtype.itemsize else memoryview(b"")


def read_array(data: memoryview) -> np.ndarray[Any, Any]:
    """Return the array of a ``.npy`` file, its own copy.

    Raises:
        SerializationError: Header and elements do not fit.
    """
    start = _PREFIX_BYTES + int.from_bytes(data[_PREFIX_BYTES - 2 : _PREFIX_BYTES], "little")
    return _rebuild_array(bytes(data[:start]), bytearray(data[start:]))


def _write_any(described: Any, shape: tuple[int, ...], is_fortran: bool) -> bytes:
    file = io.BytesIO()
    fields = {"descr": described, "fortran_order": is_fortran, "shape": shape}
    try:
        npy.write_array_header_1_0(file, fields)
    except UnicodeEncodeError as error:
        msg = f"arrays with the fields {described} do not come back exactly"
        raise NotDataError(msg) from error
    return file.getvalue()


@lru_cache(maxsize=256)
def _write_known(described: str, shape: tuple[int, ...], is_fortran: bool) -> bytes:
    return _write_any(described, shape, is_fortran)


def _is_exact(dtype: np.dtype[Any]) -> bool:
    if dtype.char not in np.typecodes["All"] or _has_metadata(dtype):
        return False
    found = npy.descr_to_dtype(npy.dtype_to_descr(dtype))
    return bool(_details(found) == _details(dtype))


def _details(dtype: np.dtype[Any]) -> Any:
    """Return what equality of element types leaves out, down to the fields."""
    base = dtype.base
    fields = {name: _details(dtype[name]) for name in base.names or ()}
    aligned = base.isalignedstruct
    return dtype.str, dtype, dtype.type, aligned, fields


def _has_metadata(dtype: np.dtype[Any]) -> bool:
    base = dtype.base
    inside = (_has_metadata(base[name]) for name in base.names or ())
    return bool(dtype.metadata or base.metadata) or any(inside)


def _is_fortran(array: np.ndarray[Any, Any]) -> bool:
    return bool(array.flags.f_contiguous and not array.flags.c_contiguous)


@lru_cache(maxsize=256)
def _read_header(header: bytes) -> Header:
    file = io.BytesIO(header)
    if npy.read_magic(file) != (1, 0):
        msg = "an array has a header of another version"
        raise SerializationError(msg)
    shape, is_fortran, dtype = npy.read_array_header_1_0(file)
    if dtype.hasobject:
        msg = "an array claims to hold objects"
        raise SerializationError(msg)
    return shape, is_fortran, dtype


def _reduce_array(array: np.ndarray[Any, Any]) -> Parts:
    if array.dtype == object:
        return "numpy.objects", array.shape, array.ravel().tolist()
    header = write_header(array)
    return "numpy.array", header, pickle.PickleBuffer(write_elements(array))


def _rebuild_objects(shape: tuple[int, ...], values: list[Any]) -> np.ndarray[Any, Any]:
    array = np.empty(len(values), dtype=object)
    # one by one: numpy would take sequences apart
    for at, value in enumerate(values):
        array[at] = value
    return array.reshape(shape)


def _rebuild_array(header: bytes, elements: bytes | bytearray) -> np.ndarray[Any, Any]:
    shape, is_fortran, dtype = _read_header(header)
    if math.prod(shape) * dtype.itemsize != len(elements):
        msg = f"an array of shape {shape} and {dtype} has {len(elements)} bytes"
        raise SerializationError(msg)
    # what was read-only or a copy of the stream's own is copied once more, to be writable
    buffer = elements if isinstance(elements, bytearray) else bytearray(elements)
    return np.ndarray(shape, dtype, buffer, order="F" if is_fortran else "C")


def _reduce_scalar(value: np.generic) -> Parts:
    array = np.asarray(value)
    if array.dtype != value.dtype or array.shape:
        msg = f"{value!r} is more than one element"
        raise NotDataError(msg)
    header: Any = write_header(array)
    if value.dtype.isbuiltin == 1:
        # a whole header would be many times the value
        header = value.dtype.str
    return "numpy.scalar", header, bytes(write_elements(array))


def _rebuild_scalar(header: bytes | str, elements: bytes) -> Any:
    if isinstance(header, bytes):
        return _rebuild_array(header, elements)[()]
    dtype = np.dtype(header)
    if dtype.hasobject or dtype.itemsize != len(elements):
        msg = f"a number of type {dtype} has {len(elements)} bytes"
        raise SerializationError(msg)
    return np.ndarray((), dtype, elements)[()]


def _reduce_dtype(dtype: np.dtype[Any]) -> Parts:
    return "numpy.dtype", write_header(np.empty(0, dtype))


def _rebuild_dtype(header: bytes) -> np.dtype[Any]:
    return _read_header(header)[2]


_SCALARS: Final = {*np.sctypeDict.values()} - {np.object_}
REDUCERS: Final[dict[type, Callable[[Any], Parts]]] = {
    np.ndarray: _reduce_array,
    **dict.fromkeys(_SCALARS, _reduce_scalar),
    **{type(np.dtype(kind)): _reduce_dtype for kind in _SCALARS},
}
REBUILDERS: Final[dict[str, Callable[..., Any]]] = {
    "numpy.array": _rebuild_array,
    "numpy.dtype": _rebuild_dtype,
    "numpy.objects": _rebuild_objects,
    "numpy.scalar": _rebuild_scalar,
}
