"""A local copy of what the index objects of one remote store say.

It answers misses without a request and tells where values lie.  It holds
nothing that the store does not hold: whatever is wrong with it, it is thrown
away and filled again.  Nothing in it is trusted, because records and values
are checked when they are used.

The file lies in the user's cache folder and is shared by the processes of
this host; where it cannot be written, the copy is kept in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from hypernodes.cache._packs import Packed
from hypernodes.errors import CacheUnavailableError
from hypernodes.hashing import Signature

if TYPE_CHECKING:
    from sqlite3 import Connection

T = TypeVar("T")

_FORMAT: Final = 1
_BATCH: Final = 500
_BUSY_SECONDS: Final = 10.0
_TABLES: Final = ("objects", "records", "places", "nodes")
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
    number INTEGER PRIMARY KEY, name TEXT UNIQUE, size INTEGER, created REAL,
    pack_bytes INTEGER, records INTEGER, is_usable INTEGER);
CREATE TABLE IF NOT EXISTS records (
    node BLOB, item BLOB, object INTEGER, created REAL, record BLOB,
    PRIMARY KEY (node, item)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_by_object ON records (object);
CREATE TABLE IF NOT EXISTS places (
    digest BLOB PRIMARY KEY, object INTEGER, created REAL, start INTEGER, size INTEGER,
    data BLOB);
CREATE INDEX IF NOT EXISTS places_by_object ON places (object);
CREATE TABLE IF NOT EXISTS nodes (node BLOB PRIMARY KEY, parts TEXT, object INTEGER);
"""
# connections of the parent process: closing one here could disturb the parent
_inherited: Final[list[Any]] = []


@attrs.frozen
class Place:
    """Where a value lies.

    Attributes:
        object: The name of the index object that tells.
        start: Its first byte in the pack.
        size: How many bytes it has.
        data: The bytes themselves, where there is no pack.
    """

    object: str
    start: int
    size: int
    data: bytes | None


