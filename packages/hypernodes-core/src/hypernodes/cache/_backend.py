"""A cache in anything that keeps bytes under keys.

An organisation writes the five methods of a `ByteStore`; encoding, signing,
checking and everything a cache has beside that are here, so that no store can
leave them out.  Records lie under ``r/``, larger values under ``v/``, and the
accounts of nodes, by which a miss is explained, under ``n/``.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Container, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Final, TypeVar

from hypernodes.cache._encoded import EncodedCache
from hypernodes.cache._entry import Entry, Payload
from hypernodes.cache._outbox import Outbox, Record, Risk
from hypernodes.cache._parts import NodeParts
from hypernodes.cache._record import (
    decode_blob,
    decode_record,
    encode_blob,
    encode_record,
    is_small,
    record_signer,
    with_inline,
)
from hypernodes.cache._trust import MAC_BYTES, KeyId, Trust, find_trust
from hypernodes.errors import CacheUnavailableError, HyperNodesError
from hypernodes.hashing import Signature
from hypernodes.protocols import ByteStore

T = TypeVar("T")

_METHODS: Final = ("get", "put", "has", "delete", "clear")
_MOST_NODES: Final = 8


def is_byte_store(found: object) -> bool:
    """Say whether *found* has the methods of a `ByteStore` and is no cache already."""
    has_all = all(callable(getattr(found, name, None)) for name in _METHODS)
    return has_all and not hasattr(found, "lookup_many")


class BackendCache(EncodedCache):
    """A full cache on top of a byte store.

    What the store raises becomes a `CacheUnavailableError`; what it returns is
    checked before it is decoded, so a store that loses or changes bytes costs
    misses and never gives a wrong value.

    Args:
        store: Its five methods, and bulk forms where it has them.
        key: What results are signed with; by default that of
            ``HYPERNODES_CACHE_KEY``, else the user's own.
        shared: Refuse to fall back to the user's own key.
        allow_pickle: Store and read values that only pickle can encode.

    Raises:
        TypeError: *store* lacks one of the five methods.
        CacheUnavailableError: A shared store has no key.

    Example:
        >>> class Drawer(dict):
        ...     put, has, delete = dict.__setitem__, dict.__contains__, dict.__delitem__
        >>> cache = BackendCache(Drawer())
        >>> cache.put("answer", 42)
        >>> cache.get("answer")
        42
    """

    def __init__(
        self,
        store: ByteStore,
        *,
        key: str | bytes | KeyId | None = None,
        shared: bool = False,
        allow_pickle: bool = True,
    ) -> None:
        lacking = [name for name in _METHODS if not callable(getattr(store, name, None))]
        if lacking:
            msg = f"{store!r} lacks {', '.join(lacking)}; see hypernodes.protocols.ByteStore"
            raise TypeError(msg)
        self.store: Final = store
        self.allow_pickle = allow_pickle
        self._options: Final[dict[str, Any]] = {"shared": shared, "allow_pickle": allow_pickle}
        self._find_trust: Final = partial(find_trust, key, shared=shared)
        self._wanted: Final = key if isinstance(key, KeyId) else None
        self._lock = threading.RLock()
        self._outbox = Outbox(Risk())
        if key is not None or shared:
            # a key that is missing is told of at once; that of the user is left for the first use
            self._trust  # noqa: B018 - found now

    @cached_property
    def _trust(self) -> Trust:
        return self._find_trust()

    # -- reading ---------------------------------------------------------------

    def read_records(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the records that are there, those not written yet included."""
        return self._read(signatures, with_arguments=False)

    def read_whole(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the same with what the keys were made of."""
        return self._read(signatures, with_arguments=True)

    def _read(
        self, signatures: Sequence[Signature], *, with_arguments: bool
    ) -> Mapping[Signature, Entry]:
        waiting = self._own_outbox().records
        found = {key: waiting[key][0] for key in signatures if key in waiting}
        names = {_record_name(key): key for key in signatures if key not in found}
        for name, data in self._get_many(list(names)).items():
            key = names[name]
            sign = record_signer(self._trust, key.node)
            entry = decode_record(key, data, sign, with_arguments=with_arguments)
            if entry is not None:
                found[key] = entry
        return found

    def read_payloads(self, digests: Sequence[bytes]) -> Mapping[bytes, Payload]:
        """Return the encoded values that are there and undamaged."""
        waiting = self._own_outbox().payloads
        found = {digest: waiting[digest] for digest in digests if digest in waiting}
        names = {_value_name(digest): digest for digest in digests if digest not in found}
        damaged = []
        for name, data in self._get_many(list(names)).items():
            payload = decode_blob(names[name], data, self._trust)
            if payload is None:
                damaged.append(names[name])
            else:
                found[names[name]] = payload
        self.discard(damaged)
        return found

    def find_held(self, digests: Sequence[bytes]) -> Container[bytes]:
        """Return which encoded values are there, without reading them."""
        there = self._has_many([_value_name(digest) for digest in digests])
        held = {digest for digest, is_there in zip(digests, there, strict=True) if is_there}
        return held | self._own_outbox().payloads.keys()

    def find_nodes(self, step: str) -> Sequence[tuple[bytes, NodeParts]]:
        """Return the nodes of *step* that were described last, the latest first."""
        rows = self._read_nodes(step)
        return [(bytes.fromhex(node), NodeParts.from_json(text)) for node, text in rows]

    def find_entries(self, node: bytes, most: int) -> Sequence[Entry]:
        """Return nothing: a byte store cannot tell what it holds."""
        return ()

    # -- writing ---------------------------------------------------------------

    def write(self, records: Sequence[Record]) -> None:
        """Collect records with their values; write once enough work is at risk."""
        with self._lock:
            waiting = self._own_outbox()
            for entry, payloads in records:
                waiting.add(entry, payloads)
            if waiting.is_due():
                self.flush()

    def flush(self) -> None:
        """Write what was collected, values before the records that name them.

        Raises:
            CacheUnavailableError: The store raised; what was to be written is
                written at the next flush.
        """
        with self._lock:
            waiting = self._own_outbox()
            if not waiting.records:
                return
            apart = [
                (digest, payload)
                for digest, payload in waiting.payloads.items()
                if not is_small(payload)
            ]
            there = self._has_many([_value_name(digest) for digest, _ in apart])
            self._put_many(
                {
                    _value_name(digest): b"".join(encode_blob(digest, payload, self._trust))
                    for (digest, payload), is_there in zip(apart, there, strict=True)
                    if not is_there
                }
            )
            self._put_many(
                {_record_name(key): self._sign(*each) for key, each in waiting.records.items()}
            )
            self._outbox = Outbox(Risk())

    def describe(self, node: bytes, parts: NodeParts) -> None:
        """Keep what the node half of a key was made of, beside the latest of its step."""
        rows = self._read_nodes(parts.step)
        if any(each == node.hex() for each, _ in rows):
            return
        rows = [(node.hex(), parts.to_json()), *rows][:_MOST_NODES]
        data = json.dumps(rows).encode()
        mac = self._trust.signer(b"nodes")(parts.step.encode() + data)
        self._put_many({_step_name(parts.step): mac + data})

    def discard(self, digests: Sequence[bytes]) -> None:
        """Forget encoded values."""
        for digest in digests:
            self._own_outbox().payloads.pop(digest, None)
            name = _value_name(digest)
            if self._call(self.store.has, name):
                self._call(self.store.delete, name)

    def clear(self) -> None:
        """Forget everything that the store holds."""
        with self._lock:
            self._outbox = Outbox(Risk())
            self._call(self.store.clear)

    def __reduce__(self) -> tuple[Any, ...]:
        # the key stays here: a copy finds it by its id, where it has it
        is_known = "_trust" in self.__dict__
        key = self._wanted or (KeyId(self._trust.id) if is_known else None)
        return partial(BackendCache, key=key, **self._options), (self.store,)

    def __repr__(self) -> str:
        return f"BackendCache({self.store!r})"

    # -- inside ----------------------------------------------------------------

    def _own_outbox(self) -> Outbox:
        """Return what this process is to write: a forked parent writes its own."""
        if self._outbox.pid != os.getpid():
            self._outbox = Outbox(Risk())
            self._lock = threading.RLock()
        return self._outbox

    def _sign(self, entry: Entry, payloads: Mapping[bytes, Payload]) -> bytes:
        sign = record_signer(self._trust, entry.signature.node)
        return encode_record(with_inline(entry, payloads), sign)

    def _read_nodes(self, step: str) -> list[tuple[str, str]]:
        name = _step_name(step)
        data = self._get_many([name]).get(name, b"")
        mac, text = data[:MAC_BYTES], data[MAC_BYTES:]
        if mac != self._trust.signer(b"nodes")(step.encode() + text):
            return []
        return [(node, parts) for node, parts in json.loads(text)]

    def _get_many(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return what the store holds under *names*; what is no bytes is not there."""
        many = getattr(self.store, "get_many", None)
        if many is None:
            found = {name: self._call(self.store.get, name) for name in names}
        else:
            found = dict(self._call(many, list(names))) if names else {}
        kinds = (bytes, bytearray, memoryview)
        return {name: bytes(data) for name, data in found.items() if isinstance(data, kinds)}

    def _put_many(self, values: Mapping[str, bytes]) -> None:
        many = getattr(self.store, "put_many", None)
        if many is not None and values:
            self._call(many, dict(values))
            return
        for name, data in values.items():
            self._call(self.store.put, name, data)

    def _has_many(self, names: Sequence[str]) -> list[bool]:
        many = getattr(self.store, "has_many", None)
        if many is not None and names:
            return [bool(each) for each in self._call(many, list(names))]
        return [bool(self._call(self.store.has, name)) for name in names]

    def _call(self, ask: Callable[..., T], *args: Any) -> T:
        try:
            return ask(*args)
        except HyperNodesError:
            raise
        # whatever a store raises, a run goes on without it
        except Exception as error:
            msg = f"{self.store!r} failed: {type(error).__name__}: {error}"
            raise CacheUnavailableError(msg) from error


def _record_name(key: Signature) -> str:
    return f"r/{key.node.hex()}/{key.item.hex()}"


def _value_name(digest: bytes) -> str:
    return f"v/{digest.hex()}"


def _step_name(step: str) -> str:
    return f"n/{hashlib.sha256(step.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
