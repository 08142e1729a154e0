"""Facts about what a disk cache forgets, and how the space comes back."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.cache import DiskCache, Entry, NodeParts, Result, _folder, _shelves, _upkeep
from hypernodes.hashing import Signature, fingerprint
from hypernodes.values import MISSING

if TYPE_CHECKING:
    from pathlib import Path

NODES = {"train": b"t" * 16, "outer/score": b"s" * 16}
KIB = 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that does not exist yet."""
    return tmp_path / "cache"


@pytest.fixture
def exact_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last use of everything is noted at once."""
    monkeypatch.setattr(_folder, "USE_SECONDS", -10.0)
    monkeypatch.setattr(_shelves, "_NOTE_SECONDS", -1.0)


def key(number: int, step: str = "train") -> Signature:
    """Return the signature of one result of a step."""
    return Signature(NODES[step], number.to_bytes(16, "big"))


def noise(number: int, size: int) -> bytes:
    """Return bytes that do not compress."""
    return random.Random(number).randbytes(size)


def fill(cache: DiskCache, sizes: list[int], *, step: str = "train", age: float = 0.0) -> None:
    """Store one result per size, each a second younger than the one before."""
    first = time.time() - age - len(sizes)
    for number, size in enumerate(sizes):
        value = noise(number, size)
        entry = Entry(key(number, step), (fingerprint(value),), 0.0, first + number)
        cache.store_many([Result(entry, (value,))])
    cache.flush()


def describe(cache: DiskCache) -> None:
    """Say which steps the nodes belong to."""
    for step, node in NODES.items():
        cache.describe(node, NodeParts(step, "m.f", {}, {}, {}, 1.0))


def known(cache: DiskCache, count: int, step: str = "train") -> str:
    """Return one letter per result: Value, Hollow or nothing."""
    signatures = [key(number, step) for number in range(count)]
    entries = cache.lookup_many(signatures)
    held = cache.has_many(signatures)
    return "".join(
        "." if entry is MISSING else "v" if is_held else "h"
        for entry, is_held in zip(entries, held, strict=True)
    )


def disk_bytes(folder: Path) -> int:
    """Return the bytes of all data files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.suffix in ("", ".seg"))


@pytest.mark.parametrize("size", [2 * KIB, 50 * KIB, 2 * KIB * KIB], ids=["in", "blob", "file"])
def test_bytes_are_forgotten_before_facts(folder: Path, size: int) -> None:
    """Below ``max_bytes`` the oldest values are gone, and every record is still there."""
    cache = DiskCache(folder)
    fill(cache, [size] * 8)
    dropped = cache.prune(max_bytes=6 * size)
    found = known(cache, 8)
    assert (dropped, found.lstrip("h"), "v" in found) == (0, "v" * found.count("v"), True)
    assert disk_bytes(folder) <= 6 * size + 4 * KIB


def test_a_hollow_record_loads_nothing(folder: Path) -> None:
    """A value that was forgotten is missing; the record tells digests and arguments as before."""
    cache = DiskCache(folder)
    fill(cache, [2 * KIB] * 4)
    before = cache.lookup_many([key(0)])
    cache.prune(max_bytes=KIB)
    (entry,) = cache.lookup_many([key(0)])
    assert ([entry], cache.load_many([(entry, 0)])) == (before, [MISSING])  # type: ignore[list-item]  # it is there


def test_a_forgotten_value_can_be_stored_again(folder: Path) -> None:
    """Storing the result again fills its hollow record."""
    cache = DiskCache(folder)
    fill(cache, [50 * KIB, 2 * KIB])
    cache.prune(max_bytes=KIB)
    before = known(cache, 2)
    fill(cache, [50 * KIB, 2 * KIB])
    assert (before, known(cache, 2)) == ("hh", "vv")


def test_records_go_last(folder: Path) -> None:
    """Where even the records are too much, the oldest go."""
    cache = DiskCache(folder)
    fill(cache, [2 * KIB] * 10)
    dropped = cache.prune(max_bytes=500)
    found = known(cache, 10)
    assert (found.count("."), found.lstrip(".")) == (dropped, "h" * (10 - dropped))
    assert 0 < dropped < 10


@pytest.mark.usefixtures("exact_uses")
@pytest.mark.parametrize("size", [2 * KIB, 50 * KIB])
def test_what_was_used_lately_stays(folder: Path, size: int) -> None:
    """The last use counts, not the age."""
    cache = DiskCache(folder)
    fill(cache, [size] * 4, age=1000)
    cache.get(key(0))
    cache.flush()
    cache.prune(max_bytes=2 * size)
    assert (known(cache, 4)[0], known(cache, 4).count("v")) == ("v", 1)


@pytest.mark.usefixtures("exact_uses")
def test_max_items_keeps_what_was_used_last(folder: Path) -> None:
    """``max_items`` forgets whole results, those that were not used for longest."""
    cache = DiskCache(folder)
    fill(cache, [10] * 4, age=1000)
    cache.get(key(1))
    assert (cache.prune(max_items=2), known(cache, 4)) == (2, ".v.v")


