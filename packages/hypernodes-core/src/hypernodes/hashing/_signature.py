"""The identity of one step's result: which node, and for which arguments.

Decides how digests are combined into keys.  It refuses to know what they are
digests of: code, environment and values come as bytes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from hashlib import sha256
from itertools import chain
from typing import Final, NamedTuple

from hypernodes.hashing._canonical import sized, utf8

#: Raised when a change of the encoding makes old keys mean something else.
FORMAT: Final = 1

_DIGEST_BYTES: Final = 16
#: Begins digests of values that were not looked at themselves.
_MADE: Final = b"made"
_TEXT: Final = re.compile(r"([0-9a-f]{32})-([0-9a-f]{32})")
_PREFIX: Final = f"hypernodes {FORMAT} python {sys.version_info[0]}.{sys.version_info[1]} "


def _combine(tag: str, parts: Sequence[bytes]) -> bytes:
    sized = [piece for part in parts for piece in (len(part).to_bytes(8, "little"), part)]
    head = tag.encode() + b"\0" + len(parts).to_bytes(8, "little")
    return sha256(b"".join([head, *sized])).digest()


_USER_NODE: Final = _combine("user keys", ())[:_DIGEST_BYTES]


class Signature(NamedTuple):
    """The key of a result in a cache; sorts by node, so that a node lies together.

    Attributes:
        node: 16 bytes for code and environment.
        item: 16 bytes for the arguments.

    Example:
        >>> signature = Signature(bytes(16), bytes(15) + b"!")
        >>> Signature.parse(str(signature)) == signature
        True
    """

    node: bytes
    item: bytes

    def __str__(self) -> str:
        return f"{self.node.hex()}-{self.item.hex()}"

    @classmethod
    def parse(cls, text: str) -> Signature:
        """Return the signature that *text* stands for.

        Any text stands for one: what is not a signature's own text gets a place
        of its own, so that users can choose their keys.

        Args:
            text: ``str(signature)``, or a key of the user's.
        """
        match = _TEXT.fullmatch(text)
        if match:
            return cls(bytes.fromhex(match[1]), bytes.fromhex(match[2]))
        return cls(_USER_NODE, sha256(utf8(text)).digest()[:_DIGEST_BYTES])


def node_digest(code: bytes, *parts: bytes) -> bytes:
    """Return the 16-byte digest of a node; the Python minor version counts.

    Args:
        code: The node's code fingerprint.
        *parts: Whatever else distinguishes the node, in a fixed order.
    """
    return _combine(_PREFIX + "node", (code, *parts))[:_DIGEST_BYTES]


def item_digest(arguments: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the 16-byte digest of the arguments of one call.

    Args:
        arguments: Each parameter's name and its value's digest, in the order of
            the parameters; the order counts.
    """
    parts = [part for name, digest in arguments for part in (utf8(name), digest)]
    return _combine("item", parts)[:_DIGEST_BYTES]


def item_digests(
    arguments: Sequence[tuple[str, bytes | Sequence[bytes]]], count: int
) -> list[bytes]:
    """Return `item_digest` of *count* calls at once, at a third of the cost.

    Args:
        arguments: Each parameter's name and the digests of its values, one per
            call, or one for all calls.
        count: The number of calls.
    """
    head = b"item\0" + (2 * len(arguments)).to_bytes(8, "little")
    # what lies between two varying digests is the same for every call
    between, columns = [head], []
    for name, digests in arguments:
        between[-1] += sized(utf8(name)) + (32).to_bytes(8, "little")
        if isinstance(digests, bytes):
            between[-1] += digests
        else:
            columns.append(digests)
            between.append(b"")
    if len(columns) == 1:
        first, last = between
        return [sha256(first + digest + last).digest()[:_DIGEST_BYTES] for digest in columns[0]]
    if not columns:
        return [sha256(between[0]).digest()[:_DIGEST_BYTES]] * count
    *firsts, last = between
    return [
        sha256(b"".join([*chain.from_iterable(zip(firsts, row, strict=True)), last])).digest()[
            :_DIGEST_BYTES
        ]
        for row in zip(*columns, strict=True)
    ]


def column_digest(digests: Sequence[bytes]) -> bytes:
    """Return the 32-byte digest of the list that a mapped pipeline produces.

    Args:
        digests: The digests of the items, in order.
    """
    return _MADE + _combine("column", digests)[: -len(_MADE)]


def output_digest(signature: Signature, position: int) -> bytes:
    """Return the 32-byte digest of a result that has no fingerprint: how it was made.

    Args:
        signature: The key of the call.
        position: Which of its outputs.
    """
    parts = (signature.node, signature.item, position.to_bytes(8, "little"))
    return _MADE + _combine("output", parts)[: -len(_MADE)]


def is_of_value(digest: bytes) -> bool:
    """Say whether *digest* is the fingerprint of a value, not of how it was made."""
    return not digest.startswith(_MADE)
