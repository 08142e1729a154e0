"""Several processes on one cache folder: kills, forks, compaction, other users, a full disk."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hypernodes import DiskCache

if TYPE_CHECKING:
    from collections.abc import Iterator

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and POSIX signals")
needs_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can become another user"
)

COMMON = """
import random, sys
from hypernodes import DiskCache

def make(number, size):
    return [number, random.Random(number).randbytes(size)]
"""

PUT = (
    COMMON
    + """
size, first = int(sys.argv[1]), int(sys.argv[2])
cache = DiskCache("cache")
for number in range(first, first + 100_000):
    cache.put(f"key {number}", make(number, size))
    print(number, flush=True)
"""
)


def make(number: int, size: int) -> list[object]:
    """Return what the scripts put."""
    return [number, random.Random(number).randbytes(size)]


@posix
@pytest.mark.parametrize("size", [20, 20_000, 1_500_000], ids=["small", "blobs", "files"])
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path, size: int) -> None:
    """After SIGKILL in a loop of puts, all that returned is there, and nothing is damaged."""
    (tmp_path / "script.py").write_text(PUT, encoding="utf-8")
    chance, done = random.Random(size), []
    for _ in range(3):
        command = [sys.executable, "script.py", str(size), str(len(done))]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            done += [int(process.stdout.readline()) for _ in range(3)]
            time.sleep(chance.uniform(0, 0.3))
            process.send_signal(signal.SIGKILL)
            done += [int(line) for line in process.stdout.read().split()]
    cache = DiskCache(tmp_path / "cache")
    found = cache.get_many([f"key {number}" for number in done])
    assert found == [make(number, size) for number in done]
    assert cache.verify()["damaged"] == 0


SHARE = (
    COMMON
    + """
own = int(sys.argv[1])
cache = DiskCache("cache")
sys.stdin.readline()
for turn in range(25):
    names = [f"{own} {turn} {n}" for n in range(8)]
    cache.put_many({name: make(n * 1000 + turn, 200 * n * n) for n, name in enumerate(names)})
    cache.put("shared", make(turn, 9000))
    if turn % 10 == own:
        cache.compact()
    assert None not in cache.get_many(names, None), (own, turn)
print("fine")
"""
)


def test_four_processes_write_and_compact_one_folder(tmp_path: Path) -> None:
    """Four processes that put, get and compact at once lose nothing and damage nothing."""
    (tmp_path / "script.py").write_text(SHARE, encoding="utf-8")
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "script.py", str(number)],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    outputs = [process.communicate("\n", timeout=60) for process in processes]
    assert outputs == [("fine\n", "")] * 4
    cache = DiskCache(tmp_path / "cache")
    names = [(own, turn, n) for own in range(4) for turn in range(25) for n in range(8)]
    found = cache.get_many([f"{own} {turn} {n}" for own, turn, n in names])
    assert found == [make(n * 1000 + turn, 200 * n * n) for _, turn, n in names]
    counts = cache.verify()
    assert (counts["records"], counts["damaged"]) == (801, 0)


@posix
def test_parent_and_child_write_after_a_fork(tmp_path: Path) -> None:
    """With an open store on both sides of a fork, all that either of them puts is there."""
    cache = DiskCache(tmp_path / "cache")
    cache.put("before", 0)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(20)
            for number in range(60):
                cache.put(f"child {number}", make(number, 100 * number))
            code = 0 if cache.get("before") == 0 else 2
        finally:
            os._exit(code)
    for number in range(60):
        cache.put(f"parent {number}", make(number, 100 * number))
    _, status = os.waitpid(pid, 0)
    names = [f"{who} {number}" for who in ("parent", "child") for number in range(60)]
    expected = [make(number, 100 * number) for _ in range(2) for number in range(60)]
    assert (os.waitstatus_to_exitcode(status), cache.get_many(names)) == (0, expected)


@posix
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_forked_by_a_busy_process_can_write(tmp_path: Path) -> None:
    """While threads of the parent write, each forked child gets its own put through."""
    cache, is_over = DiskCache(tmp_path / "cache"), threading.Event()
    cache.put("before", 0)

    def write() -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            cache.put(f"thread {number}", make(number, 3000))

    thread = threading.Thread(target=write)
    thread.start()
    codes = []
    try:
        for number in range(8):
            pid = os.fork()
            if pid == 0:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(15)
                try:
                    cache.put(f"child {number}", number)
                finally:
                    os._exit(0 if cache.get(f"child {number}") == number else 1)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    finally:
        is_over.set()
        thread.join()
    found = cache.get_many([f"child {number}" for number in range(8)])
    assert (codes, found) == ([0] * 8, list(range(8)))


READER = """
import os, sys, tempfile
from hypernodes import DiskCache

