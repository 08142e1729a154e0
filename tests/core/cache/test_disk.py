"""Facts about `DiskCache`."""

from __future__ import annotations

import pickle
import random
import stat
import time
from typing import TYPE_CHECKING

import pytest

from hypernodes.cache import DiskCache, Entry, NodeParts, Result
from hypernodes.errors import CacheUnavailableError, SerializationError
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


def data_files(folder: Path) -> list[Path]:
    """Return the files that hold records and values."""
    files = [*(folder / "segments").glob("*.seg"), *(folder / "values").glob("*/*")]
    return sorted(files, key=lambda path: path.stat().st_size)


SMALL, MEDIUM, LARGE = (
    "value",
    random.Random(1).randbytes(20_000),
    random.Random(2).randbytes(2 << 20),
)


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
        [result(1, random.Random(0).randbytes(5 << 20))],
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
        patched.setattr(cache._open().index, "writing", interrupt)
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
    cache.put_many({"a": SMALL, "b": MEDIUM, "c": LARGE})
    cache.prune(max_items=0)
    found = cache.stats()
    assert (found["entries"], found["bytes"], found["seconds"]) == (0, 0, 0.0)
    assert data_files(folder) == []


class Ordinary:
    """What only pickle can store."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (str.upper, ("some text that is long enough to be replaced",))


def test_without_pickle_nothing_is_pickled(folder: Path) -> None:
    """``allow_pickle=False`` stores data, and refuses what only pickle can store."""
    cache = DiskCache(folder, allow_pickle=False)
    cache.put("data", [1, {"a": None}])
    with pytest.raises(SerializationError, match="allow_pickle=False"):
        cache.put("object", Ordinary())
    assert (cache.get("data"), cache.has("object")) == ([1, {"a": None}], False)


def test_without_pickle_nothing_is_unpickled(folder: Path) -> None:
    """A pickle that is there, rightly signed, is not there for a cache that allows none."""
    DiskCache(folder).put("a", Ordinary())
    found = DiskCache(folder, allow_pickle=False).get("a")
    assert (found, isinstance(DiskCache(folder).get("a"), str)) == (MISSING, True)


@pytest.mark.parametrize("size", [10, 20_000, 2 << 20])
def test_values_are_never_shared(folder: Path, size: int) -> None:
    """However large, a value belongs to whoever got it, and can be changed by them alone."""
    cache = DiskCache(folder)
    given = bytearray(random.Random(0).randbytes(size))
    cache.put("a", given)
    one, other = cache.get_many(["a", "a"])
    one[0] ^= 1
    assert (bytes(other), bytes(cache.get("a"))) == (bytes(given), bytes(given))


@pytest.mark.parametrize("size", [5000, 20_000, 2 << 20])
def test_equal_results_share_large_bytes(folder: Path, size: int) -> None:
    """A value above a few kibibytes is on disk once, however many results have it."""
    cache = DiskCache(folder)
    value = random.Random(0).randbytes(size)
    cache.put("a", value)
    before = sum(path.stat().st_size for path in data_files(folder))
    cache.put("b", value)
    assert sum(path.stat().st_size for path in data_files(folder)) - before < 1000


def test_a_result_of_several_kinds_of_values_comes_back(folder: Path) -> None:
    """Small, medium and large outputs of one result are all there."""
    values = (SMALL, MEDIUM, None, LARGE)
    entry = Entry(key(1), tuple(fingerprint(value) for value in values))
    cache = DiskCache(folder)
    cache.store_many([Result(entry, values)])
    cache.flush()
    assert DiskCache(folder).get(key(1)) == values


def test_a_record_from_before_the_flush_still_loads(folder: Path) -> None:
    """The record that was stored leads to the values after they were written, too."""
    cache, given = DiskCache(folder), result(1, "a")
    cache.store_many([given])
    cache.flush()
    assert cache.load_many([(given.entry, 0)]) == ["a"]


def test_what_cannot_be_stored_leaves_a_hollow_record(folder: Path) -> None:
    """A result that cannot be encoded is known by its digests; its value is not there."""
    cache = DiskCache(folder)
    entry = Entry(key(1), (fingerprint(len),))
    with pytest.raises(SerializationError):
        cache.store_many([Result(entry, (lambda: 0,))])
    cache.flush()
    other = DiskCache(folder)
    found = other.lookup_many([key(1)])
    assert (found, other.load_many([(entry, 0)]), other.has(key(1))) == ([entry], [MISSING], False)


def test_stats_count_hits_and_misses(folder: Path) -> None:
    """``stats`` tells what was asked for and found, and the seconds that saved."""
    cache = DiskCache(folder)
    cache.store_many([result(1, "a", seconds=2.0)])
    cache.lookup_many([key(1), key(2), key(1)])
    cache.close()
    found = DiskCache(folder).stats()
    assert (found["hits"], found["misses"], found["seconds_saved"]) == (1, 1, 2.0)


def test_stats_tell_nodes_apart(folder: Path) -> None:
    """``stats`` gives the same figures by the path of the step, where it is known."""
    cache = DiskCache(folder)
    cache.describe(bytes(16), NodeParts("outer/node", "m.f", {}, {}, {}, 1.0))
    cache.store_many([result(1, "a", seconds=2.0), result(2, "b", seconds=1.0)])
    cache.put("other", 1)
    found = cache.stats()["nodes"]["outer/node"]
    assert (found["entries"], found["seconds"]) == (2, 3.0)


def test_the_folder_is_private(folder: Path) -> None:
    """Nobody but the owner can enter the folder or read a file in it."""
    cache = DiskCache(folder)
    cache.put_many({"a": SMALL, "b": LARGE})
    cache.close()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
    assert modes <= {0o700, 0o600}


def test_a_shared_folder_is_open_to_the_group(folder: Path) -> None:
    """With ``shared=True`` the group may enter the folder and read the files, others may not."""
    cache = DiskCache(folder, shared=True, key="a team's")
    cache.put_many({"a": SMALL, "b": LARGE})
    cache.close()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
    assert modes == {0o770, 0o640}


def test_repr_names_the_folder(folder: Path) -> None:
    """The representation says where the cache is."""
    assert repr(DiskCache(folder)) == f"DiskCache(path={str(folder)!r})"
