"""Importing, building and warm caches against the same by hand: ``nox -s bench``.

Run and map without a cache are measured by `bench_execution`.
"""

from __future__ import annotations

import hashlib
import pickle
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from timing import Row, compare, print_table

from hypernodes import DiskCache, Pipeline, SeqEngine, node


def make_chain(length: int) -> list[Any]:
    """Return nodes ``v0 -> v1 -> ... -> v<length>``, each adding one."""
    nodes = []
    for number in range(length):
        scope: dict[str, Any] = {}
        exec(f"def step{number}(v{number}): return v{number} + 1", scope)
        nodes.append(node(scope[f"step{number}"], output_name=f"v{number + 1}"))
    return nodes


def importing() -> list[Row]:
    """Compare ``import hypernodes`` with ``import attrs, pluggy``."""

    def start(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    ours = start("from hypernodes import Pipeline, node, SeqEngine, DiskCache")
    bare = start("import attrs, pluggy")
    names = "`from hypernodes import Pipeline, ...` vs `import attrs, pluggy`"
    return [
        compare(
            "`import hypernodes` vs `import attrs, pluggy`",
            start("import hypernodes"),
            bare,
            target=2,
        ),
        compare(names, ours, bare, repeats=5),
    ]


def building() -> list[Row]:
    """Compare the building of long chains with that of short ones, per node."""
    short, long = make_chain(500), make_chain(5000)
    return [
        compare(
            "build 5,000 nodes vs 10 x 500 nodes",
            lambda: Pipeline(long),
            lambda: [Pipeline(short) for _ in range(10)],
            target=2,
            units=5000,
        )
    ]


def caching() -> list[Row]:
    """Compare a warm map with a handwritten SQLite loop: hash, SELECT, loads."""
    items = [f"item {number}" for number in range(5_000)]
    with tempfile.TemporaryDirectory() as folder:
        pipeline = Pipeline(
            make_string_nodes(), engine=SeqEngine(cache=DiskCache(f"{folder}/cache"))
        )
        pipeline.map({"text": items}, map_over="text")
        connection = sqlite3.connect(f"{folder}/by_hand.sqlite")
        connection.execute("CREATE TABLE kv (k BLOB PRIMARY KEY, v BLOB)")
        for item in items:
            for name in ("a", "b"):
                key = hashlib.sha256(f"{name}{item}".encode()).digest()
                connection.execute("INSERT INTO kv VALUES (?, ?)", (key, pickle.dumps(item)))
        connection.commit()

        def by_hand() -> list[dict[str, Any]]:
            found = []
            for item in items:
                row = {}
                for name in ("a", "b"):
                    key = hashlib.sha256(f"{name}{item}".encode()).digest()
                    (value,) = connection.execute("SELECT v FROM kv WHERE k = ?", (key,)).fetchone()
                    row[name] = pickle.loads(value)
                found.append(row)
            return found

        row = compare(
            "warm map of 5,000 items x 2 nodes, per item and node",
            lambda: pipeline.map({"text": items}, map_over="text"),
            by_hand,
            units=10_000,
            repeats=5,
        )
        connection.close()
    return [row]


def make_string_nodes() -> list[Any]:
    """Return two trivial nodes on text."""

    @node(output_name="a")
    def first(text: str) -> str:
        return text + "!"

    @node(output_name="b")
    def second(a: str) -> str:
        return a + "?"

    return [first, second]


if __name__ == "__main__":
    print(f"Python {platform.python_version()} on {platform.machine()}, medians, one process")
    print_table("Import", importing())
    print_table("Build", building())
    print_table("Warm cache", caching())
