"""The same facts on real object stores: S3 twice, and Google's."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import random
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DiskCache, FsspecCache, MemoryCache, Pipeline, SeqEngine, TieredCache, node
from hypernodes.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Bucket

pytestmark = [
    pytest.mark.timeout(60),
    # gcsfs hands large bodies to aiohttp in one piece
    pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning"),
]


@pytest.fixture
def reopen(bucket: Bucket, tmp_path: Path) -> Callable[..., FsspecCache]:
    """Open the bucket, each time as another machine."""

    def open_anew(**options: Any) -> FsspecCache:
        mirror = tmp_path / str(len(list(tmp_path.iterdir())))
        mirror.mkdir()
        url = f"{bucket.url}/team"
        return FsspecCache(url, key="k", mirror=mirror, storage_options=bucket.options, **options)

    return open_anew


def test_what_one_machine_stores_another_finds(reopen: Callable[..., FsspecCache]) -> None:
    """Small, middle and large values come back on a machine that knows nothing yet."""
    noise = random.Random(1).randbytes(1_500_000)
    values = {"none": None, "small": 7, "text": "x" * 300, "large": noise, "list": [1, {"a": 2.5}]}
    reopen().put_many(values)
    assert list(values.values()) == reopen().get_many(values)


def test_an_empty_bucket_is_all_misses(reopen: Callable[..., FsspecCache]) -> None:
    """Nothing is there before anything was stored."""
    cache = reopen()
    assert (MISSING, [False, False]) == (cache.get("a"), cache.has_many(["a", "b"]))


def test_compaction_keeps_every_value(reopen: Callable[..., FsspecCache], bucket: Bucket) -> None:
    """Merged objects hold the same, and readers that knew the old ones find the new ones."""
    writer, reader = reopen(), reopen()
    for at in range(5):
        writer.put(f"key {at}", [at] * 50 + [os.urandom(200)])
    before = reader.get_many([f"key {at}" for at in range(4)])
    replaced = writer.compact()
    assert (5, 1) == (replaced, len(bucket.names("team/index")))
    assert before == reader.get_many([f"key {at}" for at in range(4)])
    assert MISSING is not reader.get("key 4")


def test_clearing_leaves_nothing(reopen: Callable[..., FsspecCache], bucket: Bucket) -> None:
    """No object is left, and others find nothing either."""
    cache = reopen()
    cache.put("large", os.urandom(500_000))
    cache.clear()
    assert ([], MISSING) == (bucket.names("team"), reopen().get("large"))


def test_pruning_deletes_what_it_drops(reopen: Callable[..., FsspecCache], bucket: Bucket) -> None:
    """The oldest results go, with their bytes; the others stay readable by everybody."""
    cache = reopen()
    for at in range(3):
        cache.put(f"key {at}", random.Random(at).randbytes(400_000))
    dropped = cache.prune(max_items=1)
    assert (2, 1) == (dropped, len(bucket.names("team/packs")))
    assert [MISSING, MISSING] == reopen().get_many(["key 0", "key 1"])
    assert random.Random(2).randbytes(400_000) == reopen().get("key 2")


def test_pins_hold_and_everything_is_checked(
    reopen: Callable[..., FsspecCache], bucket: Bucket
) -> None:
    """Another machine lists, checks and prunes, and leaves what the first one pinned."""
    engine = SeqEngine(cache=(cache := reopen()))

    @node(output_name="y")
    def kept(x: int) -> int:
        return x

    @node(output_name="z")
    def dropped(y: int) -> bytes:
        return random.Random(y).randbytes(300_000)

    Pipeline([kept, dropped]).map({"x": [1, 2]}, map_over="x", engine=engine)
    cache.pin("kept")
    other = reopen()
    assert ["dropped", "kept"] == sorted({each.step for each in other.list_results()})
    assert (4, 2, 0) == tuple(other.verify()[name] for name in ("records", "blobs", "damaged"))
    assert 2 == other.prune(max_items=0)
    assert ["kept"] * 2 == [each.step for each in reopen().list_results()]
    cache.unpin("kept")
    assert (2, []) == (reopen().prune(node="kept"), bucket.names("team/pins"))


def test_a_map_is_shared_between_machines(reopen: Callable[..., FsspecCache]) -> None:
    """What one machine has computed, another one does not compute again."""
    calls: list[int] = []

    @node(output_name="square")
    def square(x: int) -> int:
        calls.append(x)
        return x * x

    pipeline = Pipeline(nodes=[square])
    for _ in range(2):
        engine = SeqEngine(cache=TieredCache(MemoryCache(), reopen()))
        found = pipeline.map(inputs={"x": [1, 2, 3]}, map_over="x", engine=engine)
        assert [{"square": 1}, {"square": 4}, {"square": 9}] == found
    assert [1, 2, 3] == calls


def test_a_copy_in_another_process_reads(
    reopen: Callable[..., FsspecCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pickled copy carries no key and works where the key is known."""
    cache = reopen()
    cache.put("a", 1)
    data = pickle.dumps(cache)
    assert b'"k"' not in data
    assert 1 == pickle.loads(data).get("a")


def test_near_results_reach_the_bucket_in_bulk(
    reopen: Callable[..., FsspecCache], bucket: Bucket, tmp_path: Path
) -> None:
    """A run of many results costs a few objects."""
    tiers = TieredCache(DiskCache(tmp_path / "near"), reopen())
    tiers.put_many({f"key {at}": [at, "x" * 500] for at in range(300)})
    assert 1 == len(bucket.names("team/index"))
    assert [299, "x" * 500] == reopen().get("key 299")


def test_it_works_inside_a_running_event_loop(reopen: Callable[..., FsspecCache]) -> None:
    """A notebook or a server calls it from a coroutine."""

    async def use() -> Any:
        cache = reopen()
        cache.put("a", 1)
        return cache.get("a")

    assert 1 == asyncio.run(use())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_child_reads_and_writes(reopen: Callable[..., FsspecCache]) -> None:
    """The connections of the parent are of no use to the child, which opens its own."""
    cache = reopen()
    cache.put("parent", 1)

    def child(found: Any) -> None:
        cache.put("child", 2)
        found.put(cache.get("parent"))

    context = multiprocessing.get_context("fork")
    found = context.SimpleQueue()
    process = context.Process(target=child, args=(found,))
    process.start()
    process.join(30)
    process.kill()
    assert 0 == process.exitcode
    cache.flush()
    assert (1, 2) == (found.get(), cache.get("child"))
