"""The shelves of a remote store: what is on its way, and what its objects hold.

Results are collected and written together, as objects that never change under
names that nobody else chooses: writers cannot meet, and need no lock.  Readers
list the store once per run, copy what the index objects say, and from then on
know without asking what is there and where.  What is read is read by ranges.
Forgets nothing unless it is told to.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from hypernodes.cache import _tidying
from hypernodes.cache._encoded import EncodedCache
from hypernodes.cache._entry import Entry, Payload
from hypernodes.cache._mirror import Mirror, Place
from hypernodes.cache._objects import Objects
from hypernodes.cache._outbox import Outbox, Record, Risk
from hypernodes.cache._packs import find_key_id, pack, unpack
from hypernodes.cache._parts import NodeParts
from hypernodes.cache._ranges import read_values
from hypernodes.cache._record import decode_blob, decode_record, record_signer
from hypernodes.cache._trust import Trust
from hypernodes.errors import CacheWarning, CorruptEntryError
from hypernodes.hashing import Signature

# a request is worth more computing than a row on this machine
_RISK_SECONDS: Final = 10.0
_RISK_RECORDS: Final = 50_000
# within one long run; a new run always looks
_REFRESH_SECONDS: Final = 10.0
_READ_AHEAD_BYTES: Final = 64 << 20

_caches: Final[weakref.WeakSet[RemoteShelves]] = weakref.WeakSet()


class RemoteShelves(EncodedCache):
    """A cache below a URL that keeps everything it is given.

    Args:
        url: The URL, as it was given.
        objects: The objects below it.
        find_trust: Finds the key; called at the first use.
        mirror: The folder of the local copy of the index; None for the user's.
        pack_bytes: How much is written together.

    Attributes:
        url: The URL.
    """

    def __init__(
        self,
        url: str,
        objects: Objects,
        find_trust: Callable[[], Trust],
        mirror: str | os.PathLike[str] | None,
        pack_bytes: int,
    ) -> None:
        self.url: Final = url
        self._objects: Final = objects
        self._find_trust: Final = find_trust
        self._mirror_folder: Final = mirror
        self._risk: Final = Risk(_RISK_SECONDS, pack_bytes, _RISK_RECORDS)
        self._counts: Final = {"hits": 0, "misses": 0}
        self._start()
        _caches.add(self)

    @cached_property
    def _trust(self) -> Trust:
        return self._find_trust()

    @cached_property
    def _mirror(self) -> Mirror:
        return Mirror(self._objects.url, self._trust.id, self._mirror_folder)

    def _start(self) -> None:
        """Begin with nothing to write, and with locks that nobody holds."""
        self._outbox = Outbox(self._risk)
        self._sending = Outbox(self._risk)
        self._refreshed = float("-inf")
        self._lock = threading.Lock()
        self._network = threading.RLock()

    # -- reading ---------------------------------------------------------------

    def refresh(self) -> None:
        """Look for what others have written or removed; one request and one per new object.

        Raises:
            CacheUnavailableError: The store does not answer.
        """
        with self._network:
            found = self._objects.find("index")
            known = self._mirror.known()
            self._mirror.drop([name for name, size in known.items() if found.get(name) != size])
            new = [(name, size) for name, size in found.items() if known.get(name) != size]
            self._learn(sorted(new))
            self._refreshed = time.monotonic()

    def read_records(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the records that are there, those not written yet included."""
        self._refresh_if_due()
        with self._lock:
            waiting = {**self._sending.records, **self._outbox.records}
        found = {key: waiting[key][0] for key in signatures if key in waiting}
        left = [key for key in signatures if key not in found] if found else signatures
        found.update(self._check(self._mirror.records(left)))
        self._counts["hits"] += len(found)
        self._counts["misses"] += len(signatures) - len(found)
        return found

    def read_whole(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the same with what the keys were made of."""
        found = dict(self.read_records(signatures))
        found.update(self._check(self._mirror.records(found), with_arguments=True))
        return found

    def read_payloads(self, digests: Sequence[bytes]) -> Mapping[bytes, Payload]:
        """Return the encoded values that are there and undamaged."""
        # who asks may have learned of them from another process
        self._refresh_if_due()
        with self._lock:
            waiting = {**self._sending.payloads, **self._outbox.payloads}
        found = {digest: waiting[digest] for digest in digests if digest in waiting}
        left = [digest for digest in digests if digest not in found]
        gone = self._read(self._mirror.places(left), found)
        if gone:
            # somebody has packed them anew
            self.refresh()
            self._read(self._mirror.places(gone), found)
        return found

    def find_held(self, digests: Sequence[bytes]) -> Container[bytes]:
        """Return which encoded values are there, without reading them."""
        held = set(self._mirror.places(digests))
        with self._lock:
            return held | self._sending.payloads.keys() | self._outbox.payloads.keys()

    def find_nodes(self, step: str) -> Sequence[tuple[bytes, NodeParts]]:
        """Return what was kept of the nodes of *step*, the latest first."""
        found = [(node, NodeParts.from_json(text)) for node, text in self._mirror.nodes().items()]
        with self._lock:
            found = [*self._outbox.nodes.items(), *found]
        return [(node, parts) for node, parts in found if parts.step == step]

    def find_entries(self, node: bytes, most: int) -> Sequence[Entry]:
        """Return written records of *node*, the latest first, at most so many."""
        found = self._check(self._mirror.latest(node, most), with_arguments=True)
        return sorted(found.values(), key=lambda entry: -entry.created)

    # -- writing ---------------------------------------------------------------

    def write(self, records: Sequence[Record]) -> None:
        """Collect records with their values; write once enough work is at risk."""
        with self._lock:
            for entry, payloads in records:
                self._outbox.add(entry, payloads)
            is_due = self._outbox.is_due()
        if is_due:
            self._send()

    def describe(self, node: bytes, parts: NodeParts) -> None:
        """Keep what the node half of a key was made of."""
        if not self._mirror.has_node(node):
            with self._lock:
                self._outbox.nodes.setdefault(node, parts)

    def flush(self) -> None:
        """Write what was collected; the next lookup asks the store again.

        Raises:
            CacheUnavailableError: The store does not answer or refuses; what
                was to be written is dropped.
        """
        self._send()
        self._refreshed = float("-inf")

    def discard(self, digests: Sequence[bytes]) -> None:
        """Forget where unusable values lie, so that good ones can be written."""
        self._mirror.forget_values(digests)
        with self._lock:
            for digest in digests:
                self._outbox.payloads.pop(digest, None)

    def clear(self) -> None:
        """Delete everything; others see it at their next run."""
        with self._network:
            with self._lock:
                self._outbox = Outbox(self._risk)
            _tidying.delete_all(self._objects, self._mirror)

    def retry(self) -> None:
        """Ask the store again at once, even if it did not answer a moment ago."""
        self._objects.forget_failures()

    def close(self) -> None:
        """Write what was collected and close the local copy; the next use opens it again."""
        self.flush()
        self._mirror.close()

    def after_fork(self) -> None:
        """Let go, in the child, of what the parent will write, and of its connections."""
        self._start()
        if "_mirror" in self.__dict__:
            self._mirror.after_fork()

    # -- inside ----------------------------------------------------------------

    def _refresh_if_due(self) -> None:
        if time.monotonic() - self._refreshed > _REFRESH_SECONDS:
            self.refresh()

    def _check(
        self, rows: Iterable[tuple[Signature, bytes]], *, with_arguments: bool = False
    ) -> dict[Signature, Entry]:
        """Return those records that carry our signature."""
        found = {}
        node, sign = b"", None
        for key, data in rows:
            if sign is None or key.node != node:
                node, sign = key.node, record_signer(self._trust, key.node)
            entry = decode_record(key, data, sign, with_arguments=with_arguments)
            if entry is not None:
                found[key] = entry
        return found

    def _read(self, places: Mapping[bytes, Place], found: dict[bytes, Payload]) -> list[bytes]:
        """Add the values at *places* to *found*; return those whose pack is gone."""
        damaged, gone = [], []
        for digest, data in read_values(self._objects, places):
            if data is None:
                gone.append(digest)
                continue
            payload = decode_blob(digest, data, self._trust)
            if payload is None:
                damaged.append(digest)
            else:
                found[digest] = payload
        if damaged:
            self.discard(damaged)
        return gone

    def _learn(self, new: Sequence[tuple[str, int]]) -> None:
        """Copy what index objects say that were not known."""
        foreign = damaged = 0
        while new:
            size = count = 0
            while count < len(new) and size < _READ_AHEAD_BYTES:
                size += new[count][1]
                count += 1
            some, new = new[:count], new[count:]
            answers = self._objects.read([(name, 0, size) for name, size in some])
            for (name, size), data in zip(some, answers, strict=True):
                if data is None or len(data) != size:
                    # being written or removed: the next look will tell
                    continue
                try:
                    self._mirror.add(name, size, unpack(data, self._trust))
                except CorruptEntryError:
                    is_foreign = find_key_id(data) != self._trust.id
                    foreign, damaged = foreign + is_foreign, damaged + (not is_foreign)
                    self._mirror.add(name, size, None)
        self._warn(foreign, damaged)

    def _warn(self, foreign: int, damaged: int) -> None:
        if foreign:
            msg = (
                f"{foreign} objects of {self.url} were signed with another key and are not read; "
                "set HYPERNODES_CACHE_KEY to the key of those who write them"
            )
            warnings.warn(msg, CacheWarning, stacklevel=2)
        if damaged:
            msg = (
                f"{damaged} objects of {self.url} are damaged and not read; "
                "their results will be computed again"
            )
            warnings.warn(msg, CacheWarning, stacklevel=2)

    def _send(self) -> None:
        """Write what was collected: values before the index that names them."""
        with self._network:
            with self._lock:
                if self._outbox.is_empty():
                    return
                self._sending, self._outbox = self._outbox, Outbox(self._risk)
            try:
                for records, nodes in self._split(self._sending):
                    made = pack(records, nodes, self._trust, time.time())
                    _tidying.write(self._objects, self._mirror, *made)
            finally:
                self._sending = Outbox(self._risk)

    def _split(self, outbox: Outbox) -> Iterator[tuple[list[Record], dict[bytes, NodeParts]]]:
        """Yield what makes one pack each, without values that are stored already."""
        stored = self._mirror.places(outbox.payloads)
        nodes, records, size = outbox.nodes, list[Record](), 0
        for entry, payloads in outbox.records.values():
            fresh = {d: payload for d, payload in payloads.items() if d not in stored}
            records.append((entry, fresh))
            size += sum(len(payload.data) for payload in fresh.values())
            if size >= self._risk.bytes:
                yield records, nodes
                nodes, records, size = {}, [], 0
        if records or nodes:
            yield records, nodes


def _after_fork() -> None:
    for cache in list(_caches):
        cache.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
