"""Several processes, threads and users on one cache folder; a disk that is full."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DiskCache, Pipeline, Recorder, SeqEngine, node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and POSIX signals")
forks = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@node(output_name="y")
def double(x: int) -> int:
    """Double."""
    return 2 * x


def executed(cache: Any, items: list[int]) -> int:
    """Map over *items*, check the results and return how many steps were executed."""
    recorder = Recorder()
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(cache, [recorder]))
    rows = pipeline.map({"x": items}, map_over="x")
    assert [row["y"] for row in rows] == [2 * x for x in items]
    return len(recorder.executed)


SCRIPT = """
import sys, warnings
warnings.simplefilter("error")
from hypernodes import DiskCache, Pipeline, SeqEngine, node

@node(output_name="y")
def work(x):
    return {"x": x, "text": "t" * x}

start = int(sys.argv[1])
pipeline = Pipeline(nodes=[work], engine=SeqEngine(DiskCache("cache")))
sys.stdin.readline()
for turn in range(6):
    items = [start + turn * 20 + n for n in range(60)]
    rows = pipeline.map({"x": items}, map_over="x")
    assert [row["y"]["x"] for row in rows] == items
print("fine")
"""


def test_four_processes_share_a_folder(tmp_path: Path) -> None:
    """Four processes that start on one new folder at once get their results, and no warning."""
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    processes = [
        subprocess.Popen(
            [sys.executable, "script.py", str(number * 10)],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    time.sleep(0.5)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60) for process in processes]
    assert outputs == [("fine\n", "")] * 4
    recorded = DiskCache(tmp_path / "cache").stats()["entries"]
    assert recorded == len(
        {n * 10 + turn * 20 + k for n in range(4) for turn in range(6) for k in range(60)}
    )


def test_threads_with_caches_of_their_own_share_a_folder(tmp_path: Path) -> None:
    """Threads that open one new folder at the same moment, each for itself, all get it."""
    errors: list[Exception] = []

    def work(folder: Path, number: int, barrier: threading.Barrier) -> None:
        cache = DiskCache(folder)
        barrier.wait()
        try:
            cache.put(str(number), number)
            cache.close()
        except Exception as error:
            errors.append(error)

    for attempt in range(60):
        barrier, folder = threading.Barrier(6), tmp_path / str(attempt)
        threads = [threading.Thread(target=work, args=(folder, n, barrier)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []


def test_a_folder_that_another_process_is_creating_is_waited_for(tmp_path: Path) -> None:
    """While another process holds the new database, opening it waits instead of failing."""
    path = tmp_path / "cache" / "index.sqlite"
    path.parent.mkdir()
    with closing(sqlite3.connect(path, check_same_thread=False)) as other:
        other.isolation_level = None
        other.execute("CREATE TABLE half (made)")
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.3, other.execute, ["COMMIT"])
        release.start()
        cache = DiskCache(tmp_path / "cache")
        cache.put("a", 1)
        release.join()
    assert cache.get("a") == 1


def test_two_threads_with_one_pipeline_share_a_cache(tmp_path: Path) -> None:
    """Threads with one engine on disk get right results while both of them write."""
    engine = SeqEngine(DiskCache(tmp_path / "cache"))
    pipeline = Pipeline(nodes=[double], engine=engine)
    errors: list[Any] = []

    def work() -> None:
        for _ in range(10):
            rows = pipeline.map({"x": list(range(40))}, map_over="x")
            if [row["y"] for row in rows] != [2 * x for x in range(40)]:
                errors.append(rows)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_clearing_while_others_run_costs_hits_only(tmp_path: Path) -> None:
    """A folder that is cleared again and again during runs gives right results, silently."""
    cache, other = DiskCache(tmp_path / "cache"), DiskCache(tmp_path / "cache")
    other.put("a", 1)
    cache.put("b", 1)
    is_over = threading.Event()

    def clear() -> None:
        while not is_over.wait(0.005):
            other.clear()

    thread = threading.Thread(target=clear)
    thread.start()
    try:
        for _ in range(15):
            executed(cache, list(range(40)))
    finally:
        is_over.set()
        thread.join()


def _child(cache: DiskCache, queue: Any) -> None:
    queue.put((executed(cache, [1, 2]), executed(cache, [3])))


@posix
@forks
def test_a_fork_goes_on_with_an_open_cache(tmp_path: Path) -> None:
    """A forked child hits what its parent had stored, and stores for the parent."""
    cache = DiskCache(tmp_path / "cache")
    executed(cache, [1, 2])
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_child, args=(cache, queue))
    child.start()
    found = queue.get(timeout=30)
    child.join(30)
    assert (found, child.exitcode, executed(cache, [1, 2, 3])) == ((0, 1), 0, 0)


# what a function reaches by name, so that no cache is captured
open_caches: dict[str, DiskCache] = {}


def in_child(work: Callable[[], object]) -> int:
    """Fork, let the child do *work* and exit, and return its pid."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(3)
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