# what is imported on first use cannot be read any more as another user
with tempfile.TemporaryDirectory() as folder:
    warm = DiskCache(folder, key="warm", shared=True)
    warm.put("a", bytes(2 << 20)), warm.get("a"), warm.close()
os.setgroups([]), os.setgid(65534), os.setuid(65534)
names = ["a", "b", "c"]
cache = DiskCache(sys.argv[1], key=sys.argv[2], shared=True)
print([None if value is None else len(value) for value in cache.get_many(names, None)])
try:
    cache.put("d", 1)
except Exception as error:
    print(type(error).__name__)
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder for the group of nobody, who can get to it."""
    root = Path(tempfile.mkdtemp(prefix="hypernodes-test-"))
    root.chmod(0o755)
    folder = root / "cache"
    folder.mkdir()
    os.chown(folder, 0, 65534)
    folder.chmod(0o2770)
    yield folder
    shutil.rmtree(root)


def read_as_nobody(folder: Path, key: str) -> list[str]:
    """Return what another user finds in *folder*."""
    command = [sys.executable, "-W", "ignore", "-c", READER, str(folder), key]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_root
def test_another_user_reads_while_a_writer_is_at_work(shared: Path) -> None:
    """Who may only read gets hits while the log of the writer is not yet written back."""
    writer = DiskCache(shared, key="a team's", shared=True)
    writer.put("a", bytes(10))
    writer.put("b", random.Random(0).randbytes(10_000))
    writer.put("c", random.Random(1).randbytes(2 << 20))
    assert (shared / "index.sqlite-wal").stat().st_size > 0
    found = read_as_nobody(shared, "a team's")
    assert found == [f"[10, 10000, {2 << 20}]", "CacheUnavailableError"]


@needs_root
def test_another_user_reads_after_the_writer_has_gone(shared: Path) -> None:
    """Who may only read gets hits from a folder that nobody has open."""
    writer = DiskCache(shared, key="a team's", shared=True)
    writer.put_many({"a": bytes(10), "b": random.Random(0).randbytes(10_000), "c": b""})
    writer.close()
    assert read_as_nobody(shared, "a team's") == ["[10, 10000, 0]", "CacheUnavailableError"]


@needs_root
def test_another_user_reads_what_a_killed_writer_left(shared: Path) -> None:
    """Where a writer was killed and left its log behind, hits are served from both."""
    code = (
        "import os, sys; from hypernodes import DiskCache; "
        "cache = DiskCache(sys.argv[1], key='k', shared=True); "
        "cache.put_many({'a': b'1', 'b': b'12', 'c': b'123'}); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(shared)], check=False)
    assert read_as_nobody(shared, "k")[0] == "[1, 2, 3]"


@needs_root
def test_another_user_without_the_key_reads_nothing(shared: Path) -> None:
    """To be allowed to read the files is not enough."""
    DiskCache(shared, key="a team's", shared=True).put("a", b"1")
    assert read_as_nobody(shared, "a guess")[0] == "[None, None, None]"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk cannot be mounted here: {error}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


FULL = """
import random, sys, warnings
from hypernodes import DiskCache, Pipeline, SeqEngine, node

size = int(sys.argv[1])

@node(output_name="y", ignore=["size"])
def work(x):
    return random.Random(x).randbytes(size)

pipeline = Pipeline(nodes=[work], engine=SeqEngine(DiskCache("cache")))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    rows = pipeline.map({"x": list(range(4_000_000 // size))}, map_over="x")
print({len(row["y"]) for row in rows} == {size}, [w.category.__name__ for w in caught])
"""


@posix
@pytest.mark.parametrize("size", [1500, 40_000, 1_300_000])
def test_a_full_disk_ends_no_run_and_damages_nothing(small_disk: Path, size: int) -> None:
    """On a disk that gets full a run returns everything; what was stored before is sound."""
    DiskCache(small_disk / "cache").put("before", "kept")
    (small_disk / "script.py").write_text(FULL, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "script.py", str(size)],
        cwd=small_disk,
        capture_output=True,
        text=True,
        check=False,
    )
    cache = DiskCache(small_disk / "cache")
    assert (done.stdout.strip(), done.stderr) == ("True ['CacheWarning']", "")
    assert (cache.get("before"), cache.verify()["damaged"]) == ("kept", 0)