class Mirror:
    """The copy for the store at *url* and the key called *key_id*.

    Args:
        url: The store.
        key_id: The public name of a key; copies for other keys are other files.
        folder: Where it lies; None for the user's cache folder.
    """

    def __init__(self, url: str, key_id: bytes, folder: str | os.PathLike[str] | None) -> None:
        name = hashlib.sha256(f"{_FORMAT} {key_id.hex()} {url}".encode()).hexdigest()[:32]
        self.path: Final = _find_folder(folder) / f"{name}.sqlite"
        self._connection: Connection | None = None
        self._pid = 0
        self._lock = threading.RLock()

    def known(self) -> dict[str, int]:
        """Return the names and sizes of the index objects that were copied."""
        return dict(self._do(lambda c: c.execute("SELECT name, size FROM objects").fetchall()))

    def usable(self) -> list[tuple[str, float, int, int]]:
        """Return name, time, pack size and number of records of each object, the oldest first."""
        query = (
            "SELECT name, created, pack_bytes, records FROM objects "
            "WHERE is_usable ORDER BY created, name"
        )
        return self._do(lambda c: c.execute(query).fetchall())

    def add(self, name: str, size: int, packed: Packed | None) -> None:
        """Copy what an index object says; None for one that cannot be used."""

        def insert(connection: Connection) -> None:
            _insert(connection, name, size, packed)

        self._do(insert)

    def drop(self, names: Iterable[str]) -> None:
        """Forget what some index objects said."""

        def delete(connection: Connection) -> None:
            for name in names:
                query = "(SELECT number FROM objects WHERE name = ?)"
                for table in _TABLES[1:]:
                    connection.execute(f"DELETE FROM {table} WHERE object IN {query}", (name,))
                connection.execute("DELETE FROM objects WHERE name = ?", (name,))

        self._do(delete)

    def clear(self) -> None:
        """Forget everything."""

        def delete(connection: Connection) -> None:
            for table in _TABLES:
                connection.execute(f"DELETE FROM {table}")

        self._do(delete)

    def records(self, signatures: Iterable[Signature]) -> list[tuple[Signature, bytes]]:
        """Return the signed records under *signatures*, as far as they are here."""
        by_node: dict[bytes, list[bytes]] = {}
        for key in signatures:
            by_node.setdefault(key.node, []).append(key.item)
        query = "SELECT item, record FROM records WHERE node = ? AND item"
        return [
            (Signature(node, item), record)
            for node, items in by_node.items()
            for item, record in self._select(query, sorted(items), node)
        ]

    def records_of(self, name: str) -> list[tuple[Signature, bytes]]:
        """Return the signed records that are taken from one index object."""
        query = (
            "SELECT node, item, record FROM records WHERE object = "
            "(SELECT number FROM objects WHERE name = ?)"
        )
        rows = self._do(lambda c: c.execute(query, (name,)).fetchall())
        return [(Signature(node, item), record) for node, item, record in rows]

    def places_of(self, name: str) -> dict[bytes, Place]:
        """Return the values that are taken from one index object."""
        query = (
            "SELECT digest, name, start, places.size, data FROM places "
            "JOIN objects ON number = object WHERE name = ?"
        )
        rows = self._do(lambda c: c.execute(query, (name,)).fetchall())
        return {row[0]: Place(*row[1:]) for row in rows}

    def nodes_of(self, name: str) -> dict[bytes, str]:
        """Return the nodes that one index object describes."""
        query = (
            "SELECT node, parts FROM nodes WHERE object = "
            "(SELECT number FROM objects WHERE name = ?)"
        )
        return dict(self._do(lambda c: c.execute(query, (name,)).fetchall()))

    def latest(self, node: bytes, most: int) -> list[tuple[Signature, bytes]]:
        """Return signed records of *node*, the latest first, at most so many."""
        query = "SELECT item, record FROM records WHERE node = ? ORDER BY created DESC LIMIT ?"
        rows = self._do(lambda c: c.execute(query, (node, most)).fetchall())
        return [(Signature(node, item), record) for item, record in rows]

    def places(self, digests: Iterable[bytes]) -> dict[bytes, Place]:
        """Return where the values called *digests* lie, as far as they are known."""
        query = (
            "SELECT digest, name, start, places.size, data FROM places "
            "JOIN objects ON number = object WHERE digest"
        )
        return {row[0]: Place(*row[1:]) for row in self._select(query, sorted(set(digests)))}

    def forget_values(self, digests: Iterable[bytes]) -> None:
        """Forget where values lie that turned out to be unusable."""
        rows = [(digest,) for digest in digests]
        self._do(lambda c: c.executemany("DELETE FROM places WHERE digest = ?", rows))

    def nodes(self) -> dict[bytes, str]:
        """Return what the node halves of keys were made of, the latest first."""
        query = "SELECT node, parts FROM nodes ORDER BY object DESC"
        return dict(self._do(lambda c: c.execute(query).fetchall()))

    def has_node(self, node: bytes) -> bool:
        """Say whether *node* is described."""
        query = "SELECT 1 FROM nodes WHERE node = ?"
        return bool(self._do(lambda c: c.execute(query, (node,)).fetchone()))

    def count(self) -> Mapping[str, int]:
        """Return how much the store holds, by kind."""
        query = (
            "SELECT (SELECT COUNT(*) FROM records), (SELECT COUNT(*) FROM objects WHERE is_usable),"
            " (SELECT COALESCE(SUM(size + pack_bytes), 0) FROM objects WHERE is_usable)"
        )
        found = self._do(lambda c: c.execute(query).fetchone())
        return dict(zip(("entries", "objects", "bytes"), found, strict=True))

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def after_fork(self) -> None:
        """Let go, in the child, of what belongs to the parent."""
        self._lock = threading.RLock()
        _inherited.append(self._connection)
        self._connection = None

    def _select(self, query: str, keys: Sequence[bytes], *first: Any) -> Iterator[Any]:
        for start in range(0, len(keys), _BATCH):
            some = keys[start : start + _BATCH]
            whole = f"{query} IN ({','.join('?' * len(some))})"
            values = (*first, *some)
            yield from self._do(partial(_fetch, query=whole, values=values))

    def _do(self, work: Callable[[Connection], T]) -> T:
        """Do *work* in a transaction; start over with an empty copy if this one is damaged."""
        # deferred: a run without a disk cache never needs it
        import sqlite3

        with self._lock:
            try:
                connection = self._current()
                with connection:
                    return work(connection)
            except (sqlite3.Error, OSError):
                self._discard()
            try:
                connection = self._current()
                with connection:
                    return work(connection)
            except (sqlite3.Error, OSError) as error:
                msg = f"the local copy {self.path} cannot be used: {error}"
                raise CacheUnavailableError(msg) from error

    def _discard(self) -> None:
        self.close()
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self.path.with_name(f"{self.path.name}{suffix}").unlink()

    def _current(self) -> Connection:
        if self._connection is None:
            self._connection = _open(self.path)
            self._pid = os.getpid()
            weakref.finalize(self, _close_quietly, self._connection, self._pid)
        return self._connection


