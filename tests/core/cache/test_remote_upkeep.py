"""Facts about remote caches that fail, are tidied, and are opened by URL."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import FsspecCache, open_cache
from hypernodes.cache import Entry, NodeParts, Result
from hypernodes.errors import (
    CacheUnavailableError,
    EngineNotInstalledError,
    UnknownPluginError,
)
from hypernodes.hashing import Signature, fingerprint
from hypernodes.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def make_results(count: int, size: int = 1000) -> list[Result]:
    """Return results of *size* bytes that do not compress."""
    found = []
    for at in range(count):
        value = random.Random(at).randbytes(size)
        key = Signature(b"n" * 16, at.to_bytes(16, "big"))
        found.append(Result(Entry(key, (fingerprint(value),), created=time.time()), (value,)))
    return found


def make_parts(step: str) -> NodeParts:
    """Return an account of a node."""
    return NodeParts(step, "own", {}, {}, {}, 1.0)


def keys_of(results: list[Result]) -> list[Signature]:
    """Return the keys of *results*."""
    return [result.entry.signature for result in results]


def read_all(cache: FsspecCache, results: list[Result]) -> list[Any]:
    """Look up and load all of *results*."""
    entries = cache.lookup_many(keys_of(results))
    return cache.load_many([(entry, 0) for entry in entries if isinstance(entry, Entry)])


# -- failures ------------------------------------------------------------------


def test_a_store_that_fails_is_an_error_that_names_it(
    reopen: Callable[..., FsspecCache], server: Any
) -> None:
    """The error says what could not be done, where, and why."""
    cache = reopen(timeout=1)
    server.failure.append(PermissionError("Access Denied"))
    with pytest.raises(CacheUnavailableError, match=r"counted://.*cannot be listed.*credentials"):
        cache.get("a")


def test_a_short_failure_is_waited_out(reopen: Callable[..., FsspecCache], server: Any) -> None:
    """A request that fails once is repeated."""
    cache = reopen()
    server.hiccups.append(ConnectionError("reset by peer"))
    cache.put("a", 1)
    assert 1 == reopen().get("a")


def test_a_store_that_failed_is_left_alone_for_a_while(
    reopen: Callable[..., FsspecCache], server: Any
) -> None:
    """After a failure every call fails at once, until it is told to try again."""
    cache = reopen(timeout=1)
    server.failure.append(ConnectionError("down"))
    with pytest.raises(CacheUnavailableError, match="ConnectionError: down"):
        cache.get("a")
    server.failure.clear()
    with pytest.raises(CacheUnavailableError, match=r"did not answer a moment ago.*down"):
        cache.get("a")
    cache.retry()
    assert MISSING is cache.get("a")


def test_a_crash_before_the_index_leaves_a_miss(
    reopen: Callable[..., FsspecCache], server: Any
) -> None:
    """A pack whose index was never written holds nothing."""
    cache = reopen(timeout=1)
    server.lost.append("index/")
    with pytest.raises(CacheUnavailableError, match="cannot be written"):
        cache.put("a", random.Random(1).randbytes(400_000))
    assert MISSING is reopen().get("a")


def test_leftover_packs_are_swept(
    reopen: Callable[..., FsspecCache], server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Upkeep deletes packs without index, once they are too old to be on their way."""
    cache = reopen(timeout=1)
    server.lost.append("index/")
    with pytest.raises(CacheUnavailableError):
        cache.put("a", random.Random(1).randbytes(400_000))
    server.lost.clear()
    cache.retry()
    cache.compact()
    before = len(server.store)
    later = time.time() + 7200
    monkeypatch.setattr("time.time", lambda: later)
    cache.compact()
    assert (1, 0) == (before, len(server.store))


def test_a_pack_that_is_gone_is_a_miss(reopen: Callable[..., FsspecCache], server: Any) -> None:
    """Values whose pack somebody deleted are computed again."""
    cache = reopen()
    cache.put("a", random.Random(1).randbytes(400_000))
    for name in [name for name in server.store if "/packs/" in name]:
        del server.store[name]
    assert MISSING is reopen().get("a")


