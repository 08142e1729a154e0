"""Facts about the bytes of a record."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from hypernodes.cache import Argument, Entry, Payload
from hypernodes.cache._record import (
    INLINE_BYTES,
    decode_blob,
    decode_inline,
    decode_record,
    decode_records,
    encode_blob,
    encode_record,
    measure_inline,
    record_signer,
    with_inline,
)
from hypernodes.cache._trust import find_trust
from hypernodes.hashing import Signature

TRUST = find_trust("a key of tests")
KEY = Signature(b"n" * 16, b"i" * 16)
SIGN = record_signer(TRUST, KEY.node)

digests = st.binary(min_size=32, max_size=32)
payloads = st.builds(
    Payload,
    st.sampled_from(["data", "npy", "pickle+zstd", "\ud800"]),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=40),
)
outputs = st.dictionaries(digests, payloads | st.none(), min_size=1, max_size=5)
arguments = st.builds(Argument, st.text(max_size=9), st.text(max_size=9), st.text(max_size=9))
seconds = st.floats(allow_nan=False)


@given(outputs, seconds, seconds, st.lists(arguments, max_size=3))
def test_a_record_comes_back(
    outputs: dict[bytes, Payload | None], took: float, created: float, told: list[Argument]
) -> None:
    """Digests, times and arguments come back equal; a lookup leaves the arguments out."""
    entry = Entry(KEY, tuple(outputs), took, created, tuple(told))
    kept = {digest: payload for digest, payload in outputs.items() if payload is not None}
    data = encode_record(with_inline(entry, kept), SIGN)
    whole = decode_record(KEY, data, SIGN, with_arguments=True)
    quick = decode_record(KEY, data, SIGN)
    assert (whole, quick) == (entry, Entry(KEY, tuple(outputs), took, created))


@given(outputs)
def test_values_inside_come_back(outputs: dict[bytes, Payload | None]) -> None:
    """Each small value is found by its position; None where it is elsewhere."""
    kept = {digest: payload for digest, payload in outputs.items() if payload is not None}
    data = encode_record(with_inline(Entry(KEY, tuple(outputs)), kept), SIGN)
    entry = decode_record(KEY, data, SIGN)
    assert entry is not None
    found = [decode_inline(entry.inline, position) for position in range(len(outputs))]
    assert found == list(outputs.values())
    sizes = [len(payload.data) for payload in kept.values()]
    assert measure_inline([entry]) == ([sum(sizes)], [len(outputs) - len(kept)])


def test_large_values_do_not_lie_inside() -> None:
    """What is larger than a few kibibytes is left to be kept apart."""
    small, large = bytes(INLINE_BYTES), bytes(INLINE_BYTES + 1)
    entry = Entry(KEY, (b"s" * 32, b"l" * 32))
    values = {b"s" * 32: Payload("s", 1, small), b"l" * 32: Payload("s", 1, large)}
    inline = with_inline(entry, values).inline
    assert [decode_inline(inline, position) is None for position in (0, 1)] == [False, True]


def test_a_record_keeps_its_values_when_it_is_written_again() -> None:
    """A record that was read can be written as it is."""
    entry = with_inline(Entry(KEY, (b"d" * 32,)), {b"d" * 32: Payload("s", 1, b"value")})
    data = encode_record(entry, SIGN)
    again = decode_record(KEY, data, SIGN)
    assert again is not None
    assert encode_record(with_inline(again, {}), SIGN) == data


@given(st.data())
def test_a_change_anywhere_is_noticed(data: st.DataObject) -> None:
    """Whatever is done to the bytes of a record, it is no record any more."""
    entry = Entry(KEY, (b"d" * 32,), 1.0, 2.0, (Argument("x", "ab", "1"),))
    good = encode_record(with_inline(entry, {b"d" * 32: Payload("s", 1, b"value")}), SIGN)
    assert decode_record(KEY, change(data, good), SIGN) is None


@pytest.mark.parametrize("size", [10, 100_000])
@given(data=st.data())
def test_a_change_of_a_blob_is_noticed(size: int, data: st.DataObject) -> None:
    """Whatever is done to the bytes of a value, it is no value any more."""
    digest = b"d" * 32
    good = b"".join(encode_blob(digest, Payload("data", 1, bytes(size)), TRUST))
    assert decode_blob(digest, change(data, good), TRUST) is None


def change(data: st.DataObject, good: bytes) -> bytes:
    """Return other bytes: flipped, cut, longer, shifted or random."""
    at = data.draw(st.integers(0, len(good) - 1))
    mask = data.draw(st.integers(1, 255))
    changed = [
        good[:at] + bytes([good[at] ^ mask]) + good[at + 1 :],
        good[:at],
        good + bytes([mask]),
        bytes([mask]) + good,
        bytes(len(good)),
    ]
    return data.draw(st.sampled_from(changed) | st.binary(max_size=100))


def test_a_record_belongs_to_its_key() -> None:
    """The bytes of one key are no record under another one."""
    data = encode_record(Entry(KEY, (b"d" * 32,)), SIGN)
    other_item = Signature(KEY.node, b"j" * 16)
    other_node = Signature(b"m" * 16, KEY.item)
    assert decode_record(other_item, data, SIGN) is None
    assert decode_record(other_node, data, record_signer(TRUST, other_node.node)) is None


def test_a_blob_belongs_to_its_digest() -> None:
    """The bytes of one digest are no value under another one."""
    data = b"".join(encode_blob(b"d" * 32, Payload("s", 1, b"v"), TRUST))
    found = decode_blob(b"d" * 32, data, TRUST)
    assert (found, decode_blob(b"e" * 32, data, TRUST)) == (Payload("s", 1, memoryview(b"v")), None)


def test_many_records_are_told_apart() -> None:
    """Of several records at once, damaged ones are None and the others come."""
    keys = [Signature(KEY.node, bytes([n]) * 16) for n in range(4)]
    entries = [Entry(key, (bytes([n]) * 32,) * (1 + n % 2)) for n, key in enumerate(keys)]
    pieces = [encode_record(entry, SIGN) for entry in entries]
    pieces[2] = pieces[2][:-1] + b"!"
    found = decode_records(keys, pieces, SIGN)
    assert found == [entries[0], entries[1], None, entries[3]]


def test_long_words_are_cut() -> None:
    """Words that explain are short; what is longer loses its end."""
    entry = Entry(KEY, (b"d" * 32,), arguments=(Argument("x" * 300, "", "ä" * 300),))
    found = decode_record(KEY, encode_record(entry, SIGN), SIGN, with_arguments=True)
    assert found is not None
    assert (found.arguments[0].name, found.arguments[0].words[:127]) == ("x" * 255, "ä" * 127)
