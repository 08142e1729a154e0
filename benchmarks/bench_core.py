"""The core against the loop you would write yourself: ``nox -s bench``."""

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


def handwritten_chain(length: int) -> Callable[[int], dict[str, int]]:
    """Return the same by hand: one call per node, results in a dict."""
    functions = [each.func for each in make_chain(length)]
    names = [f"v{number + 1}" for number in range(length)]

    def run(value: int) -> dict[str, int]:
        results = {}
        for name, function in zip(names, functions, strict=True):
            value = results[name] = function(value)
        return results

    return run


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


def running() -> list[Row]:
    """Compare run and map with handwritten loops."""
    rows = []
    for length in (2, 100, 5000):
        pipeline, by_hand = Pipeline(make_chain(length)), handwritten_chain(length)
        repeats = range(max(1, 2000 // length))
        rows.append(
            compare(
                f"run of {length} trivial nodes, per node",
                lambda: [pipeline.run({"v0": 1}) for _ in repeats],  # noqa: B023 - called at once
                lambda: [by_hand(1) for _ in repeats],  # noqa: B023
                units=length * len(repeats),
            )
        )
    pipeline, by_hand = Pipeline(make_chain(2)), handwritten_chain(2)
    for count in (1_000, 100_000):
        items = list(range(count))
        rows.append(
            compare(
                f"map of {count:,} items x 2 trivial nodes, per item",
                lambda: pipeline.map({"v0": items}, map_over="v0"),  # noqa: B023
                lambda: [by_hand(item) for item in items],  # noqa: B023
                units=count,
                repeats=5,
            )
        )
    return rows


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
    print_table("Run and map without a cache", running())
    print_table("Warm cache", caching())
