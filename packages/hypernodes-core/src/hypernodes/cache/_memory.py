"""A cache that lives as long as the process."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hypernodes.cache._encoded import EncodedCache
from hypernodes.cache._entry import Entry, Payload
from hypernodes.cache._listing import Listed, is_named
from hypernodes.cache._parts import NodeParts
from hypernodes.hashing import Signature


class MemoryCache(EncodedCache):
    """A cache in this process's memory; thread-safe, never shared.

    Values are kept encoded, so that nothing a caller does to a result can
    change what the next one gets.  A pickled copy starts empty.

    Example:
        >>> cache = MemoryCache()
        >>> cache.put("answer", 42)
        >>> cache.get("answer"), cache.has("question")
        (42, False)
    """

    def __init__(self) -> None:
        self._records: dict[Signature, Entry] = {}
        self._payloads: dict[bytes, Payload] = {}
        self._nodes: dict[bytes, NodeParts] = {}
        self._lock = threading.Lock()

    def read_records(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the records that are there."""
        with self._lock:
            return {key: self._records[key] for key in signatures if key in self._records}

    def read_payloads(self, digests: Sequence[bytes]) -> Mapping[bytes, Payload]:
        """Return the encoded values that are there."""
        with self._lock:
            return {key: self._payloads[key] for key in digests if key in self._payloads}

    def write(self, records: Sequence[tuple[Entry, Mapping[bytes, Payload]]]) -> None:
        """Keep records with their values."""
        with self._lock:
            for entry, payloads in records:
                self._payloads.update(payloads)
                self._records[entry.signature] = entry

    def discard(self, digests: Sequence[bytes]) -> None:
        """Forget encoded values."""
        with self._lock:
            for digest in digests:
                self._payloads.pop(digest, None)

    def describe(self, node: bytes, parts: NodeParts) -> None:
        """Keep what the node half of a key was made of."""
        with self._lock:
            self._nodes.setdefault(node, parts)

    def find_nodes(self, step: str) -> Sequence[tuple[bytes, NodeParts]]:
        """Return what was kept of the nodes of *step*, the latest first."""
        with self._lock:
            return [pair for pair in reversed(self._nodes.items()) if pair[1].step == step]

    def find_entries(self, node: bytes, most: int) -> Sequence[Entry]:
        """Return records of *node*, the latest first, at most so many."""
        with self._lock:
            found = [entry for key, entry in self._records.items() if key.node == node]
        return found[::-1][:most]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._nodes.clear()
            self._records.clear()
            self._payloads.clear()

    def stats(self) -> dict[str, Any]:
        """Return the number of ``entries`` and the ``bytes`` of their values."""
        with self._lock:
            size = sum(len(payload.data) for payload in self._payloads.values())
            return {"entries": len(self._records), "bytes": size}

    def list_results(self, node: str | None = None, most: int | None = None) -> Iterator[Listed]:
        """Yield what is there, the latest first, at most so many; of the named *node* alone."""
        with self._lock:
            steps = {digest: parts.step for digest, parts in self._nodes.items()}
            entries = [
                entry
                for entry in reversed(self._records.values())
                if is_named(steps.get(entry.signature.node, ""), node)
            ]
            sizes = {digest: len(payload.data) for digest, payload in self._payloads.items()}
        for entry in entries[:most]:
            size = sum(sizes.get(digest, 0) for digest in entry.digests)
            step = steps.get(entry.signature.node, "")
            created = entry.created
            yield Listed(entry.signature, step, created, created, entry.seconds, size)

    def prune(self, *, max_items: int) -> int:
        """Keep the *max_items* results stored last; return how many were dropped."""
        with self._lock:
            surplus = list(self._records)[: max(0, len(self._records) - max_items)]
            for signature in surplus:
                del self._records[signature]
            kept = {digest for entry in self._records.values() for digest in entry.digests}
            self._payloads = {key: value for key, value in self._payloads.items() if key in kept}
            return len(surplus)

    def for_worker(self, nodes: Collection[bytes]) -> MemoryCache:
        """Return a copy that travels, with the results of *nodes* as they are now."""
        with self._lock:
            records = {k: entry for k, entry in self._records.items() if k.node in nodes}
            digests = {digest for entry in records.values() for digest in entry.digests}
            payloads = {d: self._payloads[d] for d in digests if d in self._payloads}
        return _Travelling(records, payloads)

    def __reduce__(self) -> tuple[Any, ...]:
        return (MemoryCache, ())

    def __repr__(self) -> str:
        return f"MemoryCache(entries={len(self._records)})"


class _Travelling(MemoryCache):
    """A copy that takes its contents along when it is pickled."""

    def __init__(self, records: dict[Signature, Entry], payloads: dict[bytes, Payload]) -> None:
        super().__init__()
        self._records.update(records)
        self._payloads.update(payloads)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Travelling, (self._records, self._payloads))
