"""The folder of a local store: records and blobs on disk, found through the index.

Brings index, segments and signatures together: bytes are made durable before
the row that names them commits, and checked before anybody gets them.  What
turns out to be damaged is forgotten, noted, and a miss.  Decides nothing about
when to write, or what to forget for other reasons.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from hypernodes.cache import _rows
from hypernodes.cache._chunks import Kept
from hypernodes.cache._entry import Entry, Payload
from hypernodes.cache._index import Index
from hypernodes.cache._record import (
    decode_blob,
    decode_records,
    encode_blob,
    record_signer,
)
from hypernodes.cache._segments import (
    OWN_FILE,
    PRIVATE,
    SHARED,
    Place,
    Segments,
    is_of_other_key,
    read_own_file,
    write_own_file,
)
from hypernodes.cache._trust import Signer, Trust
from hypernodes.errors import CacheUnavailableError
from hypernodes.hashing import Signature

if TYPE_CHECKING:
    from sqlite3 import Connection

#: Larger values get a file of their own.
OWN_FILE_BYTES: Final = 1 << 20
#: How exact the last use is known: a hit is noted at most once in this time.
USE_SECONDS: Final = 3600
# instead of a serializer: answers to chunks are no values
_CHUNK: Final = "chunk of a map"
_ITEM: Final = itemgetter(1)
_SIGNATURE: Final = attrgetter("signature")

Found: TypeAlias = dict[bytes, Entry]


class Folder:
    """The files of a store at *path*, signed with one key.

    Args:
        path: The folder; made when it is first used.
        trust: The key.
        is_shared: Let the group of the folder in.

    Attributes:
        path: The folder.
        index: Its index; whose lock is held while files are used.
        segments: Its data files.
        trust: The key.
    """

    def __init__(self, path: Path, trust: Trust, is_shared: bool = False) -> None:
        self.path: Final = path
        self.trust: Final = trust
        self.index: Final = Index(path / "index.sqlite", is_shared)
        self.segments: Final = Segments(path / "segments", trust.id, is_shared)
        self._mode: Final = SHARED if is_shared else PRIVATE

    # -- reading ---------------------------------------------------------------

    def read_records(
        self, node: bytes, items: Mapping[bytes, Signature], *, with_arguments: bool = False
    ) -> tuple[Found, list[int]]:
        """Return the records of one node by item, and the keys not used for a while.

        Args:
            node: The node.
            items: The keys that are asked for, by their other half.
            with_arguments: Decode what the keys were made of, too.
        """
        found: Found = {}
        unused: list[int] = []
        wanted = dict(zip(_rows.record_keys(node, items), items.values(), strict=True))
        sign = record_signer(self.trust, node)
        read = partial(self._read_records, wanted, sign, found, unused, with_arguments)
        with self.index.reading() as connection:
            unsound = read(_rows.find_records(connection, wanted))
            if unsound:
                # a segment may have been rewritten between the two reads: ask once more
                unsound = read(_rows.find_records(connection, [key for key, _ in unsound]))
        if unsound:
            self._forget("records", unsound)
        return found, unused

    def read_blobs(self, digests: Sequence[bytes]) -> tuple[dict[bytes, Payload], list[bytes]]:
        """Return values that are kept as blobs, and which of them were not used for a while.

        Each lies in memory of its own, which is the caller's.
        """
        found: dict[bytes, Payload] = {}
        unused: list[bytes] = []
        read = partial(self._read_blobs, found, unused)
        with self.index.reading() as connection:
            unsound = read(_rows.find_blobs(connection, digests))
            if unsound:
                again = [digest for digest, _ in unsound]
                unsound = read(_rows.find_blobs(connection, again))
        if unsound:
            self._forget("blobs", unsound)
        return found, unused

    def read_chunk(self, key: bytes) -> tuple[bytes, bool] | None:
        """Return the answer to a chunk, and whether it was not used for a while.

        None without one.  It is empty where the chunk was only asked for before.
        What is damaged is only not there: the records say the same.
        """
        with self.index.reading() as connection:
            row = _rows.find_chunk(connection, key)
            if row is None or row[0] == _rows.ASKED:
                return None if row is None else (b"", False)
            (data,) = self.segments.read([row[0]])
        payload = None if data is None else decode_blob(key, data, self.trust)
        if payload is None:
            return b"", False
        return bytes(payload.data), row[1] < time.time() - USE_SECONDS

    def blob_path(self, digest: bytes) -> Path:
        """Return the file of a value that has one of its own."""
        text = digest.hex()
        return self.path / "values" / text[:2] / text

    def _read_records(
        self,
        wanted: Mapping[int, Signature],
        sign: Signer,
        found: Found,
        unused: list[int],
        with_arguments: bool,
        batches: Iterable[list[_rows.Row[int]]],
    ) -> list[tuple[int, Place]]:
        """Add sound records to *found*; return the rows that lead to none."""
        unsound: list[tuple[int, Place]] = []
        before = time.time() - USE_SECONDS
        for rows in filter(None, batches):
            keys, numbers, offsets, lengths, uses = zip(*rows, strict=True)
            signatures = [wanted[key] for key in keys]
            pieces = self.segments.read_columns(numbers, offsets, lengths)
            entries = decode_records(signatures, pieces, sign, with_arguments=with_arguments)
            sound = list(filter(None, entries))
            found.update(zip(map(_ITEM, map(_SIGNATURE, sound)), sound, strict=True))
            if len(sound) < len(rows):
                unsound += self._find_unsound(rows, entries)
            if min(uses) < before:
                unused += [key for key, used in zip(keys, uses, strict=True) if used < before]
        return unsound

    def _find_unsound(
        self, rows: Sequence[_rows.Row[int]], entries: Sequence[Entry | None]
    ) -> list[tuple[int, Place]]:
        """Return the rows without an entry, but for what another key has signed."""
        return [
            (row[0], row[1:4])
            for row, entry in zip(rows, entries, strict=True)
            if entry is None and row[1] not in self.segments.foreign
        ]

    def _read_blobs(
        self,
        found: dict[bytes, Payload],
        unused: list[bytes],
        batches: Iterable[list[_rows.Row[bytes]]],
    ) -> list[tuple[bytes, Place]]:
        """Add sound blobs to *found*; return the rows that lead to none."""
        unsound: list[tuple[bytes, Place]] = []
        before = time.time() - USE_SECONDS
        for digest, segment, offset, length, used in itertools.chain.from_iterable(batches):
            where = (segment, offset, length)
            data, is_foreign = self._read_blob(digest, where)
            payload = None if data is None else decode_blob(digest, data, self.trust)
            if payload is not None:
                found[digest] = payload
                if used < before:
                    unused.append(digest)
            elif not is_foreign:
                unsound.append((digest, where))
        return unsound

    def _read_blob(self, digest: bytes, place: Place) -> tuple[memoryview | None, bool]:
        """Return a blob in memory of its own, and whether another key has signed it."""
        if place[0] != OWN_FILE:
            data = self.segments.read_apart(place)
            return None if data is None else memoryview(data), place[0] in self.segments.foreign
        whole = read_own_file(self.blob_path(digest))
        if whole is None:
            return None, False
        if not whole.startswith(self.segments.head):
            return None, is_of_other_key(whole)
        return memoryview(whole)[len(self.segments.head) :], False

    # -- writing ---------------------------------------------------------------

    def write(
        self,
        keys: Sequence[int],
        records: Sequence[tuple[Entry, bytes]],
        blobs: Mapping[bytes, Payload],
    ) -> None:
        """Write records, in the order of their keys in the index, and blobs that are not there.

        Raises:
            CacheUnavailableError: Something could not be written.
        """
        with self.index.reading() as connection:
            self._check_writable()
            # read, not only looked up: what is damaged is to be written again
            fresh = {d: payload for d, payload in blobs.items() if not self.read_blobs([d])[0]}
            segment, starts, blob_rows = self._append(records, fresh)
            used = {d: entry.created for entry, _ in records for d in entry.digests if d in blobs}
            with self.index.writing():
                if not self.segments.is_current():
                    # cleared meanwhile, by a process that now waits for this transaction
                    self.segments.let_go()
                    segment, starts, blob_rows = self._append(records, fresh)
                _rows.add_records(connection, keys, records, segment, starts)
                _rows.add_blobs(connection, blob_rows, used)

    def _append(
        self, records: Sequence[tuple[Entry, bytes]], blobs: Mapping[bytes, Payload]
    ) -> tuple[int, list[int], list[tuple[bytes, Place, int]]]:
        """Make bytes durable; return where records begin in which segment, and rows of blobs."""
        pieces = [data for _, data in records]
        inner: list[tuple[bytes, int]] = []
        rows: list[tuple[bytes, Place, int]] = []
        for digest, payload in blobs.items():
            parts = encode_blob(digest, payload, self.trust)
            if len(payload.data) <= OWN_FILE_BYTES:
                pieces.append(b"".join(parts))
                inner.append((digest, len(payload.data)))
            else:
                parts.insert(0, self.segments.head)
                write_own_file(self.blob_path(digest), parts, self._mode)
                rows.append((digest, (OWN_FILE, 0, sum(map(len, parts))), len(payload.data)))
        segment, starts = self.segments.append(pieces)
        count = len(records)
        for (digest, size), start, piece in zip(inner, starts[count:], pieces[count:], strict=True):
            rows.append((digest, (segment, start, len(piece)), size))
        return segment, starts[:count], rows

    def write_chunks(self, chunks: Mapping[bytes, Kept | None]) -> None:
        """Write answers to chunks, and which ones were only asked for.

        What answers whose records are others by now is not written.

        Raises:
            CacheUnavailableError: They could not be written.
        """
        with self.index.writing() as connection:
            asked = [key for key, kept in chunks.items() if kept is None]
            _rows.add_chunks(connection, ((key, _rows.ASKED) for key in asked))
            true = {
                key: encode_blob(key, Payload(_CHUNK, 1, kept.data), self.trust)
                for key, kept in chunks.items()
                if kept is not None and _rows.are_stored(connection, kept.records)
            }
            if true:
                pieces = [b"".join(each) for each in true.values()]
                segment, starts = self.segments.append(pieces)
                places = zip([segment] * len(pieces), starts, map(len, pieces), strict=True)
                _rows.add_chunks(connection, zip(true, places, strict=True))

    def discard(self, digests: Sequence[bytes]) -> None:
        """Forget blobs."""
        with self.index.writing() as connection:
            self._remove_blobs(connection, digests)

    def _remove_blobs(self, connection: Connection, digests: Sequence[bytes]) -> None:
        for digest in digests:
            connection.execute("DELETE FROM blobs WHERE digest = ?", (digest,))
            with contextlib.suppress(OSError):
                self.blob_path(digest).unlink()

    def clear(self) -> None:
        """Forget everything; other processes see it at once."""
        with self.index.writing() as connection:
            _rows.clear(connection)
            # before the rows are gone for good: who writes next looks whether its file is there
            self.segments.remove(self.segments.numbers())
            for path in (self.path / "values").glob("*/*"):
                with contextlib.suppress(OSError):
                    path.unlink()

    def close(self) -> None:
        """Close all files; the next use opens them again."""
        with self.index.lock:
            self.segments.close()
            self.index.close()

    def _check_writable(self) -> None:
        if self.index.is_read_only:
            msg = f"cache at {self.path} cannot be written; hits are served all the same"
            raise CacheUnavailableError(msg)

    def _forget(self, table: str, rows: Sequence[tuple[int | bytes, Place]]) -> None:
        # what cannot be forgotten is found damaged again: no more than a miss
        with contextlib.suppress(CacheUnavailableError), self.index.writing() as connection:
            _rows.forget_damaged(connection, table, rows, time.time())
