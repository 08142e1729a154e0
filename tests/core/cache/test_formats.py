"""Facts about the format of data, value by value."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import fractions
import pickle
import sys
import types
import uuid
import zlib
import zoneinfo
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Generic, NamedTuple, TypeVar

import attrs
import pytest

from hypernodes.cache import DataSerializer, Payload, decode, encode
from hypernodes.errors import SerializationError
from hypernodes.hashing import fingerprint

T = TypeVar("T")


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Bits(enum.Flag):
    A = 1
    B = 2


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclasses.dataclass
class Point:
    x: Any
    y: Any = 0
    calls = 0

    def __post_init__(self) -> None:
        type(self).calls += 1


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    x: Any


@dataclasses.dataclass
class Box(Generic[T]):
    content: T


@attrs.define
class Slotted:
    x: Any


@attrs.frozen
class Solid:
    x: Any


@dataclasses.dataclass
class Own:
    """Is pickled in its own way."""

    x: Any

    def __reduce__(self) -> Any:
        return Own, (self.x + 1,)


@dataclasses.dataclass
class Wordy(dict[str, Any]):
    """Is more than its fields."""

    x: Any


class Text(str):
    """More than text."""


STANDARD = [
    1j,
    complex("-0j"),
    range(1, 9, 2),
    slice(1, None, -1),
    ...,
    NotImplemented,
    Decimal("1.50"),
    Decimal("-0"),
    Decimal("sNaN12"),
    fractions.Fraction(1, 3),
    dt.date(2026, 1, 2),
    dt.time(1, 2, 3, 4, fold=1),
    dt.time(1, tzinfo=dt.UTC),
    dt.datetime(2026, 1, 2, 3, 4, 5, 6),
    dt.datetime(2026, 10, 25, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"), fold=1),
    dt.datetime(2026, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=-3), "here")),
    dt.timedelta(-1, 2, 3),
    dt.UTC,
    zoneinfo.ZoneInfo("UTC"),
    uuid.UUID(int=5),
    Path("a") / "b",
    PurePosixPath("/a"),
    PureWindowsPath("C:/a"),
    collections.Counter("aab"),
    collections.OrderedDict([("b", 1), ("a", 2)]),
    collections.defaultdict(list, {1: [2]}),
    collections.defaultdict(None, {1: [2]}),
    collections.deque([1, 2], maxlen=5),
    bytearray(b"raw"),
    frozenset({1, 2}),
    Color.RED,
    Level.LOW,
    Bits.A,
    Pair(1, [2]),
    Point(1, [Point(2)]),
    Frozen([1]),
    Box([1]),
    Slotted({"a": 1}),
    Solid(None),
]


@pytest.mark.parametrize("value", STANDARD, ids=repr)
def test_data_is_not_pickled_and_comes_back(value: Any) -> None:
    """Standard values and records are data, at the top and inside others."""
    for whole in (value, [value], {"key": (value, value)}):
        payload = encode(whole, allow_pickle=False)
        found = decode(payload, allow_pickle=False)
        assert (type(whole), repr(whole)) == (type(found), repr(found))
        assert fingerprint(whole) == fingerprint(found)


@pytest.mark.parametrize(
    "value",
    [Text("a"), print, Own(1), Bits.A | Bits.B, object(), Color, [Text("a")], Point],
    ids=["text", "function", "own", "flags", "object", "enum class", "list", "class"],
)
def test_what_is_more_than_data_is_pickled(value: Any) -> None:
    """Subclasses of builtins, code, and classes that pickle in their own way are left alone."""
    assert not DataSerializer().can_encode(value)
    assert "pickle" == encode(value).serializer


def test_a_record_with_more_than_its_fields_is_pickled() -> None:
    """An attribute that no field describes would be lost."""
    point, wordy = Point(1), Wordy(2)
    point.extra = 3  # type: ignore[attr-defined]  # the point of the test
    assert ["pickle", "pickle"] == [encode(each).serializer for each in (point, wordy)]
    assert 3 == decode(encode(point)).extra


def test_records_are_made_without_their_constructor() -> None:
    """Nothing of a class runs when its record is read."""
    payload = encode(Point(1))
    before = Point.calls
    assert (Point, 1, before) == (type(found := decode(payload)), found.x, Point.calls)


def test_a_class_that_is_gone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record whose class is not there any more does not decode."""
    module = types.ModuleType("short_lived")
    monkeypatch.setitem(sys.modules, "short_lived", module)
    made = attrs.make_class("Short", ["x"])
    made.__module__, made.__qualname__ = "short_lived", "Short"
    module.Short = made  # type: ignore[attr-defined]  # what the module is for
    payload = encode(made(1), allow_pickle=False)
    module.Short = attrs.make_class("Short", ["x", "y"])  # type: ignore[attr-defined]  # as above
    with pytest.raises(SerializationError, match="has other fields now"):
        decode(payload)
    del module.Short  # type: ignore[attr-defined]  # as above
    with pytest.raises(SerializationError, match=r"class short_lived\.Short is not there"):
        decode(payload)


