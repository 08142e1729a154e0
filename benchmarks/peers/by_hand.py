"""What a good engineer writes without a library: loops, a dictionary of pickles in SQLite."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from contestants import Function, MissingError, functions_of


class ByHand:
    """Loops, and a table of keys and pickles."""

    name = "by hand"

    def build(self, module: ModuleType) -> Callable[[], Any]:
        """Refuse: there is nothing to build."""
        msg = "nothing to build"
        raise MissingError(msg)

    def run(self, module: ModuleType) -> Callable[[], Any]:
        """Call one after another."""
        functions = functions_of(module)

        def call(value: Any = 1) -> Any:
            for function in functions:
                value = function(value)
            return value

        return call

    def map(self, module: ModuleType, items: Sequence[Any]) -> Callable[[], list[Any]]:
        """Loop."""
        run = self.run(module)
        return lambda: [run(item) for item in items]

    def cached(
        self, module: ModuleType, items: Sequence[Any], folder: Path
    ) -> Callable[[], list[Any]]:
        """Hash the pickled argument, look it up, else call and insert; commit at the end."""
        functions = functions_of(module)

        def call() -> list[Any]:
            table = sqlite3.connect(folder / "cache.sqlite")
            table.execute("CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB)")
            found = []
            for item in items:
                value = item
                for function in functions:
                    value = _look_up(table, function, value)
                found.append(value)
            table.commit()
            table.close()
            return found

        return call

    def nested(self, module: ModuleType, rows: list[list[int]]) -> Callable[[], Any]:
        """Loop in a loop."""
        return lambda: [module.total([module.v1(value) for value in row]) for row in rows]

    def parallel(self, module: ModuleType, items: Sequence[int]) -> Callable[[], list[Any]]:
        """Keep a pool of the standard library."""
        pool = multiprocessing.get_context("spawn").Pool(2)
        return lambda: pool.map(module.v1, items)


def _look_up(table: sqlite3.Connection, function: Function, value: Any) -> Any:
    text = pickle.dumps((function.__qualname__, value))
    key = hashlib.sha256(text).digest()
    row = table.execute("SELECT v FROM kv WHERE k = ?", (key,)).fetchone()
    if row is not None:
        return pickle.loads(row[0])
    found = function(value)
    table.execute("INSERT INTO kv VALUES (?, ?)", (key, pickle.dumps(found)))
    return found
