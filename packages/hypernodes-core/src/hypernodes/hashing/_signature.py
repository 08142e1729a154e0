"""The identity of one step's result: which node, and for which arguments.

Decides how digests are combined into keys.  It refuses to know what they are
digests of: code, environment and values come as bytes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import attrs

from hypernodes.hashing._canonical import utf8

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


@attrs.frozen(order=True)
class Signature:
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
