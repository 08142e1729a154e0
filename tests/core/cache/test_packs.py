"""Facts about the objects that a flush writes."""

from __future__ import annotations

import random

import pytest

from hypernodes.cache import Entry, NodeParts, Payload
from hypernodes.cache._packs import LEAST_PACK_BYTES, Packed, find_key_id, pack, unpack
from hypernodes.cache._record import decode_blob, decode_record, record_signer
from hypernodes.cache._trust import Trust
from hypernodes.errors import CorruptEntryError
from hypernodes.hashing import Signature

TRUST = Trust(b"k" * 32)
NODE = b"n" * 16


def make_record(number: int, size: int) -> tuple[Entry, dict[bytes, Payload]]:
    """Return a record with one value of *size* bytes."""
    digest = number.to_bytes(32, "big")
    entry = Entry(Signature(NODE, number.to_bytes(16, "big")), (digest,), 1.0, 2.0)
    return entry, {digest: Payload("data", 1, random.Random(number).randbytes(size))}


def make(*sizes: int) -> tuple[Packed, bytes, bytes]:
    """Return what a flush of values of these sizes writes."""
    records = [make_record(number, size) for number, size in enumerate(sizes)]
    parts = NodeParts("double", "own", {}, {}, {}, 3.0)
    return pack(records, {NODE: parts}, TRUST, 5.0)


def test_an_index_says_what_was_packed() -> None:
    """Records, nodes and places of values come back as they were."""
    packed, index, data = make(10, 5000, LEAST_PACK_BYTES)
    assert packed == unpack(index, TRUST)
    assert len(data) == packed.pack_bytes


def test_a_small_flush_is_one_object() -> None:
    """Few values lie in the index object itself."""
    packed, index, data = make(10, 5000)
    (start, size) = packed.values[(1).to_bytes(32, "big")]
    payload = decode_blob((1).to_bytes(32, "big"), packed.data[start : start + size], TRUST)
    assert (b"", 0) == (data, unpack(index, TRUST).pack_bytes)
    assert payload == make_record(1, 5000)[1][(1).to_bytes(32, "big")]


def test_tiny_values_lie_in_their_records() -> None:
    """A number needs no place of its own."""
    packed, _, _ = make(10)
    ((key, data),) = packed.records
    entry = decode_record(key, data, record_signer(TRUST, NODE))
    assert entry is not None
    assert ({}, True) == (dict(packed.values), bool(entry.inline))


def test_equal_values_are_packed_once() -> None:
    """Two records that name one value share its bytes."""
    first, payloads = make_record(1, 5000)
    second = Entry(Signature(NODE, b"s" * 16), first.digests)
    packed, _, _ = pack([(first, payloads), (second, payloads)], {}, TRUST, 5.0)
    assert (2, 1) == (len(packed.records), len(packed.values))


def test_every_damaged_byte_is_noticed() -> None:
    """No changed byte of an index object is read as if nothing had happened."""
    _, index, _ = make(10, 300)
    for at in range(len(index)):
        damaged = index[:at] + bytes([index[at] ^ 1]) + index[at + 1 :]
        # the public name of the key is not signed: it only explains a failure
        if damaged[4:12] != index[4:12]:
            continue
        with pytest.raises(CorruptEntryError):
            unpack(damaged, TRUST)


@pytest.mark.parametrize("size", [0, 1, 20, 60, 100])
def test_a_cut_index_is_noticed(size: int) -> None:
    """Neither is a part of it."""
    with pytest.raises(CorruptEntryError):
        unpack(make(10, 300)[1][:size], TRUST)


def test_another_key_is_told_apart_from_damage() -> None:
    """An object names its key in public, so that a wrong key can be explained."""
    _, index, _ = make(10)
    other = Trust(b"o" * 32)
    with pytest.raises(CorruptEntryError):
        unpack(index, other)
    assert (True, False) == (find_key_id(index) == TRUST.id, find_key_id(index) == other.id)
