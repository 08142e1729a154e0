"""Facts about `DiskCache`."""

from __future__ import annotations

import os
import pickle
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hypernodes.cache import DiskCache, Entry, Result
from hypernodes.errors import CacheUnavailableError
from hypernodes.hashing import Signature, fingerprint
from hypernodes.values import MISSING

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that does not exist yet."""
    return tmp_path / "cache"


def key(number: int) -> Signature:
    """Return a signature."""
    return Signature(bytes(16), number.to_bytes(16, "big"))


def result(number: int, value: object, seconds: float = 0.0, created: float = 0.0) -> Result:
    """Return a result under ``key(number)``."""
    return Result(Entry(key(number), (fingerprint(value),), seconds, created), (value,))


def damage(folder: Path, statement: str) -> None:
    """Change the database behind the cache's back."""
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize("make", [str, lambda path: path])
def test_path_is_text_or_a_path(folder: Path, make: type) -> None:
    """Both spellings open one cache."""
    DiskCache(make(folder)).put("a", 1)
    assert DiskCache(path=folder).get("a") == 1


def test_nothing_is_created_before_the_first_use(folder: Path) -> None:
    """Constructing and pickling a cache touch no file."""
    cache = pickle.loads(pickle.dumps(DiskCache(folder)))
    before = folder.exists()
    cache.put("a", 1)
    assert (before, folder.is_dir()) == (False, True)


def test_a_file_is_refused(folder: Path) -> None:
    """A path that is a file raises at once, naming it, and leaves it alone."""
    folder.write_text("precious")
    with pytest.raises(CacheUnavailableError, match=r"cache' is a file; give"):
        DiskCache(folder)
    assert folder.read_text() == "precious"


def test_a_relative_path_is_fixed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache stays in its folder when the process goes to another one."""
    monkeypatch.chdir(tmp_path)
    cache = DiskCache("cache")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    cache.put("a", 1)
    assert DiskCache(tmp_path / "cache").get("a") == 1


def test_a_copy_opens_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickled copy finds the folder from wherever it is loaded."""
    monkeypatch.chdir(tmp_path)
    cache = DiskCache("cache")
    cache.put("a", 1)
    data = pickle.dumps(cache)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert pickle.loads(data).get("a") == 1


def test_two_caches_on_one_folder_see_each_other(folder: Path) -> None:
    """What one has flushed or put, the other gets; clearing one clears both."""
    one, other = DiskCache(folder), DiskCache(folder)
    one.put("a", 1)
    seen = other.get("a")
    other.clear()
    assert (seen, one.get("a")) == (1, MISSING)


def test_cheap_results_wait_for_flush(folder: Path) -> None:
    """Cheap results are written together: others see them after ``flush``, the owner at once."""
    cache, other = DiskCache(folder), DiskCache(folder)
    cache.store_many([result(1, "a", seconds=0.001)])
    seen = (cache.get(key(1)), other.get(key(1)))
    cache.flush()
    assert (seen, other.get(key(1))) == (("a", MISSING), "a")


@pytest.mark.parametrize(
    "results",
    [
        [result(1, "a", seconds=1.0)],
        [result(number, number, seconds=0.03) for number in range(10)],
        [result(1, "x" * (5 << 20))],
        [result(number, "v") for number in range(1000)],
    ],
    ids=["one expensive", "some seconds", "many bytes", "many results"],
)
def test_work_at_risk_is_written_at_once(folder: Path, results: list[Result]) -> None:
    """Expensive, large or many results are on disk without a flush."""
    cache = DiskCache(folder)
    for each in results:
        cache.store_many([each])
    assert DiskCache(folder).has(key(1))


def test_close_writes_what_is_buffered(folder: Path) -> None:
    """``close`` flushes; the cache can be used again afterwards."""
    cache = DiskCache(folder)
    cache.store_many([result(1, "a")])
    cache.close()
    assert (DiskCache(folder).get(key(1)), cache.get(key(1))) == ("a", "a")


def test_flush_of_nothing_creates_nothing(folder: Path) -> None:
    """Flushing an unused cache does not touch the disk."""
    DiskCache(folder).flush()
    assert not folder.exists()


