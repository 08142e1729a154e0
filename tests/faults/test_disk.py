"""What may happen to a cache folder: damage, kills, races, forks; runs go on."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, Recorder, SeqEngine, node
from hypernodes.errors import CacheError, CacheWarning

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


@node(output_name="y")
def double(x: int) -> int:
    """Double."""
    return 2 * x


@node(output_name="z")
def text(y: int) -> str:
    """Say it."""
    return f"<{y}>" * 50


@node(output_name="noise")
def noise(y: int) -> bytes:
    """Make something that is kept as a blob, or, once, in a file of its own."""
    return random.Random(y).randbytes(2 << 20 if y == 4 else 6000)


ITEMS = list(range(30))
EXPECTED = [{"y": 2 * x, "z": text.func(2 * x), "noise": noise.func(2 * x)} for x in ITEMS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that does not exist yet."""
    return tmp_path / "cache"


def run(cache: Any, strict: bool = False) -> int:
    """Map over the items, check the results and return how many steps were executed."""
    recorder = Recorder()
    engine = SeqEngine(cache, [recorder], strict=strict)
    rows = Pipeline(nodes=[double, text, noise], engine=engine).map({"x": ITEMS}, map_over="x")
    assert rows == EXPECTED
    return len(recorder.executed)


def filled(folder: Path) -> Path:
    """Fill a cache and return its database, closed."""
    cache = DiskCache(folder)
    run(cache)
    cache.close()
    return folder / "index.sqlite"


def change(folder: Path, edit: Callable[[bytes], bytes]) -> None:
    """Change every data file behind the cache's back; their heads stay."""
    for path in [*(folder / "segments").glob("*.seg"), *(folder / "values").glob("*/*")]:
        data = path.read_bytes()
        path.write_bytes(data[:16] + edit(data[16:]))


EDITS: dict[str, Callable[[bytes], bytes]] = {
    "a byte in the middle": lambda data: (
        data[: len(data) // 2] + b"\0" + data[len(data) // 2 + 1 :]
    ),
    "every tenth byte": lambda data: b"".join(
        data[at : at + 9] + b"!" for at in range(0, len(data), 10)
    ),
    "cut by one": lambda data: data[:-1],
    "cut in half": lambda data: data[: len(data) // 2],
    "nothing left": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
    "shifted": lambda data: data[1:] + b"!",
    "longer": lambda data: data + b"more",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_damaged_results_are_made_again(folder: Path, edit: Callable[[bytes], bytes]) -> None:
    """A run over damaged files gives the right results, and heals them."""
    filled(folder)
    change(folder, edit)
    run(DiskCache(folder))
    assert run(DiskCache(folder)) == 0


@pytest.mark.parametrize("part", ["segments/*.seg", "values/*/*", "segments", "values"])
def test_deleted_files_are_made_again(folder: Path, part: str) -> None:
    """A run over a folder some of whose files are gone gives the right results, and heals it."""
    filled(folder)
    for path in folder.glob(part):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    run(DiskCache(folder))
    assert run(DiskCache(folder)) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET offset = offset + 1",
        "UPDATE records SET length = length / 2",
        "UPDATE records SET length = -1, offset = -1",
        "UPDATE records SET segment = 1",
        "UPDATE records SET segment = segment + 1 WHERE key % 3 = 0",
        "UPDATE blobs SET length = 3",
        "DELETE FROM blobs",
        "DELETE FROM records",
        "DELETE FROM nodes",
    ],
)
def test_damaged_rows_are_made_again(folder: Path, statement: str) -> None:
    """A run over a damaged index gives the right results, and heals it."""
    path = filled(folder)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    run(DiskCache(folder))
    assert run(DiskCache(folder)) == 0


def test_damage_while_open_is_noticed(folder: Path) -> None:
    """A cache that is open finds damage that happens between two runs."""
    cache = DiskCache(folder)
    run(cache)
    change(folder, lambda data: bytes(len(data)))
    assert [run(cache), run(cache)] == [3 * len(ITEMS), 0]


@pytest.mark.parametrize("keep", [0, 1, 100, 4096, 5000, 0.5, 0.9], ids=str)
def test_a_truncated_database_does_not_end_a_run(folder: Path, keep: float) -> None:
    """However much of the file is left, the results are right; a warning at most."""
    path = filled(folder)
    size = int(keep if keep >= 1 else keep * path.stat().st_size)
    with path.open("r+b") as file:
        file.truncate(size)
    forgiving(folder)


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bytes_do_not_end_a_run(folder: Path, seed: int) -> None:
    """Whatever bytes of the file are flipped, the results are right; a warning at most."""
    path, chance = filled(folder), random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 20, 400])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    forgiving(folder)


