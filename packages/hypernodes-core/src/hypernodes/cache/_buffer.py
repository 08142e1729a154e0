"""What a process has stored but not yet written.

Decides when it is worth writing: an expensive result at once, cheap ones
together, so that a kill never costs more than a moment of computing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from hypernodes.cache._chunks import Kept
from hypernodes.cache._entry import Entry, Payload
from hypernodes.cache._rows import record_keys

# work at risk: what a kill may cost before buffered results are written
_RISK_SECONDS: Final = 0.2
_RISK_BYTES: Final = 4 << 20
_RISK_RECORDS: Final = 1000


class Buffer:
    """Results of one process that are not written yet.

    Attributes:
        pid: The process they belong to.
        records: Records, small values inline, with their signed bytes, by node and item.
        payloads: Larger values by digest.
        chunks: Answers to chunks by key, None for those that were only asked for;
            nothing is at risk with them.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.records: dict[bytes, dict[bytes, tuple[Entry, bytes]]] = {}
        self.payloads: dict[bytes, Payload] = {}
        self.chunks: dict[bytes, Kept | None] = {}
        self._seconds = 0.0
        self._bytes = 0

    def add(
        self, records: Iterable[tuple[Entry, bytes]], payloads: Iterable[tuple[bytes, Payload]]
    ) -> None:
        """Take records with their signed bytes, and values that are kept apart."""
        for entry, data in records:
            node, item = entry.signature
            some = self.records.get(node)
            if some is None:
                some = self.records[node] = {}
            some[item] = entry, data
            self._seconds += entry.seconds
            self._bytes += len(data)
        for digest, payload in payloads:
            self.payloads[digest] = payload
            self._bytes += len(payload.data)

    def in_order(self) -> tuple[list[int], list[tuple[Entry, bytes]]]:
        """Return keys in the index and records, in its order: what it finds lies in a row."""
        keys: list[int] = []
        records: list[tuple[Entry, bytes]] = []
        for node in sorted(self.records):
            some = self.records[node]
            by_key = dict(zip(record_keys(node, some), some.values(), strict=True))
            ordered = sorted(by_key)
            keys += ordered
            records += [by_key[key] for key in ordered]
        return keys, records

    def is_due(self) -> bool:
        """Say whether enough work is at risk to write it now."""
        return (
            self._seconds >= _RISK_SECONDS
            or self._bytes >= _RISK_BYTES
            or sum(map(len, self.records.values())) >= _RISK_RECORDS
        )


class Uses:
    """What was asked for and found since this was last written down.

    Attributes:
        by_node: Hits, misses and saved seconds by node.
        records: Keys in the index of records whose last use is to be noted.
        blobs: Digests of blobs whose last use is to be noted.
        chunks: Keys of answers to chunks whose last use is to be noted.
    """

    def __init__(self) -> None:
        self.by_node: dict[bytes, tuple[int, int, float]] = {}
        self.records: set[int] = set()
        self.blobs: set[bytes] = set()
        self.chunks: set[bytes] = set()

    def __bool__(self) -> bool:
        return bool(self.by_node or self.records or self.blobs or self.chunks)

    def count(self, node: bytes, hits: int, misses: int, saved: float) -> None:
        """Add to the figures of one node."""
        before = self.by_node.get(node, (0, 0, 0.0))
        self.by_node[node] = (before[0] + hits, before[1] + misses, before[2] + saved)
