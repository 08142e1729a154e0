"""A cache in a folder of this machine."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hypernodes.cache._encoded import EncodedCache
from hypernodes.cache._entry import Entry, Payload
from hypernodes.cache._index import Index
from hypernodes.cache._parts import Argument, NodeParts
from hypernodes.errors import CacheUnavailableError
from hypernodes.hashing import Signature

_DIGEST_BYTES: Final = 32
# work at risk: what a kill may cost before buffered results are written
_RISK_SECONDS: Final = 0.2
_RISK_BYTES: Final = 4 << 20
_RISK_RECORDS: Final = 1000


class DiskCache(EncodedCache):
    """A cache in a folder, created on first use; shared by threads and processes.

    Results are written as soon as the work they stand for is worth it: an
    expensive one at once, cheap ones together, all of them at the end of a
    run.  Copies made by pickling or forking open the same folder.

    Args:
        path: The folder.

    Raises:
        CacheUnavailableError: *path* is a file.

    Example:
        >>> import tempfile
        >>> cache = DiskCache(path=tempfile.mkdtemp())
        >>> cache.put("answer", 42)
        >>> DiskCache(cache.path).get("answer")
        42
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Final = Path(path)
        if self.path.exists() and not self.path.is_dir():
            msg = f"cache path {str(path)!r} is a file; give the path of a folder"
            raise CacheUnavailableError(msg)
        self._index: Final = Index(self.path.absolute() / "index.sqlite")
        self._buffer = _Buffer()

    def read_records(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the records that are there, buffered ones included."""
        buffered = self._own_buffer().records
        found = {key: buffered[key] for key in signatures if key in buffered}
        by_node: dict[bytes, list[bytes]] = {}
        for key in signatures:
            if key not in found:
                by_node.setdefault(key.node, []).append(key.item)
        query = "SELECT item, digests, seconds, created FROM records WHERE node = ? AND item"
        for node, items in by_node.items():
            for item, digests, seconds, created in self._index.select(query, items, node):
                key = Signature(node, item)
                if _is_sound(digests):
                    found[key] = Entry(key, _split(digests), seconds, created)
        return found

    def read_payloads(self, digests: Sequence[bytes]) -> Mapping[bytes, Payload]:
        """Return the encoded values that are there and undamaged."""
        buffered = self._own_buffer().payloads
        found = {key: buffered[key] for key in digests if key in buffered}
        query = "SELECT digest, serializer, version, checksum, data FROM payloads WHERE digest"
        left = [key for key in digests if key not in found]
        damaged: list[bytes] = []
        for digest, serializer, version, checksum, data in self._index.select(query, left):
            payload = Payload(serializer, version, data)
            if isinstance(data, bytes) and checksum == _checksum(digest, payload):
                found[digest] = payload
            else:
                damaged.append(digest)
        if damaged:
            # otherwise the good bytes of the next run would not replace them
            self.discard(damaged)
        return found

    def write(self, records: Sequence[tuple[Entry, Mapping[bytes, Payload]]]) -> None:
        """Buffer records with their values; write once enough work is at risk."""
        with self._index.lock:
            buffer = self._own_buffer()
            for entry, payloads in records:
                buffer.add(entry, payloads)
            if buffer.is_due():
                self.flush()

    def flush(self) -> None:
        """Write what is buffered, values before the records that name them."""
        with self._index.lock:
            buffer = self._own_buffer()
            if not buffer.records:
                return
            with self._index.connection() as connection:
                connection.executemany(
                    "INSERT OR IGNORE INTO payloads VALUES (?, ?, ?, ?, ?)",
                    [
                        (digest, p.serializer, p.version, _checksum(digest, p), p.data)
                        for digest, p in buffer.payloads.items()
                    ],
                )
                connection.executemany(
                    "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)",
                    sorted(_to_row(entry) for entry in buffer.records.values()),
                )

            # only now: what an interrupt kept from being written is written next time
            self._buffer = _Buffer()

    def describe(self, node: bytes, parts: NodeParts) -> None:
        """Keep what the node half of a key was made of."""
        with self._index.connection() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO nodes VALUES (?, ?, ?, ?)",
                (node, parts.step, parts.to_json(), parts.created),
            )

    def find_nodes(self, step: str) -> Sequence[tuple[bytes, NodeParts]]:
        """Return what was kept of the nodes of *step*, the latest first."""
        with self._index.connection() as connection:
            rows = connection.execute(
                "SELECT node, parts FROM nodes WHERE step = ? ORDER BY created DESC", (step,)
            ).fetchall()
        return [(node, NodeParts.from_json(parts)) for node, parts in rows]

    def find_entries(self, node: bytes, most: int) -> Sequence[Entry]:
        """Return written records of *node*, the latest first, at most so many."""
        with self._index.connection() as connection:
            rows = connection.execute(
                "SELECT item, digests, seconds, created, arguments FROM records "
                "WHERE node = ? ORDER BY created DESC LIMIT ?",
                (node, most),
            ).fetchall()
        return [
            Entry(Signature(node, item), _split(digests), seconds, created, _read(arguments))
            for item, digests, seconds, created, arguments in rows
            if _is_sound(digests)
        ]

    def discard(self, digests: Sequence[bytes]) -> None:
        """Forget encoded values."""
        with self._index.connection() as connection:
            connection.executemany("DELETE FROM payloads WHERE digest = ?", [(d,) for d in digests])

    def clear(self) -> None:
        """Forget everything; other processes see it at once."""
        with self._index.lock:
            self._buffer = _Buffer()
            with self._index.connection() as connection:
                connection.execute("DELETE FROM records")
                connection.execute("DELETE FROM nodes")
                connection.execute("DELETE FROM payloads")

    def close(self) -> None:
        """Write what is buffered and close the files; the next use opens them again."""
        self.flush()
        self._index.close()

    def stats(self) -> dict[str, Any]:
        """Return ``entries``, ``bytes`` of values, and ``seconds`` they took to compute."""
        self.flush()
        with self._index.connection() as connection:
            entries, seconds = connection.execute(
                "SELECT COUNT(*), COALESCE(SUM(seconds), 0.0) FROM records"
            ).fetchone()
            (size,) = connection.execute(
                "SELECT COALESCE(SUM(LENGTH(data)), 0) FROM payloads"
            ).fetchone()
        return {"entries": entries, "bytes": size, "seconds": seconds}

    def prune(self, *, max_age: float | None = None, max_items: int | None = None) -> int:
        """Drop results, oldest first, and the values that no result needs any more.

        Args:
            max_age: Drop results stored more than this many seconds ago.
            max_items: Keep at most this many results.

        Returns:
            How many results were dropped.
        """
        self.flush()
        with self._index.connection() as connection:
            before = connection.total_changes
            if max_age is not None:
                connection.execute(
                    "DELETE FROM records WHERE created < ?", (time.time() - max_age,)
                )
            if max_items is not None:
                connection.execute(
                    "DELETE FROM records WHERE (node, item) IN (SELECT node, item FROM records "
                    "ORDER BY created DESC LIMIT -1 OFFSET ?)",
                    (max_items,),
                )
            dropped = connection.total_changes - before
            kept = {
                d
                for (row,) in connection.execute("SELECT digests FROM records")
                for d in _split(row)
            }
            stored = [digest for (digest,) in connection.execute("SELECT digest FROM payloads")]
            orphans = [(digest,) for digest in stored if digest not in kept]
            connection.executemany("DELETE FROM payloads WHERE digest = ?", orphans)
        return dropped

    def __reduce__(self) -> tuple[Any, ...]:
        # another process may have another current folder
        return (DiskCache, (str(self.path.absolute()),))

    def __repr__(self) -> str:
        return f"DiskCache(path={str(self.path)!r})"

    def _own_buffer(self) -> _Buffer:
        """Return this process's buffer: what a forked parent buffered, it will write."""
        if self._buffer.pid != os.getpid():
            self._buffer = _Buffer()
        return self._buffer


class _Buffer:
    """Results that are not written yet."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.records: dict[Signature, Entry] = {}
        self.payloads: dict[bytes, Payload] = {}
        self.seconds = 0.0
        self.bytes = 0

    def add(self, entry: Entry, payloads: Mapping[bytes, Payload]) -> None:
        self.records[entry.signature] = entry
        self.payloads.update(payloads)
        self.seconds += entry.seconds
        self.bytes += sum(len(payload.data) for payload in payloads.values())

    def is_due(self) -> bool:
        return (
            self.seconds >= _RISK_SECONDS
            or self.bytes >= _RISK_BYTES
            or len(self.records) >= _RISK_RECORDS
        )


def _to_row(entry: Entry) -> tuple[Any, ...]:
    arguments = json.dumps([[a.name, a.digest, a.words] for a in entry.arguments])
    key, digests = entry.signature, b"".join(entry.digests)
    return key.node, key.item, digests, entry.seconds, entry.created, arguments


def _read(arguments: str) -> tuple[Argument, ...]:
    return tuple(Argument(*each) for each in json.loads(arguments))


def _is_sound(digests: object) -> bool:
    return isinstance(digests, bytes) and len(digests) > 0 and len(digests) % _DIGEST_BYTES == 0


def _split(digests: bytes) -> tuple[bytes, ...]:
    return tuple(digests[at : at + _DIGEST_BYTES] for at in range(0, len(digests), _DIGEST_BYTES))


def _checksum(digest: bytes, payload: Payload) -> bytes:
    hasher = hashlib.blake2b(digest, digest_size=16)
    hasher.update(f"{payload.serializer}/{payload.version}/".encode())
    hasher.update(payload.data)
    return hasher.digest()