def test_an_interrupted_flush_can_be_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an interrupt kept from being written is written by the next flush."""
    cache = DiskCache(folder)
    cache.store_many([result(1, "a")])

    def interrupt() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(cache._index, "connection", interrupt)
        with pytest.raises(KeyboardInterrupt):
            cache.flush()
    cache.flush()
    assert DiskCache(folder).get(key(1)) == "a"


def test_stats_sum_up(folder: Path) -> None:
    """``stats`` counts buffered results too: entries, bytes and the seconds they took."""
    cache = DiskCache(folder)
    cache.store_many([result(1, "a", seconds=0.05), result(2, "b", seconds=0.025)])
    found = cache.stats()
    assert (found["entries"], found["bytes"] > 0) == (2, True)
    assert found["seconds"] == pytest.approx(0.075)


def test_prune_by_age(folder: Path) -> None:
    """``prune(max_age=...)`` drops results that were stored longer ago, and says how many."""
    cache = DiskCache(folder)
    now = time.time()
    cache.store_many([result(1, "old", created=now - 100), result(2, "new", created=now)])
    assert cache.prune(max_age=50) == 1
    assert (cache.get(key(1)), cache.get(key(2))) == (MISSING, "new")


def test_prune_gives_the_bytes_back(folder: Path) -> None:
    """Values that no result needs any more are deleted with it."""
    cache = DiskCache(folder)
    cache.put("a", "x" * 1000)
    cache.prune(max_items=0)
    assert cache.stats() == {"entries": 0, "bytes": 0, "seconds": 0.0}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payloads SET data = CAST(x'00' || substr(data, 2) AS BLOB)",
        "UPDATE payloads SET data = substr(data, 1, length(data) - 1)",
        "UPDATE payloads SET data = x''",
        "UPDATE payloads SET data = 'text'",
        "UPDATE payloads SET data = CAST(x'ff' AS TEXT)",
        "UPDATE payloads SET data = zeroblob(length(data))",
        "UPDATE payloads SET serializer = 'other'",
        "UPDATE payloads SET version = 7",
        "UPDATE payloads SET checksum = x'00'",
        "DELETE FROM payloads",
    ],
)
def test_a_damaged_value_is_missing(folder: Path, statement: str) -> None:
    """Whatever happened to the bytes of a value, it is not there; putting it again heals."""
    cache = DiskCache(folder)
    cache.put("a", ["value"])
    damage(folder, statement)
    found = cache.get("a")
    cache.put("a", ["value"])
    assert (found, cache.get("a")) == (MISSING, ["value"])


def test_swapped_values_are_missing(folder: Path) -> None:
    """Good bytes under the digest of another value are not there."""
    cache = DiskCache(folder)
    cache.put_many({"a": "one", "b": "two"})
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection, connection:
        rows = connection.execute("SELECT checksum, data, digest FROM payloads").fetchall()
        swapped = [(*rows[1][:2], rows[0][2]), (*rows[0][:2], rows[1][2])]
        connection.executemany(
            "UPDATE payloads SET checksum = ?, data = ? WHERE digest = ?", swapped
        )
    assert cache.get_many(["a", "b"]) == [MISSING, MISSING]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET digests = x''",
        "UPDATE records SET digests = substr(digests, 1, 20)",
        "UPDATE records SET digests = zeroblob(32)",
        "UPDATE records SET digests = 'text'",
        "DELETE FROM records",
    ],
)
def test_a_damaged_record_is_missing(folder: Path, statement: str) -> None:
    """Whatever happened to a record, its value is not there; putting it again heals."""
    cache = DiskCache(folder)
    cache.put("a", ["value"])
    damage(folder, statement)
    found = cache.get("a")
    cache.put("a", ["value"])
    assert (found, cache.get("a")) == (MISSING, ["value"])


def test_damage_of_one_value_leaves_the_others(folder: Path) -> None:
    """Beside a damaged value all others are still there."""
    cache = DiskCache(folder)
    cache.put_many({str(number): number for number in range(5)})
    damage(folder, "UPDATE payloads SET data = x'00' WHERE rowid = 3")
    found = cache.get_many([str(number) for number in range(5)])
    assert (found.count(MISSING), {*found} - {MISSING} <= {*range(5)}) == (1, True)


def test_a_planted_pickle_is_not_executed(folder: Path, tmp_path: Path) -> None:
    """Bytes that somebody else put into the file are not unpickled."""
    cache, witness = DiskCache(folder), tmp_path / "witness"

    class Planted:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.mkdir, (str(witness),))

    cache.put("a", 1)
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection, connection:
        connection.execute("UPDATE payloads SET data = ?", (pickle.dumps(Planted()),))
    assert (cache.get("a"), witness.exists()) == (MISSING, False)


def test_repr_names_the_folder(folder: Path) -> None:
    """The representation says where the cache is."""
    assert repr(DiskCache(folder)) == f"DiskCache(path={str(folder)!r})"
