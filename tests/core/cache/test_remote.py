"""Facts about caches in object stores, on a store that counts and can fail."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import pickle
import random
import sqlite3
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import FsspecCache
from hypernodes.cache import Entry, NodeParts, Result
from hypernodes.errors import (
    CacheUnavailableError,
    CacheWarning,
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


# -- requests ------------------------------------------------------------------


def test_many_results_are_written_in_few_requests(
    reopen: Callable[..., FsspecCache], server: Any
) -> None:
    """Results are collected into packs, each with an index."""
    cache = reopen(pack_bytes=1 << 20)
    cache.store_many(make_results(3000))
    cache.flush()
    assert ["put"] * 6 == server.requests


def test_reading_from_nothing_takes_few_requests(
    reopen: Callable[..., FsspecCache], server: Any
) -> None:
    """A machine that knows nothing lists once and reads each index and each pack."""
    results = make_results(3000)
    cache = reopen(pack_bytes=1 << 20)
    cache.store_many(results)
    cache.flush()
    server.requests.clear()
    assert [result.values[0] for result in results] == read_all(reopen(), results)
    assert (1, 6) == (server.requests.count("list"), server.requests.count("get"))


def test_misses_cost_one_listing(reopen: Callable[..., FsspecCache], server: Any) -> None:
    """A run that finds nothing has listed the store once."""
    results = make_results(2000)
    cache = reopen()
    for start in range(0, 2000, 500):
        cache.lookup_many(keys_of(results[start : start + 500]))
    assert ["list"] == server.requests


def test_a_small_flush_is_one_request(reopen: Callable[..., FsspecCache], server: Any) -> None:
    """A single result is one object, and reading it takes one request beside the listing."""
    reopen().put("a", {"some": "text " * 100})
    assert ["put"] == server.requests
    server.requests.clear()
    assert {"some": "text " * 100} == reopen().get("a")
    assert ["list", "get"] == server.requests


def test_values_that_are_there_are_not_written_again(
    reopen: Callable[..., FsspecCache], server: Any
) -> None:
    """Equal results of different calls share their bytes."""
    cache, value = reopen(), random.Random(1).randbytes(400_000)
    cache.put("a", value)
    server.requests.clear()
    cache.put("b", value)
    assert ["put"] == server.requests
    assert value == reopen().get("b")


def test_only_the_wanted_values_are_read(reopen: Callable[..., FsspecCache], server: Any) -> None:
    """Values that lie far apart are read by themselves, neighbours together."""
    results = make_results(20, 200_000)
    cache = reopen()
    cache.store_many(results)
    cache.flush()
    entries = [e for e in cache.lookup_many(keys_of(results)) if isinstance(e, Entry)]
    server.requests.clear()
    cache.load_many([(entries[0], 0), (entries[1], 0), (entries[10], 0)])
    assert ["get", "get"] == server.requests


# -- others --------------------------------------------------------------------


def test_a_flush_makes_the_next_lookup_look_again(reopen: Callable[..., FsspecCache]) -> None:
    """What others wrote meanwhile is found by the next run."""
    writer, reader = reopen(), reopen()
    before = reader.get("a")
    writer.put("a", 1)
    reader.flush()
    assert (MISSING, 1) == (before, reader.get("a"))


def test_writers_never_meet(reopen: Callable[..., FsspecCache]) -> None:
    """Many writers at once lose nothing."""
    caches = [reopen() for _ in range(4)]

    def work(number: int) -> None:
        for at in range(10):
            caches[number].put(f"{number} {at}", [number, at])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [f"{number} {at}" for number in range(4) for at in range(10)]
    assert [[n, at] for n in range(4) for at in range(10)] == reopen().get_many(names)


def test_it_works_inside_a_running_event_loop(tmp_path: Path) -> None:
    """A notebook or a server calls it from a coroutine."""

    async def use() -> Any:
        cache = FsspecCache(f"memory://{uuid.uuid4().hex}", key="k", mirror=tmp_path)
        cache.put("a", 1)
        return cache.get("a")

    assert 1 == asyncio.run(use())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_child_goes_on(tmp_path: Path) -> None:
    """The child reads and writes, and does not write what the parent has collected."""
    cache = FsspecCache((tmp_path / "far").as_uri(), key="k", mirror=tmp_path / "mirror")
    cache.put("before", 1)
    cache.store_many(make_results(1))

    def child(found: Any) -> None:
        found.put(cache.get("before"))
        cache.put("child", 2)
        found.put(len(cache._outbox.records))

    context = multiprocessing.get_context("fork")
    found = context.SimpleQueue()
    process = context.Process(target=child, args=(found,))
    process.start()
    process.join(20)
    assert (0, 1, 0) == (process.exitcode, found.get(), found.get())
    cache.flush()
    assert 2 == cache.get("child")
    assert [make_results(1)[0].values[0]] == read_all(cache, make_results(1))


def test_a_copy_carries_no_key(
    reopen: Callable[..., FsspecCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is found again by its name, where the copy is loaded."""
    cache = reopen(key="a very secret key")
    cache.put("a", 1)
    data = pickle.dumps(cache)
    assert b"very secret" not in data
    assert 1 == pickle.loads(data).get("a")


