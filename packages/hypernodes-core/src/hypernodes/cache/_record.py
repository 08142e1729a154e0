"""How one record of a store is laid out in bytes, and signed.

::

    signature 16 | format 1 | outputs 2 | size of values 4 | seconds 8 | created 8
    digests 32 each | values that lie inline | arguments

The key of the record is signed with it but not written: whoever finds the
bytes knows what was asked for, and bytes under another key are not accepted.
Small values lie in the record itself, so that one read and one check answer a
lookup and the load that follows.  Arguments come last, because only an
explanation reads them.

Also here: the form of a value that is kept apart.  Decides nothing about
where bytes lie, and calls no serializer: values come and go as payloads.
"""

from __future__ import annotations

import itertools
import operator
import struct
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from struct import Struct
from typing import Final

from hypernodes.cache._entry import Entry, Payload
from hypernodes.cache._parts import Argument
from hypernodes.cache._trust import MAC_BYTES, Signer, Trust
from hypernodes.hashing import Signature

#: Raised when old records can no longer be read.
RECORD_FORMAT: Final = 1
#: Larger values are kept apart, and shared by equal results.
INLINE_BYTES: Final = 4096

_DIGEST_BYTES: Final = 32
# with the first digest, since nearly all records have exactly one
_FIXED: Final = Struct("<BHIdd32s")
_FIXED_BYTES: Final = _FIXED.size
_VALUE: Final = Struct("<BII")
_VALUE_BYTES: Final = _VALUE.size
# the length of a serializer's name, and the version
_KIND_BYTES: Final = 5
# instead of the length of a serializer's name: the value is not here
_ELSEWHERE: Final = 255
_NOT_HERE: Final = _VALUE.pack(_ELSEWHERE, 0, 0)
_NAME_CHARACTERS: Final = 60
_TEXT_BYTES: Final = 255
_LENGTHS: Final = [bytes([length]) for length in range(_TEXT_BYTES + 1)]
_APART: Final = Struct("<HI")
_ITEM: Final = itemgetter(1)
_ENTRY: Final = itemgetter(0)
_DIGESTS: Final = attrgetter("digests")
# there are few serializers, so each name is encoded and decoded once
_names: Final[dict[bytes, str]] = {}
_encoded_names: Final[dict[str, bytes]] = {}
_MOST_NAMES: Final = 1000


def record_signer(trust: Trust, node: bytes) -> Signer:
    """Return what signs the records of one node, for `encode_record` and `decode_record`.

    Raises:
        CacheUnavailableError: There is no key.
    """
    return trust.signer(b"record", node)


def is_small(payload: Payload) -> bool:
    """Say whether *payload* may lie inline."""
    return len(payload.data) <= INLINE_BYTES and len(payload.serializer) <= _NAME_CHARACTERS


def with_inline(entry: Entry, payloads: Mapping[bytes, Payload]) -> Entry:
    """Return *entry* with those *payloads* inline that are its own and small.

    Without any, what it holds inline already stays.
    """
    digests = entry.digests
    if len(digests) == 1:
        values = _encode_inline(payloads.get(digests[0]))
        if values is _NOT_HERE:
            values = entry.inline
    else:
        values = encode_inline(digests, payloads) or entry.inline
    return Entry(entry.signature, digests, entry.seconds, entry.created, entry.arguments, values)


def encode_record(entry: Entry, sign: Signer) -> bytes:
    """Return the signed bytes of *entry*, with the values that it holds inline.

    Args:
        entry: The record, from `with_inline` or `decode_record`.
        sign: What `record_signer` made for its node.
    """
    digests, values = entry.digests, entry.inline
    count = len(digests)
    first = digests[0] if count else b""
    body = _FIXED.pack(RECORD_FORMAT, count, len(values), entry.seconds, entry.created, first)
    if count > 1:
        body += b"".join(digests[1:])
    body += values
    if entry.arguments:
        body += _encode_arguments(entry.arguments)
    return sign(entry.signature.item + body) + body


