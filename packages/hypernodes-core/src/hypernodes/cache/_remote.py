"""A cache below any URL of fsspec, made for stores where a request costs much.

Results are collected and written together, as objects that never change under
names that nobody else chooses: writers cannot meet, and need no lock.  Readers
list the store once per run, copy what the index objects say, and from then on
know without asking what is there and where.  What is read is read by ranges.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
import weakref
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Final

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
from hypernodes.cache._trust import KeyId, Trust, find_trust
from hypernodes.errors import CacheWarning, CorruptEntryError
from hypernodes.hashing import Signature

# a request is worth more computing than a row on this machine
_RISK_SECONDS: Final = 10.0
_RISK_RECORDS: Final = 50_000
# within one long run; a new run always looks
_REFRESH_SECONDS: Final = 10.0
_READ_AHEAD_BYTES: Final = 64 << 20

_caches: Final[weakref.WeakSet[FsspecCache]] = weakref.WeakSet()


class FsspecCache(EncodedCache):
    """A cache in an object store or any other filesystem of fsspec, for many machines.

    Any number of processes may read and write it at once.  A store that does
    not answer costs one time limit, and what could not be written is lost:
    put a `TieredCache` in front to keep it.

    Args:
        url: ``"s3://bucket/prefix"``, ``"gs://..."``, ``"file:///..."``, ...
        key: What results are signed with; by default that of
            ``HYPERNODES_CACHE_KEY``, else the user's own.  All who share the
            cache need the same one.
        shared: Refuse to fall back to the user's own key.
        allow_pickle: Store and read values that only pickle can encode.
        storage_options: Arguments of the filesystem.  Credentials are better
            left to its own means, because copies of this object carry them.
        mirror: The folder of the local copy of the index.
        pack_bytes: How much is written together.
        timeout: Seconds until a request is given up.

    Raises:
        EngineNotInstalledError: The scheme needs an extra.
        CacheUnavailableError: Nobody knows the scheme, or there is no key.

    Example:
        >>> import tempfile
        >>> cache = FsspecCache("memory://docs", mirror=tempfile.mkdtemp())
        >>> cache.put("answer", 42)
        >>> FsspecCache("memory://docs", mirror=tempfile.mkdtemp()).get("answer")
        42
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | bytes | KeyId | None = None,
        shared: bool = False,
        allow_pickle: bool = True,
        storage_options: Mapping[str, Any] | None = None,
        mirror: str | os.PathLike[str] | None = None,
        pack_bytes: int = 16 << 20,
        timeout: float = 30.0,
    ) -> None:
        self.url: Final = url
        self.allow_pickle = allow_pickle
        self._options: Final[dict[str, Any]] = {
            "shared": shared,
            "allow_pickle": allow_pickle,
            "storage_options": dict(storage_options or {}),
            "mirror": mirror,
            "pack_bytes": pack_bytes,
            "timeout": timeout,
        }
        self._find_trust: Final = partial(find_trust, key, shared=shared)
        self._wanted: Final = key if isinstance(key, KeyId) else None
        self._objects: Final = Objects(url, storage_options or {}, timeout)
        self._risk: Final = Risk(_RISK_SECONDS, pack_bytes, _RISK_RECORDS)
        self._counts: Final = {"hits": 0, "misses": 0}
        self._start()
        _caches.add(self)
        if key is not None or shared:
            # a key that is missing is told of at once; that of the user is left for the first use
            self._trust  # noqa: B018 - found now

    @cached_property
    def _trust(self) -> Trust:
        return self._find_trust()

    @cached_property
    def _mirror(self) -> Mirror:
        return Mirror(self._objects.url, self._trust.id, self._options["mirror"])

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
        if time.monotonic() - self._refreshed > _REFRESH_SECONDS:
            self.refresh()
        with self._lock:
            waiting = {**self._sending.records, **self._outbox.records}
        found = {key: waiting[key][0] for key in signatures if key in waiting}
        left = [key for key in signatures if key not in found] if found else signatures
        found.update(self._check(self._mirror.records(left)))
        self._counts["hits"] += len(found)
        self._counts["misses"] += len(signatures) - len(found)
        return found

    def read_payloads(self, digests: Sequence[bytes]) -> Mapping[bytes, Payload]:
        """Return the encoded values that are there and undamaged."""
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

    # -- upkeep ----------------------------------------------------------------

    def compact(self) -> int:
        """Merge small objects into large ones; safe beside other readers and writers.

        Returns:
            How many objects were replaced.
        """
        self.flush()
        with self._network:
            self.refresh()
            return _tidying.compact(self._objects, self._mirror, self._trust, self._risk.bytes)

    def prune(
        self,
        *,
        max_age: float | None = None,
        max_items: int | None = None,
        max_bytes: int | None = None,
    ) -> int:
        """Drop results, oldest first, and the values that no result needs any more.

        Args:
            max_age: Drop results stored more than this many seconds ago.
            max_items: Keep at most this many results.
            max_bytes: Keep at most this many bytes of values.

        Returns:
            How many results were dropped.
        """
        self.flush()
        limits = _tidying.Limits(max_age, max_items, max_bytes)
        with self._network:
            self.refresh()
            return _tidying.prune(
                self._objects, self._mirror, self._trust, self._risk.bytes, limits
            )

    def stats(self) -> dict[str, Any]:
        """Return ``entries``, ``objects``, ``bytes``, and the ``hits`` and ``misses`` so far."""
        self.flush()
        self.refresh()
        return {**self._mirror.count(), **self._counts}

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

    def __reduce__(self) -> tuple[Any, ...]:
        # the key stays here: a copy finds it by its id, where it has it
        is_known = "_trust" in self.__dict__
        key = self._wanted or (KeyId(self._trust.id) if is_known else None)
        return partial(FsspecCache, key=key, **self._options), (self.url,)

    def __repr__(self) -> str:
        return f"FsspecCache({self.url!r})"

    # -- inside ----------------------------------------------------------------

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
