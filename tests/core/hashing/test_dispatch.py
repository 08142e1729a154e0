"""Which state of which object counts."""

from __future__ import annotations

import array
import collections
import copy
import ctypes
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import io
import itertools
import operator
import pathlib
import pickle
import random
import re
import threading
import types
import typing
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import pytest

from hypernodes.hashing import _walk, fingerprint
from hypernodes.hashing._dispatch import Dispatch

pydantic = pytest.importorskip("pydantic")


class Plain:
    def __init__(self, value: Any = None) -> None:
        self.value = value


class Private:
    def __init__(self, value: Any = None) -> None:
        self.name = "same"
        self._value = value


class Slotted:
    __slots__ = ("__hidden", "value")

    def __init__(self, value: Any = None, hidden: Any = None) -> None:
        self.value = value
        self.__hidden = hidden


class SlottedChild(Slotted):
    __slots__ = ("extra",)


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Real(float):
    pass


class Pair(tuple):
    __slots__ = ()


class Named(NamedTuple):
    a: int
    b: int


class OtherNamed(NamedTuple):
    a: int
    b: int


class Numbers(list):
    label = ""


class Table(dict):
    label = ""


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


class Number(enum.IntEnum):
    ONE = 1


class Bits(enum.Flag):
    A = 1
    B = 2


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0
    tags: list[str] = dataclasses.field(default_factory=list, repr=False, compare=False)


@dataclasses.dataclass
class OtherPoint:
    x: int
    y: int = 0
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class SlotsPoint:
    x: int
    _y: int = 0


@attrs.frozen
class AttrsPoint:
    x: int
    _y: int = attrs.field(default=0, eq=False)

    @functools.cached_property
    def double(self) -> int:
        return self.x * 2


@attrs.define(slots=False)
class AttrsOpen:
    x: int


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    x: int = 0
    _secret: int = pydantic.PrivateAttr(default=0)


class Lazy:
    def __init__(self, value: int) -> None:
        self.value = value

    @functools.cached_property
    def double(self) -> int:
        return self.value * 2


class Keyed:
    def __init__(self, key: Any, noise: Any = None) -> None:
        self.key, self.noise = key, noise

    def __cache_key__(self) -> Any:
        return self.key


class OtherKeyed(Keyed):
    pass


class Stated:
    def __init__(self, kept: int, dropped: int) -> None:
        self.kept, self.dropped = kept, dropped

    def __getstate__(self) -> dict[str, int]:
        return {"kept": self.kept}


class Handle:
    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.lock = threading.Lock()

    def __hypernodes_key__(self) -> tuple[Any, ...]:
        return (type(self), self.arguments)


def with_attributes(value: Any, **attributes: Any) -> Any:
    """Return *value* after setting *attributes* on it."""
    for name, attribute in attributes.items():
        object.__setattr__(value, name, attribute)
    return value


def model(**fields: Any) -> Model:
    """Return a model whose private attribute is set from *secret*."""
    secret = fields.pop("secret", 0)
    made = Model(**fields)
    made._secret = secret
    return made


