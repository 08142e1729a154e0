"""The canonical encoding: one text of bytes per value, whatever route it came by.

The problem.  A cache is right only if two values share a digest exactly when
they are the same value.  ``repr``, ``id`` and pickles all fail that: they
mention addresses, depend on who shares which object with whom, on hash seeds
and on the version of a library.  So every value is written down in a language
of our own::

    [1, "a"]   =>   l m 2  i 1  s 1 "a"
                    |  |   |    +-- tag, byte length, UTF-8
                    |  |   +------- tag, eight bytes
                    |  +----------- an element sequence, its number of elements
                    +-------------- tag of list

Its words are called *tokens*.  Each begins with a tag and says how long it is,
so that no token is a prefix of another and a sequence of them can be cut in one
way only: **equal tokens mean equal values**.  That is the invariant which every
line here has to keep.  In the other direction, a token mentions nothing but the
value: no address, no order of a set, no second reference to an object.

Three refinements keep it fast and bounded:

* *Packing.*  `PACK_LENGTH` or more elements that are all exactly ``float``,
  ``str``, or ``int`` of 64 bits are written as one column.  Whether a sequence
  is packed depends on its elements alone, so the same value always takes the
  same form.
* *Folding.*  A token of more than `FOLD_BYTES` is replaced by its digest, so a
  token is short whatever it stands for, and raw buffers are never copied.
  SHA-256 up to `SHA_BYTES`, BLAKE3 above; the fold's tag names the algorithm.
  The rule is fixed, because a digest that depended on what is installed would
  split a shared cache.
* *Cycles* have no finite text; ``_cycles.py`` gives them one.

The digest of a value is the SHA-256 of its token.  Complexity is linear in the
size of the value.  What an object consists of is asked in ``_dispatch.py``, the
walk over containers is ``_walk.py``; this module knows only built-in values.

Changing a byte that is written here makes every stored key unreachable: raise
`FORMAT` in ``_signature.py`` with it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

PACK_LENGTH: Final = 8
FOLD_BYTES: Final = 1024
SHA_BYTES: Final = 64 * 1024

_NAN: Final = struct.unpack("<d", b"\x00\x00\x00\x00\x00\x00\xf8\x7f")[0]
_pack_word = struct.Struct("<cq").pack
_pack_float = struct.Struct("<cd").pack
_pack_complex = struct.Struct("<cdd").pack

# heads of what is short, made once: most of what people pass around is short
_SHORT_BYTES: Final = FOLD_BYTES - 8
_STR_HEADS: Final = [b"s" + n.to_bytes(8, "little") for n in range(_SHORT_BYTES)]
JOINED_HEADS: Final = [b"m" + n.to_bytes(8, "little") for n in range(PACK_LENGTH)]


def sized(data: bytes) -> bytes:
    """Return *data* behind its length, so that it can be followed by anything."""
    return len(data).to_bytes(8, "little") + data


def seal(*parts: bytes | bytearray | memoryview) -> tuple[bytes, bytes]:
    """Return the digest of the concatenated *parts* and the tag of its algorithm."""
    if sum(map(len, parts)) <= SHA_BYTES:
        return b"#s", sha256(b"".join(parts)).digest()
    # blake3 is needed for large values only, and `import hypernodes` stays cheap
    from blake3 import blake3

    # one thread: the pool of the library does not survive a fork
    hasher = blake3()
    for part in parts:
        hasher.update(part)
    return b"#b", hasher.digest()


def fold(token: bytes) -> bytes:
    """Return *token*, or its digest where it is long."""
    if len(token) <= FOLD_BYTES:
        return token
    return b"".join(seal(token))


def buffer_token(tag: bytes, data: bytes | bytearray | memoryview) -> bytes:
    """Return the token of a flat buffer of bytes without copying a large one."""
    head = tag + len(data).to_bytes(8, "little")
    if len(data) + 9 <= FOLD_BYTES:
        return head + bytes(data)
    return b"".join(seal(head, data))


def _int_token(value: int) -> bytes:
    try:
        return _pack_word(b"i", value)
    except struct.error:
        length = value.bit_length() // 8 + 1
        return fold(b"j" + sized(value.to_bytes(length, "little", signed=True)))


def _float_token(value: float) -> bytes:
    return _pack_float(b"f", value if value == value else _NAN)  # noqa: PLR0124 - NaN


def _complex_token(value: complex) -> bytes:
    real, imag = value.real, value.imag
    real = real if real == real else _NAN  # noqa: PLR0124 - NaN
    imag = imag if imag == imag else _NAN  # noqa: PLR0124 - NaN
    return _pack_complex(b"c", real, imag)


def utf8(text: str) -> bytes:
    """Return *text* as UTF-8; lone surrogates, legal in a str, stay apart."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _str_token(value: str) -> bytes:
    try:
        # utf8 without the call
        data = value.encode()
    except UnicodeEncodeError:
        data = utf8(value)
    if len(data) < _SHORT_BYTES:
        return _STR_HEADS[len(data)] + data
    return fold(b"s" + sized(data))


