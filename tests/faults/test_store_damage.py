"""Damage and deceit in a cache folder, byte by byte: a wrong value never comes back."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import sqlite3
import tempfile
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from hypernodes import DiskCache, Pipeline, Recorder, SeqEngine, node
from hypernodes.errors import CacheUnavailableError, CacheWarning
from hypernodes.values import MISSING


def noise(size: int) -> bytes:
    """Return bytes that do not compress."""
    return random.Random(size).randbytes(size)


KEY = "a key of tests"
VALUES = {"a": 1, "b": "text" * 20, "c": noise(6000), "d": noise(2 << 20), "e": [None, {"x": 2.5}]}
quick = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that does not exist yet."""
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled folder, closed, to make damaged copies of."""
    path = tmp_path_factory.mktemp("original") / "cache"
    fill(path)
    return path


def fill(folder: Path) -> None:
    """Put all values, and close the cache."""
    cache = DiskCache(folder, key=KEY)
    cache.put_many(VALUES)
    cache.close()


def check(folder: Path) -> list[str]:
    """Get everything: right or missing.  Put it again: all there.  Return what was missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        try:
            cache = DiskCache(folder, key=KEY)
            found = dict(zip(VALUES, cache.get_many(VALUES), strict=True))
            wrong = {name: v for name, v in found.items() if v not in (MISSING, VALUES[name])}
            cache.put_many(VALUES)
            again = [cache.get_many(VALUES), DiskCache(folder, key=KEY).get_many(VALUES)]
        except CacheUnavailableError:
            return list(VALUES)
    assert (wrong, again) == ({}, [list(VALUES.values())] * 2)
    return [name for name, value in found.items() if value is MISSING]


def files(folder: Path) -> list[Path]:
    """Return all files of a folder, in a fixed order."""
    kinds = sorted(path for path in folder.rglob("*") if path.is_file())
    return sorted(kinds, key=lambda path: (path.suffix, path.stat().st_size))


