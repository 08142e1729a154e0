"""Facts about caches made of byte stores."""

from __future__ import annotations

import pickle
import random
from typing import Any

import pytest

from hypernodes import BackendCache, Pipeline, SeqEngine, TieredCache, node, open_cache
from hypernodes.cache import Entry, MemoryCache, NodeParts, Result, is_byte_store
from hypernodes.errors import CacheUnavailableError, CacheWarning
from hypernodes.hashing import Signature, fingerprint
from hypernodes.hookspecs import CacheSpec, hookimpl
from hypernodes.plugins import manager
from hypernodes.values import MISSING

NOISE = random.Random(1).randbytes(20_000)


class Drawer(dict[str, bytes]):
    """A byte store that counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def get(self, key: str) -> bytes | None:  # type: ignore[override]  # the store's own form
        """Return what is there."""
        self.asked.append("get")
        return super().get(key)

    def put(self, key: str, data: bytes) -> None:
        """Keep it."""
        self.asked.append(f"put {key[:1]}")
        self[key] = data

    def has(self, key: str) -> bool:
        """Say whether it is there."""
        return key in self

    def delete(self, key: str) -> None:
        """Forget it."""
        del self[key]

    def __repr__(self) -> str:
        return "Drawer()"


class Locked(Drawer):
    """A byte store that nobody may use."""

    def get(self, key: str) -> bytes | None:  # type: ignore[override]  # as above
        """Refuse."""
        msg = "the key is lost"
        raise OSError(msg)

    put = get  # type: ignore[assignment]  # as above


def make_result(number: int, *values: Any, seconds: float = 0.0) -> Result:
    """Return a result with *values* as outputs."""
    key = Signature(b"n" * 16, number.to_bytes(16, "big"))
    return Result(Entry(key, tuple(map(fingerprint, values)), seconds, 1.0), values)


def test_a_small_result_takes_one_question() -> None:
    """Small values lie in their record, so a hit reads one key."""
    store = Drawer()
    BackendCache(store).put("a", [1, 2])
    store.asked.clear()
    assert [1, 2] == BackendCache(store).get("a")
    assert ["get"] == store.asked


def test_values_are_written_before_records() -> None:
    """A crash between leaves a value that nobody names, never a record without its value."""
    store = Drawer()
    BackendCache(store).put("a", NOISE)
    assert ["put v", "put r"] == store.asked


def test_equal_values_are_written_once() -> None:
    """Results that are equal share their bytes."""
    store = Drawer()
    BackendCache(store).put_many({"a": NOISE, "b": NOISE})
    BackendCache(store).put("c", NOISE)
    assert (1, 3) == (store.asked.count("put v"), store.asked.count("put r"))


def test_cheap_results_are_written_together_and_expensive_ones_at_once() -> None:
    """What a kill may cost decides."""
    store = Drawer()
    cache = BackendCache(store)
    cache.store_many([make_result(1, "cheap")])
    before = len(store)
    cache.store_many([make_result(2, "dear", seconds=5.0)])
    assert (0, 2) == (before, len(store))


def test_a_store_that_fails_is_an_error_that_names_it() -> None:
    """The cause is kept, and the message says who failed."""
    with pytest.raises(CacheUnavailableError, match=r"Drawer\(\) failed: OSError: the key") as told:
        BackendCache(Locked()).get("a")
    assert isinstance(told.value.__cause__, OSError)


def test_a_run_goes_on_without_a_failing_store() -> None:
    """A pipeline warns and computes."""

    @node(output_name="doubled")
    def double(x: int) -> int:
        return 2 * x

    pipeline = Pipeline(nodes=[double], engine=SeqEngine(cache=BackendCache(Locked())))
    with pytest.warns(CacheWarning, match="the key is lost"):
        assert {"doubled": 2} == pipeline.run(inputs={"x": 1})


def test_what_is_no_bytes_is_not_there() -> None:
    """A store that returns something else is treated as one that has nothing."""
    store = Drawer()
    BackendCache(store).put("a", 1)
    for key in store:
        store[key] = "text"  # type: ignore[assignment]  # the point of the test
    assert MISSING is BackendCache(store).get("a")


def test_another_key_reads_nothing() -> None:
    """What another key has signed is not there."""
    store = Drawer()
    BackendCache(store, key="one").put("a", 1)
    assert (MISSING, 1) == (
        BackendCache(store, key="two").get("a"),
        BackendCache(store, key="one").get("a"),
    )


def test_pickle_can_be_refused() -> None:
    """A pickled value is neither read nor written without leave."""
    store = Drawer()
    BackendCache(store).put("a", [print])
    assert MISSING is BackendCache(store, allow_pickle=False).get("a")


def test_a_copy_carries_no_key() -> None:
    """The key is found by its name where the copy is loaded."""
    cache = BackendCache(Drawer(), key="very secret")
    cache.put("a", 1)
    data = pickle.dumps(cache)
    assert b"very secret" not in data
    assert 1 == pickle.loads(data).get("a")


def test_accounts_of_nodes_are_kept() -> None:
    """What explains a miss lies in the store too, signed, the latest first."""
    store = Drawer()
    first, second = (NodeParts("double", own, {}, {}, {}, 1.0) for own in ("one", "two"))
    cache = BackendCache(store)
    cache.describe(b"1" * 16, first)
    cache.describe(b"2" * 16, second)
    cache.describe(b"1" * 16, second)
    assert [(b"2" * 16, second), (b"1" * 16, first)] == list(
        BackendCache(store).find_nodes("double")
    )
    for key in store:
        store[key] = store[key][:-1] + b"!"
    assert [] == list(BackendCache(store).find_nodes("double"))


def test_a_byte_store_can_be_a_tier() -> None:
    """An organisation's store works behind a near cache."""
    far = BackendCache(Drawer())
    TieredCache(MemoryCache(), far).put("a", NOISE)
    assert NOISE == TieredCache(MemoryCache(), far).get("a")


def test_what_lacks_a_method_is_refused() -> None:
    """The error lists what is missing and where it is described."""
    with pytest.raises(TypeError, match=r"lacks put, has, delete; see hypernodes.protocols"):
        BackendCache({})  # type: ignore[arg-type]  # the point of the test


def test_caches_are_no_byte_stores() -> None:
    """Whatever answers lookups is a cache already."""
    assert (True, False, False) == tuple(
        is_byte_store(each) for each in (Drawer(), MemoryCache(), {})
    )


def open_drawer(url: str) -> Drawer:
    """Open the store behind ``drawer://``."""
    return Drawer()


class Plugin:
    """Claims a scheme for a byte store."""

    @hookimpl
    def hypernodes_register_caches(self) -> list[CacheSpec]:
        """Claim ``drawer://``."""
        return [CacheSpec("drawer", f"{__name__}:open_drawer")]


def test_a_scheme_may_stand_for_a_byte_store() -> None:
    """What a plugin opens may be a byte store, and becomes a cache."""
    manager().register(Plugin(), "drawer")
    cache = open_cache("drawer://top")
    cache.put("a", NOISE)
    assert (BackendCache, NOISE) == (type(cache), cache.get("a"))