def _range_token(value: range) -> bytes:
    return b"r" + _int_token(value.start) + _int_token(value.stop) + _int_token(value.step)


def _memoryview_token(value: memoryview) -> bytes:
    if value.ndim == 1 and value.format == "B" and value.contiguous:
        return buffer_token(b"v", value)
    shape = b"".join(map(_int_token, value.shape or ()))
    head = b"w" + _str_token(value.format) + sized(shape)
    return head + buffer_token(b"v", value.tobytes())


#: The token of every value that contains no others, by its exact type.
LEAVES: Final[dict[type, Callable[[Any], bytes]]] = {
    type(None): lambda _value: b"n",
    bool: lambda value: b"T" if value else b"F",
    type(Ellipsis): lambda _value: b"e",
    type(NotImplemented): lambda _value: b"N",
    int: _int_token,
    float: _float_token,
    complex: _complex_token,
    str: _str_token,
    bytes: lambda value: buffer_token(b"b", value),
    bytearray: lambda value: buffer_token(b"y", value),
    memoryview: _memoryview_token,
    range: _range_token,
}


def _pack_floats(values: Sequence[float]) -> bytes:
    total = sum(values)
    if total != total:  # noqa: PLR0124 - some NaN, or infinities that cancel out
        values = [v if v == v else _NAN for v in values]  # noqa: PLR0124 - NaN
    return b"f" + struct.pack(f"<Q{len(values)}d", len(values), *values)


def _pack_ints(values: Sequence[int]) -> bytes | None:
    try:
        return b"i" + struct.pack(f"<Q{len(values)}q", len(values), *values)
    except struct.error:
        return None


def _pack_strings(values: Sequence[str]) -> bytes:
    # lengths count characters: with them the joined text can be cut again
    lengths = struct.pack(f"<Q{len(values)}Q", len(values), *map(len, values))
    return b"s" + lengths + sized(utf8("".join(values)))


_PACKERS: Final[dict[type, Callable[[Any], bytes | None]]] = {
    float: _pack_floats,
    int: _pack_ints,
    str: _pack_strings,
}


def packed(values: Sequence[Any]) -> bytes | None:
    """Return *values* as one column, if they are many of one packable type."""
    if len(values) < PACK_LENGTH:
        return None
    kind = type(values[0])
    packer = _PACKERS.get(kind)
    # counting is the quickest way to compare ten thousand types
    if packer is None or [*map(type, values)].count(kind) != len(values):
        return None
    return packer(values)


def packed_set(values: Sequence[Any]) -> bytes | None:
    """Return the members of a set as one sorted column, where they can be sorted."""
    # floats are left out, since a NaN has no place in an order
    if len(values) < PACK_LENGTH or set(map(type, values)) not in ({str}, {int}):
        return None
    return packed(sorted(values))


def joined(tokens: Sequence[bytes]) -> bytes:
    """Return an element sequence that is not packed."""
    return b"m" + len(tokens).to_bytes(8, "little") + b"".join(tokens)


def joined_set(tokens: Sequence[bytes]) -> bytes:
    """Return the members of a set, in an order that depends on them alone."""
    return joined(sorted(tokens))


def names_token(names: Sequence[str]) -> bytes:
    """Return a token of several names."""
    return joined([_str_token(name) for name in names])