def test_a_member_that_is_gone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that an enumeration lost does not decode."""
    payload = encode(Color.RED)
    monkeypatch.setattr(sys.modules[__name__], "Color", enum.Enum("Color", ["BLUE"]))
    with pytest.raises(SerializationError, match="has no member 'RED' any more"):
        decode(payload)


def test_shared_parts_stay_shared() -> None:
    """One object in two places is one object afterwards, and a cycle is a cycle."""
    part: list[Any] = [1]
    part.append(part)
    found = decode(encode([part, part]))
    assert found[0] is found[1] is found[0][1]


def test_deep_values_do_not_exhaust_the_stack() -> None:
    """What is nested too deeply to encode is an error, and costs nothing else."""
    value: Any = None
    for _ in range(100_000):
        value = [value]
    with pytest.raises(SerializationError):
        encode(value)
    while value:
        value = value.pop()


def test_streams_name_no_code() -> None:
    """A pickle that names anything but our own function is refused, checksum or not."""
    for hostile in (print, Point, pickle.dumps, [Path("a").touch]):
        stream = pickle.dumps(hostile, 5)
        data = b"S" + zlib.crc32(stream).to_bytes(4, "little") + stream
        with pytest.raises(SerializationError, match="a stream of data names"):
            decode(Payload("data", 1, data))


def test_streams_refer_to_nothing_outside() -> None:
    """Persistent references and surplus bytes are refused."""
    for stream in (b"\x80\x05Pabc\n.", pickle.dumps([1], 5) + b"more"):
        data = b"S" + zlib.crc32(stream).to_bytes(4, "little") + stream
        with pytest.raises(SerializationError):
            decode(Payload("data", 1, data))


def test_another_version_is_an_error() -> None:
    """Bytes of a format that is not known yet do not decode."""
    with pytest.raises(SerializationError, match="of this version"):
        decode(Payload("data", 2, b"N"))


def test_large_buffers_lie_beside_the_stream() -> None:
    """A large array inside a container is neither copied into the stream nor pickled."""
    numpy = pytest.importorskip("numpy")
    value = {"weights": numpy.arange(50_000.0), "small": numpy.arange(3), "name": "w"}
    payload = encode(value, allow_pickle=False)
    found = decode(payload, allow_pickle=False)
    assert numpy.array_equal(value["weights"], found["weights"])
    assert [True, True] == [found[name].flags.writeable for name in ("weights", "small")]


def test_numpy_values_are_data() -> None:
    """Scalars, arrays of objects that are data, and element types need no pickle."""
    np = pytest.importorskip("numpy")
    values = [
        np.float32(1.5),
        np.bool_(True),
        np.int64(-1),
        np.str_("text"),
        np.bytes_(b"raw"),
        np.datetime64("2026-01-01T00:00", "m"),
        np.timedelta64(5, "D"),
        np.complex64(1j),
        np.dtype("f8"),
        np.dtype([("a", ">i4"), ("b", "U3")]),
        np.array([None, "a", [1]], dtype=object),
        np.array((1, b"x"), [("a", ">i4"), ("b", "S3")])[()],
    ]
    for value in values:
        found = decode(encode(value, allow_pickle=False), allow_pickle=False)
        assert (type(value), repr(value)) == (type(found), repr(found))
        assert fingerprint(value) == fingerprint(found)


def test_arrays_that_do_not_come_back_exactly_are_pickled() -> None:
    """Subclasses, aligned records and element types with metadata are left to pickle."""
    np = pytest.importorskip("numpy")
    values = [
        np.ma.masked_array([1, 2], [0, 1]),
        np.zeros(2, np.dtype([("a", "i1"), ("b", "i8")], align=True)),
        np.zeros(2, np.dtype("i4", metadata={"unit": "m"})),
        np.zeros(2, [("Ā", "i4")]),
        np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    ]
    assert ["pickle"] * 5 == [encode(value).serializer for value in values]
