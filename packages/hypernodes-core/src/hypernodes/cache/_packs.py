"""How one flush to an object store is laid out: an index object and a pack.

::

    index:  magic 4 | key id 8 | signature 16 | body
    body:   created 8 | nodes 4 | records 4 | values 4 | size of the pack 8
            nodes    digest 16, size 4, parts in JSON
            records  number of the node 4, item 16, size 4, a signed record
            values   digest 32, offset 8, size 8
            the values themselves, where there is no pack beside it
    pack:   signed values, one after the other

Both are written once and never changed.  Records and values carry their own
signatures, so wherever a copy of them lies, it is checked when it is used;
the signature of the body covers what has none, and tells damage early.
Decides nothing about where objects lie.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Final

import attrs

from hypernodes.cache._outbox import Record
from hypernodes.cache._parts import NodeParts
from hypernodes.cache._record import encode_blob, encode_record, record_signer, with_inline
from hypernodes.cache._trust import KEY_ID_BYTES, MAC_BYTES, Trust
from hypernodes.errors import CorruptEntryError
from hypernodes.hashing import Signature

#: Larger values are read only when somebody wants them.
MOST_INLINE_BYTES: Final = 128
#: A flush with fewer bytes of values is one object instead of two.
LEAST_PACK_BYTES: Final = 256 << 10

_MAGIC: Final = b"HNx1"
_BODY_AT: Final = len(_MAGIC) + KEY_ID_BYTES + MAC_BYTES
_HEAD: Final = Struct("<dIIIQ")
_NODE: Final = Struct("<16sI")
_RECORD: Final = Struct("<I16sI")
_VALUE: Final = Struct("<32sQQ")


@attrs.frozen
class Packed:
    """What an index object says.

    Attributes:
        created: When it was written, in seconds since the epoch.
        pack_bytes: How large the pack beside it is; 0 where there is none.
        nodes: What the node halves of keys were made of, in JSON.
        records: The signed records.
        values: Where each value lies: offset and size.
        data: The values, where there is no pack.
    """

    created: float
    pack_bytes: int
    nodes: Mapping[bytes, str]
    records: Sequence[tuple[Signature, bytes]]
    values: Mapping[bytes, tuple[int, int]]
    data: bytes


def pack(
    records: Sequence[Record],
    nodes: Mapping[bytes, NodeParts],
    trust: Trust,
    created: float,
) -> tuple[Packed, bytes, bytes]:
    """Return what a flush says, its index object, and its pack; the pack may be empty.

    Args:
        records: The records with those of their values that are not stored yet.
        nodes: The nodes that are not described yet.
        trust: What signs.
        created: When, in seconds since the epoch.

    Raises:
        CacheUnavailableError: There is no key.
    """
    signed: list[tuple[Signature, bytes]] = []
    places: dict[bytes, tuple[int, int]] = {}
    pieces: list[bytes | memoryview] = []
    end = 0
    signers = {node: record_signer(trust, node) for node in {e.signature.node for e, _ in records}}
    for entry, payloads in records:
        small = {d: p for d, p in payloads.items() if len(p.data) <= MOST_INLINE_BYTES}
        sign = signers[entry.signature.node]
        whole = with_inline(attrs.evolve(entry, inline=b""), small) if payloads else entry
        signed.append((entry.signature, encode_record(whole, sign)))
        for digest, payload in payloads.items():
            if digest not in small and digest not in places:
                found = encode_blob(digest, payload, trust)
                size = sum(len(piece) for piece in found)
                places[digest] = (end, size)
                pieces += found
                end += size
    signed.sort(key=lambda each: (each[0].node, each[0].item))
    texts = {node: parts.to_json() for node, parts in nodes.items()}
    data = b"".join(pieces)
    return pack_signed(signed, texts, places, data, trust, created)


def pack_signed(
    records: Sequence[tuple[Signature, bytes]],
    nodes: Mapping[bytes, str],
    values: Mapping[bytes, tuple[int, int]],
    data: bytes,
    trust: Trust,
    created: float,
) -> tuple[Packed, bytes, bytes]:
    """Return the same as `pack`, of what is signed already."""
    is_apart = len(data) >= LEAST_PACK_BYTES
    inside = b"" if is_apart else data
    packed = Packed(created, len(data) if is_apart else 0, nodes, records, values, inside)
    body = _encode(packed)
    mac = trust.signer(b"index")(body)
    index = b"".join([_MAGIC, trust.id, mac, body])
    return packed, index, data if is_apart else b""


def unpack(index: bytes, trust: Trust) -> Packed:
    """Return what an index object says.

    Raises:
        CorruptEntryError: It is damaged.
        CacheUnavailableError: There is no key.
    """
    body = index[_BODY_AT:]
    mac = index[_BODY_AT - MAC_BYTES : _BODY_AT]
    if index[: len(_MAGIC)] != _MAGIC or mac != trust.signer(b"index")(body):
        msg = "the signature of an index object does not fit"
        raise CorruptEntryError(msg)
    try:
        return _decode(body)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        msg = f"an index object is damaged: {error}"
        raise CorruptEntryError(msg) from error


def find_key_id(index: bytes) -> bytes:
    """Return the public name of the key that *index* was signed with."""
    return index[len(_MAGIC) : len(_MAGIC) + KEY_ID_BYTES]


def _encode(packed: Packed) -> bytes:
    digests = list(dict.fromkeys([*packed.nodes, *(key.node for key, _ in packed.records)]))
    numbers = {node: number for number, node in enumerate(digests)}
    counts = (len(digests), len(packed.records), len(packed.values))
    pieces = [_HEAD.pack(packed.created, *counts, packed.pack_bytes)]
    for node in digests:
        text = packed.nodes.get(node, "").encode()
        pieces += (_NODE.pack(node, len(text)), text)
    for key, record in packed.records:
        pieces += (_RECORD.pack(numbers[key.node], key.item, len(record)), record)
    pieces += [_VALUE.pack(digest, *place) for digest, place in packed.values.items()]
    pieces.append(packed.data)
    return b"".join(pieces)


def _decode(body: bytes) -> Packed:
    created, node_count, record_count, value_count, pack_bytes = _HEAD.unpack_from(body)
    at = _HEAD.size
    digests: list[bytes] = []
    nodes: dict[bytes, str] = {}
    for _ in range(node_count):
        node, size = _NODE.unpack_from(body, at)
        at += _NODE.size + size
        digests.append(node)
        if size:
            nodes[node] = body[at - size : at].decode()
    records: list[tuple[Signature, bytes]] = []
    for _ in range(record_count):
        number, item, size = _RECORD.unpack_from(body, at)
        at += _RECORD.size + size
        records.append((Signature(digests[number], item), body[at - size : at]))
    values: dict[bytes, tuple[int, int]] = {}
    for _ in range(value_count):
        digest, offset, size = _VALUE.unpack_from(body, at)
        at += _VALUE.size
        values[digest] = (offset, size)
    return Packed(created, pack_bytes, nodes, records, values, body[at:])
