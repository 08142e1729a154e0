"""Digests of numpy values."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hypernodes.errors import FingerprintError
from hypernodes.hashing import fingerprint

np = pytest.importorskip("numpy")

RECORDS = [("a", "i4"), ("b", "f8")]

DISTINCT = [
    np.zeros(6, "i4"),
    np.zeros(6, "f4"),
    np.zeros(6, "u4"),
    np.zeros(6, ">i4"),
    np.zeros(3, "i8"),
    np.zeros((2, 3), "i4"),
    np.zeros((3, 2), "i4"),
    np.zeros((6, 1), "i4"),
    np.zeros(0, "i4"),
    np.zeros((0, 3), "i4"),
    np.zeros((3, 0), "i4"),
    np.zeros((), "i4"),
    np.int32(0),
    0,
    bytes(24),
    bytearray(24),
    [0] * 6,
    np.zeros(6, "?"),
    np.zeros(6, "S4"),
    np.zeros(6, "U1"),
    np.array(["a", "bc"]),
    np.array(["ab", "c"]),
    np.array(["a", "bc"], dtype=object),
    np.array(["2020"], "M8[s]"),
    np.array(["2020"], "M8[ns]"),
    np.array([1], "m8[s]"),
    np.array([1, "1", None, 1.0], dtype=object),
    np.array([1, 1, None, 1.0], dtype=object),
    np.array([(1, 2.0)], dtype=RECORDS),
    np.array([(1, 3.0)], dtype=RECORDS),
    np.array([(1, 2.0)], dtype=[("a", "i4"), ("c", "f8")]),
    np.array([(1, 2.0)], dtype=np.dtype(RECORDS, align=True)),
    np.array([(1, 2.0)], dtype=RECORDS).view(np.recarray),
    np.array([1, 2], "complex64"),
    np.array([1, 2], "longdouble"),
    np.array([1, 2], "clongdouble"),
    np.array([[1.0]]),
    np.ma.array([1, 2], mask=[0, 1]),
    np.ma.array([1, 2], mask=[1, 0]),
    np.ma.array([1, 3], mask=[0, 1]),
    np.ma.array([1, 2], mask=[0, 1], fill_value=7),
    np.array([1, 2]),
    np.float64(1.0),
    np.float32(1.0),
    1.0,
    np.float64("nan"),
    np.float64(-0.0),
    np.float64(0.0),
    np.str_("a"),
    np.bytes_(b"a"),
    np.datetime64("2020"),
    np.datetime64("NaT", "s"),
    np.bool_(True),
    np.dtype("i4"),
    np.dtype("f4"),
    np.dtype(RECORDS),
    np.add,
    np.multiply,
    np.mean,
    np.median,
    np.linalg.norm,
    np.random.default_rng(1),
    np.random.default_rng(2),
    np.random.Generator(np.random.MT19937(1)),
    np.random.RandomState(1),
    np.random.RandomState(2),
    np.random.PCG64(1),
    np.random.PCG64(2),
]


def test_distinct_arrays_have_distinct_digests() -> None:
    """No two values of a table of look-alikes share a digest."""
    digests = [fingerprint(value) for value in DISTINCT]
    same = [
        (DISTINCT[i], DISTINCT[j])
        for i, one in enumerate(digests)
        for j, other in enumerate(digests)
        if i < j and one == other
    ]
    assert same == []


@pytest.mark.parametrize("make", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_have_the_same_digest(make: Callable[[Any], Any]) -> None:
    """A copy, also one by pickle, is the same value."""
    for value in DISTINCT:
        made = make(value)
        # a pickle of numpy's turns foreign byte order into the machine's own
        if getattr(made, "dtype", None) == getattr(value, "dtype", None):
            assert fingerprint(made) == fingerprint(value), repr(value)


def test_layout_does_not_count() -> None:
    """Views, Fortran order, gaps and negative strides equal fresh arrays."""
    base = np.arange(24).reshape(4, 6)
    for view in (base[::2, ::3], base.T, base[::-1], np.asfortranarray(base), base[:, 1]):
        assert fingerprint(view) == fingerprint(np.array(view.tolist(), dtype=base.dtype))


def test_padding_does_not_count() -> None:
    """Bytes between the fields of records belong to no value."""
    dtype = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    one = np.frombuffer(bytes(32), dtype=dtype)
    other = np.frombuffer(b"\0" + b"\xff" * 7 + bytes(8) + bytes(16), dtype=dtype)
    assert fingerprint(one) == fingerprint(other)


def test_objects_count_by_value() -> None:
    """Elements of an object array count one by one, at any place."""
    one = np.array([{"a": [1]}, None], dtype=object)
    assert fingerprint(one) == fingerprint(copy.deepcopy(one))
    with pytest.raises(FingerprintError, match=r"cannot fingerprint _thread.lock at x"):
        fingerprint(np.array([threading.Lock()], dtype=object), "x")


def test_one_byte_of_a_large_array_counts() -> None:
    """A large array is not sampled."""
    array = np.zeros(2_000_000)
    before = fingerprint(array)
    array[1_234_567] = 5e-324
    assert fingerprint(array) != before


def test_large_arrays_in_containers_equal_themselves() -> None:
    """A large array has one token wherever it stands."""
    array = np.arange(100_000.0)
    deep: Any = array
    for _ in range(40):
        deep = [deep]
    other: Any = np.arange(100_000.0)
    for _ in range(40):
        other = [other]
    assert fingerprint(deep) == fingerprint(other)


def test_attributes_of_subclasses_count() -> None:
    """A subclass of ndarray counts with what it adds."""

    class Tagged(np.ndarray):  # type: ignore[misc,name-defined]  # numpy is untyped here
        pass

    one, other = np.zeros(2).view(Tagged), np.zeros(2).view(Tagged)
    one.unit, other.unit = "m", "s"
    assert fingerprint(one) != fingerprint(other)


def test_memory_maps_count_by_contents(tmp_path: Path) -> None:
    """Where a mapped file lies does not count."""
    digests = set()
    for name in ("a", "b"):
        array = np.memmap(tmp_path / name, dtype="f8", mode="w+", shape=(3,))
        array[:] = [1, 2, 3]
        digests.add(fingerprint(array))
    assert len(digests) == 1


def test_variable_width_strings_count_by_value() -> None:
    """Strings of any length are compared by their texts, not by pointers."""
    if not hasattr(np.dtypes, "StringDType"):
        pytest.skip("this numpy has no StringDType")
    make = lambda *texts: np.array(texts, dtype=np.dtypes.StringDType())  # noqa: E731 - short
    long = "x" * 100
    assert fingerprint(make(long, "b")) == fingerprint(make("".join(["x"] * 100), "b"))
    assert fingerprint(make(long, "b")) != fingerprint(make(long, "c"))


def test_generators_count_by_state() -> None:
    """Drawing, and spawning, changes a generator; jumping back changes it back."""
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    assert fingerprint(one) == fingerprint(other)
    one.random()
    assert fingerprint(one) != fingerprint(other)
    one.bit_generator.state = other.bit_generator.state
    assert fingerprint(one) == fingerprint(other)
    one.spawn(1)
    assert fingerprint(one) != fingerprint(other)


def test_universal_functions_of_others_are_refused() -> None:
    """A ufunc that may hide a Python function is no name."""
    with pytest.raises(FingerprintError, match=r"numpy.ufunc at f: .* is not one of numpy's own"):
        fingerprint(np.frompyfunc(lambda x: x, 1, 1), "f")


def test_every_scalar_nan_is_the_same() -> None:
    """The bits of a scalar NaN do not count."""
    other = np.frombuffer(b"\x01\x00\x00\x00\x00\x00\xf8\xff")[0]
    assert np.isnan(other)
    assert fingerprint(other) == fingerprint(np.float64("nan"))
