"""The SQLite file of a disk cache: one connection per process, safe to fork.

Records are clustered by (node, item), so that the entries of one node lie
together and a bulk lookup touches few pages; values lie in a table of their
own, by digest.  Nothing here knows what the bytes mean.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hypernodes.errors import CacheUnavailableError

if TYPE_CHECKING:
    from sqlite3 import Connection

SCHEMA_VERSION: Final = 1
_BATCH: Final = 500
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
    node BLOB NOT NULL, item BLOB NOT NULL, digests BLOB NOT NULL,
    seconds REAL NOT NULL, created REAL NOT NULL,
    PRIMARY KEY (node, item)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS payloads (
    digest BLOB PRIMARY KEY, serializer TEXT NOT NULL, version INTEGER NOT NULL,
    checksum BLOB NOT NULL, data BLOB NOT NULL);
"""
# connections of the parent process: closing one here could disturb the parent
_inherited: Final[list[Connection]] = []


class Index:
    """The open SQLite file at *path*; reopened after a fork or a deletion."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.lock: Final = threading.RLock()
        self._connection: Connection | None = None
        self._identity: tuple[int, int] = (0, 0)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Hold the lock and give the connection; any SQLite error becomes one of ours.

        Raises:
            CacheUnavailableError: The file cannot be opened, read or written.
        """
        # deferred: a run without a disk cache never needs it
        import sqlite3

        with self.lock:
            try:
                connection = self._open()
                with connection:
                    yield connection
            except (sqlite3.Error, OSError) as error:
                msg = f"cache at {self.path.parent} cannot be used: {error}"
                raise CacheUnavailableError(msg) from error

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self.lock:
            if self._connection is not None and self._identity[0] == os.getpid():
                self._connection.close()
            self._connection = None

    def select(self, query: str, keys: Sequence[bytes], *first: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of ``query IN (keys)``, some hundred keys at a time."""
        with self.connection() as connection:
            for start in range(0, len(keys), _BATCH):
                some = keys[start : start + _BATCH]
                marks = ",".join("?" * len(some))
                yield from connection.execute(f"{query} IN ({marks})", (*first, *some)).fetchall()

    def _open(self) -> Connection:
        current = self._current_identity()
        if self._connection is not None and current == self._identity:
            return self._connection
        self._forget()
        # deferred: see connection()
        import sqlite3

        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(self.path, timeout=30, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        self._connection = connection
        self._identity = self._current_identity()
        weakref.finalize(self, _close_quietly, connection, os.getpid())
        return connection

    def _current_identity(self) -> tuple[int, int]:
        """Return (process, file): a change of either asks for a new connection."""
        try:
            return os.getpid(), self.path.stat().st_ino
        except FileNotFoundError:
            return os.getpid(), 0

    def _forget(self) -> None:
        if self._connection is None:
            return
        if self._identity[0] == os.getpid():
            self._connection.close()
        else:
            _inherited.append(self._connection)
        self._connection = None


def _close_quietly(connection: Connection, pid: int) -> None:
    if pid == os.getpid():
        connection.close()
    else:
        _inherited.append(connection)