def decode_record(
    signature: Signature, data: bytes, sign: Signer, *, with_arguments: bool = False
) -> Entry | None:
    """Return the record that *data* holds; None where it is not what was written.

    Args:
        signature: The key that was asked for.
        data: What was found.
        sign: What `record_signer` made for the node.
        with_arguments: Decode what the key was made of, too.
    """
    return decode_records([signature], [data], sign, with_arguments=with_arguments)[0]


def decode_records(
    signatures: Sequence[Signature],
    pieces: Sequence[bytes | None],
    sign: Signer,
    *,
    with_arguments: bool = False,
) -> list[Entry | None]:
    """Return the same for several records of one node.

    Works by columns: a warm map asks for ten thousands of records.
    """
    found = [piece or b"" for piece in pieces]
    bodies = [piece[MAC_BYTES:] for piece in found]
    macs = [piece[:MAC_BYTES] for piece in found]
    made = list(map(sign, map(operator.add, map(_ITEM, signatures), bodies)))
    if made == macs and not with_arguments:
        formats, counts, sizes, *columns, firsts = zip(
            *map(_FIXED.unpack_from, bodies), strict=True
        )
        if {*formats} == {RECORD_FORMAT} and {*counts} == {1}:
            values = [
                body[_FIXED_BYTES : _FIXED_BYTES + n] for body, n in zip(bodies, sizes, strict=True)
            ]
            nothing: Iterator[tuple[Argument, ...]] = itertools.repeat(())
            return list(map(Entry, signatures, zip(firsts), *columns, nothing, values))
    return [
        _decode_body(signature, body, with_arguments) if is_sound else None
        for signature, body, is_sound in zip(
            signatures, bodies, map(operator.eq, made, macs), strict=True
        )
    ]


def _decode_body(signature: Signature, body: bytes, with_arguments: bool) -> Entry | None:
    if body[0] != RECORD_FORMAT:
        return None
    _, count, size, seconds, created, _ = _FIXED.unpack_from(body)
    at = _FIXED_BYTES - _DIGEST_BYTES
    starts = range(at, at + count * _DIGEST_BYTES, _DIGEST_BYTES)
    digests = tuple(body[each : each + _DIGEST_BYTES] for each in starts)
    at = max(_FIXED_BYTES, at + count * _DIGEST_BYTES)
    arguments = _decode_arguments(body[at + size :]) if with_arguments else ()
    return Entry(signature, digests, seconds, created, arguments, body[at : at + size])


def encode_inline(digests: tuple[bytes, ...], payloads: Mapping[bytes, Payload]) -> bytes:
    """Return those *payloads* that *digests* name and that are small, in their order.

    Outputs without one are marked; where no output has one, the bytes are empty.
    """
    parts = [_encode_inline(payloads.get(digest)) for digest in digests]
    if len(parts) == 1:
        return b"" if parts[0] is _NOT_HERE else parts[0]
    return b"" if all(part is _NOT_HERE for part in parts) else b"".join(parts)


def _encode_inline(payload: Payload | None) -> bytes:
    if payload is None:
        return _NOT_HERE
    serializer, data = payload.serializer, payload.data
    if len(data) > INLINE_BYTES or len(serializer) > _NAME_CHARACTERS:
        return _NOT_HERE
    name = _encoded_names.get(serializer) or _encode_name(serializer)
    return _VALUE.pack(len(name), payload.version, len(data)) + name + data


def decode_inline(values: bytes, position: int) -> Payload | None:
    """Return the value of the output at *position*; None where it is not inline.

    Args:
        values: What `Entry.inline` holds; checked already.
        position: Which output.
    """
    if not values:
        return None
    at = 0
    for _ in range(position):
        length, _version, size = _VALUE.unpack_from(values, at)
        at += _VALUE_BYTES + (0 if length == _ELSEWHERE else length + size)
    length, version, size = _VALUE.unpack_from(values, at)
    if length == _ELSEWHERE:
        return None
    at += _VALUE_BYTES
    name = values[at : at + length]
    at += length
    return Payload(_names.get(name) or _name(name), version, values[at : at + size])


