"""Facts about `MemoryCache`."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

from hypernodes.cache import MemoryCache


def test_two_caches_share_nothing() -> None:
    """Each memory cache is its own."""
    one, other = MemoryCache(), MemoryCache()
    one.put("a", 1)
    assert (one.has("a"), other.has("a")) == (True, False)


def test_a_pickled_copy_starts_empty() -> None:
    """Memory does not travel: a copy is a new cache, and the original keeps its entries."""
    cache = MemoryCache()
    cache.put("a", 1)
    copies = [pickle.loads(pickle.dumps(cache)), copy.deepcopy(cache)]
    assert ([each.has("a") for each in copies], cache.has("a")) == ([False, False], True)


def test_repr_says_how_much_there_is() -> None:
    """The representation counts entries and shows no values."""
    cache = MemoryCache()
    cache.put("a", "secret")
    assert repr(cache) == "MemoryCache(entries=1)"


def test_any_thread_may_call_any_method() -> None:
    """Threads that put, get, prune and clear at once disturb nothing but what is there."""
    cache = MemoryCache()

    def work(thread: int) -> list[object]:
        found = []
        for number in range(50):
            cache.put(f"{thread}/{number}", [thread, number])
            found.append(cache.get(f"{thread}/{number}", [thread, number]))
            cache.stats()
            if number % 20 == 19:
                cache.prune(max_items=30)
        return found

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(4)))
    assert found == [[[thread, number] for number in range(50)] for thread in range(4)]


def test_flush_has_nothing_to_do() -> None:
    """Flushing changes nothing: everything is there at once."""
    cache = MemoryCache()
    cache.put("a", 1)
    cache.flush()
    assert cache.get("a") == 1
