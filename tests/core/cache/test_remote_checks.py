"""Facts about what remote caches say of themselves: lists, checks, pins."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.cache import Argument, Entry, MemoryCache, NodeParts, Result, TieredCache
from hypernodes.errors import CacheWarning
from hypernodes.hashing import Signature, fingerprint
from hypernodes.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypernodes import FsspecCache

STEPS = {b"a" * 16: "outer/first", b"b" * 16: "second"}


def make_result(node: bytes, at: int, size: int = 1000) -> Result:
    """Return a result of *size* bytes that do not compress, stored at the time *at*."""
    value = random.Random(at).randbytes(size)
    arguments = (Argument("x", "d", f"words {at}"),)
    key = Signature(node, at.to_bytes(16, "big"))
    entry = Entry(key, (fingerprint(value),), 2.0, float(at), arguments)
    return Result(entry, (value,))


def fill(cache: FsspecCache, size: int = 1000) -> list[Result]:
    """Store two results of each of two nodes, an object each; return them."""
    results = [make_result(node, at, size) for at, node in enumerate([*STEPS, *STEPS], 1)]
    for node, step in STEPS.items():
        cache.describe(node, NodeParts(step, "own", {}, {}, {}, 1.0))
    for result in results:
        cache.store_many([result])
        cache.flush()
    return results


def held(cache: FsspecCache, results: list[Result]) -> list[bool]:
    """Say which of *results* are there."""
    return [each is not MISSING for each in cache.lookup_many([r.entry.signature for r in results])]


def test_results_are_listed_by_time_and_node(reopen: Callable[..., FsspecCache]) -> None:
    """The latest comes first; a node is called by its name or path."""
    results = fill(reopen())
    cache = reopen()
    found = list(cache.list_results())
    assert [r.entry.signature for r in results[::-1]] == [each.signature for each in found]
    assert ["second", "outer/first"] * 2 == [each.step for each in found]
    assert [2.0] * 4 == [each.seconds for each in found]
    assert all(each.bytes >= 1000 for each in found)
    assert [3, 1] == [each.created for each in cache.list_results("first")]
    assert [4] == [each.created for each in cache.list_results(most=1)]


def test_stats_tell_nodes_apart(reopen: Callable[..., FsspecCache]) -> None:
    """Entries, bytes and seconds are added up by the path of the step."""
    fill(reopen())
    nodes = reopen().stats()["nodes"]
    assert {"outer/first": 2, "second": 2} == {path: n["entries"] for path, n in nodes.items()}
    assert 4.0 == nodes["second"]["seconds"]


def test_a_sound_store_is_verified(reopen: Callable[..., FsspecCache]) -> None:
    """Records and values are counted, wherever they lie."""
    fill(reopen(), 300_000)
    found = reopen().verify()
    assert {"records": 4, "blobs": 4, "damaged": 0, "foreign": 0} == found


def test_a_damaged_value_is_found_and_made_anew(
    reopen: Callable[..., FsspecCache], server: Any
) -> None:
    """What a pack no longer holds is counted, forgotten, and can be stored again."""
    cache = reopen()
    results = fill(cache, 300_000)
    flip(server, "/packs/")
    cache = reopen()
    before = cache.verify()
    cache.store_many(results)
    cache.flush()
    entries = reopen().lookup_many([r.entry.signature for r in results])
    values = reopen().load_many([(each, 0) for each in entries if isinstance(each, Entry)])
    assert (3, 1) == (before["blobs"], before["damaged"])
    assert [result.values[0] for result in results] == values


def test_damage_is_found_where_the_local_copy_is_sound(
    reopen: Callable[..., FsspecCache], server: Any
) -> None:
    """The objects themselves are read, not what was copied from them."""
    cache = reopen()
    fill(cache)
    flip(server, "/index/")
    assert 1 == cache.verify()["damaged"]


def test_values_are_found_by_who_never_looked_them_up(reopen: Callable[..., FsspecCache]) -> None:
    """A record that another process looked up leads to its value."""
    (result, *_) = fill(reopen(), 300_000)
    assert list(result.values) == reopen().load_many([(result.entry, 0)])


def test_objects_of_another_key_are_counted_apart(reopen: Callable[..., FsspecCache]) -> None:
    """They are not damaged, only not ours."""
    fill(reopen())
    fill(reopen(key="another"))
    with pytest.warns(CacheWarning, match="another key"):
        found = reopen().verify()
    assert (4, 0, 4) == (found["records"], found["damaged"], found["foreign"])


def test_what_is_pinned_stays_for_whoever_prunes(reopen: Callable[..., FsspecCache]) -> None:
    """A node or a signature that one machine pinned is minded by another, until it is unpinned."""
    results = fill(reopen())
    reopen().pin("first")
    reopen().pin(results[1].entry.signature)
    by_number = reopen().prune(max_items=0)
    after = held(reopen(), results)
    reopen().unpin("first")
    again = reopen().prune(max_age=0)
    assert (1, [True, True, True, False], 2) == (by_number, after, again)
    assert [False, True, False, False] == held(reopen(), results)


def test_pins_of_another_key_do_not_count(reopen: Callable[..., FsspecCache]) -> None:
    """Whoever cannot read the results cannot keep them either."""
    results = fill(reopen())
    reopen(key="another").pin("first")
    assert 4 == reopen().prune(max_items=0)
    assert [False] * 4 == held(reopen(), results)


def test_a_node_is_dropped_by_name(reopen: Callable[..., FsspecCache]) -> None:
    """Without a limit all of its results go; with one, those beyond it."""
    results = fill(reopen())
    one = reopen().prune(node="first", max_items=1)
    rest = reopen().prune(node="outer/first")
    assert (1, 1) == (one, rest)
    assert [False, True, False, True] == held(reopen(), results)


@pytest.mark.parametrize(
    "limits", [{"max_items": -1}, {"max_age": -1.0}, {"max_bytes": 1, "node": "first"}]
)
def test_limits_that_make_no_sense_are_refused(
    reopen: Callable[..., FsspecCache], limits: dict[str, Any]
) -> None:
    """Nothing is dropped by mistake."""
    with pytest.raises(ValueError, match=r"max_(items|age|bytes)"):
        reopen().prune(**limits)


def test_clearing_takes_pins_along(reopen: Callable[..., FsspecCache], server: Any) -> None:
    """Nothing is left of the store."""
    cache = reopen()
    fill(cache)
    cache.pin("first")
    cache.clear()
    assert {} == server.store


def test_what_a_tier_brings_near_explains_misses(reopen: Callable[..., FsspecCache]) -> None:
    """Arguments come along with a result that is copied from afar."""
    results = fill(reopen())
    tiers = TieredCache(MemoryCache(), reopen())
    entries = tiers.lookup_many([results[0].entry.signature])
    tiers.load_many([(each, 0) for each in entries if isinstance(each, Entry)])
    near = tiers.near.find_entries(b"a" * 16, 1)
    assert [results[0].entry.arguments] == [each.arguments for each in near]
    assert time.time() > near[0].created


def flip(server: Any, part: str) -> None:
    """Change the last byte of the first object whose name holds *part*."""
    name = min(name for name in server.store if part in name)
    file = server.store[name]
    file.seek(-1, 2)
    last = file.read(1)
    file.seek(-1, 2)
    file.write(bytes([last[0] ^ 1]))
