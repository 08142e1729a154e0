"""What a local store forgets, and how the space comes back.

Facts outlive bytes.  To stay below a number of bytes, the values of results
that were not used for longest go first, while their records stay: a hollow
record still lets everything after it hit.  Limits of age and number forget
whole results.  What is pinned stays in every case.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from hypernodes.cache import _rows
from hypernodes.cache._entry import Entry
from hypernodes.cache._folder import Folder
from hypernodes.cache._listing import STEP, step_arguments
from hypernodes.cache._record import decode_record, encode_record, record_signer
from hypernodes.cache._rows import record_keys
from hypernodes.hashing import Signature

if TYPE_CHECKING:
    from sqlite3 import Connection

# a smaller value is not worth a hollow record
_HOLLOW_BYTES: Final = 256
_BATCH: Final = 1000
# room that is made beyond what is asked for, so that the next run need not make it again
_ROOM: Final = 0.9

_UNPINNED: Final = (
    "NOT EXISTS (SELECT 1 FROM temp.pinned WHERE pinned.node = records.node "
    "AND (pinned.key IS NULL OR pinned.key = records.key))"
)
_LAST_USE: Final = "MAX(used, created)"


@attrs.frozen
class Limits:
    """How much a store keeps; None for no limit.

    Attributes:
        max_bytes: Of records and values together.
        max_age: Seconds since a result was stored.
        max_items: Of results.
        ttl: Seconds after which results of a node count as missing, by the
            node's name or path; under ``""`` those of all others.
    """

    max_bytes: int | None = None
    max_age: float | None = None
    max_items: int | None = None
    ttl: Mapping[str, float] = attrs.field(factory=dict)

    def __bool__(self) -> bool:
        return self != Limits()

    def seconds_of(self, step: str) -> float | None:
        """Return how long results of the step at that path hold."""
        for name in (step, step.rpartition("/")[2], ""):
            if name in self.ttl:
                return self.ttl[name]
        return None


def make_limits(
    max_bytes: int | None,
    max_age: float | None,
    max_items: int | None,
    ttl: float | Mapping[str, float] | None = None,
) -> Limits:
    """Return checked limits.

    Raises:
        ValueError: One of them is no number of 0 or more.
    """
    by_step = {} if ttl is None else dict(ttl) if isinstance(ttl, Mapping) else {"": ttl}
    named = {"max_bytes": max_bytes, "max_age": max_age, "max_items": max_items}
    for name, value in (*named.items(), *((f"ttl of {step!r}", s) for step, s in by_step.items())):
        # not a number is not 0 or more either
        if value is not None and not (isinstance(value, int | float) and value >= 0):
            msg = f"{name} of a cache is {value!r}; give 0 or more, or None for no limit"
            raise ValueError(msg)
    return Limits(max_bytes, max_age, max_items, by_step)


def prune(folder: Folder, limits: Limits, node: str | None = None) -> int:
    """Forget what is beyond *limits*; of the results of *node* alone, where one is named.

    Returns:
        How many results are gone; those that only lost their values do not count.
    """
    with folder.index.writing() as connection:
        _list_pins(connection)
        scope = "1" if node is None else f"node IN ({_numbers(connection, node)})"
        before = _count(connection)
        had_blobs = _has_blobs(connection)
        if node is not None and not limits:
            connection.execute(f"DELETE FROM records WHERE {scope} AND {_UNPINNED}")
        _drop_old(connection, limits, scope)
        _drop_surplus(connection, limits, scope)
        removed: list[bytes] = []
        if had_blobs and _count(connection) != before:
            removed += _drop_orphans(connection, folder)
        if limits.max_bytes is not None and _size(connection) > limits.max_bytes:
            removed += _shrink(connection, folder, int(limits.max_bytes * _ROOM))
        dropped = before - _count(connection)
    _delete_files(folder, removed)
    return dropped


def drop_orphans(folder: Folder) -> None:
    """Forget the blobs that no record names any more."""
    with folder.index.writing() as connection:
        removed = _drop_orphans(connection, folder)
    _delete_files(folder, removed)


def find_size(folder: Folder) -> int:
    """Return how many bytes live records and values take."""
    with folder.index.reading() as connection:
        return _size(connection)


def _list_pins(connection: Connection) -> None:
    """Write down which records are pinned, for the statements that follow."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS pinned (node INTEGER, key INTEGER)")
    connection.execute("DELETE FROM temp.pinned")
    for (target,) in connection.execute("SELECT target FROM pins").fetchall():
        signature = read_signature(target)
        if signature is None:
            connection.execute(
                f"INSERT INTO temp.pinned SELECT number, NULL FROM nodes WHERE {STEP}",
                step_arguments(target),
            )
        else:
            connection.execute(
                "INSERT INTO temp.pinned SELECT number, ? FROM nodes WHERE node = ?",
                (*_key_of(signature), signature.node),
            )


def _numbers(connection: Connection, name: str) -> str:
    query = f"SELECT number FROM nodes WHERE {STEP}"
    return ",".join(str(number) for (number,) in connection.execute(query, step_arguments(name)))


def read_signature(text: str) -> Signature | None:
    """Return the signature that *text* spells; None where it spells none."""
    signature = Signature.parse(text)
    return signature if str(signature) == text else None


def _count(connection: Connection) -> int:
    return int(connection.execute("SELECT COUNT(*) FROM records").fetchone()[0])


def _has_blobs(connection: Connection) -> bool:
    return connection.execute("SELECT 1 FROM blobs LIMIT 1").fetchone() is not None