def test_an_index_that_is_gone_is_forgotten(
    reopen: Callable[..., FsspecCache], server: Any
) -> None:
    """What others have cleared is not there any more."""
    cache, other = reopen(), reopen()
    cache.put("a", 1)
    before = other.get("a")
    cache.clear()
    other.flush()
    assert (1, MISSING) == (before, other.get("a"))


# -- upkeep --------------------------------------------------------------------


def test_compaction_merges_small_objects(reopen: Callable[..., FsspecCache], server: Any) -> None:
    """Many small flushes become one, with every value and account in it."""
    cache = reopen()
    for at in range(5):
        cache.describe(bytes([at]) * 16, make_parts(f"step {at}"))
        cache.put(f"key {at}", [at] * 200)
    replaced = cache.compact()
    reader = reopen()
    assert (5, 1) == (replaced, len(server.store))
    assert [[at] * 200 for at in range(5)] == reader.get_many([f"key {at}" for at in range(5)])
    assert "step 3" == reader.find_nodes("step 3")[0][1].step


def test_limits_drop_the_oldest(reopen: Callable[..., FsspecCache], server: Any) -> None:
    """Limits of number, age and bytes keep what was stored last."""
    cache = reopen()
    for result in make_results(6, 50_000):
        cache.store_many([result])
        cache.flush()
    by_number = cache.prune(max_items=5)
    by_bytes = cache.prune(max_bytes=155_000)
    left = reopen().lookup_many(keys_of(make_results(6, 50_000)))
    by_age = cache.prune(max_age=0.0)
    assert (1, 2, 3) == (by_number, by_bytes, by_age)
    assert [False] * 3 + [True] * 3 == [entry is not MISSING for entry in left]
    assert {} == server.store


def test_stats_count(reopen: Callable[..., FsspecCache]) -> None:
    """Entries, objects, bytes, hits and misses are told."""
    cache = reopen()
    cache.put("a", 1)
    cache.put("b", 2)
    cache.get("a")
    cache.get("c")
    found = cache.stats()
    assert (2, 2, 1, 1) == tuple(found[n] for n in ("entries", "objects", "hits", "misses"))
    assert found["bytes"] > 0


def test_accounts_of_nodes_and_records_are_found(reopen: Callable[..., FsspecCache]) -> None:
    """What explains a miss is shared too."""
    cache = reopen()
    results = make_results(3)
    cache.describe(b"n" * 16, make_parts("double"))
    cache.store_many(results)
    cache.flush()
    reader = reopen()
    reader.refresh()
    assert [(b"n" * 16, "double")] == [(n, p.step) for n, p in reader.find_nodes("double")]
    assert set(keys_of(results)) == {e.signature for e in reader.find_entries(b"n" * 16, 9)}


# -- opening -------------------------------------------------------------------


def test_open_cache_reads_options(tmp_path: Path) -> None:
    """A URL may hold the key and options; the rest goes to the filesystem."""
    url = (tmp_path / "far").as_uri()
    cache = open_cache(f"{url}?key=secret&timeout=5&allow_pickle=0&mirror={tmp_path / 'm'}")
    cache.put("a", 1)
    again = FsspecCache(url, key="secret", mirror=tmp_path / "n")
    assert (1, url, False) == (again.get("a"), cache.url, cache.allow_pickle)


def test_a_wrong_option_is_an_error(tmp_path: Path) -> None:
    """The error names the place and not the key."""
    with pytest.raises(
        CacheUnavailableError, match=r"cannot open a cache at .*: an option"
    ) as told:
        open_cache(f"{tmp_path.as_uri()}?key=secret&timeout=soon")
    assert "secret" not in str(told.value)


def test_an_unknown_scheme_is_an_error() -> None:
    """What nobody knows is told at once, by class and by URL."""
    with pytest.raises(CacheUnavailableError, match="nosuch"):
        FsspecCache("nosuch://bucket")
    with pytest.raises(UnknownPluginError, match="nosuch"):
        open_cache("nosuch://bucket")


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error holds the line that installs what is missing."""

    def refuse(scheme: str) -> Any:
        msg = f"Install s3fs to access {scheme}"
        raise ImportError(msg)

    monkeypatch.setattr("fsspec.get_filesystem_class", refuse)
    with pytest.raises(EngineNotInstalledError, match=r"pip install 'hypernodes\[s3\]'"):
        FsspecCache("s3://bucket")
