"""The records that pass between engines and caches.

A map makes one of each per item and node, so they are slotted classes whose
attributes can be assigned: a frozen one takes three times as long to make.
Nobody does assign them.
"""

from __future__ import annotations

from typing import Any

import attrs

from hypernodes.cache._parts import Argument
from hypernodes.hashing import Signature


@attrs.define(unsafe_hash=True)
class Entry:
    """What a cache knows of one result without reading its values.

    Attributes:
        signature: The key it is stored under.
        digests: The fingerprint of each output, by position; also the
            address of its bytes, so equal results share them.
        seconds: What it took to compute.
        created: When it was stored, in seconds since the epoch.
        arguments: What the item half of the key was made of; left out by
            lookups, which do not need it.
        inline: Its small values as they were found, encoded and checked, so
            that loading them reads nothing; takes no part in comparisons.
    """

    signature: Signature
    digests: tuple[bytes, ...]
    seconds: float = 0.0
    created: float = 0.0
    arguments: tuple[Argument, ...] = ()
    inline: bytes = attrs.field(default=b"", eq=False, repr=False)


@attrs.frozen
class Result:
    """A result on its way into a cache.

    Attributes:
        entry: Its record.
        values: The outputs, by position.
        serializers: The name of the serializer for each output; None leaves
            the choice to the cache.
    """

    entry: Entry
    values: tuple[Any, ...]
    serializers: tuple[str | None, ...] | None = None


@attrs.define(unsafe_hash=True)
class Payload:
    """One encoded value.

    Attributes:
        serializer: The name of its serializer.
        version: The version of that serializer.
        data: The bytes.  A view that can be written belongs to whoever got it:
            what is decoded may use its memory.
    """

    serializer: str
    version: int
    data: bytes | memoryview