DISTINCT = [
    Plain(),
    Plain(1),
    Plain("1"),
    Plain([1]),
    with_attributes(Plain(1), other=1),
    Private(1),
    Private(2),
    Slotted(1),
    Slotted(2),
    Slotted(1, 2),
    SlottedChild(1),
    with_attributes(SlottedChild(1), extra=None),
    "a",
    Text("a"),
    1,
    Whole(1),
    Number.ONE,
    True,
    with_attributes(Whole(1), unit="m"),
    1.0,
    Real(1.0),
    (1, 2),
    Pair((1, 2)),
    Named(1, 2),
    OtherNamed(1, 2),
    [1],
    Numbers([1]),
    with_attributes(Numbers([1]), label="m"),
    {1: 2},
    Table({1: 2}),
    with_attributes(Table({1: 2}), label="m"),
    collections.OrderedDict({1: 2}),
    collections.defaultdict(None, {1: 2}),
    collections.defaultdict(list, {1: 2}),
    collections.Counter({1: 2}),
    collections.deque([1]),
    collections.deque([1], 3),
    collections.deque([1, 2]),
    Level.LOW,
    Level.HIGH,
    Bits.A,
    Bits.A | Bits.B,
    Point(1),
    Point(2),
    Point(1, 2),
    Point(1, tags=["a"]),
    OtherPoint(1),
    with_attributes(Point(1), later=1),
    SlotsPoint(1),
    SlotsPoint(1, 2),
    AttrsPoint(1),
    AttrsPoint(1, 2),
    AttrsOpen(1),
    with_attributes(AttrsOpen(1), later=1),
    model(),
    model(x=0),
    model(x=1),
    model(secret=1),
    model(extra=1),
    Keyed("a"),
    Keyed("b"),
    OtherKeyed("a"),
    Stated(1, 2),
    Stated(2, 2),
    Handle(1),
    Handle(2),
    dt.date(2020, 1, 1),
    dt.datetime(2020, 1, 1),
    dt.datetime(2020, 1, 1, fold=1),
    dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")),
    dt.time(1),
    dt.time(1, fold=1),
    dt.timedelta(1),
    dt.timedelta(0, 86399),
    dt.timezone(dt.timedelta(0, 60)),
    dt.timezone(dt.timedelta(0, 60), "named"),
    zoneinfo.ZoneInfo("Europe/Paris"),
    decimal.Decimal("1.0"),
    decimal.Decimal("1.00"),
    decimal.Decimal("-0"),
    fractions.Fraction(1, 2),
    fractions.Fraction(1, 3),
    pathlib.PurePosixPath("a"),
    pathlib.PurePosixPath("a/b"),
    pathlib.PureWindowsPath("a"),
    pathlib.Path("a"),
    uuid.UUID(int=1),
    uuid.UUID(int=2),
    re.compile("a"),
    re.compile("a", re.I),
    re.compile(b"a"),
    random.Random(1),
    random.Random(2),
    array.array("d", [1.0]),
    array.array("f", [1.0]),
    io.BytesIO(b"a"),
    io.BytesIO(b"b"),
    ctypes.c_int(1),
    ctypes.c_int(2),
    types.SimpleNamespace(a=1),
    types.SimpleNamespace(a=2),
    types.MappingProxyType({1: 2}),
    {1: 2}.keys(),
    {1: 2}.values(),
    {1: 2}.items(),
    [(1, 2)],
    ValueError("a"),
    ValueError("b"),
    KeyError("a"),
    operator.itemgetter(1),
    operator.itemgetter(2),
    operator.attrgetter("a"),
    object(),
    list[int],
    list[str],
    dict[str, int],
    int | None,
    typing.Optional[str],  # noqa: UP045 - another type of object
    typing.Any,
    typing.Literal[1],
    typing.Literal[True],
    typing.Annotated[int, 1],
    typing.Annotated[int, 2],
    collections.abc.Callable[[int], str],
    re,
    itertools,
    Point,
    OtherPoint,
    Level,
    Model,
    dt.datetime.now,
    random.Random(1).random,
    random.Random(2).random,
]


def test_distinct_objects_have_distinct_digests() -> None:
    """No two objects of a table of look-alikes share a digest."""
    digests = collections.defaultdict(list)
    for value in DISTINCT:
        digests[fingerprint(value)].append(value)
    assert [group for group in digests.values() if len(group) > 1] == []


@pytest.mark.parametrize("make", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_have_the_same_digest(make: Callable[[Any], Any]) -> None:
    """A copy, also one by pickle, is the same value."""
    for value in DISTINCT:
        try:
            made = make(value)
        except (TypeError, pickle.PicklingError):
            continue
        if isinstance(value, Handle | Stated) or type(value) is object:
            continue
        assert fingerprint(made) == fingerprint(value), value


def test_both_walks_write_the_same_token() -> None:
    """The quick walk and the thorough one take every object apart alike."""
    expand = Dispatch({}).expand
    thorough = [_walk._Descent(expand).token([v, {1: v}], "value") for v in DISTINCT]
    assert [_walk._quick([v, {1: v}], 100, expand, {}) for v in DISTINCT] == thorough


def test_asking_twice_gives_the_same() -> None:
    """Taking a fingerprint does not change what the next one is."""
    assert [fingerprint(v) for v in DISTINCT] == [fingerprint(v) for v in DISTINCT]


def test_the_order_of_attributes_does_not_count() -> None:
    """Objects with the same attributes are equal however they were set."""
    one = with_attributes(Plain(1), a=1, b=2)
    assert fingerprint(with_attributes(Plain(1), b=2, a=1)) == fingerprint(one)


@pytest.mark.parametrize("cls", [Lazy, AttrsPoint])
def test_cached_properties_do_not_count(cls: Any) -> None:
    """What is computed from the rest does not count once it has been asked for."""
    value = cls(1)
    before = fingerprint(value)
    assert value.double == 2
    assert fingerprint(value) == before
