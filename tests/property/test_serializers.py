"""Laws of the value formats: what goes in comes out, and damage is told."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import struct
from collections import Counter, OrderedDict, deque
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernodes.cache import Payload, decode, encode
from hypernodes.errors import SerializationError
from hypernodes.hashing import fingerprint


class Color(enum.Enum):
    RED = 1
    GREEN = "g"


@attrs.frozen
class Point:
    x: Any
    y: Any


class Pair(NamedTuple):
    first: Any
    second: Any


TEXT = st.text(st.characters(codec=None), max_size=20)
ZONES = st.none() | st.just(dt.UTC) | st.timezones()
HASHABLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**300), 2**300)
    | st.floats(allow_nan=False)
    | TEXT
    | st.binary(max_size=20)
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.dates()
    | st.datetimes(timezones=ZONES)
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.sampled_from(Color)
    | st.builds(PurePosixPath, st.sampled_from(["a", "a/b", "/"]))
    | st.builds(range, st.integers(-9, 9), st.integers(-9, 9))
)
LEAVES = HASHABLE | st.floats() | st.builds(bytearray, st.binary(max_size=20)) | st.just(...)


def _nest(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=4).map(OrderedDict)
        | st.sets(HASHABLE, max_size=4)
        | st.frozensets(HASHABLE, max_size=4)
        | st.lists(inner, max_size=4).map(deque)
        | st.builds(Point, inner, inner)
        | st.builds(Pair, inner, inner)
        | st.builds(slice, st.integers(), inner)
    )


VALUES = st.recursive(LEAVES, _nest, max_leaves=12)


def _shape(value: Any) -> Any:
    """Return what tells *value* from any other: its type, and its parts in order."""
    kind = type(value)
    if kind is float:
        return kind, struct.pack("<d", value)
    if kind is complex:
        return kind, _shape(value.real), _shape(value.imag)
    if isinstance(value, (dict, Counter)):
        return kind, [(_shape(key), _shape(item)) for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return kind, {repr(_shape(item)) for item in value}
    if isinstance(value, (list, tuple, deque)):
        return kind, [_shape(item) for item in value]
    if isinstance(value, (Point, slice)):
        names = ("x", "y") if kind is Point else ("start", "stop", "step")
        return kind, [_shape(getattr(value, name)) for name in names]
    if isinstance(value, (dt.datetime, dt.time)):
        return kind, repr(value), value.tzinfo, value.fold
    return kind, repr(value)


@given(VALUES)
def test_data_comes_back_as_it_was(value: Any) -> None:
    """Builtins, the standard library's values and records come back in type, value and order."""
    payload = encode(value)
    assert "pickle" not in payload.serializer
    assert _shape(value) == _shape(decode(payload))


@given(VALUES)
def test_what_comes_back_has_the_same_fingerprint(value: Any) -> None:
    """A value from a cache identifies the same results as the one that went in."""
    assert fingerprint(value) == fingerprint(decode(encode(value)))


@given(st.binary(max_size=200), st.sampled_from(["data", "npy", "data+zstd", "npy+zstd"]))
@settings(max_examples=300)
def test_random_bytes_are_a_value_or_an_error(data: bytes, name: str) -> None:
    """No bytes make a data-only format crash, hang or raise something unexpected."""
    with contextlib.suppress(SerializationError):
        decode(Payload(name, 1, data))


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_random_streams_are_a_value_or_an_error(data: bytes) -> None:
    """The same behind a checksum that fits."""
    import zlib

    body = b"\x80\x05" + data
    with contextlib.suppress(SerializationError):
        decode(Payload("data", 1, b"S" + zlib.crc32(body).to_bytes(4, "little") + body))


@given(VALUES, st.data())
@settings(max_examples=200)
def test_damaged_encodings_are_a_value_or_an_error(value: Any, draws: st.DataObject) -> None:
    """A changed, missing or surplus byte never does more than give a value or an error."""
    payload = encode(value)
    at = draws.draw(st.integers(0, len(payload.data) - 1))
    byte = draws.draw(st.binary(max_size=3))
    damaged = payload.data[:at] + byte + payload.data[at + 1 :]
    with contextlib.suppress(SerializationError):
        decode(Payload(payload.serializer, payload.version, damaged))


numpy = pytest.importorskip("numpy")


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """Arrays of many element types, shapes and layouts."""
    from hypothesis.extra import numpy as npst

    dtypes = (
        npst.scalar_dtypes()
        | npst.array_dtypes(max_size=3)
        | st.sampled_from([numpy.dtype(">i4"), numpy.dtype("S0"), numpy.dtype("V3")])
    )
    dtype = draw(dtypes)
    shape = draw(npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    raw = draw(st.binary(min_size=dtype.itemsize, max_size=dtype.itemsize))
    array = numpy.zeros(shape, dtype)
    if dtype.kind not in "US" and raw:
        array[...] = numpy.frombuffer(raw, dtype)[0] if dtype.kind != "b" else raw[0] % 2
    array = numpy.asfortranarray(array) if draw(st.booleans()) else array
    return array.T if draw(st.booleans()) else array


@given(arrays())
def test_arrays_come_back_as_they_were(array: Any) -> None:
    """Element type, byte order, shape, layout and bits are kept, without pickle."""
    payload = encode(array)
    found = decode(payload)
    assert type(found) is numpy.ndarray
    assert (array.dtype, array.shape, array.tobytes()) == (
        found.dtype,
        found.shape,
        found.tobytes(),
    )
    assert array.flags.f_contiguous == found.flags.f_contiguous
    assert found.flags.writeable


@given(arrays(), st.data())
def test_damaged_arrays_are_an_array_or_an_error(array: Any, draws: st.DataObject) -> None:
    """A changed byte in header or elements never does more than that."""
    data = bytearray(encode({"in": array, "a": 1}).data)
    at = draws.draw(st.integers(0, len(data) - 1))
    data[at] ^= draws.draw(st.integers(1, 255))
    with contextlib.suppress(SerializationError):
        decode(Payload("data", 1, bytes(data)))