def split_inline(wanted: Sequence[tuple[Entry, int]]) -> tuple[str, int, list[bytes]] | None:
    """Return serializer, version and bytes of values that lie inline, the only ones of their entry.

    None where some do not, or not all have the same serializer.
    """
    columns = [entry.inline for entry, _ in wanted]
    if not all(columns) or any(position for _, position in wanted):
        return None
    if {*map(len, map(_DIGESTS, map(_ENTRY, wanted)))} != {1}:
        return None
    length = columns[0][0]
    start = _VALUE_BYTES + length
    kinds = {(values[:_KIND_BYTES], values[_VALUE_BYTES:start]) for values in columns}
    if length == _ELSEWHERE or len(kinds) != 1:
        return None
    ((_, name),) = kinds
    _, version, _ = _VALUE.unpack_from(columns[0])
    return _names.get(name) or _name(name), version, [values[start:] for values in columns]


def measure_inline(entries: Sequence[Entry]) -> tuple[list[int], list[int]]:
    """Return how many bytes of values each entry holds inline, and how many values it does not."""
    sizes: list[int] = []
    apart: list[int] = []
    for entry in entries:
        values, count = entry.inline, len(entry.digests)
        if not values:
            size, left = 0, count
        elif count == 1:
            size, left = len(values) - _VALUE_BYTES - values[0], 0
        else:
            size, left = _measure(values)
        sizes.append(size)
        apart.append(left)
    return sizes, apart


def _measure(values: bytes) -> tuple[int, int]:
    at = total = apart = 0
    while at < len(values):
        length, _version, size = _VALUE.unpack_from(values, at)
        is_elsewhere = length == _ELSEWHERE
        at += _VALUE_BYTES + (0 if is_elsewhere else length + size)
        total += size
        apart += is_elsewhere
    return total, apart


def encode_blob(digest: bytes, payload: Payload, trust: Trust) -> list[bytes | memoryview]:
    """Return the pieces of a value that is kept apart, signed; the last one is its data.

    Raises:
        CacheUnavailableError: There is no key.
    """
    name = _encode_name(payload.serializer)
    mac = trust.sign_blob(digest, payload.serializer, payload.version, payload.data)
    return [mac, _APART.pack(len(name), payload.version), name, payload.data]


def decode_blob(digest: bytes, data: bytes | memoryview, trust: Trust) -> Payload | None:
    """Return the value that *data* holds; None where it is not what was written.

    Its data is a view of *data*, without a copy.

    Raises:
        CacheUnavailableError: There is no key.
    """
    view = memoryview(data)
    try:
        length, version = _APART.unpack_from(view, MAC_BYTES)
        start = MAC_BYTES + _APART.size + length
        name = _name(bytes(view[start - length : start]))
    except (struct.error, UnicodeDecodeError):
        return None
    payload = Payload(name, version, view[start:])
    is_sound = trust.sign_blob(digest, name, version, payload.data) == view[:MAC_BYTES]
    return payload if is_sound else None


def _encode_arguments(arguments: Sequence[Argument]) -> bytes:
    """Return names, short digests and words, each behind its length; long ones are cut."""
    pieces: list[bytes] = []
    for each in arguments:
        for text in (each.name, each.digest, each.words):
            piece = text.encode("utf-8", "surrogatepass")[:_TEXT_BYTES]
            pieces += (_LENGTHS[len(piece)], piece)
    return b"".join(pieces)


def _decode_arguments(data: bytes) -> tuple[Argument, ...]:
    texts = []
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        texts.append(data[at + 1 : end].decode("utf-8", "replace"))
        at = end
    return tuple(map(Argument, texts[::3], texts[1::3], texts[2::3]))


def _encode_name(serializer: str) -> bytes:
    name = serializer.encode("utf-8", "surrogatepass")
    if len(_encoded_names) < _MOST_NAMES:
        _encoded_names[serializer] = name
    return name


def _name(data: bytes) -> str:
    name = _names.get(data)
    if name is None:
        name = data.decode("utf-8", "surrogatepass")
        if len(_names) < _MOST_NAMES:
            _names[data] = name
    return name
