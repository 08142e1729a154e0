"""The SQLite file of a local store: one connection per process, safe to fork.

Decides how the file is opened, shared and given up; what its rows say is in
`_rows`.  Readers and writers do not block each other, writers wait for each
other.

A folder that cannot be written is opened for reading.  SQLite needs to write
beside a file in WAL mode to read it, unless a writer has made what it needs.
Else the file is taken as immutable where there is no log beside it, and
copied away together with its log where there is one.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hypernodes.cache._rows import FORGET, SCHEMA, SCHEMA_VERSION
from hypernodes.cache._segments import PRIVATE, SHARED, create_file, make_folder
from hypernodes.errors import CacheUnavailableError

if TYPE_CHECKING:
    from sqlite3 import Connection, Error

_BUSY_SECONDS: Final = 30.0
# "HNOD": tells our damaged file from a foreign one
_APPLICATION: Final = 0x484E4F44
_MAGIC: Final = b"SQLite format 3\0"
_APPLICATION_AT: Final = 68
_CORRUPT: Final = 11
_FORK_SECONDS: Final = 0.25
_COPY_TRIES: Final = 5

# connections of the parent process: closing one here could disturb the parent
_inherited: Final[list[Connection]] = []
# locks that are held while this process forks
_held: Final[list[threading.RLock]] = []
_indexes: Final[weakref.WeakSet[Index]] = weakref.WeakSet()


class Index:
    """The open SQLite file at *path*; opened again after a fork or a deletion.

    Args:
        path: The file.
        is_shared: Let the group of the folder read and write.

    Attributes:
        path: The file.
        lock: Held while the connection is used.
        is_read_only: Whether nothing can be written; known once it was opened.
    """

    def __init__(self, path: Path, is_shared: bool = False) -> None:
        self.path: Final = path
        self.lock = threading.RLock()
        self.is_read_only = False
        self._mode: Final = SHARED if is_shared else PRIVATE
        self._connection: Connection | None = None
        self._inode = 0
        _indexes.add(self)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Hold the lock and give the connection; each statement sees what is there by then.

        Raises:
            CacheUnavailableError: The file cannot be opened or read.
        """
        # deferred: a run without a disk cache never needs it
        import sqlite3

        with self.lock:
            try:
                yield self._current()
            except (sqlite3.Error, OSError) as error:
                kept = self._set_aside(error)
                msg = f"cache at {self.path.parent} cannot be used: {error}{kept}"
                raise CacheUnavailableError(msg) from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Do the same in one transaction; of several writers one goes on, the others wait.

        Raises:
            CacheUnavailableError: The file cannot be opened, read or written.
        """
        with self.reading() as connection:
            if connection.in_transaction:
                # an interrupt fell between the lines of one that went before
                connection.execute("ROLLBACK")
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def after_fork(self) -> None:
        """Let go, in the child, of what belongs to the parent: its connection and its lock."""
        self.lock = threading.RLock()
        if self._connection is not None:
            _inherited.append(self._connection)
        self._connection = None

    def _current(self) -> Connection:
        if self._connection is None or _find_inode(self.path) != self._inode:
            self.close()
            self._connection, self.is_read_only = _open(self.path, self._mode)
            self._inode = _find_inode(self.path)
            weakref.finalize(self, _close_quietly, self._connection, os.getpid())
        return self._connection

    def _set_aside(self, error: Error | OSError) -> str:
        """Move a damaged file of ours out of the way; say so."""
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) != _CORRUPT or self.is_read_only:
            return ""
        if _find_inode(self.path) != self._inode or not _is_ours(self.path):
            return ""
        self.close()
        kept = self.path.with_name(f"damaged-{secrets.token_hex(4)}.sqlite")
        with contextlib.suppress(OSError):
            # a log that was left would be taken for the log of the next file
            for end in ("-wal", "-shm"):
                self.path.with_name(self.path.name + end).unlink(missing_ok=True)
            self.path.replace(kept)
            return f"; it is kept as {kept.name}, and the next use begins a new one"
        return ""


def _find_inode(path: Path) -> int:
    """Return what identifies the file, so that a deleted one is noticed."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _is_ours(path: Path) -> bool:
    with contextlib.suppress(OSError), path.open("rb") as file:
        head = file.read(100)
        mark = head[_APPLICATION_AT : _APPLICATION_AT + 4]
        return head.startswith(_MAGIC) and mark == _APPLICATION.to_bytes(4, "big")
    return False