def forgiving(folder: Path) -> None:
    """Run twice on a folder in any state: no errors, and no warnings but those of the cache."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        for _ in range(2):
            run(DiskCache(folder))


@pytest.mark.parametrize("content", [b"just a text file\n", bytes(4096), b"SQLite format 3\0"])
def test_a_foreign_file_in_its_place_is_one_warning(folder: Path, content: bytes) -> None:
    """Where the database is something else, a run goes on without it and leaves it alone."""
    folder.mkdir()
    path = folder / "index.sqlite"
    path.write_bytes(content)
    with pytest.warns(CacheWarning, match="goes on without it") as caught:
        assert run(DiskCache(folder)) == 3 * len(ITEMS)
    assert (len(caught), path.read_bytes()) == (1, content)


def test_a_folder_in_the_place_of_the_database_is_one_warning(folder: Path) -> None:
    """A folder of the database's name cannot be opened; the run goes on."""
    (folder / "index.sqlite").mkdir(parents=True)
    with pytest.warns(CacheWarning) as caught:
        run(DiskCache(folder))
    assert len(caught) == 1


def test_strict_raises_where_the_database_is_something_else(folder: Path) -> None:
    """With ``strict=True`` an unusable cache is a `CacheError` that names the folder."""
    folder.mkdir()
    (folder / "index.sqlite").write_text("just a text file, and a long one" * 100)
    with pytest.raises(CacheError, match="cache"):
        run(DiskCache(folder), strict=True)


def test_a_folder_that_became_a_file_is_one_warning(folder: Path) -> None:
    """A path that is a file by the time of the run does not end it."""
    cache = DiskCache(folder)
    folder.write_text("in the way")
    with pytest.warns(CacheWarning) as caught:
        run(cache)
    assert (len(caught), folder.read_text()) == (1, "in the way")


def test_a_folder_deleted_between_runs_is_made_again(folder: Path) -> None:
    """After its folder was deleted, an open cache starts anew, without a word."""
    cache = DiskCache(folder)
    run(cache)
    shutil.rmtree(folder)
    assert [run(cache), run(cache), run(DiskCache(folder))] == [3 * len(ITEMS), 0, 0]


def test_a_folder_deleted_during_a_run_does_not_end_it(folder: Path) -> None:
    """Deleting the folder in the middle of a map costs results, not the run."""

    @node(output_name="y")
    def work(x: int) -> int:
        if x == 5:
            shutil.rmtree(folder)
        return x

    pipeline = Pipeline(nodes=[work, text], engine=SeqEngine(DiskCache(folder)))
    rows = pipeline.map({"x": list(range(10))}, map_over="x", output_name="y")
    assert [row["y"] for row in rows] == list(range(10))


def test_a_left_over_log_without_its_database_does_no_harm(folder: Path) -> None:
    """Where only the database was deleted and its log was left, runs go on."""
    cache = DiskCache(folder)
    run(cache)
    (folder / "index.sqlite").unlink()
    forgiving(folder)


def test_one_folder_serves_memory_too(folder: Path) -> None:
    """A run with another cache in between changes nothing on disk."""
    cache = DiskCache(folder)
    run(cache)
    run(MemoryCache())
    assert run(cache) == 0


SCRIPT = """
import os, sys, time
from hypernodes import DiskCache, Pipeline, Recorder, SeqEngine, node

@node(output_name="y", ignore=["pause"])
def work(x):
    time.sleep(pause)
    print(x, flush=True)
    return x

pause, count = float(sys.argv[1]), int(sys.argv[2])
pipeline = Pipeline(nodes=[work], engine=SeqEngine(DiskCache("cache")))
try:
    pipeline.map({"x": list(range(count))}, map_over="x")
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def start(folder: Path, pause: float, count: int) -> subprocess.Popen[str]:
    """Start the script in *folder*."""
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "script.py", str(pause), str(count)]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)


@posix
@pytest.mark.parametrize("pause", [0.25, 0.05])
def test_a_kill_loses_no_more_than_the_work_at_risk(tmp_path: Path, pause: float) -> None:
    """After SIGKILL in the middle of a map, all but the last moments are hits."""
    with start(tmp_path, pause, 1000) as first:
        assert first.stdout is not None
        seen = [int(first.stdout.readline()) for _ in range(int(1.0 / pause))]
        first.send_signal(signal.SIGKILL)
        seen += [int(line) for line in first.stdout.read().split()]
    again, _ = start(tmp_path, 0, len(seen)).communicate(timeout=30)
    repeated = len(again.split())
    # 0.2 s of finished work may wait in memory, and the last item in between
    assert repeated <= 0.2 / pause + 2


@posix
def test_an_interrupt_keeps_every_finished_item(tmp_path: Path) -> None:
    """After Ctrl-C in the middle of a map of cheap items, only the cut item and the rest run."""
    with start(tmp_path, 0.02, 1000) as first:
        assert first.stdout is not None
        for _ in range(7):
            first.stdout.readline()
        first.send_signal(signal.SIGINT)
        rest = first.stdout.read().split()
    done = 7 + len(rest) - 1
    again, _ = start(tmp_path, 0, done).communicate(timeout=30)
    assert (rest[-1], len(again.split()) <= 1) == ("interrupted", True)
