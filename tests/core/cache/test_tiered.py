"""Facts about a near cache in front of a far one."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, SeqEngine, TieredCache, node
from hypernodes.cache import Entry, NodeParts, Payload, Result
from hypernodes.errors import CacheUnavailableError, CacheWarning
from hypernodes.hashing import Signature, fingerprint
from hypernodes.values import MISSING

if TYPE_CHECKING:
    from pathlib import Path

LARGE = "large " * 10_000


class Flaky(MemoryCache):
    """A cache that fails while it is told to, and counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.asked = 0

    def _answer(self) -> None:
        self.asked += 1
        if self.is_down:
            msg = "the line is dead"
            raise CacheUnavailableError(msg)

    def read_records(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Answer, or fail."""
        self._answer()
        return super().read_records(signatures)

    def read_payloads(self, digests: Sequence[bytes]) -> Mapping[bytes, Payload]:
        """Answer, or fail."""
        self._answer()
        return super().read_payloads(digests)

    def write(self, records: Sequence[tuple[Entry, Mapping[bytes, Payload]]]) -> None:
        """Keep, or fail."""
        self._answer()
        super().write(records)

    def __repr__(self) -> str:
        return "Flaky()"


def make_result(number: int, *values: Any) -> Result:
    """Return a result with *values* as outputs."""
    key = Signature(b"n" * 16, number.to_bytes(16, "big"))
    return Result(Entry(key, tuple(map(fingerprint, values)), created=1.0), values)


def test_far_hits_are_copied_near() -> None:
    """What was read from afar is read near the next time, small and large alike."""
    near, far = MemoryCache(), Flaky()
    far.put_many({"small": 1, "large": LARGE})
    assert [1, LARGE] == TieredCache(near, far).get_many(["small", "large"])
    far.is_down = True
    assert [1, LARGE] == near.get_many(["small", "large"])


def test_near_hits_ask_nobody_else() -> None:
    """The far cache is not asked for what is near."""
    near, far = MemoryCache(), Flaky()
    near.put("a", LARGE)
    assert LARGE == TieredCache(near, far).get("a")
    assert 0 == far.asked


def test_a_looked_up_far_result_is_not_kept_near_without_its_value() -> None:
    """The near cache never claims a result whose value it does not have."""
    near, far = MemoryCache(), Flaky()
    far.put("a", LARGE)
    assert (True, False) == (TieredCache(near, far).has("a"), near.has("a"))


def test_results_are_pushed_at_the_flush() -> None:
    """The far cache is told in bulk, at the end of a run."""
    near, far = MemoryCache(), Flaky()
    tiers = TieredCache(near, far)
    tiers.store_many([make_result(at, at, LARGE) for at in range(3)])
    before = far.asked
    tiers.flush()
    (entry,) = far.lookup_many([make_result(2).entry.signature])
    assert isinstance(entry, Entry)
    assert (0, [2, LARGE]) == (before, far.load_many([(entry, 0), (entry, 1)]))


def test_several_outputs_come_near_once_all_were_read() -> None:
    """A result with two large outputs is copied when both have been fetched."""
    near, far = MemoryCache(), MemoryCache()
    far.store_many([make_result(1, LARGE, LARGE[1:])])
    tiers = TieredCache(near, far)
    (entry,) = tiers.lookup_many([make_result(1).entry.signature])
    assert isinstance(entry, Entry)
    assert [LARGE, LARGE[1:]] == tiers.load_many([(entry, 0), (entry, 1)])
    assert near.lookup_many([entry.signature]) == [entry]


def test_reading_mode_never_writes_far() -> None:
    """A cache that is only read stays as it is."""
    near, far = MemoryCache(), MemoryCache()
    far.put("far", 1)
    tiers = TieredCache(near, far, mode="read")
    tiers.put("near", 2)
    tiers.clear()
    assert (1, False, 1) == (tiers.get("far"), far.has("near"), far.get("far"))


def test_writing_mode_never_reads_far() -> None:
    """A cache that is only written is not asked."""
    near, far = MemoryCache(), MemoryCache()
    far.put("far", 1)
    tiers = TieredCache(near, far, mode="write")
    tiers.put("near", 2)
    assert (MISSING, 2) == (tiers.get("far"), far.get("near"))


def test_a_failing_far_cache_costs_one_warning() -> None:
    """The run goes on near, and the far cache is not asked again until it ends."""
    near, far = MemoryCache(), Flaky()
    far.is_down = True
    tiers = TieredCache(near, far)
    with pytest.warns(
        CacheWarning, match=r"Flaky\(\) fails.*MemoryCache.*the line is dead"
    ) as told:
        found = [tiers.get(f"key {at}") for at in range(5)]
    assert ([MISSING] * 5, 1, 1) == (found, len(told), far.asked)


def test_a_pipeline_survives_a_far_cache_that_dies() -> None:
    """A far cache that fails in the middle of a map loses no result."""
    near, far = MemoryCache(), Flaky()
    engine = SeqEngine(cache=TieredCache(near, far))

    @node(output_name="doubled", ignore=["far"])
    def double(x: int) -> int:
        far.is_down = x >= 2
        return 2 * x

    pipeline = Pipeline(nodes=[double], engine=engine)
    with pytest.warns(CacheWarning, match="the line is dead"):
        found = pipeline.map(inputs={"x": [1, 2, 3]}, map_over="x")
    assert [{"doubled": 2}, {"doubled": 4}, {"doubled": 6}] == found


def test_what_was_not_pushed_is_pushed_by_the_next_flush() -> None:
    """Without a folder it is remembered by the object."""
    near, far = MemoryCache(), Flaky()
    tiers = TieredCache(near, far)
    far.is_down = True
    with pytest.warns(CacheWarning):
        tiers.put("a", LARGE)
    far.is_down = False
    tiers.flush()
    assert LARGE == far.get("a")


def test_what_was_not_pushed_is_pushed_by_the_next_process(tmp_path: Path) -> None:
    """With a folder it is noted there, and forgotten once it was pushed."""
    far = Flaky()
    far.is_down = True
    with pytest.warns(CacheWarning):
        TieredCache(DiskCache(tmp_path), far).put_many({"a": LARGE, "b": 1})
    far.is_down = False
    noted = list(tmp_path.glob("untold/*/*.keys"))
    TieredCache(DiskCache(tmp_path), far).flush()
    assert [LARGE, 1] == far.get_many(["a", "b"])
    assert (1, []) == (len(noted), list(tmp_path.glob("untold/*/*.keys")))


def test_damaged_notes_cost_nothing(tmp_path: Path) -> None:
    """Notes that make no sense are dropped."""
    far = Flaky()
    far.is_down = True
    with pytest.warns(CacheWarning):
        TieredCache(DiskCache(tmp_path), far).put("a", 1)
    far.is_down = False
    (note,) = tmp_path.glob("untold/*/*.keys")
    note.write_bytes(b"\xff\x00 nothing\nelse\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TieredCache(DiskCache(tmp_path), far).flush()
    assert not note.exists()


def test_pushing_and_pulling_copy_what_is_missing() -> None:
    """Both copy only what the other side lacks, and say how much it was."""
    near, far = MemoryCache(), MemoryCache()
    results = [make_result(at, LARGE + str(at)) for at in range(4)]
    near.store_many(results[:3])
    far.store_many(results[2:])
    keys = [result.entry.signature for result in results]
    tiers = TieredCache(near, far)
    assert (2, 1, 0) == (tiers.push(keys), tiers.pull(keys), tiers.push(keys))
    assert far.has_many(keys) == near.has_many(keys) == [True] * 4


def test_accounts_reach_the_far_cache() -> None:
    """What explains a miss is pushed too, and found from afar."""
    near, far = MemoryCache(), MemoryCache()
    tiers, parts = TieredCache(near, far), NodeParts("double", "own", {}, {}, {}, 1.0)
    tiers.describe(b"n" * 16, parts)
    tiers.store_many([make_result(1, 1)])
    tiers.flush()
    other = TieredCache(MemoryCache(), far)
    assert [(b"n" * 16, parts)] == list(other.find_nodes("double"))
    assert [make_result(1, 1).entry.signature] == [
        entry.signature for entry in other.find_entries(b"n" * 16, 5)
    ]


def test_clearing_clears_both(tmp_path: Path) -> None:
    """Nothing is left on either side, and nothing is pushed later."""
    far = Flaky()
    tiers = TieredCache(DiskCache(tmp_path), far)
    tiers.put("a", 1)
    far.is_down = True
    with pytest.warns(CacheWarning):
        tiers.put("b", 2)
    far.is_down = False
    tiers.clear()
    tiers.flush()
    assert [False] * 4 == [*tiers.has_many(["a", "b"]), *far.has_many(["a", "b"])]


def test_a_copy_has_the_same_tiers(tmp_path: Path) -> None:
    """Workers get both caches."""
    tiers = TieredCache(DiskCache(tmp_path / "near"), DiskCache(tmp_path / "far"), mode="read")
    tiers.far.put("a", 1)
    copy = pickle.loads(pickle.dumps(tiers))
    assert (1, "read") == (copy.get("a"), copy.mode)


def test_what_cannot_be_a_tier_is_refused() -> None:
    """The error says how to make a cache of a byte store."""
    with pytest.raises(TypeError, match="BackendCache"):
        TieredCache(MemoryCache(), {})  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(ValueError, match=r"'all'.*'read'"):
        TieredCache(MemoryCache(), MemoryCache(), mode="all")  # type: ignore[arg-type]  # as above