def _size(connection: Connection) -> int:
    query = (
        "SELECT (SELECT COALESCE(SUM(length), 0) FROM records) "
        "+ (SELECT COALESCE(SUM(length), 0) FROM blobs) "
        "+ (SELECT COALESCE(SUM(length), 0) FROM chunks)"
    )
    return int(connection.execute(query).fetchone()[0])


def _drop_old(connection: Connection, limits: Limits, scope: str) -> None:
    now = time.time()
    delete = f"DELETE FROM records WHERE {scope} AND {_UNPINNED} AND created < ?"
    if limits.max_age is not None:
        connection.execute(delete, (now - limits.max_age,))
    if limits.ttl:
        for number, step in connection.execute("SELECT number, step FROM nodes").fetchall():
            seconds = limits.seconds_of(step)
            if seconds is not None:
                connection.execute(f"{delete} AND node = ?", (now - seconds, number))


def _drop_surplus(connection: Connection, limits: Limits, scope: str) -> None:
    if limits.max_items is None:
        return
    connection.execute(
        "DELETE FROM records WHERE key IN (SELECT key FROM records "
        f"WHERE {scope} ORDER BY {_LAST_USE} DESC, created DESC LIMIT -1 OFFSET ?) "
        f"AND {_UNPINNED}",
        (limits.max_items,),
    )


def _drop_orphans(connection: Connection, folder: Folder) -> list[bytes]:
    """Forget the blobs that no record names any more; return them."""
    needed = {d for entry in _read_entries(connection, folder, "blobs > 0") for d in entry.digests}
    stored = [digest for (digest,) in connection.execute("SELECT digest FROM blobs")]
    orphans = [digest for digest in stored if digest not in needed]
    connection.executemany("DELETE FROM blobs WHERE digest = ?", [(d,) for d in orphans])
    return orphans


def _shrink(connection: Connection, folder: Folder, goal: int) -> list[bytes]:
    """Forget bytes until *goal* is reached: blobs, then inline values, then whole records.

    First of all go the answers to chunks, which say nothing that records do not.
    """
    _rows.forget_chunks(connection)
    excess = _size(connection) - goal
    pinned = f"blobs > 0 AND NOT {_UNPINNED}"
    kept = {d for entry in _read_entries(connection, folder, pinned) for d in entry.digests}
    removed: list[bytes] = []
    for digest, length in connection.execute("SELECT digest, length FROM blobs ORDER BY used"):
        if excess <= 0:
            break
        if digest not in kept:
            removed.append(digest)
            excess -= length
    connection.executemany("DELETE FROM blobs WHERE digest = ?", [(d,) for d in removed])
    if excess > 0:
        excess -= _hollow_out(connection, folder, excess)
    if excess > 0:
        _drop_least_used(connection, excess)
    return removed


def _hollow_out(connection: Connection, folder: Folder, excess: int) -> int:
    """Rewrite records without the values in them, least used first; return the bytes saved."""
    where = f"bytes >= {_HOLLOW_BYTES} AND {_UNPINNED} ORDER BY {_LAST_USE}"
    saved = 0
    some: list[Entry] = []
    for entry in _read_entries(connection, folder, where):
        saved += len(entry.inline)
        some.append(attrs.evolve(entry, inline=b""))
        if saved >= excess:
            break
    for start in range(0, len(some), _BATCH):
        _replace(connection, folder, some[start : start + _BATCH])
    return saved


def _replace(connection: Connection, folder: Folder, entries: Sequence[Entry]) -> None:
    """Let keys lead to new hollow records."""
    signers = {
        node: record_signer(folder.trust, node) for node in {e.signature.node for e in entries}
    }
    pieces = [encode_record(entry, signers[entry.signature.node]) for entry in entries]
    segment, starts = folder.segments.append(pieces)
    rows = zip(entries, starts, map(len, pieces), strict=True)
    connection.executemany(
        "UPDATE records SET segment = ?, offset = ?, length = ?, bytes = 0, blobs = ? "
        "WHERE key = ?",
        [
            (segment, start, length, len(entry.digests), *_key_of(entry.signature))
            for entry, start, length in rows
        ],
    )


def _key_of(signature: Signature) -> list[int]:
    return record_keys(signature.node, [signature.item])


def _drop_least_used(connection: Connection, excess: int) -> None:
    doomed: list[tuple[int]] = []
    query = f"SELECT key, length FROM records WHERE {_UNPINNED} ORDER BY {_LAST_USE}"
    for key, length in connection.execute(query):
        if excess <= 0:
            break
        doomed.append((key,))
        excess -= length
    connection.executemany("DELETE FROM records WHERE key = ?", doomed)


def _read_entries(connection: Connection, folder: Folder, where: str) -> Iterator[Entry]:
    """Yield the sound records of the rows that *where* selects."""
    query = (
        "SELECT COALESCE((SELECT nodes.node FROM nodes WHERE number = records.node), x''), item, "
        f"segment, offset, length FROM records WHERE {where}"
    )
    rows = connection.execute(query).fetchall()
    for start in range(0, len(rows), _BATCH):
        some = rows[start : start + _BATCH]
        pieces = folder.segments.read([row[2:] for row in some])
        for (node, item, *_), piece in zip(some, pieces, strict=True):
            signature = Signature(node, item)
            sign = record_signer(folder.trust, node)
            entry = decode_record(signature, piece or b"", sign, with_arguments=True)
            if entry is not None:
                yield entry


def _delete_files(folder: Folder, digests: Iterable[bytes]) -> None:
    for digest in digests:
        with contextlib.suppress(OSError):
            folder.blob_path(digest).unlink()