def test_uses_are_noted_coarsely(folder: Path) -> None:
    """A hit shortly after a result was stored writes nothing down."""
    cache = DiskCache(folder)
    fill(cache, [10, 50 * KIB])
    cache.get_many([key(0), key(1)])
    assert (cache._uses.records, cache._uses.blobs) == (set(), set())


def test_old_results_are_forgotten(folder: Path) -> None:
    """``max_age`` forgets whole results by when they were stored."""
    cache = DiskCache(folder)
    fill(cache, [10, 50 * KIB], age=100)
    fill(cache, [10], step="outer/score")
    assert (cache.prune(max_age=50), known(cache, 2), known(cache, 1, "outer/score")) == (
        2,
        "..",
        "v",
    )


@pytest.mark.parametrize("name", ["outer/score", "score"])
def test_one_node_can_be_forgotten(folder: Path, name: str) -> None:
    """``node`` names one by its path or its name, and leaves the others alone."""
    cache = DiskCache(folder)
    describe(cache)
    fill(cache, [10, 50 * KIB])
    fill(cache, [10, 20], step="outer/score")
    assert cache.prune(node=name) == 2
    assert (known(cache, 2), known(cache, 2, "outer/score")) == ("vv", "..")


def test_one_node_can_be_limited(folder: Path) -> None:
    """``max_items`` together with ``node`` counts the results of that node."""
    cache = DiskCache(folder)
    describe(cache)
    fill(cache, [10] * 3)
    fill(cache, [10] * 3, step="outer/score")
    assert cache.prune(node="train", max_items=1) == 2
    assert (known(cache, 3), known(cache, 3, "outer/score")) == ("..v", "vvv")


def test_a_part_of_a_name_is_no_name(folder: Path) -> None:
    """``node`` does not match the end of another name."""
    cache = DiskCache(folder)
    describe(cache)
    fill(cache, [10], step="outer/score")
    assert cache.prune(node="core") == 0


def test_bytes_of_one_node_are_refused(folder: Path) -> None:
    """Values are shared between nodes, so ``max_bytes`` cannot be of one."""
    with pytest.raises(ValueError, match="max_bytes covers the whole cache"):
        DiskCache(folder).prune(max_bytes=1, node="train")


@pytest.mark.parametrize("target", [key(0), str(key(0))], ids=["signature", "text"])
def test_a_pinned_result_stays(folder: Path, target: Signature | str) -> None:
    """No limit forgets a pinned result, nor its value; unpinned it is like any other."""
    cache = DiskCache(folder)
    fill(cache, [50 * KIB] * 3, age=100)
    cache.pin(target)
    cache.prune(max_bytes=10, max_age=1, max_items=0)
    pinned = known(cache, 3)
    cache.unpin(target)
    cache.prune(max_items=0)
    assert (pinned, known(cache, 3)) == ("v..", "...")


@pytest.mark.parametrize("name", ["outer/score", "score"])
def test_a_pinned_node_stays(folder: Path, name: str) -> None:
    """Pinning a node keeps all its results, also those stored later; others go."""
    cache = DiskCache(folder)
    cache.pin(name)
    describe(cache)
    fill(cache, [10, 50 * KIB, 2 * KIB], step="outer/score")
    fill(cache, [10, 20])
    cache.prune(max_bytes=0, max_items=0)
    assert (known(cache, 3, "outer/score"), known(cache, 2)) == ("vvv", "..")


def test_shared_values_outlive_one_of_their_results(folder: Path) -> None:
    """A blob stays as long as some result needs it."""
    cache = DiskCache(folder)
    cache.put_many({"a": noise(1, 50 * KIB), "b": noise(1, 50 * KIB)})
    cache.prune(max_items=1)
    first = cache.stats()["bytes"] > 50 * KIB
    cache.prune(max_items=0)
    assert (first, cache.stats()["bytes"]) == (True, 0)


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        ({"max_items": 2}, "...vv"),
        ({"max_age": 20}, "....."),
        ({"max_bytes": 5 * KIB}, "hhhvv"),
        ({"ttl": {"train": 20}}, "....."),
        ({"ttl": {"other": 20}}, "vvvvv"),
    ],
    ids=["items", "age", "bytes", "ttl", "ttl of another"],
)
def test_limits_are_kept_at_the_end_of_a_run(
    folder: Path, limits: dict[str, Any], found: str
) -> None:
    """A flush that stored something keeps the limits of the cache."""
    first = DiskCache(folder)
    describe(first)
    fill(first, [2 * KIB] * 5, age=30)
    first.close()
    cache = DiskCache(folder, **limits)
    cache.put("news", 1)
    reader = DiskCache(folder)
    assert known(reader, 5) == (found if "max_items" not in limits else "....v")


def test_limits_are_not_looked_at_all_the_time(folder: Path) -> None:
    """What needs a look at every row happens once in a while, and at ``prune()``."""
    cache = DiskCache(folder, max_items=2)
    for number in range(6):
        cache.put(str(number), number)
    before = cache.stats()["entries"]
    assert (before > 2, cache.prune(), cache.stats()["entries"]) == (True, before - 2, 2)


