"""The local store against SQLite by hand: ``python benchmarks/bench_store.py``.

Yardsticks are loops over a plain table ``kv (k BLOB PRIMARY KEY, v BLOB)`` in
WAL mode, as one writes them: one SELECT per key, one ``executemany`` for all.
They neither sign nor check what they keep.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from timing import Row, compare, print_table

from hypernodes import DiskCache, Pipeline, SeqEngine, node
from hypernodes.cache import Entry, Result
from hypernodes.hashing import Signature

NODE = b"n" * 16
KEY = "a key of benchmarks"


def make_results(count: int, size: int, seed: int = 0) -> list[Result]:
    """Return results of one node with values of *size* bytes that do not compress."""
    chance = random.Random(seed)
    return [
        Result(
            Entry(Signature(NODE, chance.randbytes(16)), (chance.randbytes(32),), 0.0, 1e9),
            (chance.randbytes(size),),
        )
        for _ in range(count)
    ]


@contextmanager
def by_hand(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the plain table."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB)")
        yield connection


def insert(connection: sqlite3.Connection, results: Sequence[Result]) -> None:
    """Put pickles of all values into the plain table, in one transaction."""
    rows = ((r.entry.signature.item, pickle.dumps(r.values[0])) for r in results)
    with connection:
        connection.executemany("INSERT OR REPLACE INTO kv VALUES (?, ?)", rows)


def reading(root: Path, count: int, asked: int, size: int) -> list[Row]:
    """Compare bulk reads of some of the keys, and of keys that are not there."""
    results = make_results(count, size)
    cache = DiskCache(root / f"read {size}", key=KEY)
    cache.store_many(results)
    cache.flush()
    some = random.Random(1).sample(results, asked)
    keys = [result.entry.signature for result in some]
    absent = [Signature(NODE, os.urandom(16)) for _ in keys]

    def get() -> list[Any]:
        entries = cache.lookup_many(keys)
        return cache.load_many([(entry, 0) for entry in entries if isinstance(entry, Entry)])

    with by_hand(root / f"read {size}.sqlite") as connection:
        insert(connection, results)

        def select() -> list[Any]:
            execute = connection.execute
            query = "SELECT v FROM kv WHERE k = ?"
            return [execute(query, (key.item,)).fetchone() for key in keys]

        def select_and_load() -> list[Any]:
            return [pickle.loads(value) for (value,) in select()]

        assert get() == select_and_load()
        label = f"{asked:,} of {count:,} x {size:,} B"
        rows = [
            compare(
                f"bulk get, checked and decoded: {label}", get, select, target=0.7, units=asked
            ),
            compare("the same, the yardstick decoding too", get, select_and_load, units=asked),
            compare("bulk lookup, checked", lambda: cache.lookup_many(keys), select, units=asked),
            compare(
                "bulk miss",
                lambda: cache.lookup_many(absent),
                select,
                target=0.25,
                units=asked,
            ),
        ]
    cache.close()
    return rows


def writing(root: Path, count: int, size: int) -> Row:
    """Compare a bulk put, signed, with one transaction."""
    turns = [make_results(count, size, seed) for seed in range(6)]
    ours, theirs = iter(turns), iter(turns)
    cache = DiskCache(root / f"write {size}", key=KEY)

    def put() -> None:
        cache.store_many(next(ours))
        cache.flush()

    with by_hand(root / f"write {size}.sqlite") as connection:
        return compare(
            f"bulk put, signed: {count:,} x {size:,} B",
            put,
            lambda: insert(connection, next(theirs)),
            target=1.2,
            units=count,
            repeats=5,
        )


def opening(root: Path, many: int) -> Row:
    """Compare the opening of a large store, and one get, with that of a small one."""
    caches = []
    for count in (1_000, many):
        cache = DiskCache(root / f"open {count}", key=KEY)
        cache.store_many(make_results(1_000, 100))
        cache.put("known", 1)
        # rows alone: only the size of the index matters here
        with closing(sqlite3.connect(cache.path / "index.sqlite")) as connection, connection:
            connection.execute(
                "INSERT INTO records "
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
                "SELECT i * 9223372036854, 1, 1, 1, 1, 1, x'00', 1, 1, 1.0, 1.0 FROM n",
                (count,),
            )
        cache.close()
        caches.append(cache)

    def start(cache: DiskCache) -> Callable[[], None]:
        def run() -> None:
            assert cache.get("known") == 1
            cache.close()

        return run

    return compare(f"open + get at {many:,} entries vs 1,000", *map(start, caches[::-1]), target=5)


WRITER = """
import sys
from hypernodes import DiskCache
cache = DiskCache(sys.argv[1], key="a key of benchmarks")
cache.put("warm", 1)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    cache.put(f"{sys.argv[2]} {number}", bytes(100))
print("done", flush=True)
sys.stdin.readline()
"""


def sharing(root: Path, puts: int) -> Row:
    """Compare four processes that put single values with one that puts as many."""
    turns = iter(range(100))

    def start(count: int) -> Callable[[], None]:
        folder = root / f"share {next(turns)}"
        command = [sys.executable, "-c", WRITER, str(folder)]
        processes = [
            subprocess.Popen(
                [*command, str(number), str(puts // count)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(count)
        ]

        def run() -> None:
            for process in processes:
                print(file=process.stdin, flush=True)
            assert [process.stdout.readline() for process in processes if process.stdout]

        return run

    ones, fours = iter([start(1) for _ in range(4)]), iter([start(4) for _ in range(4)])

    def put_by(waiting: Iterator[Callable[[], None]]) -> None:
        put = next(waiting)
        put()

    return compare(
        f"{puts:,} single puts by 4 processes vs by 1",
        partial(put_by, fours),
        partial(put_by, ones),
        target=1 / 0.7,
        units=puts,
        repeats=3,
    )


def mapping(root: Path, count: int) -> list[Row]:
    """Compare a warm map of small texts with a loop: hash, SELECT, loads.

    An exact repeat is answered by chunk.  One that begins at another item each
    time has chunks that were never asked for, and is answered by record.
    """

    @node(output_name="a")
    def first(text: str) -> str:
        return text + "!"

    @node(output_name="b")
    def second(a: str) -> str:
        return a + "?"

    items = [f"item {number}" for number in range(count)]
    engine = SeqEngine(cache=DiskCache(root / "map", key=KEY))
    pipeline = Pipeline(nodes=[first, second], engine=engine)
    pipeline.map({"text": items}, map_over="text")
    with by_hand(root / "map.sqlite") as connection:

        def digest(name: str, item: str) -> bytes:
            return hashlib.sha256(f"{name}{item}".encode()).digest()

        with connection:
            connection.executemany(
                "INSERT INTO kv VALUES (?, ?)",
                [(digest(name, item), pickle.dumps(item)) for item in items for name in "ab"],
            )

        def loop() -> list[dict[str, Any]]:
            execute, query = connection.execute, "SELECT v FROM kv WHERE k = ?"
            return [
                {n: pickle.loads(execute(query, (digest(n, i),)).fetchone()[0]) for n in "ab"}
                for i in items
            ]

        firsts = iter(range(1, 10))
        label = f"warm map of {count:,} items x 2 nodes, per item and node"
        return [
            compare(f"{label}: {what}", repeat, loop, target=target, units=2 * count, repeats=5)
            for what, repeat, target in (
                ("exact repeats", lambda: pipeline.map({"text": items}, map_over="text"), 0.6),
                (
                    "from another item each time",
                    lambda: pipeline.map({"text": items[next(firsts) :]}, map_over="text"),
                    None,
                ),
            )
        ]


def measure_entry(root: Path, count: int) -> float:
    """Return the bytes on disk per entry of 100 bytes."""
    cache = DiskCache(root / "entries", key=KEY)
    for start in range(0, count, 1_000):
        cache.store_many(make_results(1_000, 100, start))
    cache.close()
    files = [path for path in cache.path.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files) / count


if __name__ == "__main__":
    print(f"Python {platform.python_version()} on {platform.machine()}, medians, one process")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        print_table(
            "Reading", [*reading(root, 50_000, 5_000, 100), *reading(root, 5_000, 2_000, 10_000)]
        )
        print_table("Writing", [writing(root, 20_000, 100), writing(root, 1_000, 10_000)])
        print_table("Opening and sharing", [opening(root, 1_000_000), sharing(root, 2_000)])
        print_table("Warm map", mapping(root, 10_000))
        print(f"\n{measure_entry(root, 20_000):.0f} bytes on disk per entry of 100 bytes")
