"""Giving dead space back, and checking what is there.

Segments only grow: what was replaced or forgotten stays in them as dead
bytes.  One that is mostly dead is rewritten while no process writes to it.
Its bytes are copied as they are, signatures included, and the old file goes
only after the rows lead to the new one: who had read a row before finds the
file gone, asks the index once more, and reads the new place.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hypernodes.cache._folder import Folder
from hypernodes.cache._rows import forget_chunks, record_keys
from hypernodes.cache._segments import HEADER_BYTES, OWN_FILE
from hypernodes.hashing import Signature

if TYPE_CHECKING:
    from sqlite3 import Connection

#: Offset, length and key.
_Row: TypeAlias = tuple[int, int, int | bytes]

_BATCH: Final = 1000
_COPY_BYTES: Final = 4 << 20
# new files whose writer must have died by now
_STRAY_SECONDS: Final = 3600
_TABLES: Final = {"records": "key", "blobs": "digest"}


def compact(folder: Folder, dead_share: float) -> int:
    """Rewrite segments of which more than *dead_share* is dead, delete strays.

    Returns:
        How many bytes the folder shrank by.
    """
    before = find_disk_bytes(folder.path)
    with folder.index.lock:
        # its own segment would not be free
        folder.segments.let_go()
        with folder.index.writing() as connection:
            # their bytes are not moved: the next repeat makes them again
            forget_chunks(connection)
            live = _measure_live(connection)
        for number in folder.segments.numbers():
            size = folder.segments.size(number) - HEADER_BYTES
            if size - live.get(number, 0) > dead_share * size or not live.get(number):
                with folder.segments.exclusively(number) as is_free:
                    if is_free:
                        _rewrite(folder, number)
        folder.segments.let_go()
    _delete_strays(folder)
    return max(0, before - find_disk_bytes(folder.path))


def verify(folder: Folder) -> dict[str, int]:
    """Read and check every record and blob; what is damaged is forgotten and noted.

    Returns:
        ``records`` and ``blobs`` that are sound, ``damaged`` ones, and ``foreign`` ones,
        which another key has signed.
    """
    counts = {"records": 0, "blobs": 0, "damaged": 0, "foreign": 0}
    with folder.index.reading() as connection:
        nodes = dict(connection.execute("SELECT number, node FROM nodes").fetchall())
    for rows in _pages(folder, "records", "key", "node, item", -1):
        by_node: dict[int, dict[bytes, Signature]] = {}
        for _, number, item in rows:
            # without its node, nothing says what the record is of
            by_node.setdefault(number, {})[item] = Signature(nodes.get(number, b""), item)
        for number, items in by_node.items():
            node = nodes.get(number, b"")
            found, _ = folder.read_records(node, items)
            counts["records"] += len(found)
            left = record_keys(node, items.keys() - found.keys())
            _count_left(folder, counts, "records", "key", left)
    for rows in _pages(folder, "blobs", "digest", "0", b""):
        digests = [row[0] for row in rows]
        blobs, _ = folder.read_blobs(digests)
        counts["blobs"] += len(blobs)
        _count_left(folder, counts, "blobs", "digest", [d for d in digests if d not in blobs])
    return counts


def find_disk_bytes(path: Path) -> int:
    """Return how much the files below *path* take."""
    total = 0
    for file in path.rglob("*"):
        with contextlib.suppress(OSError):
            total += file.stat().st_size if file.is_file() else 0
    return total


def _measure_live(connection: Connection) -> dict[int, int]:
    """Return how many bytes of each segment some row leads to."""
    live: dict[int, int] = {}
    for table in _TABLES:
        query = f"SELECT segment, SUM(length) FROM {table} GROUP BY segment"
        for segment, size in connection.execute(query):
            live[segment] = live.get(segment, 0) + size
    return live


def _rewrite(folder: Folder, number: int) -> None:
    """Copy what is alive in a segment elsewhere, and delete it."""
    rows: dict[str, list[_Row]] = {}
    with folder.index.reading() as connection:
        for table, key in _TABLES.items():
            query = f"SELECT offset, length, {key} FROM {table} WHERE segment = ?"
            rows[table] = connection.execute(query, (number,)).fetchall()
    # what another key has signed cannot be read, so it cannot be moved
    if any(rows.values()) and not folder.segments.is_readable(number):
        return
    for table, all_rows in rows.items():
        for some in _portions(all_rows):
            _move(folder, number, table, some)
    folder.segments.remove([number])


def _portions(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Yield rows whose bytes fit into memory together."""
    some: list[_Row] = []
    size = 0
    for row in rows:
        some.append(row)
        size += row[1]
        if size >= _COPY_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _move(folder: Folder, number: int, table: str, rows: Sequence[_Row]) -> None:
    pieces = folder.segments.read([(number, offset, length) for offset, length, _ in rows])
    segment, starts = folder.segments.append([piece or b"" for piece in pieces])
    with folder.index.writing() as connection:
        connection.executemany(
            f"UPDATE {table} SET segment = ?, offset = ? "
            f"WHERE {_TABLES[table]} = ? AND segment = ? AND offset = ?",
            [
                (segment, start, key, number, offset)
                for (offset, _, key), start in zip(rows, starts, strict=True)
            ],
        )


def _delete_strays(folder: Folder) -> None:
    """Delete new files that were never renamed, and values that no row leads to."""
    before = time.time() - _STRAY_SECONDS
    with folder.index.reading() as connection:
        query = f"SELECT digest FROM blobs WHERE segment = {OWN_FILE}"
        known = {folder.blob_path(digest) for (digest,) in connection.execute(query)}
    for path in (folder.path / "values").glob("*/*"):
        with contextlib.suppress(OSError):
            if path not in known and path.stat().st_mtime < before:
                path.unlink()


def _pages(
    folder: Folder, table: str, key: str, columns: str, last: int | bytes
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all rows of a table in the order of their keys, some at a time."""
    query = f"SELECT {key}, {columns} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT {_BATCH}"
    while True:
        with folder.index.reading() as connection:
            rows = connection.execute(query, (last,)).fetchall()
        if not rows:
            return
        yield rows
        last = rows[-1][0]


def _count_left(
    folder: Folder, counts: dict[str, int], table: str, key: str, left: Iterable[int | bytes]
) -> None:
    """Count what was not sound: a row that is still there belongs to another key."""
    query = f"SELECT 1 FROM {table} WHERE {key} = ?"
    with folder.index.reading() as connection:
        for each in left:
            is_there = connection.execute(query, (each,)).fetchone() is not None
            counts["foreign" if is_there else "damaged"] += 1
