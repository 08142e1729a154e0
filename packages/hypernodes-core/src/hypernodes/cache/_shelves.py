"""The shelves of a local store: what is buffered, and what is in its folder.

Decides what is kept back for a moment and when it is written, and what is
counted.  How bytes lie on disk, are found and checked is the business of
`_folder`.  Forgets nothing unless it is told to.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any, Final

from hypernodes.cache import _rows
from hypernodes.cache._buffer import Buffer, Uses
from hypernodes.cache._chunks import Column, decode_chunk, make_chunk, read_uses
from hypernodes.cache._encoded import EncodedCache
from hypernodes.cache._entry import Entry, Payload
from hypernodes.cache._folder import Folder, Found
from hypernodes.cache._parts import NodeParts
from hypernodes.cache._record import encode_record, is_small, record_signer, with_inline
from hypernodes.cache._trust import KEY_VARIABLE, Trust
from hypernodes.errors import CacheUnavailableError, CacheWarning
from hypernodes.hashing import Signature
from hypernodes.values import MISSING, Missing

# hits of runs that store nothing are noted at most this often
_NOTE_SECONDS: Final = 1.0
# how many records are sorted to find the latest
_MOST_SORTED: Final = 10_000
_NODE: Final = itemgetter(0)
_ITEM: Final = itemgetter(1)
_SECONDS: Final = attrgetter("seconds")
_REMEDY: Final = f"give the right key=..., or set {KEY_VARIABLE}"


class Shelves(EncodedCache):
    """A cache in a folder that keeps everything it is given.

    Args:
        path: The folder; made at the first use.
        find_trust: Finds the key; called at the first use, so that making a
            cache touches no file.
        is_shared: Let the group of the folder read it.

    Attributes:
        path: The folder, as it was given.
    """

    read_portion = 64

    def __init__(
        self, path: Path, find_trust: Callable[[], Trust], is_shared: bool = False
    ) -> None:
        self.path: Final = path
        # another folder may be the current one by the time of the first use
        self._absolute: Final = path.absolute()
        self._find_trust: Final = find_trust
        self._is_shared: Final = is_shared
        self._opened: Folder | None = None
        self._opening = threading.Lock()
        self._buffer = Buffer()
        self._uses = Uses()
        self._described: set[bytes] = set()
        # chunks that were asked for before, and are asked for again
        self._asked: set[bytes] = set()
        self._noted = float("-inf")
        self._warned: set[str] = set()

    # -- shelves ---------------------------------------------------------------

    def lookup_many(self, signatures: Sequence[Signature]) -> list[Entry | Missing]:
        """Return one record per signature, in order, ``MISSING`` where there is none."""
        asked = _group(signatures)
        found = self._find(asked)
        for node, items in asked.items():
            hits = found[node]
            saved = sum(map(_SECONDS, hits.values()))
            self._uses.count(node, len(hits), len(items) - len(hits), saved)
        if len(asked) == 1:
            (hits,) = found.values()
            return list(map(hits.get, map(_ITEM, signatures), itertools.repeat(MISSING)))
        return [found[node].get(item, MISSING) for node, item in signatures]

    def read_records(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the records that are there, buffered ones included."""
        found = self._find(_group(signatures))
        return {entry.signature: entry for hits in found.values() for entry in hits.values()}

    def read_whole(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the same with what the keys were made of."""
        found = self._find(_group(signatures), with_arguments=True)
        return {entry.signature: entry for hits in found.values() for entry in hits.values()}

    def _find(
        self, asked: Mapping[bytes, Mapping[bytes, Signature]], *, with_arguments: bool = False
    ) -> dict[bytes, Found]:
        """Return the records that are there, by node and item."""
        buffered = self._own_buffer().records
        folder = self._open()
        found: dict[bytes, Found] = {}
        for node, items in asked.items():
            held = buffered.get(node, {})
            hits = found[node] = {item: held[item][0] for item in held.keys() & items.keys()}
            if folder.trust.is_locked or len(hits) == len(items):
                continue
            left = {i: key for i, key in items.items() if i not in hits} if hits else items
            records, unused = folder.read_records(node, left, with_arguments=with_arguments)
            hits.update(records)
            self._uses.records.update(unused)
        if folder.trust.is_locked:
            self._warn_once(f"is signed with a key that this process does not have; {_REMEDY}")
        if folder.segments.foreign:
            self._warn_once(f"is signed with another key, so its results are not used; {_REMEDY}")
        return found

    def read_payloads(self, digests: Sequence[bytes]) -> Mapping[bytes, Payload]:
        """Return the encoded values that are there and undamaged."""
        buffered = self._own_buffer().payloads
        found = {key: buffered[key] for key in digests if key in buffered}
        left = [key for key in digests if key not in found]
        folder = self._open()
        if left and not folder.trust.is_locked:
            blobs, unused = folder.read_blobs(left)
            found.update(blobs)
            self._uses.blobs.update(unused)
        return found

    def find_chunk(self, key: bytes) -> list[list[Any]] | None:
        """Return the outputs of a chunk by column, as they were kept; None where none are."""
        folder = self._open()
        # what is not written yet may say otherwise
        if self._own_buffer().records or folder.trust.is_locked:
            return None
        data, is_unused = folder.read_chunk(key) or (None, False)
        if not data:
            if data is not None:
                self._asked.add(key)
            return None
        values = decode_chunk(data, allow_pickle=self.allow_pickle)
        if values is None:
            return None
        for use in read_uses(data):
            self._uses.count(use.node, len(use.keys), 0, use.seconds)
            if is_unused:
                self._uses.records.update(use.keys)
                self._uses.chunks.add(key)
        return values

    def keep_chunk(
        self, key: bytes, steps: Sequence[Sequence[Entry]], outputs: Sequence[Column]
    ) -> None:
        """Keep the outputs of a chunk that was answered from records, where that pays.

        It pays for what is repeated: the first time, it is only noted that
        somebody asked.
        """
        folder = self._open()
        if folder.trust.is_locked or folder.index.is_read_only:
            return
        was_asked = key in self._asked
        kept = make_chunk(steps, outputs) if was_asked else None
        if was_asked and kept is None:
            return
        self._asked.discard(key)
        with folder.index.lock:
            self._own_buffer().chunks[key] = kept

    def find_held(self, digests: Sequence[bytes]) -> Container[bytes]:
        """Return which encoded values are there, without reading them."""
        held = set(self._own_buffer().payloads)
        with self._open().index.reading() as connection:
            held.update(row[0] for rows in _rows.find_blobs(connection, digests) for row in rows)
        return held

    def write(self, records: Sequence[tuple[Entry, Mapping[bytes, Payload]]]) -> None:
        """Buffer records with their values; write once enough work is at risk."""
        folder = self._open()
        signers = {
            node: record_signer(folder.trust, node)
            for node in {entry.signature.node for entry, _ in records}
        }
        signed: list[tuple[Entry, bytes]] = []
        blobs: list[tuple[bytes, Payload]] = []
        for entry, payloads in records:
            whole = with_inline(entry, payloads)
            signed.append((whole, encode_record(whole, signers[entry.signature.node])))
            if len(payloads) > 1 or not whole.inline:
                blobs += [pair for pair in payloads.items() if not is_small(pair[1])]
        with folder.index.lock:
            buffer = self._own_buffer()
            buffer.add(signed, blobs)
            if buffer.is_due():
                self._write_out(folder)

    def flush(self) -> None:
        """Write what is buffered, values before the records that name them."""
        buffer = self._own_buffer()
        if not buffer.records and not buffer.chunks and not self._uses:
            return
        folder = self._open()
        with folder.index.lock:
            if self._write_out(folder) or time.monotonic() - self._noted > _NOTE_SECONDS:
                self._note_uses(folder)

    def discard(self, digests: Sequence[bytes]) -> None:
        """Forget encoded values that are kept by digest."""
        folder = self._open()
        if not folder.index.is_read_only:
            folder.discard(digests)

    def clear(self) -> None:
        """Forget everything; other processes see it at once."""
        folder = self._open()
        with folder.index.lock:
            self._buffer, self._uses = Buffer(), Uses()
            self._described.clear()
            folder.clear()

    def close(self) -> None:
        """Write what is buffered and close the files; the next use opens them again."""
        self._noted = float("-inf")
        self.flush()
        if self._opened is not None:
            self._opened.close()

    # -- what explains ---------------------------------------------------------

    def describe(self, node: bytes, parts: NodeParts) -> None:
        """Keep what the node half of a key was made of."""
        if node not in self._described:
            with self._open().index.writing() as connection:
                _rows.describe_node(connection, node, parts.step, parts.to_json(), parts.created)
            self._described.add(node)

    def find_nodes(self, step: str) -> Sequence[tuple[bytes, NodeParts]]:
        """Return what was kept of the nodes of *step*, the latest first."""
        with self._open().index.reading() as connection:
            rows = _rows.find_described(connection, step)
        return [(node, NodeParts.from_json(parts)) for node, parts in rows]

    def find_entries(self, node: bytes, most: int) -> Sequence[Entry]:
        """Return written records of *node*, the latest first, at most so many.

        Of a node with very many, the latest of some of them.
        """
        folder = self._open()
        with folder.index.reading() as connection:
            items = _rows.find_latest(connection, node, most, _MOST_SORTED)
        if folder.trust.is_locked or not items:
            return ()
        keys = {item: Signature(node, item) for item in items}
        found, _ = folder.read_records(node, keys, with_arguments=True)
        return [found[item] for item in items if item in found]

    # -- inside ---------------------------------------------------------------

    def _open(self) -> Folder:
        """Return the folder; its key is found now."""
        if self._opened is None:
            # two folders would have two locks, and what one thread buffers another would drop
            with self._opening:
                if self._opened is None:
                    self._opened = Folder(self._absolute, self._find_trust(), self._is_shared)
        return self._opened

    def _own_buffer(self) -> Buffer:
        """Return this process's buffer: what a forked parent buffered, it will write."""
        if self._buffer.pid != os.getpid():
            self._buffer, self._uses = Buffer(), Uses()
        return self._buffer

    def _write_out(self, folder: Folder) -> bool:
        """Write the buffer; say whether there was anything in it."""
        buffer = self._own_buffer()
        if not buffer.records and not buffer.chunks:
            return False
        if buffer.records:
            folder.write(*buffer.in_order(), buffer.payloads)
        if buffer.chunks:
            # nothing depends on them
            with contextlib.suppress(CacheUnavailableError):
                folder.write_chunks(buffer.chunks)
        # only now: what an interrupt kept from being written is written next time
        self._buffer = Buffer()
        return True

    def _note_uses(self, folder: Folder) -> None:
        """Note hits and last uses, all at once; nothing depends on them."""
        uses, self._uses = self._uses, Uses()
        self._noted = time.monotonic()
        if uses and not folder.index.is_read_only:
            with contextlib.suppress(CacheUnavailableError), folder.index.writing() as connection:
                _rows.note_uses(connection, uses.by_node, uses.records, uses.blobs, uses.chunks)

    def _warn_once(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            warnings.warn(f"cache at {self._absolute} {message}", CacheWarning, stacklevel=4)


def _group(signatures: Sequence[Signature]) -> Mapping[bytes, Mapping[bytes, Signature]]:
    """Return the signatures by node and item."""
    nodes = set(map(_NODE, signatures))
    if len(nodes) == 1:
        return {nodes.pop(): dict(zip(map(_ITEM, signatures), signatures, strict=True))}
    grouped: dict[bytes, dict[bytes, Signature]] = {node: {} for node in nodes}
    for signature in signatures:
        grouped[signature.node][signature.item] = signature
    return grouped
