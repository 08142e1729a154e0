"""What all our caches share: values in and out as encoded bytes.

A cache of ours is two shelves, one of records by signature and one of encoded
values by digest.  Subclasses say where the shelves stand; encoding, decoding
and the forms for single values are here, so that no store can bypass them.

A record may hold its values inline.  One that has neither those nor blobs is
hollow: it still says what the result is, so what comes after it can hit, and
its value is made again when somebody needs it.
"""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from hypernodes.cache._chunks import Column
from hypernodes.cache._entry import Entry, Payload, Result
from hypernodes.cache._listing import Listed
from hypernodes.cache._parts import NodeParts
from hypernodes.cache._record import decode_inline, split_inline
from hypernodes.cache._serializers import decode, decode_column, encode
from hypernodes.errors import CacheError, FingerprintError, SerializationError
from hypernodes.hashing import Signature, fingerprint, is_of_value
from hypernodes.values import MISSING, Missing

# what is encoded before it is written
_PORTION: Final = 4096
_PORTION_BYTES: Final = 8 << 20


class EncodedCache(ABC):
    """A cache that keeps every value as bytes, never as a reference.

    Attributes:
        allow_pickle: Whether values may be encoded and decoded by pickle.
        read_portion: How many values that lie by themselves are read at once;
            few where reading them costs no request.
    """

    allow_pickle: bool = True
    read_portion: int = sys.maxsize

    # -- shelves: what a subclass supplies -------------------------------------

    @abstractmethod
    def read_records(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the records that are there."""

    def read_whole(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the same with what the keys were made of, where that takes an effort."""
        return self.read_records(signatures)

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

    def find_chunk(self, key: bytes) -> list[list[Any]] | None:
        """Return the outputs of a chunk of a map by column; None where none were kept.

        Args:
            key: A digest of everything that went into them.
        """
        return None

    def keep_chunk(
        self, key: bytes, steps: Sequence[Sequence[Entry]], outputs: Sequence[Column]
    ) -> None:
        """Keep the outputs of a chunk that records answered, for who asks for all of it again.

        Nothing depends on it; a cache that gains nothing by it does nothing.

        Args:
            key: A digest of everything that went into them.
            steps: The records of each step, one per item.
            outputs: The records of each output, and its position in them.
        """
        return

    def list_results(self, node: str | None = None, most: int | None = None) -> Iterator[Listed]:
        """Yield what is there, the latest first, at most so many; of the named *node* alone.

        Raises:
            CacheError: This cache cannot tell what it holds.
        """
        msg = f"{self!r} cannot list what it holds"
        raise CacheError(msg)

    @abstractmethod
    def clear(self) -> None:
        """Forget everything."""

    def flush(self) -> None:
        """Make everything stored so far durable; nothing to do where writing is enough."""
        return

    def for_worker(self, nodes: Collection[bytes]) -> EncodedCache | None:
        """Return what stands for this cache in another process; None where nothing can.

        It is pickled and only read there: what workers make goes home.

        Args:
            nodes: The nodes whose results will be asked for.
        """
        return self

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
        values = self._load_inline(wanted)
        if values is not None:
            return values
        values = []
        left: list[int] = []
        for entry, position in wanted:
            payload = decode_inline(entry.inline, position) if entry.inline else None
            if payload is None:
                left.append(len(values))
                values.append(MISSING)
            else:
                values.append(self._decode(payload))
        for start in range(0, len(left), self.read_portion):
            # what was read is let go of before more is: its memory is used again
            some = left[start : start + self.read_portion]
            found = self._load_apart([wanted[at] for at in some])
            for at, value in zip(some, found, strict=True):
                values[at] = value
        return values

    def store_many(self, results: Sequence[Result]) -> None:
        """Encode and keep *results*.

        Of a result that cannot be encoded, the hollow record is kept where its
        digests are those of values.

        Raises:
            SerializationError: Some cannot be encoded; the others are kept.
                Its ``failed`` maps their positions to the causes.
        """
        self._store(results, keeps_hollow=True)

    def encode_result(self, result: Result) -> tuple[Entry, Mapping[bytes, Payload]]:
        """Return *result* as `write` takes it.

        Where it cannot be encoded, its hollow record is kept, where its
        digests are those of values.

        Raises:
            SerializationError: It cannot be encoded.
        """
        try:
            return result.entry, self._encode_all(result)
        except SerializationError:
            if all(map(is_of_value, result.entry.digests)):
                self.write([(result.entry, {})])
            raise

    def find_held(self, digests: Sequence[bytes]) -> Container[bytes]:
        """Return which encoded values are there; subclasses need not read them for that."""
        return self.read_payloads(digests)

    def holds_many(self, wanted: Sequence[tuple[Entry, int]]) -> list[bool]:
        """Say for each (entry, output position) whether its value is there."""
        apart = [
            None if decode_inline(entry.inline, position) else entry.digests[position]
            for entry, position in wanted
        ]
        asked = [digest for digest in dict.fromkeys(apart) if digest is not None]
        held: Container[bytes] = self.find_held(asked) if asked else ()
        return [digest is None or digest in held for digest in apart]

    def _store(self, results: Sequence[Result], keeps_hollow: bool) -> None:
        failed: dict[int, SerializationError] = {}
        records: list[tuple[Entry, Mapping[bytes, Payload]]] = []
        size = 0
        for position, result in enumerate(results):
            try:
                payloads = self._encode_all(result)
            except SerializationError as error:
                failed[position] = error
                if keeps_hollow and all(map(is_of_value, result.entry.digests)):
                    records.append((result.entry, {}))
                continue
            records.append((result.entry, payloads))
            for payload in payloads.values():
                size += len(payload.data)
            # not all at once: what is encoded need not be held until the last one is
            if size >= _PORTION_BYTES or len(records) >= _PORTION:
                self.write(records)
                records, size = [], 0
        if records:
            self.write(records)
        if failed:
            first = next(iter(failed.values()))
            summary = SerializationError(str(first))
            summary.failed = failed
            raise summary from first

    def _encode_all(self, result: Result) -> dict[bytes, Payload]:
        if len(result.values) == 1 and result.serializers is None:
            payload = encode(result.values[0], allow_pickle=self.allow_pickle)
            return {result.entry.digests[0]: payload}
        names = result.serializers or (None,) * len(result.values)
        columns = zip(result.entry.digests, result.values, names, strict=True)
        return {
            digest: encode(value, name, allow_pickle=self.allow_pickle)
            for digest, value, name in columns
        }

    def _load_inline(self, wanted: Sequence[tuple[Entry, int]]) -> list[Any] | None:
        """Return the values where all lie inline and are of one kind, as in most maps."""
        form = split_inline(wanted)
        if form is None:
            return None
        name, version, column = form
        return decode_column(name, version, column, allow_pickle=self.allow_pickle)

    def _load_apart(self, wanted: Sequence[tuple[Entry, int]]) -> list[Any]:
        """Return values that no entry holds inline; repeated ones are decoded anew."""
        digests = [entry.digests[position] for entry, position in wanted]
        distinct = list(dict.fromkeys(digests))
        found = self.read_payloads(distinct)
        # an entry from before it was written does not know yet what was put inline
        unread = [e.signature for (e, _), d in zip(wanted, digests, strict=True) if d not in found]
        written = self.read_records(unread) if unread else {}
        values: list[Any] = []
        unusable: set[bytes] = set()
        for (entry, position), digest in zip(wanted, digests, strict=True):
            payload = found.get(digest)
            if payload is None:
                payload = _find_inline(written.get(entry.signature), entry, position)
            elif len(distinct) < len(digests):
                payload = _detach(payload)
            value = MISSING if payload is None else self._decode(payload)
            if value is MISSING and digest in found:
                unusable.add(digest)
            values.append(value)
        if unusable:
            self.discard(list(unusable))
        return values

    def _decode(self, payload: Payload) -> Any:
        try:
            return decode(payload, allow_pickle=self.allow_pickle)
        except SerializationError:
            return MISSING

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
        results = [
            Result(Entry(_parse(signature), (_digest(value),), created=now), (value,))
            for signature, value in values.items()
        ]
        try:
            self._store(results, keeps_hollow=False)
        finally:
            self.flush()

    def has_many(self, signatures: Iterable[Signature | str]) -> list[bool]:
        """Say for each signature whether something is stored under it, values included."""
        entries = self.lookup_many([_parse(signature) for signature in signatures])
        found = [entry for entry in entries if isinstance(entry, Entry)]
        wanted = [(entry, position) for entry in found for position in range(len(entry.digests))]
        held = iter(self.holds_many(wanted))
        whole = {id(entry): all([next(held) for _ in entry.digests]) for entry in found}  # noqa: C419 - each takes its share
        return [whole.get(id(entry), False) for entry in entries]


def _parse(signature: Signature | str) -> Signature:
    if isinstance(signature, Signature):
        return signature
    if not isinstance(signature, str):
        msg = f"a key of a cache is a text or a Signature, not {type(signature).__name__}"
        raise TypeError(msg)
    return Signature.parse(signature)


def _digest(value: Any) -> bytes:
    """Return the address of a value."""
    try:
        return fingerprint(value)
    except FingerprintError:
        # nothing tells whether it is the value that was there, so it gets a new address
        return os.urandom(32)


def _detach(payload: Payload) -> Payload:
    """Return *payload* in memory of its own: what is decoded may use it."""
    if isinstance(payload.data, bytes):
        return payload
    return Payload(payload.serializer, payload.version, memoryview(bytearray(payload.data)))


def _find_inline(current: Entry | None, entry: Entry, position: int) -> Payload | None:
    """Return what *current*, the record as it is by now, holds of the same result."""
    if current is None or current.digests != entry.digests or not current.inline:
        return None
    return decode_inline(current.inline, position)


def _gather(entry: Any, values: Any, default: Any) -> Any:
    """Take the outputs of *entry* from the stream of loaded values."""
    outputs = tuple(next(values) for _ in entry.digests)
    if any(value is MISSING for value in outputs):
        return default
    return outputs[0] if len(outputs) == 1 else outputs