@quick
@given(which=st.integers(0, 2), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_never_gives_another_value(
    original: Path, which: int, place: float, bit: int
) -> None:
    """Whichever bit of whichever file is flipped, values are right or missing, and heal."""
    with tempfile.TemporaryDirectory() as root:
        copy = Path(shutil.copytree(original, Path(root) / "cache"))
        path = files(copy)[which]
        data = bytearray(path.read_bytes())
        data[int(place * len(data))] ^= 1 << bit
        path.write_bytes(data)
        check(copy)


@quick
@given(which=st.integers(0, 2), cut=st.floats(0, 1), fill=st.sampled_from([None, 0, 0xFF]))
def test_a_torn_file_never_gives_another_value(
    original: Path, which: int, cut: float, fill: int | None
) -> None:
    """Whichever file ends too early or goes on otherwise, values are right or missing."""
    with tempfile.TemporaryDirectory() as root:
        copy = Path(shutil.copytree(original, Path(root) / "cache"))
        path = files(copy)[which]
        data = path.read_bytes()
        kept = data[: int(cut * len(data))]
        rest = b"" if fill is None else bytes([fill]) * (len(data) - len(kept))
        path.write_bytes(kept + rest)
        check(copy)


def test_all_three_kinds_of_files_were_damaged(original: Path) -> None:
    """The folder that is damaged has an index, a segment and a large value."""
    kinds = [path.parent.name if path.suffix == ".seg" else path.suffix for path in files(original)]
    assert sorted(kinds) == ["", ".sqlite", "segments"]


def test_files_of_another_folder_give_nothing_wrong(folder: Path, original: Path) -> None:
    """Data files that were swapped with those of another folder are right or missing."""
    other = DiskCache(folder, key=KEY)
    other.put_many({name: f"other {name}" for name in VALUES})
    other.close()
    for mine, theirs in zip(folder.rglob("*.seg"), original.rglob("*.seg"), strict=True):
        shutil.copy(theirs, mine)
    found = DiskCache(folder, key=KEY).get_many(VALUES)
    assert found == [MISSING] * len(VALUES)


def test_an_index_of_another_folder_gives_nothing_wrong(folder: Path, original: Path) -> None:
    """An index that leads to other bytes than it was made for gives misses."""
    other = DiskCache(folder, key=KEY)
    other.put_many({name: noise(100 + n) for n, name in enumerate("vwxyz")})
    other.close()
    shutil.copy(original / "index.sqlite", folder)
    assert sorted(check(folder)) == sorted(VALUES)


def test_a_file_in_the_place_of_the_segments_is_one_warning(folder: Path) -> None:
    """Where data cannot be written, a run goes on without the cache and leaves the file alone."""
    folder.mkdir()
    (folder / "segments").write_text("in the way")
    with pytest.warns(CacheWarning, match="goes on without it") as caught:
        executed(DiskCache(folder, key=KEY))
    assert (len(caught), (folder / "segments").read_text()) == (1, "in the way")


def test_a_file_in_the_place_of_the_values_is_told(folder: Path) -> None:
    """Where large values cannot be written, small ones can; the file is left alone."""
    folder.mkdir()
    (folder / "values").write_text("in the way")
    cache = DiskCache(folder, key=KEY)
    with pytest.raises(CacheUnavailableError, match=r"cache at .* cannot be used"):
        cache.put("large", noise(2 << 20))
    DiskCache(folder, key=KEY).put("small", 1)
    assert (DiskCache(folder, key=KEY).get("small"), (folder / "values").read_text()) == (
        1,
        "in the way",
    )


def test_links_in_the_place_of_values_are_not_trusted(folder: Path, tmp_path: Path) -> None:
    """A link to a file elsewhere gives nothing unsigned, and is replaced, not followed."""
    fill(folder)
    (value,) = (folder / "values").glob("*/*")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    value.unlink()
    value.symlink_to(elsewhere)
    assert (check(folder), elsewhere.read_bytes()) == (["d"], b"precious")


class Ordinary:
    """What only pickle can store."""

    def __init__(self, content: bytes) -> None:
        self.content = content


class Planted:
    """What makes a folder when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.witness),))


@pytest.mark.parametrize("size", [10, 20_000, 3 << 20])
def test_planted_pickles_never_run(folder: Path, tmp_path: Path, size: int) -> None:
    """A pickle put in the place of another, in a record, a blob or a file, is not unpickled."""
    witness = tmp_path / "witness"
    cache = DiskCache(folder, key=KEY)
    cache.put("a", Ordinary(noise(size)))
    planted = pickle.dumps(Planted(witness), 5)
    count = 0
    for path in [*folder.rglob("*.seg"), *folder.glob("values/*/*")]:
        data = path.read_bytes()
        at = data.find(b"\x80\x05\x95")
        if at >= 0:
            path.write_bytes(data[:at] + planted + data[at + len(planted) :])
            count += 1
    assert count == 1
    assert (cache.get("a"), DiskCache(folder, key=KEY).get("a"), witness.exists()) == (
        MISSING,
        MISSING,
        False,
    )


@pytest.mark.filterwarnings("ignore:.*signed with another key")
def test_pickles_of_another_key_never_run(folder: Path, tmp_path: Path) -> None:
    """Results that somebody without our key has stored properly are not unpickled."""
    witness = tmp_path / "witness"
    DiskCache(folder, key="an attacker's").put("a", Planted(witness))
    assert (DiskCache(folder, key="ours").get("a"), witness.exists()) == (MISSING, False)


calls: list[int] = []


@node(output_name="y", ignore=["calls"])
def double(x: int) -> bytes:
    """Make something of some size."""
    calls.append(x)
    return noise(3000 + x)


@node(output_name="z")
def size(y: bytes) -> int:
    """Measure it."""
    return len(y)


def executed(cache: Any, output: str = "z") -> list[str]:
    """Map over some items, check the results and return what was executed."""
    recorder = Recorder()
    pipeline = Pipeline(nodes=[double, size], engine=SeqEngine(cache, [recorder]))
    rows = pipeline.map({"x": [1, 2, 3]}, map_over="x", output_name=output)
    expected = [{"y": noise(3000 + x), "z": 3000 + x}[output] for x in (1, 2, 3)]
    assert [row[output] for row in rows] == expected
    return list(recorder.executed)


def test_a_run_with_another_key_is_one_warning(folder: Path) -> None:
    """A folder of another key costs hits and one warning; the run executes everything."""
    executed(DiskCache(folder, key="one"))
    with pytest.warns(CacheWarning, match="signed with another key") as caught:
        found = executed(DiskCache(folder, key="two"))
    assert (len(found), len(caught)) == (6, 1)


def test_a_folder_of_a_newer_version_is_one_warning(folder: Path) -> None:
    """What a newer version wrote is not read, not changed, and does not end a run."""
    executed(DiskCache(folder, key=KEY))
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection:
        connection.execute("PRAGMA user_version=99")
        before = list(connection.iterdump())
    with pytest.warns(CacheWarning, match="newer hypernodes") as caught:
        found = executed(DiskCache(folder, key=KEY))
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection:
        assert list(connection.iterdump()) == before
    assert (len(found), len(caught)) == (6, 1)


def test_what_comes_after_a_forgotten_value_still_hits(folder: Path) -> None:
    """When only values are forgotten, a later node hits without the earlier one being run."""
    cache = DiskCache(folder, key=KEY)
    executed(cache)
    calls.clear()
    cache.prune(max_bytes=2500)
    pipeline = Pipeline(nodes=[double, size], engine=SeqEngine(cache))
    rows = pipeline.map({"x": [1, 2, 3]}, map_over="x", output_name="z")
    assert ([row["z"] for row in rows], calls) == ([3001, 3002, 3003], [])


def test_a_forgotten_value_that_is_asked_for_is_made_again(folder: Path) -> None:
    """A hollow record whose value is wanted is filled by executing its node, once."""
    cache = DiskCache(folder, key=KEY)
    executed(cache)
    cache.prune(max_bytes=2500)
    calls.clear()
    executed(cache, "y")
    executed(cache, "y")
    assert sorted(calls) == [1, 2, 3]
