"""Keys that several threads of one run want at once."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hypernodes import DiskCache, DualNode, MemoryCache, Pipeline, SeqEngine, node
from hypernodes.cache import Entry
from hypernodes.execution import Context, map_pipeline, run_chunk
from hypernodes.execution._chunk import bare_settings
from hypernodes.execution._owners import Owners
from hypernodes.hashing import Signature


def _key(number: int) -> Signature:
    return Signature(b"n" * 16, bytes([number]) * 16)


def _entry(number: int) -> Entry:
    return Entry(_key(number), (b"d",), 0.0, 0.0, ())


class Threads(SeqEngine):
    """Carries out chunks of one size in eight threads."""

    is_inline = False  # type: ignore[misc]  # it is another engine
    size = 1

    def map(self, *args: Any, **options: Any) -> list[Any]:
        return map_pipeline(self, *args, pace=self.size, **options)

    def submit(self, plan: Any, chunks: Any, context: Any) -> Any:
        def work(chunk: Any) -> Any:
            with contextlib.closing(context.beside()) as beside:
                return run_chunk(plan, chunk, beside)

        with ThreadPoolExecutor(8) as pool:
            yield from pool.map(work, chunks)


def test_a_key_has_one_owner_at_a_time() -> None:
    """Who comes second waits until the first is done."""
    owners, seen = Owners(), []

    def make(name: str) -> None:
        with owners.owning(_key(1)):
            seen.append(f"{name} begins")
            time.sleep(0.02)
            seen.append(f"{name} ends")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(make, "abc"))
    assert [each.split()[1] for each in seen] == ["begins", "ends"] * 3


def test_an_owner_may_ask_for_its_key_again() -> None:
    """What makes a damaged value again never waits for itself."""
    owners = Owners()
    with owners.owning(_key(1)):
        with owners.owning(_key(1)):
            pass
        with ThreadPoolExecutor(1) as pool:
            with owners.owning_free([_key(2)]) as free:
                assert free == [True]
            taken = pool.submit(lambda: next(iter(_free(owners, [_key(1)]))))
            assert taken.result() is False


def _free(owners: Owners, keys: list[Signature | None]) -> list[bool]:
    with owners.owning_free(keys) as free:
        return free


def test_a_key_is_free_after_a_failure() -> None:
    """Whoever waited makes it then."""
    owners = Owners()
    with pytest.raises(ValueError, match="no"), owners.owning(_key(1)):
        raise ValueError("no")  # noqa: EM101 - any error will do
    assert _free(owners, [_key(1), None]) == [True, True]


def test_results_are_remembered_while_somebody_may_have_missed_them() -> None:
    """A chunk finds what was stored since it began; later ones look it up."""
    owners = Owners()
    first = owners.begin()
    owners.note(_entry(1))
    second = owners.begin()
    owners.note(_entry(2))
    owners.end(first)
    assert (owners.find(_key(1)), owners.find(_key(2))) == (None, _entry(2))
    owners.end(second)
    assert owners.find(_key(2)) is None


def test_threads_that_begin_at_once_share_their_owners() -> None:
    """However the first chunks of a run meet, they know of each other's keys."""
    plan = Pipeline([node(output_name="y")(lambda x: x)]).compiled(None, ("x",))
    barrier, often = threading.Barrier(4), sys.getswitchinterval()

    def begin(context: Context) -> Owners | None:
        barrier.wait()
        return context.beside().owners

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(300):
                context = Context(bare_settings(plan))
                found = list(pool.map(begin, [context] * 4))
                assert len(set(map(id, found))) == 1
    finally:
        sys.setswitchinterval(often)


@pytest.mark.parametrize("make", [lambda path: MemoryCache(), DiskCache])
def test_equal_items_execute_once(tmp_path, make) -> None:
    """A hundred items of three kinds are three calls, however many threads there are."""
    calls = _Calls()

    @node(output_name="y")
    def slow(x: int) -> int:
        calls.append(x)
        time.sleep(0.005)
        return x

    xs = [number % 3 for number in range(100)]
    for size in (1, 7):
        engine = Threads(cache=make(tmp_path / str(size)))
        engine.size = size
        found = Pipeline([slow]).map({"x": xs}, "x", engine=engine)
        assert (sorted(calls), [row["y"] for row in found]) == ([0, 1, 2], xs)
        calls.clear()


@pytest.mark.parametrize("make", [lambda path: MemoryCache(), DiskCache])
def test_a_new_cache_is_opened_once(tmp_path, make) -> None:
    """Threads that use a cache first, and at once, lose nothing that they store."""
    for number in range(20):
        cache = make(tmp_path / str(number))
        Pipeline([node(lambda x: x, output_name="y")]).map(
            {"x": list(range(8))}, "x", engine=Threads(cache=cache)
        )
        assert _count(cache) == 8


def _count(cache: Any) -> int:
    found = cache.stats()["entries"] if isinstance(cache, DiskCache) else len(cache._records)
    return int(found)


def test_equal_items_reach_one_batch_only() -> None:
    """Batches of several threads share out what they have in common."""
    pytest.importorskip("pyarrow")
    seen, lock = _Calls(), threading.Lock()

    def many(x: Any) -> Any:
        with lock:
            seen.extend(x.to_pylist())
        time.sleep(0.01)
        return x

    engine = Threads(cache=MemoryCache())
    # a batch is promised a thousand items
    xs = [number % 1200 for number in range(4000)]
    pipeline = Pipeline([DualNode("y", singular=lambda x: x, batch=many)])
    found = pipeline.map({"x": xs}, "x", engine=engine)
    assert [row["y"] for row in found] == xs
    assert sorted(seen) == list(range(1200))


def test_a_failure_is_not_waited_for_in_vain() -> None:
    """Equal failing items fail each by themselves."""
    engine = Threads(cache=MemoryCache())
    fails = Pipeline([node(lambda x: 1 / x, output_name="y")])
    found: Any = fails.map({"x": [0] * 10}, "x", engine=engine, on_error="collect")
    assert [type(each.error) for each in found.failed] == [ZeroDivisionError] * 10


class _Calls(list[Any]):
    def __cache_key__(self) -> str:
        return "calls"