def _fetch(connection: Connection, query: str, values: tuple[Any, ...]) -> list[Any]:
    return connection.execute(query, values).fetchall()


def _close_quietly(connection: Connection, pid: int) -> None:
    if pid == os.getpid():
        connection.close()
    else:
        _inherited.append(connection)


def _find_folder(folder: str | os.PathLike[str] | None) -> Path:
    if folder is not None:
        return Path(folder)
    root = os.environ.get("XDG_CACHE_HOME")
    try:
        home = Path(root) if root else Path.home() / ".cache"
    except RuntimeError:
        # no home: the copy will be kept in memory
        home = Path(os.devnull)
    return home / "hypernodes" / "mirrors"


def _open(path: Path) -> Connection:
    # deferred: as above
    import sqlite3

    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = _prepare(str(path))
    except OSError:
        return _prepare(":memory:")
    except sqlite3.OperationalError:
        if os.access(path.parent, os.W_OK):
            raise
        return _prepare(":memory:")
    return connection


def _prepare(target: str) -> Connection:
    # deferred: as above
    import sqlite3

    connection = sqlite3.connect(target, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        # what a crash loses is copied again
        connection.execute("PRAGMA synchronous=OFF")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _insert(connection: Connection, name: str, size: int, packed: Packed | None) -> None:
    head = (name, size, 0.0, 0, 0, 0)
    if packed is not None:
        head = (name, size, packed.created, packed.pack_bytes, len(packed.records), 1)
    row = connection.execute(
        "INSERT INTO objects (name, size, created, pack_bytes, records, is_usable) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET size = excluded.size, "
        "created = excluded.created, pack_bytes = excluded.pack_bytes, "
        "records = excluded.records, is_usable = excluded.is_usable RETURNING number",
        head,
    ).fetchone()
    if packed is None:
        return
    number, created, is_inside = row[0], packed.created, not packed.pack_bytes
    later = "DO UPDATE SET object = excluded.object, created = excluded.created"
    unless_older = "WHERE excluded.created >= created"
    connection.executemany(
        f"INSERT INTO records VALUES (?, ?, ?, ?, ?) ON CONFLICT (node, item) {later}, "
        f"record = excluded.record {unless_older}",
        [(key.node, key.item, number, created, record) for key, record in packed.records],
    )
    connection.executemany(
        f"INSERT INTO places VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) {later}, "
        f"start = excluded.start, size = excluded.size, data = excluded.data {unless_older}",
        [
            (digest, number, created, at, n, packed.data[at : at + n] if is_inside else None)
            for digest, (at, n) in packed.values.items()
        ],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO nodes VALUES (?, ?, ?)",
        [(node, text, number) for node, text in packed.nodes.items()],
    )