def test_expired_results_are_missing(folder: Path) -> None:
    """After its time a result is not there, for a cache that says so; others still see it."""
    cache = DiskCache(folder, ttl={"score": 50})
    describe(cache)
    fill(cache, [10], age=100)
    fill(cache, [10], age=100, step="outer/score")
    assert (known(cache, 1), known(cache, 1, "outer/score")) == ("v", ".")


def test_a_single_ttl_holds_for_all_nodes(folder: Path) -> None:
    """One number of seconds is the time of every result."""
    fill(DiskCache(folder), [10], age=100)
    assert [known(DiskCache(folder, ttl=ttl), 1) for ttl in (50, 500)] == [".", "v"]


@pytest.mark.parametrize(
    "limits", [{"max_bytes": -1}, {"max_age": -0.5}, {"max_items": -1}, {"ttl": {"x": -1}}]
)
def test_negative_limits_are_refused(folder: Path, limits: dict[str, Any]) -> None:
    """A limit below nothing is a mistake, and told when the cache is made."""
    with pytest.raises(ValueError, match="give 0 or more"):
        DiskCache(folder, **limits)


def test_compact_gives_dead_space_back(folder: Path) -> None:
    """What was replaced takes no space afterwards, and all else is still there."""
    cache = DiskCache(folder)
    for turn in range(5):
        cache.put_many({str(n): noise(turn * 100 + n, 3000 + n % 3 * 3000) for n in range(30)})
    before = disk_bytes(folder)
    saved = cache.compact()
    found = cache.get_many([str(number) for number in range(30)])
    assert found == [noise(400 + n, 3000 + n % 3 * 3000) for n in range(30)]
    assert (disk_bytes(folder) < before / 2, saved > 0) == (True, True)


def test_compact_of_little_dead_space_does_nothing(folder: Path) -> None:
    """A segment that is alive is left as it is."""
    cache = DiskCache(folder)
    fill(cache, [3000] * 20)
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*.seg")}
    cache.compact()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.seg")} == files


def test_compact_leaves_writers_alone(folder: Path) -> None:
    """The segment that another cache writes to is not rewritten; that one goes on."""
    writer, other = DiskCache(folder), DiskCache(folder)
    for turn in range(4):
        writer.put("a", noise(turn, 3000))
    other.compact()
    writer.put("b", "more")
    assert (other.get("a"), other.get("b")) == (noise(3, 3000), "more")


def test_readers_follow_what_was_moved(folder: Path) -> None:
    """A reader with open files finds what was rewritten meanwhile, at its new place."""
    writer, reader = DiskCache(folder), DiskCache(folder)
    writer.put_many({str(n): noise(n, 3000 + n * 1000) for n in range(5)})
    entries = reader.lookup_many([Signature.parse(str(n)) for n in range(5)])
    writer.prune(max_items=5)
    writer.put_many({str(n): noise(n + 10, 3000 + n * 1000) for n in range(4)})
    writer.compact()
    assert reader.get_many(["0", "4"]) == [noise(10, 3000), noise(4, 7000)]
    assert reader.load_many([(entries[4], 0)]) == [noise(4, 7000)]  # type: ignore[list-item]  # it is there


def test_strays_are_swept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New files whose writer died are deleted after a while; values that are known stay."""
    cache = DiskCache(folder)
    cache.put("a", noise(1, 2 * KIB * KIB))
    (value,) = (folder / "values").glob("*/*")
    stray = value.with_name(".new-abc")
    stray.write_bytes(b"half a value")
    cache.compact()
    young = stray.exists()
    monkeypatch.setattr(_upkeep, "_STRAY_SECONDS", -10.0)
    cache.compact()
    assert (young, stray.exists(), value.exists()) == (True, False, True)


def test_verify_counts_what_is_sound(folder: Path) -> None:
    """``verify`` reads everything, and finds nothing wrong in a sound folder."""
    cache = DiskCache(folder)
    fill(cache, [10, 50 * KIB, 2 * KIB * KIB])
    expected = {"records": 3, "blobs": 2, "damaged": 0, "foreign": 0}
    assert cache.verify() == expected


def test_verify_forgets_damage(folder: Path) -> None:
    """``verify`` counts what is damaged, once: afterwards it is forgotten."""
    cache = DiskCache(folder)
    fill(cache, [10] * 5)
    (path,) = folder.rglob("*.seg")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    found = cache.verify(), cache.verify()
    assert [(each["records"], each["damaged"]) for each in found] == [(4, 1), (4, 0)]


@pytest.mark.filterwarnings("ignore:.*signed with another key")
def test_verify_leaves_other_keys_alone(folder: Path) -> None:
    """What another key has signed is counted, and neither forgotten nor swept away."""
    mine, theirs = DiskCache(folder, key="mine"), DiskCache(folder, key="theirs")
    mine.put_many({"a": 1, "b": noise(1, 2 * KIB * KIB)})
    mine.close()
    found = theirs.verify()
    theirs.compact()
    assert (found["records"], found["foreign"], found["damaged"]) == (0, 3, 0)
    assert mine.get("a") == 1
