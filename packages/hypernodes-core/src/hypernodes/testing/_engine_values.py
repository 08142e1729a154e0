"""The values that every engine must bring through unchanged, and how two are compared.

Each column mixes what typed columns, Arrow and plain pickles are known to
change: numbers with texts, dictionaries with other keys, tuples, subclasses,
numbers beyond 64 bits, None, arrays, models, objects.
"""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import importlib
import os
import pathlib
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs
import pytest

from hypernodes.values import stateful


class Word(str):
    """A text of a class of its own."""

    __slots__ = ()


class Level(enum.IntEnum):
    """A number of a class of its own."""

    LOW = 1
    HIGH = 2


class Pair(NamedTuple):
    """A tuple with names."""

    left: Any
    right: Any


class Registry(dict[Any, Any]):
    """A dictionary of a class of its own."""


@attrs.define
class Point:
    """A plain object."""

    x: Any
    y: Any = None


@stateful
class Model:
    """Notes each process that builds it.

    Args:
        path: Where it notes them.
        factor: What it multiplies by.
    """

    def __init__(self, path: str, factor: int) -> None:
        self.factor = factor
        Tally(path).note(os.getpid())

    def scale(self, x: int) -> int:
        """Return *x* scaled."""
        return self.factor * x


class Tally:
    """Counts calls in a file, so that those of other processes count too.

    Its path does not count in cache keys.

    Args:
        path: The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: str = os.fspath(path)

    def note(self, what: object) -> None:
        """Add a line; lines of several processes do not mix."""
        with Path(self.path).open("ab", buffering=0) as file:
            file.write(f"{what}\n".encode())

    def read(self) -> list[str]:
        """Return the lines, in the order they were added."""
        file = Path(self.path)
        return file.read_text("utf-8").splitlines() if file.exists() else []

    def take(self) -> list[str]:
        """Return the lines and forget them."""
        lines = self.read()
        Path(self.path).unlink(missing_ok=True)
        return lines

    def __cache_key__(self) -> str:
        return "tally"


_UTC: Final = dt.UTC

_PLAIN: Final[dict[str, Callable[[], list[Any]]]] = {
    "int, float, bool, text, None": lambda: [1, 2.5, True, "7", None, 0, False, "", -0.0],
    "beyond 64 bits": lambda: [2**63, 1, 2**70, -(2**70), 10**400],
    "infinite": lambda: [float("inf"), float("-inf"), float("nan"), 1e308],
    "subclasses": lambda: [Word("a"), "a", Level.LOW, 1, Registry(a=1), {"a": 1}],
    "tuples": lambda: [(1, "a"), [1, "a"], Pair(1, None), (), ((1,), [2])],
    "dictionaries": lambda: [
        {"a": 1},
        {"b": 2},
        {"b": 1, "a": 2},
        {"a": 2, "b": 1},
        {1: "x", None: []},
        {"a": 1, "b": "2", "c": None},
        {},
        collections.OrderedDict(b=1, a=2),
    ],
    "lists": lambda: [[], [[]], [None], [1, "a", 2.5], [1, [2, [3, (4,)]]]],
    "sets": lambda: [{1, 2}, frozenset({1}), set()],
    "bytes": lambda: [b"", b"\x00\xff", bytearray(b"ab")],
    "times": lambda: [
        dt.datetime(2026, 1, 2, 3, 4, 5, 6),
        dt.datetime(2026, 1, 2, tzinfo=_UTC),
        dt.date(2026, 1, 2),
        dt.time(1, 2, 3),
        dt.timedelta(days=1, microseconds=1),
    ],
    "objects": lambda: [
        Point(1, [2]),
        Point("x"),
        Level.HIGH,
        decimal.Decimal("1.10"),
        uuid.UUID(int=5),
        pathlib.PurePosixPath("a/b"),
        1 + 2j,
        range(3),
        slice(1, None),
        len,
        Point,
        ...,
    ],
}


def _arrays() -> list[Any]:
    np = _import("numpy")
    return [
        np.arange(3),
        np.arange(4.0).reshape(2, 2),
        np.array([], dtype="float32"),
        np.array(["a", "bc"]),
        np.array([1, "a", None], dtype=object),
        np.float32(1.5),
        np.int32(3),
        np.bool_(True),
        np.array(5),
    ]


def _tables() -> list[Any]:
    pd, pa = _import("pandas"), _import("pyarrow")
    return [
        pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
        pd.Series([1.0, None], name="s"),
        pa.array([1, None]),
        pa.table({"a": [1, 2]}),
    ]


def _models() -> list[Any]:
    # made here, so that it is known to no module: it travels by value
    pydantic = _import("pydantic")
    color = pydantic.create_model("Color", name=(str, ...), parts=(list[int], []))
    return [color(name="red"), color(name="blue", parts=[1, 2])]


#: A name for each column of values, and what makes them.
COLUMNS: Final[Mapping[str, Callable[[], list[Any]]]] = {
    **_PLAIN,
    "arrays": _arrays,
    "tables": _tables,
    "models": _models,
}


def _import(name: str) -> Any:
    """Return a library that users pass through nodes; skip the test where it is missing."""
    pytest.importorskip(name)
    return importlib.import_module(name)


def describe(value: Any) -> Any:
    """Return what two equal values have in common: type, content, and the order of it."""
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, dict):
        return name, [(describe(key), describe(each)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return name, [describe(each) for each in value]
    if isinstance(value, set | frozenset):
        return name, sorted(map(repr, value))
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        shape = getattr(value, "shape", None)
        return name, str(value.dtype), shape, describe(value.tolist())
    if hasattr(value, "to_pydict") or hasattr(value, "to_pylist"):
        return name, str(getattr(value, "schema", getattr(value, "type", ""))), str(value)
    if hasattr(value, "to_dict") and hasattr(value, "index"):
        return name, str(getattr(value, "dtypes", "")), str(value)
    if hasattr(value, "model_dump"):
        return name, describe(value.model_dump())
    return name, repr(value)
