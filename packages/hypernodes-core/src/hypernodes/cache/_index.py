"""The SQLite file of a disk cache: one connection per process, safe to fork.

Records are clustered by (node, item), so that the entries of one node lie
together and a bulk lookup touches few pages; values lie in a table of their
own, by digest.  Nothing here knows what the bytes mean.

A folder that cannot be written is opened for reading.  SQLite needs to write
beside a file in WAL mode even to read it, so the file is taken as immutable
where there is no log beside it, and copied away together with its log where
there is one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hypernodes.errors import CacheUnavailableError

if TYPE_CHECKING:
    from sqlite3 import Connection

SCHEMA_VERSION: Final = 2
_BATCH: Final = 500
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
    node BLOB NOT NULL, item BLOB NOT NULL, digests BLOB NOT NULL,
    seconds REAL NOT NULL, created REAL NOT NULL, arguments TEXT NOT NULL,
    PRIMARY KEY (node, item)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS nodes (
    node BLOB PRIMARY KEY, step TEXT NOT NULL, parts TEXT NOT NULL, created REAL NOT NULL);
CREATE INDEX IF NOT EXISTS nodes_by_step ON nodes (step, created);
CREATE TABLE IF NOT EXISTS payloads (
    digest BLOB PRIMARY KEY, serializer TEXT NOT NULL, version INTEGER NOT NULL,
    checksum BLOB NOT NULL, data BLOB NOT NULL);
"""
_FORGET: Final = """
DROP TABLE IF EXISTS records; DROP TABLE IF EXISTS payloads; DROP TABLE IF EXISTS nodes;
"""
_BUSY_SECONDS: Final = 30.0

# connections of the parent process: closing one here could disturb the parent
_inherited: Final[list[Connection]] = []
_indexes: Final[weakref.WeakSet[Index]] = weakref.WeakSet()


class Index:
    """The open SQLite file at *path*; opened again after a fork or a deletion.

    Attributes:
        path: The file.
        lock: Held while the connection is used.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.lock = threading.RLock()
        self._connection: Connection | None = None
        self._inode = 0
        _indexes.add(self)

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        """Hold the lock and give the connection; any SQLite error becomes one of ours.

        Raises:
            CacheUnavailableError: The file cannot be opened, read or written.
        """
        # deferred: a run without a disk cache never needs it
        import sqlite3

        with self.lock:
            try:
                connection = self._current()
                with connection:
                    yield connection
            except (sqlite3.Error, OSError) as error:
                msg = f"cache at {self.path.parent} cannot be used: {error}"
                raise CacheUnavailableError(msg) from error

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def select(self, query: str, keys: Sequence[bytes], *first: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of ``query IN (keys)``, some hundred keys at a time."""
        with self.connection() as connection:
            for start in range(0, len(keys), _BATCH):
                some = keys[start : start + _BATCH]
                marks = ",".join("?" * len(some))
                yield from connection.execute(f"{query} IN ({marks})", (*first, *some)).fetchall()

    def after_fork(self) -> None:
        """Let go, in the child, of what belongs to the parent: its connection and its lock."""
        self.lock = threading.RLock()
        if self._connection is not None:
            _inherited.append(self._connection)
        self._connection = None

    def _current(self) -> Connection:
        if self._connection is None or self._find_inode() != self._inode:
            self.close()
            self._connection = _open(self.path)
            self._inode = self._find_inode()
            weakref.finalize(self, _close_quietly, self._connection, os.getpid())
        return self._connection

    def _find_inode(self) -> int:
        """Return what identifies the file, so that a deleted one is noticed."""
        try:
            return self.path.stat().st_ino
        except FileNotFoundError:
            return 0


def _open(path: Path) -> Connection:
    """Return a connection to *path*, created where it is not there."""
    if path.exists() and not os.access(path.parent, os.W_OK):
        return _open_read_only(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    connection = _connect(str(path))
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(target: str, uri: bool = False) -> Connection:
    # deferred: see Index.connection()
    import sqlite3

    connection = sqlite3.connect(target, timeout=_BUSY_SECONDS, check_same_thread=False, uri=uri)
    # a damaged text is found by its checksum, not by failing to decode
    connection.text_factory = _decode
    return connection


def _prepare(connection: Connection) -> None:
    """Set the file up; others may be doing the same."""
    # deferred: see Index.connection()
    import sqlite3

    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != SCHEMA_VERSION:
                # what another version wrote is not read, so it only takes space
                connection.executescript(_FORGET if version else "")
                connection.executescript(_SCHEMA)
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        except sqlite3.OperationalError as error:
            # switching to WAL does not wait for other openers by itself
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _open_read_only(path: Path) -> Connection:
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or log.stat().st_size == 0:
        return _connect(f"{path.as_uri()}?immutable=1", uri=True)
    folder = tempfile.mkdtemp(prefix="hypernodes-read-only-")
    try:
        for file in (path, log):
            shutil.copy(file, folder)
        connection = _connect(str(Path(folder) / path.name))
        # the copy is open from here on: nobody else needs to find it
        connection.execute("SELECT COUNT(*) FROM records").fetchone()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return connection


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _close_quietly(connection: Connection, pid: int) -> None:
    if pid == os.getpid():
        connection.close()
    else:
        _inherited.append(connection)


def _after_fork() -> None:
    for index in list(_indexes):
        index.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
