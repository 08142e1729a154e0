"""What the index of a local store says: which key leads to which bytes.

A record is found by one integer, made of the beginning of its node's digest and
of its item's digest.  So the records of one node lie together, a bulk lookup
touches few pages, and comparing keys is cheap: measured, less than half the
time of (node, item) as bytes.  Two keys with one integer take each other's
row, which their signatures tell, and is a miss; among a million records of a
node that happens to one pair in three hundred stores.  Rows hold no values:
with them, even a miss would have to read past them.

Functions take an open connection and hold no state.  Whether a row is true is
for the signature of the bytes it leads to.
"""

from __future__ import annotations

import itertools
import struct
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from hypernodes.cache._entry import Entry
from hypernodes.cache._record import measure_inline
from hypernodes.cache._segments import Place

if TYPE_CHECKING:
    from sqlite3 import Connection

K = TypeVar("K", int, bytes)
#: Key, segment, offset, length, last use.
Row: TypeAlias = tuple[K, int, int, int, float]

SCHEMA_VERSION: Final = 4
SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS nodes (
    number INTEGER PRIMARY KEY AUTOINCREMENT, node BLOB NOT NULL UNIQUE,
    step TEXT NOT NULL DEFAULT '', parts TEXT, created REAL NOT NULL DEFAULT 0,
    hits INTEGER NOT NULL DEFAULT 0, misses INTEGER NOT NULL DEFAULT 0,
    saved REAL NOT NULL DEFAULT 0)""",
    "CREATE INDEX IF NOT EXISTS nodes_by_step ON nodes (step, created)",
    """CREATE TABLE IF NOT EXISTS records (
    key INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    used INTEGER NOT NULL, node INTEGER NOT NULL, item BLOB NOT NULL,
    bytes INTEGER NOT NULL, blobs INTEGER NOT NULL, seconds REAL NOT NULL,
    created REAL NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS blobs (
    digest BLOB PRIMARY KEY,
    segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    bytes INTEGER NOT NULL, used REAL NOT NULL) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS pins (target TEXT PRIMARY KEY) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS damaged (
    segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    found REAL NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS chunks (
    key BLOB PRIMARY KEY,
    segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    used REAL NOT NULL) WITHOUT ROWID""",
    # an answer made of records goes with the first of them, replaced ones included
    """CREATE TRIGGER IF NOT EXISTS chunks_follow_records AFTER DELETE ON records
    WHEN EXISTS (SELECT 1 FROM chunks) BEGIN DELETE FROM chunks; END""",
)
_TABLES: Final = ("records", "nodes", "blobs", "pins", "damaged", "chunks")
#: What earlier versions called their tables, too.
FORGET: Final = tuple(f"DROP TABLE IF EXISTS {name}" for name in (*_TABLES, "payloads"))
#: How many keys one statement takes; a few sizes, so that statements are compiled once.
_BATCH: Final = 512
#: Instead of the place of an answer: the chunk was asked for once.
ASKED: Final[Place] = (-1, 0, 0)
_CREATED: Final = attrgetter("created")
_SECONDS: Final = attrgetter("seconds")
# together 63 bits, so that keys are not negative
_NODE_BYTES: Final = 2
_ITEM_BITS: Final = 47
_DROPPED_BITS: Final = 64 - _ITEM_BITS
_MASK: Final = (1 << 64) - 1
_MIX: Final = 0x9E3779B97F4A7C15
_OTHER_MIX: Final = 0xD1B54A32D192ED03


def record_keys(node: bytes, items: Iterable[bytes]) -> list[int]:
    """Return the integers that the records of *items* of one node are found by."""
    first = int.from_bytes(node[:_NODE_BYTES], "big") << _ITEM_BITS
    halves = struct.iter_unpack(">QQ", b"".join(items))
    # multiplied, because a key that a user made up need not differ in its first bytes
    return [first | ((a * _MIX + b * _OTHER_MIX & _MASK) >> _DROPPED_BITS) for a, b in halves]


def find_records(connection: Connection, keys: Iterable[int]) -> Iterator[list[Row[int]]]:
    """Yield what is there, as (key, segment, offset, length, last use), some at a time."""
    query = (
        "SELECT key, segment, offset, length, used FROM wanted CROSS JOIN records ON key = wanted.k"
    )
    for some in _batches(sorted(keys), -1):
        yield connection.execute(_with_wanted(len(some), query), some).fetchall()


def find_blobs(connection: Connection, digests: Iterable[bytes]) -> Iterator[list[Row[bytes]]]:
    """Yield where blobs lie, as (digest, segment, offset, length, last use), some at a time."""
    query = (
        "SELECT digest, segment, offset, length, used FROM wanted "
        "CROSS JOIN blobs ON digest = wanted.k"
    )
    for some in _batches(sorted(digests), b""):
        yield connection.execute(_with_wanted(len(some), query), some).fetchall()


def are_stored(connection: Connection, records: Mapping[int, float]) -> bool:
    """Say whether the keys lead to records that were stored at these times, and no later."""
    query = "SELECT key, created FROM wanted CROSS JOIN records ON key = wanted.k"
    found: dict[int, float] = {}
    for some in _batches(sorted(records), -1):
        found.update(connection.execute(_with_wanted(len(some), query), some))
    return found == records


def find_chunk(connection: Connection, key: bytes) -> tuple[Place, float] | None:
    """Return where the answer to a chunk lies, and when it was last used."""
    query = "SELECT segment, offset, length, used FROM chunks WHERE key = ?"
    row = connection.execute(query, (key,)).fetchone()
    return None if row is None else (row[:3], row[3])


def add_chunks(connection: Connection, chunks: Iterable[tuple[bytes, Place]]) -> None:
    """Let keys lead to answers to chunks, in a transaction."""
    now = time.time()
    connection.executemany(
        "INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?, ?)",
        [(key, *place, now) for key, place in chunks],
    )


def forget_chunks(connection: Connection) -> None:
    """Forget the answers to chunks, in a transaction."""
    connection.execute("DELETE FROM chunks")


def measure_blobs(connection: Connection, digests: Iterable[bytes]) -> dict[bytes, int]:
    """Return how large those values are that are kept apart."""
    query = "SELECT digest, bytes FROM wanted CROSS JOIN blobs ON digest = wanted.k"
    sizes: dict[bytes, int] = {}
    for some in _batches(sorted(digests), b""):
        sizes.update(connection.execute(_with_wanted(len(some), query), some))
    return sizes


def _with_wanted(count: int, query: str) -> str:
    """Let *query* join *count* keys; measured, a third less than ``IN``."""
    return f"WITH wanted(k) AS (VALUES {','.join(['(?)'] * count)}) {query}"


def find_number(connection: Connection, node: bytes) -> int | None:
    """Return the number of a node; None where it was never stored."""
    row = connection.execute("SELECT number FROM nodes WHERE node = ?", (node,)).fetchone()
    return None if row is None else int(row[0])


def number_nodes(connection: Connection, nodes: Iterable[bytes]) -> dict[bytes, int]:
    """Return the number of each node, giving one to those that have none; in a transaction."""
    numbers: dict[bytes, int] = {}
    for node in nodes:
        if node not in numbers:
            connection.execute("INSERT OR IGNORE INTO nodes (node) VALUES (?)", (node,))
            numbers[node] = find_number(connection, node) or 0
    return numbers


def add_records(
    connection: Connection,
    keys: Sequence[int],
    records: Sequence[tuple[Entry, bytes]],
    segment: int,
    starts: Sequence[int],
) -> None:
    """Let keys lead to new records, in a transaction."""
    # lists of what is there: each new object is one more for the garbage collector to visit
    entries = [entry for entry, _ in records]
    nodes = [entry.signature.node for entry in entries]
    numbers = number_nodes(connection, set(nodes))
    created = list(map(_CREATED, entries))
    rows = zip(
        keys,
        itertools.repeat(segment),
        starts,
        [len(data) for _, data in records],
        map(int, created),
        map(numbers.__getitem__, nodes),
        [entry.signature.item for entry in entries],
        *measure_inline(entries),
        map(_SECONDS, entries),
        created,
    )
    connection.executemany(
        "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
    )


def add_blobs(
    connection: Connection, rows: Iterable[tuple[bytes, Place, int]], used: Mapping[bytes, float]
) -> None:
    """Let digests lead to new blobs, and note when each was *used* last; in a transaction."""
    connection.executemany(
        "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?, ?, 0)",
        [(digest, *place, size) for digest, place, size in rows],
    )
    connection.executemany(
        "UPDATE blobs SET used = MAX(used, ?) WHERE digest = ?",
        [(when, digest) for digest, when in used.items()],
    )


def describe_node(
    connection: Connection, node: bytes, step: str, parts: str, created: float
) -> None:
    """Keep what a node is made of; the first account stands; in a transaction."""
    number_nodes(connection, [node])
    connection.execute(
        "UPDATE nodes SET step = ?, parts = ?, created = ? WHERE node = ? AND parts IS NULL",
        (step, parts, created, node),
    )


def note_uses(
    connection: Connection,
    by_node: Mapping[bytes, tuple[int, int, float]],
    keys: Iterable[int],
    digests: Iterable[bytes],
    chunks: Iterable[bytes],
) -> None:
    """Add up hits, misses and saved seconds, and note what was used; in a transaction."""
    now = int(time.time())
    connection.executemany(
        "UPDATE nodes SET hits = hits + ?, misses = misses + ?, saved = saved + ? WHERE node = ?",
        [(*figures, node) for node, figures in by_node.items()],
    )
    for table, key, used in (
        ("records", "key", keys),
        ("blobs", "digest", digests),
        ("chunks", "key", chunks),
    ):
        connection.executemany(
            f"UPDATE {table} SET used = ? WHERE {key} = ?", [(now, each) for each in sorted(used)]
        )


def forget_damaged(
    connection: Connection, table: str, rows: Iterable[tuple[int | bytes, Place]], now: float
) -> None:
    """Forget rows that lead to damage, in a transaction; one that leads elsewhere by now stays."""
    key = "key" if table == "records" else "digest"
    for each, place in rows:
        done = connection.execute(
            f"DELETE FROM {table} WHERE {key} = ? AND segment = ? AND offset = ?",
            (each, *place[:2]),
        )
        if done.rowcount:
            connection.execute("INSERT INTO damaged VALUES (?, ?, ?, ?)", (*place, now))


def find_described(connection: Connection, step: str) -> list[tuple[bytes, str]]:
    """Return (node, parts) of the nodes of a step, the latest first."""
    query = (
        "SELECT node, parts FROM nodes WHERE step = ? AND parts IS NOT NULL "
        "ORDER BY created DESC, number DESC"
    )
    return connection.execute(query, (step,)).fetchall()


def find_latest(connection: Connection, node: bytes, most: int, sorted_of: int) -> list[bytes]:
    """Return the items of a node that were stored last, looking at *sorted_of* of them."""
    query = (
        "SELECT item FROM (SELECT item, created FROM records "
        "WHERE key BETWEEN ? AND ? AND node = ? LIMIT ?) ORDER BY created DESC LIMIT ?"
    )
    first = record_keys(node, [bytes(16)])[0]
    last = first | (1 << _ITEM_BITS) - 1
    number = find_number(connection, node)
    return [item for (item,) in connection.execute(query, (first, last, number, sorted_of, most))]


def find_step(connection: Connection, node: bytes) -> str:
    """Return the path of the step that a node belongs to; empty where it is not known."""
    row = connection.execute("SELECT step FROM nodes WHERE node = ?", (node,)).fetchone()
    return "" if row is None else str(row[0])


def clear(connection: Connection) -> None:
    """Forget everything, in a transaction."""
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table}")


def sum_up(connection: Connection) -> dict[str, Any]:
    """Return entries, bytes of values, hits, misses, seconds, in all and by step."""
    by_step: dict[str, dict[str, Any]] = {}
    query = (
        "SELECT step, COALESCE(n, 0), COALESCE(size, 0), COALESCE(took, 0.0), hits, misses, saved "
        "FROM nodes LEFT JOIN (SELECT node AS number, COUNT(*) AS n, SUM(bytes) AS size, "
        "SUM(seconds) AS took FROM records GROUP BY node) USING (number)"
    )
    names = ("entries", "bytes", "seconds", "hits", "misses", "seconds_saved")
    for step, *figures in connection.execute(query):
        kept = by_step.setdefault(step, dict.fromkeys(names, 0))
        for name, figure in zip(names, figures, strict=True):
            kept[name] += figure
    found: dict[str, Any] = {name: sum(kept[name] for kept in by_step.values()) for name in names}
    (blobs,) = connection.execute("SELECT COALESCE(SUM(bytes), 0) FROM blobs").fetchone()
    found["bytes"] += blobs
    for name in ("seconds", "seconds_saved"):
        found[name] = float(found[name])
    found["nodes"] = {step: kept for step, kept in sorted(by_step.items()) if step}
    return found


def _batches(keys: Sequence[K], nothing: K) -> Iterator[list[K]]:
    """Yield *keys* in batches of a few sizes, the last one filled up with keys of nothing."""
    for start in range(0, len(keys), _BATCH):
        some = list(keys[start : start + _BATCH])
        full = 1 << (len(some) - 1).bit_length()
        yield some + [nothing] * (full - len(some))