# -- trust ---------------------------------------------------------------------


def test_another_key_reads_nothing_and_says_so(reopen: Callable[..., FsspecCache]) -> None:
    """What was signed with another key is not there, and one warning says what to do."""
    reopen().put("a", 1)
    stranger = reopen(key="other")
    with pytest.warns(CacheWarning, match=r"signed with another key.*HYPERNODES_CACHE_KEY"):
        assert MISSING is stranger.get("a")
    assert MISSING is stranger.get("a")


def test_a_shared_cache_needs_a_key(reopen: Callable[..., FsspecCache]) -> None:
    """The user's own key would shut the others out."""
    with pytest.raises(CacheUnavailableError, match="needs a key of its own"):
        reopen(key=None, shared=True)


def test_pickle_can_be_refused(reopen: Callable[..., FsspecCache]) -> None:
    """With ``allow_pickle=False`` a pickled value is not read."""
    reopen().put("a", [print])
    assert (MISSING, [print]) == (reopen(allow_pickle=False).get("a"), reopen().get("a"))


def test_damaged_objects_are_told_once(reopen: Callable[..., FsspecCache], server: Any) -> None:
    """One warning tells of damaged index objects, and they are not read again."""
    reopen().put("a", 1)
    (name,) = server.store
    server.store[name].seek(60)
    server.store[name].write(b"damage")
    reader = reopen()
    with pytest.warns(CacheWarning, match="1 objects of .* are damaged"):
        assert MISSING is reader.get("a")
    reader.flush()
    assert MISSING is reader.get("a")


# -- the local copy ------------------------------------------------------------


def test_the_copy_of_the_index_is_kept(tmp_path: Path, server: Any) -> None:
    """Another process of this machine lists, and reads no index again."""
    url = f"counted://bucket/{uuid.uuid4().hex}"
    FsspecCache(url, key="k", mirror=tmp_path).put("a", "x" * 500)
    server.requests.clear()
    assert "x" * 500 == FsspecCache(url, key="k", mirror=tmp_path).get("a")
    assert ["list"] == server.requests


@pytest.mark.parametrize("data", [b"", b"no database", bytes(8192)])
@pytest.mark.usefixtures("server")
def test_a_damaged_copy_is_made_again(tmp_path: Path, data: bytes) -> None:
    """Whatever happened to the local copy, the store is what counts."""
    url = f"counted://bucket/{uuid.uuid4().hex}"
    FsspecCache(url, key="k", mirror=tmp_path).put("a", 1)
    for path in tmp_path.iterdir():
        path.unlink() if path.suffix != ".sqlite" else path.write_bytes(data)
    assert 1 == FsspecCache(url, key="k", mirror=tmp_path).get("a")


@pytest.mark.usefixtures("server")
def test_a_copy_of_another_shape_is_made_again(tmp_path: Path) -> None:
    """A database that lacks what is needed is replaced."""
    url = f"counted://bucket/{uuid.uuid4().hex}"
    FsspecCache(url, key="k", mirror=tmp_path).put("a", 1)
    (path,) = tmp_path.glob("*.sqlite")
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE records")
        connection.execute("CREATE TABLE records (other TEXT)")
    assert 1 == FsspecCache(url, key="k", mirror=tmp_path).get("a")


@pytest.mark.usefixtures("server")
def test_without_a_folder_the_copy_is_in_memory(tmp_path: Path) -> None:
    """A place that cannot be a folder costs nothing but the copy."""
    (tmp_path / "file").write_text("in the way")
    cache = FsspecCache(
        f"counted://bucket/{uuid.uuid4().hex}", key="k", mirror=tmp_path / "file" / "mirror"
    )
    cache.put("a", 1)
    assert 1 == cache.get("a")
