"""What all our caches share: values in and out as encoded bytes.

A cache of ours is two shelves, one of records by signature and one of encoded
values by digest.  Subclasses say where the shelves stand; encoding, decoding
and the forms for single values are here, so that no store can bypass them.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hypernodes.cache._entry import Entry, Payload, Result
from hypernodes.cache._parts import NodeParts
from hypernodes.cache._serializers import decode, encode
from hypernodes.errors import FingerprintError, SerializationError
from hypernodes.hashing import Signature, fingerprint
from hypernodes.values import MISSING, Missing


class EncodedCache(ABC):
    """A cache that keeps every value as bytes, never as a reference."""

    # -- shelves: what a subclass supplies -------------------------------------

    @abstractmethod
    def read_records(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the records that are there."""

    @abstractmethod
    def read_payloads(self, digests: Sequence[bytes]) -> Mapping[bytes, Payload]:
        """Return the encoded values that are there and undamaged."""

    @abstractmethod
    def write(self, records: Sequence[tuple[Entry, Mapping[bytes, Payload]]]) -> None:
        """Keep records with their values; values first."""

    @abstractmethod
    def discard(self, digests: Sequence[bytes]) -> None:
        """Forget encoded values that turned out to be unusable."""

    @abstractmethod
    def describe(self, node: bytes, parts: NodeParts) -> None:
        """Keep what the node half of a key was made of; the first account stands."""

    @abstractmethod
    def find_nodes(self, step: str) -> Sequence[tuple[bytes, NodeParts]]:
        """Return what was kept of the nodes of *step*, the latest first."""

    @abstractmethod
    def find_entries(self, node: bytes, most: int) -> Sequence[Entry]:
        """Return records of *node*, the latest first, at most so many."""

    @abstractmethod
    def clear(self) -> None:
        """Forget everything."""

    def flush(self) -> None:
        """Make everything stored so far durable; nothing to do where writing is enough."""
        return

    # -- bulk forms: what engines use ------------------------------------------

    def lookup_many(self, signatures: Sequence[Signature]) -> list[Entry | Missing]:
        """Return one record per signature, in order, ``MISSING`` where there is none."""
        found = self.read_records(signatures)
        return [found.get(signature, MISSING) for signature in signatures]

    def load_many(self, wanted: Sequence[tuple[Entry, int]]) -> list[Any]:
        """Return one value per (entry, output position).

        A value that is gone, damaged or no longer decodable is ``MISSING``
        and forgotten, so that the next run stores it anew.  Each call decodes
        anew: no two callers share an object.
        """
        digests = [entry.digests[position] for entry, position in wanted]
        found = self.read_payloads(list(dict.fromkeys(digests)))
        values = [_decode_or_missing(found.get(digest)) for digest in digests]
        unusable = [
            d for d, value in zip(digests, values, strict=True) if value is MISSING and d in found
        ]
        if unusable:
            self.discard(unusable)
        return values

    def store_many(self, results: Sequence[Result]) -> None:
        """Encode and keep *results*.

        Raises:
            SerializationError: Some cannot be encoded; the others are kept.
                Its ``failed`` maps their positions to the causes.
        """
        records: list[tuple[Entry, Mapping[bytes, Payload]]] = []
        failed: dict[int, SerializationError] = {}
        for position, result in enumerate(results):
            try:
                records.append((result.entry, _encode_all(result)))
            except SerializationError as error:
                failed[position] = error
        if records:
            self.write(records)
        if failed:
            first = next(iter(failed.values()))
            summary = SerializationError(str(first))
            summary.failed = failed
            raise summary from first

    # -- single values: what people use ----------------------------------------

    def get(self, signature: Signature | str, default: Any = MISSING) -> Any:
        """Return the value under *signature*: a tuple where there are several outputs."""
        return self.get_many([signature], default)[0]

    def put(self, signature: Signature | str, value: Any) -> None:
        """Store *value* under *signature*, replacing what was there.

        Raises:
            SerializationError: *value* cannot be encoded.
        """
        self.put_many({signature: value})

    def has(self, signature: Signature | str) -> bool:
        """Say whether something is stored under *signature*."""
        return self.has_many([signature])[0]

    def get_many(self, signatures: Iterable[Signature | str], default: Any = MISSING) -> list[Any]:
        """Return one value per signature, in order; *default* where there is none."""
        entries = self.lookup_many([_parse(signature) for signature in signatures])
        found = [entry for entry in entries if isinstance(entry, Entry)]
        wanted = [(entry, position) for entry in found for position in range(len(entry.digests))]
        values = iter(self.load_many(wanted))
        return [
            default if entry is MISSING else _gather(entry, values, default) for entry in entries
        ]

    def put_many(self, values: Mapping[Signature | str, Any]) -> None:
        """Store each value under its signature.

        Raises:
            SerializationError: Some cannot be encoded; the others are kept.
        """
        now = time.time()
        self.store_many(
            [
                Result(Entry(key, (_digest(value),), created=now), (value,))
                for key, value in (
                    (_parse(signature), value) for signature, value in values.items()
                )
            ]
        )
        self.flush()

    def has_many(self, signatures: Iterable[Signature | str]) -> list[bool]:
        """Say for each signature whether something is stored under it."""
        entries = self.lookup_many([_parse(signature) for signature in signatures])
        return [entry is not MISSING for entry in entries]


def _parse(signature: Signature | str) -> Signature:
    return Signature.parse(signature) if isinstance(signature, str) else signature


def _digest(value: Any) -> bytes:
    """Return the address of a value."""
    try:
        return fingerprint(value)
    except FingerprintError:
        # nothing tells whether it is the value that was there, so it gets a new address
        return os.urandom(32)


def _encode_all(result: Result) -> dict[bytes, Payload]:
    names = result.serializers or (None,) * len(result.values)
    columns = zip(result.entry.digests, result.values, names, strict=True)
    return {digest: encode(value, name) for digest, value, name in columns}


def _decode_or_missing(payload: Payload | None) -> Any:
    if payload is None:
        return MISSING
    try:
        return decode(payload)
    except SerializationError:
        return MISSING


def _gather(entry: Any, values: Any, default: Any) -> Any:
    """Take the outputs of *entry* from the stream of loaded values."""
    outputs = tuple(next(values) for _ in entry.digests)
    if any(value is MISSING for value in outputs):
        return default
    return outputs[0] if len(outputs) == 1 else outputs
