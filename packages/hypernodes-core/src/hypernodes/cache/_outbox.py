"""Results on their way to a store where writing costs more than memory.

Decides when enough is collected to be written.  Belongs to one process: what
a forked parent has collected, the parent will write.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import attrs

from hypernodes.cache._entry import Entry, Payload
from hypernodes.cache._parts import NodeParts
from hypernodes.hashing import Signature

Record = tuple[Entry, Mapping[bytes, Payload]]


@attrs.frozen
class Risk:
    """How much may be lost by a kill.

    Attributes:
        seconds: Of computing.
        bytes: Of values.
        records: How many results.
    """

    seconds: float = 0.2
    bytes: int = 4 << 20
    records: int = 1000


class Outbox:
    """Results and accounts of nodes that are not written yet.

    Args:
        risk: How much may be collected.

    Attributes:
        pid: The process they belong to.
        records: The results by signature, each with those values that came with it.
        payloads: All of these values by digest.
        nodes: What the node halves of keys were made of.
    """

    def __init__(self, risk: Risk) -> None:
        self.pid = os.getpid()
        self.records: dict[Signature, Record] = {}
        self.payloads: dict[bytes, Payload] = {}
        self.nodes: dict[bytes, NodeParts] = {}
        self._risk = risk
        self._seconds = 0.0
        self._bytes = 0

    def add(self, entry: Entry, payloads: Mapping[bytes, Payload]) -> None:
        """Take a result."""
        self.records[entry.signature] = (entry, payloads)
        self.payloads.update(payloads)
        self._seconds += entry.seconds
        self._bytes += sum(len(payload.data) for payload in payloads.values())

    def is_due(self) -> bool:
        """Say whether enough is at risk to write it now."""
        return (
            self._seconds >= self._risk.seconds
            or self._bytes >= self._risk.bytes
            or len(self.records) >= self._risk.records
        )

    def is_empty(self) -> bool:
        """Say whether there is nothing to write."""
        return not self.records and not self.nodes
