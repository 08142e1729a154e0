"""The records that pass between engines and caches."""

from __future__ import annotations

from typing import Any

import attrs

from hypernodes.cache._parts import Argument
from hypernodes.hashing import Signature


@attrs.frozen
class Entry:
    """What a cache knows of one result without reading its values.

    Attributes:
        signature: The key it is stored under.
        digests: The fingerprint of each output, by position; also the
            address of its bytes, so equal results share them.
        seconds: What it took to compute.
        created: When it was stored, in seconds since the epoch.
        arguments: What the item half of the key was made of.
    """

    signature: Signature
    digests: tuple[bytes, ...]
    seconds: float = 0.0
    created: float = 0.0
    arguments: tuple[Argument, ...] = ()


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


@attrs.frozen
class Payload:
    """One encoded value.

    Attributes:
        serializer: The name of its serializer.
        version: The version of that serializer.
        data: The bytes.
    """

    serializer: str
    version: int
    data: bytes
