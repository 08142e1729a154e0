"""Our value formats under the contract that every serializer is held to."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.cache import DataSerializer, NpySerializer, PickleSerializer
from hypernodes.testing import SerializerContract

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN = [None, 0, -(2**80), 1.5, "", "text \ud800", b"", b"\x00" * 5000, [], {"a": (1, {2})}]


class Opaque:
    """More than data."""


class TestData(SerializerContract):
    """Builtins and what is made of them."""

    @pytest.fixture
    def serializer(self) -> DataSerializer:
        """The format ``data``."""
        return DataSerializer()

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        """Scalars, containers, the standard library, large buffers."""
        noise = bytearray(random.Random(1).randbytes(9000))
        return [*PLAIN, range(3), Decimal("1.50"), dt.datetime(2026, 1, 2, 3), {"large": noise}]

    @pytest.fixture
    def others(self) -> Sequence[Any]:
        """Code, classes and objects of unknown state."""
        return [print, Opaque, Opaque(), [Opaque()], iter([]), lambda: None]


class TestPickle(SerializerContract):
    """Whatever pickles."""

    @pytest.fixture
    def serializer(self) -> PickleSerializer:
        """The format ``pickle``."""
        return PickleSerializer()

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        """Also functions and classes, which are pickled by name."""
        return [*PLAIN, print, Decimal, [int, {"f": len}]]


class TestNpy(SerializerContract):
    """Arrays of numbers."""

    @pytest.fixture
    def serializer(self) -> NpySerializer:
        """The format ``npy``."""
        return NpySerializer()

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        """Layouts, element types and shapes."""
        np = pytest.importorskip("numpy")
        return [
            np.arange(10),
            np.zeros((0, 3), ">f4"),
            np.array(5),
            np.asfortranarray(np.ones((3, 4))),
            np.array(["a", "bcd"]),
            np.array(["2026-01-01"], "M8[D]"),
            np.zeros(2, [("x", "i4"), ("y", "f8", (2,))]),
            np.arange(5000.0)[::2],
        ]

    @pytest.fixture
    def others(self) -> Sequence[Any]:
        """Lists, subclasses and arrays of objects."""
        np = pytest.importorskip("numpy")
        return [[1, 2], np.float64(1), np.ma.masked_array([1]), np.array([None])]

    def is_same(self, one: Any, other: Any) -> bool:
        """Compare type, element type, shape, layout and bytes."""
        kinds = [(type(each), each.dtype, each.shape, each.tobytes()) for each in (one, other)]
        is_fortran = [each.flags.fnc for each in (one, other)]
        return kinds[0] == kinds[1] and is_fortran[0] == is_fortran[1]