@posix
def test_a_fork_in_the_middle_of_a_run_loses_nothing(tmp_path: Path) -> None:
    """What the parent has buffered when it forks is written by the parent, and once."""
    cache, folder = DiskCache(tmp_path / "cache"), str(tmp_path / "cache")
    open_caches[folder] = cache

    @node(output_name="y")
    def work(x: int) -> int:
        if x == 3:
            os.waitpid(in_child(lambda: open_caches[folder].put("child", "was here")), 0)
        return x

    pipeline = Pipeline(nodes=[work], engine=SeqEngine(cache))
    pipeline.map({"x": [1, 2, 3, 4]}, map_over="x")
    assert (cache.get("child"), cache.stats()["entries"]) == ("was here", 5)


@posix
@forks
def test_a_fork_while_a_thread_writes_is_not_stuck(tmp_path: Path) -> None:
    """A child forked while another thread holds the cache can use it."""
    cache = DiskCache(tmp_path / "cache")
    cache.put("a", 1)
    with closing(sqlite3.connect(tmp_path / "cache" / "index.sqlite")) as blocker:
        blocker.isolation_level = None
        blocker.execute("BEGIN EXCLUSIVE")
        writer = threading.Thread(target=cache.put, args=("b", 2))
        writer.start()
        # the writer is waiting for the file now, and holds what it holds
        time.sleep(0.2)
        pid = in_child(lambda: cache.get("a"))
        blocker.execute("ROLLBACK")
    writer.join()
    _, status = os.waitpid(pid, 0)
    assert (os.waitstatus_to_exitcode(status), cache.get("b")) == (0, 2)


FULL = """
import random, resource, sys, warnings
from hypernodes import DiskCache, Pipeline, SeqEngine, node

@node(output_name="y")
def work(x):
    return random.Random(x).randbytes(100_000)

resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
pipeline = Pipeline(nodes=[work], engine=SeqEngine(DiskCache("cache")))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    rows = pipeline.map({"x": list(range(100))}, map_over="x")
print([len(row["y"]) for row in rows] == [100_000] * 100, [w.category.__name__ for w in caught])
"""


@posix
def test_a_full_disk_is_one_warning(tmp_path: Path) -> None:
    """Where no more can be written, one warning is given and the run returns everything."""
    (tmp_path / "script.py").write_text(FULL, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("True ['CacheWarning']", "")


READ_ONLY = """
import os, sys, warnings
from hypernodes import DiskCache, Pipeline, Recorder, SeqEngine, node

@node(output_name="y")
def work(x):
    return x

recorder = Recorder()
pipeline = Pipeline(nodes=[work], engine=SeqEngine(DiskCache("cache"), [recorder]))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    rows = pipeline.map({"x": list(range(int(sys.argv[1])))}, map_over="x")
print(len(rows), len(recorder.cached), [w.category.__name__ for w in caught])
"""


def without_privileges() -> None:
    """Let permissions count for root too: drop what overrides them (CAP_DAC_*)."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):
        libc.prctl(24, capability, 0, 0, 0)


def map_elsewhere(folder: Path, count: int) -> str:
    """Map over *count* items in another process that permissions count for."""
    done = subprocess.run(
        [sys.executable, "script.py", str(count)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=without_privileges,
    )
    return done.stdout.strip()


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder with a cache of three results that nobody may write to."""
    (tmp_path / "script.py").write_text(READ_ONLY, encoding="utf-8")
    map_elsewhere(tmp_path, 3)
    cache = tmp_path / "cache"
    for each in [*cache.rglob("*"), cache]:
        each.chmod(0o555 if each.is_dir() else 0o444)
    yield tmp_path
    for each in [cache, *cache.rglob("*")]:
        each.chmod(0o755)


@posix
def test_a_read_only_folder_does_not_end_a_run(read_only: Path) -> None:
    """Where nothing can be stored, the run returns everything, with one warning at most."""
    found = map_elsewhere(read_only, 5)
    assert (found[:2], found.count("Warning") <= 1) == ("5 ", True)


@posix
def test_a_read_only_folder_serves_hits(read_only: Path) -> None:
    """What is there hits also where nothing can be written."""
    assert map_elsewhere(read_only, 3) == "3 3 []"