def _open(path: Path, mode: int) -> tuple[Connection, bool]:
    """Return a connection to *path*, created where it is not there, and whether it only reads."""
    if path.exists() and not (os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)):
        return _open_read_only(path), True
    make_folder(path.parent, mode)
    if not path.exists():
        # SQLite gives its log the same permissions
        with contextlib.suppress(FileExistsError):
            os.close(create_file(path, mode))
    connection = _connect(str(path))
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection, False


def _connect(target: str, uri: bool = False) -> Connection:
    # deferred: see Index.reading()
    import sqlite3

    connection = sqlite3.connect(
        target, timeout=_BUSY_SECONDS, check_same_thread=False, uri=uri, isolation_level=None
    )
    # a damaged text is no reason to fail
    connection.text_factory = _decode
    return connection


def _prepare(connection: Connection, path: Path) -> None:
    """Set the file up; others may be doing the same."""
    # deferred: see Index.reading()
    import sqlite3

    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            # a row that is replaced is one that is deleted
            connection.execute("PRAGMA recursive_triggers=ON")
            if _read_version(connection, path) != SCHEMA_VERSION:
                _create_tables(connection, path)
        except sqlite3.OperationalError as error:
            # switching to WAL does not wait for other openers by itself
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _read_version(connection: Connection, path: Path) -> int:
    """Return which format the tables have.

    Raises:
        CacheUnavailableError: A newer one than ours.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        msg = (
            f"cache at {path.parent} was written by a newer hypernodes (format {version}, "
            f"this one knows {SCHEMA_VERSION}); upgrade, or give the cache another folder"
        )
        raise CacheUnavailableError(msg)
    return int(version)


def _create_tables(connection: Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _read_version(connection, path)
        # what an older version wrote is not read, so it only takes space
        for statement in (*(FORGET if version else ()), *SCHEMA):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id={_APPLICATION}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _open_read_only(path: Path) -> Connection:
    # deferred: see Index.reading()
    import sqlite3

    log, shared = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    if not log.exists() or log.stat().st_size == 0:
        connection = _connect(f"{path.as_uri()}?immutable=1", uri=True)
        _read_version(connection, path)
        return connection
    if shared.exists():
        # a writer is at work, or was: what it has made serves readers too
        connection = _connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:
            _read_version(connection, path)
        except sqlite3.OperationalError:
            connection.close()
        else:
            return connection
    return _open_copy(path, log)


def _open_copy(path: Path, log: Path) -> Connection:
    """Return a connection to a copy of *path* and its log, taken while neither was rewritten."""
    folder = tempfile.mkdtemp(prefix="hypernodes-read-only-")
    try:
        for _ in range(_COPY_TRIES):
            before = _snapshot(path, log)
            for file in (path, log):
                shutil.copyfile(file, Path(folder) / file.name)
            if _snapshot(path, log) == before:
                break
        connection = _connect(str(Path(folder) / path.name))
        # the copy is open from here on: nobody else needs to find it
        _read_version(connection, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return connection


def _snapshot(path: Path, log: Path) -> tuple[int, bytes]:
    """Return what changes when the log is written back into the file, and begun anew."""
    with log.open("rb") as file:
        return path.stat().st_mtime_ns, file.read(32)


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _close_quietly(connection: Connection, pid: int) -> None:
    if pid == os.getpid():
        connection.close()
    else:
        _inherited.append(connection)


def _before_fork() -> None:
    """Wait until no thread is inside SQLite, whose own locks a child would inherit locked.

    A thread that waits for another process holds none of them, so the wait is short.
    """
    deadline = time.monotonic() + _FORK_SECONDS
    for index in list(_indexes):
        if index.lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            _held.append(index.lock)


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop().release()


def _after_fork_in_child() -> None:
    _held.clear()
    for index in list(_indexes):
        index.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
