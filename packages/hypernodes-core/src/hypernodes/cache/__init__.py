"""Remembering: caches, the records they exchange with engines, and value formats."""

from hypernodes.cache._disk import DiskCache
from hypernodes.cache._encoded import EncodedCache
from hypernodes.cache._entry import Entry, Payload, Result
from hypernodes.cache._memory import MemoryCache
from hypernodes.cache._parts import (
    Argument,
    NodeParts,
    Reason,
    ReasonKind,
    compare_arguments,
    compare_nodes,
    describe_value,
    nearest,
)
from hypernodes.cache._serializers import PickleSerializer, set_registered_serializers

__all__ = [
    "Argument",
    "DiskCache",
    "EncodedCache",
    "Entry",
    "MemoryCache",
    "NodeParts",
    "Payload",
    "PickleSerializer",
    "Reason",
    "ReasonKind",
    "Result",
    "compare_arguments",
    "compare_nodes",
    "describe_value",
    "nearest",
    "open_disk_cache",
    "open_memory_cache",
    "set_registered_serializers",
]


def open_disk_cache(url: str) -> DiskCache:
    """Open the `DiskCache` of a path or a ``disk://`` URL."""
    return DiskCache(url.removeprefix("disk://"))


def open_memory_cache(url: str) -> MemoryCache:
    """Open a new `MemoryCache`; the URL holds nothing but its scheme."""
    return MemoryCache()
