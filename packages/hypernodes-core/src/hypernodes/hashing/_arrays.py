"""What stands for numpy values: dtype, shape and the bytes in C order.

Views, Fortran order and fresh copies are equal.  Byte order counts, since a
node can see it.  Bytes that belong to no value, such as the padding of
records and of extended floats, do not count.  Objects count one by one.

Loaded when the first such value appears.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hypernodes.hashing._expansion import NotFingerprintableError
from hypernodes.hashing._identity import type_name


def dtype_state(dtype: np.dtype[Any]) -> Any:
    """Return the type of elements, field by field for records."""
    kind = type_name(dtype.type)
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return kind, dtype_state(base), shape
    if dtype.fields is None:
        return kind, dtype.str, dict(dtype.metadata or {})
    names = dtype.names or ()
    fields = [(name, dtype_state(dtype[name]), *dtype.fields[name][1:]) for name in names]
    return kind, fields, dtype.itemsize, dtype.isalignedstruct


def array_state(array: np.ndarray[Any, Any]) -> Any:
    """Return the element type, the shape, the elements, and a subclass's attributes."""
    # a memory map's attributes say where its elements lie
    own = {} if isinstance(array, np.memmap) else getattr(array, "__dict__", {})
    plain = np.asarray(array)
    return dtype_state(plain.dtype), plain.shape, _elements(plain), dict(own)


def _elements(array: np.ndarray[Any, Any]) -> Any:
    dtype = array.dtype
    if dtype.names is not None:
        return [_elements(array[name]) for name in dtype.names]
    if dtype.hasobject:
        return array.ravel(order="C").tolist()
    if dtype.char == "G":
        return [_elements(array.real), _elements(array.imag)]
    raw = np.ascontiguousarray(array)
    if not raw.nbytes:
        return b""
    data = raw.reshape(-1).view(np.uint8)
    if dtype.char == "g" and np.finfo(dtype).nmant == 63:
        # 80 bits of value in 96 or 128 of memory
        data = np.ascontiguousarray(data.reshape(-1, dtype.itemsize)[:, :10]).reshape(-1)
    return data.data


def scalar_state(value: np.generic) -> Any:
    """Return the element type and the bytes of one element; one NaN only."""
    array = np.asarray(value)
    if array.dtype.kind == "f" and np.isnan(array):
        array = np.full_like(array, np.nan)
    return dtype_state(array.dtype), _elements(array)


def masked_state(array: np.ma.MaskedArray[Any, Any]) -> Any:
    """Return the data, the mask, and the value that fills masked places."""
    mask = np.ma.getmaskarray(array)
    return array_state(np.asarray(array.data)), mask, array.fill_value, array.hardmask


def ufunc_state(value: np.ufunc) -> str:
    """Return the name of a universal function of numpy's own."""
    name = value.__name__
    if getattr(np, name, None) is not value:
        # others may be made from Python functions, which their name does not show
        reason = f"{name} is not one of numpy's own"
        raise NotFingerprintableError(type_name(np.ufunc), reason)
    return name


def bit_generator_state(value: np.random.BitGenerator) -> Any:
    """Return the state of the stream, and of the seed that spawns others."""
    seed = value.seed_seq
    return type_name(type(value)), value.state, type_name(type(seed)), getattr(seed, "state", None)


def generator_state(value: np.random.Generator) -> Any:
    """Return the state of the generator's source of bits."""
    return bit_generator_state(value.bit_generator)


def random_state(value: np.random.RandomState) -> Any:
    """Return the whole state, the half-used normal draw included."""
    return value.get_state(legacy=False)
