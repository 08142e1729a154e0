"""Damage in the folder of a `DiskCache`, one result at a time."""

from __future__ import annotations

import os
import pickle
import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hypernodes.cache import DiskCache
from hypernodes.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that does not exist yet."""
    return tmp_path / "cache"


class Ordinary:
    """What only pickle can store."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (str.upper, ("some text that is long enough to be replaced",))


def data_files(folder: Path) -> list[Path]:
    """Return the files that hold records and values."""
    files = [*(folder / "segments").glob("*.seg"), *(folder / "values").glob("*/*")]
    return sorted(files, key=lambda path: path.stat().st_size)


def change(folder: Path, edit: Callable[[bytes], bytes]) -> None:
    """Change every data file behind the cache's back; their heads stay."""
    for path in data_files(folder):
        data = path.read_bytes()
        path.write_bytes(data[:16] + edit(data[16:]))


def query(folder: Path, statement: str) -> list[tuple[object, ...]]:
    """Ask the index, or change it, behind the cache's back."""
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection, connection:
        return connection.execute(statement).fetchall()


SMALL, MEDIUM, LARGE = (
    "value",
    random.Random(1).randbytes(20_000),
    random.Random(2).randbytes(2 << 20),
)


EDITS: dict[str, Callable[[bytes], bytes]] = {
    "first byte": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "last byte": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "middle": lambda data: data[: len(data) // 2] + b"?" + data[len(data) // 2 + 1 :],
    "cut by one": lambda data: data[:-1],
    "cut in half": lambda data: data[: len(data) // 2],
    "nothing left": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
    "shifted": lambda data: b"!" + data,
}


@pytest.mark.parametrize("value", [SMALL, MEDIUM, LARGE], ids=["small", "medium", "large"])
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_is_damaged_is_missing(
    folder: Path, value: object, edit: Callable[[bytes], bytes]
) -> None:
    """Whatever happened to the bytes of a result, it is not there; putting it again heals."""
    cache = DiskCache(folder)
    cache.put("a", value)
    change(folder, edit)
    found = cache.get("a")
    cache.put("a", value)
    assert (found, cache.get("a"), DiskCache(folder).get("a")) == (MISSING, value, value)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET offset = offset + 1",
        "UPDATE records SET offset = 1 << 40",
        "UPDATE records SET offset = -1",
        "UPDATE records SET length = length - 1",
        "UPDATE records SET length = 0",
        "UPDATE records SET length = -5",
        "UPDATE records SET segment = segment + 1",
        "UPDATE records SET segment = 0",
        "DELETE FROM records",
        "DELETE FROM nodes",
    ],
)
def test_a_damaged_row_is_missing(folder: Path, statement: str) -> None:
    """Whatever happened to a row of the index, its value is not there; putting it again heals."""
    cache = DiskCache(folder)
    cache.put("a", ["value"])
    query(folder, statement)
    found = cache.get("a")
    cache.put("a", ["value"])
    assert (found in (MISSING, ["value"]), cache.get("a")) == (True, ["value"])


def test_swapped_results_are_missing(folder: Path) -> None:
    """Good bytes under the key of another result are not there."""
    cache = DiskCache(folder)
    cache.put_many({"a": "one", "b": "two"})
    (one, other) = query(folder, "SELECT key, offset, length FROM records")
    for key, (_, offset, length) in ((one[0], other), (other[0], one)):
        query(folder, f"UPDATE records SET offset={offset}, length={length} WHERE key={key}")
    assert cache.get_many(["a", "b"]) == [MISSING, MISSING]


def test_swapped_values_are_missing(folder: Path) -> None:
    """Good bytes under the digest of another value are not there."""
    cache = DiskCache(folder)
    cache.put_many({"a": LARGE, "b": LARGE[::-1]})
    one, other = (path for path in data_files(folder) if path.parent.parent.name == "values")
    content = one.read_bytes(), other.read_bytes()
    one.write_bytes(content[1])
    other.write_bytes(content[0])
    assert cache.get_many(["a", "b"]) == [MISSING, MISSING]


def test_damage_of_one_value_leaves_the_others(folder: Path) -> None:
    """Beside a damaged value all others are still there."""
    cache = DiskCache(folder)
    cache.put_many({str(number): number for number in range(5)})
    change(folder, lambda data: data[:-1] + b"?")
    found = cache.get_many([str(number) for number in range(5)])
    assert (found.count(MISSING), {*found} - {MISSING} <= {*range(5)}) == (1, True)


def test_a_planted_pickle_is_not_executed(folder: Path, tmp_path: Path) -> None:
    """Bytes that somebody else put into the files are not unpickled."""
    cache, witness = DiskCache(folder), tmp_path / "witness"

    class Planted:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.mkdir, (str(witness),))

    cache.put("a", Ordinary())
    good, bad = pickle.dumps(Ordinary(), 5), pickle.dumps(Planted(), 5)
    (path,) = data_files(folder)
    data = path.read_bytes()
    assert good in data
    path.write_bytes(data.replace(good, bad.ljust(len(good), b".")[: max(len(good), len(bad))]))
    query(folder, f"UPDATE records SET length = length + {max(0, len(bad) - len(good))}")
    assert (cache.get("a"), witness.exists()) == (MISSING, False)
