"""Remembering: caches, the records they exchange with engines, and value formats."""

from hypernodes.cache._backend import BackendCache, is_byte_store
from hypernodes.cache._disk import DiskCache
from hypernodes.cache._encoded import EncodedCache
from hypernodes.cache._entry import Entry, Payload, Result
from hypernodes.cache._listing import Listed
from hypernodes.cache._memory import MemoryCache
from hypernodes.cache._opening import hide_key, open_disk_cache, open_fsspec_cache
from hypernodes.cache._parts import (
    UNREAD,
    Argument,
    NodeParts,
    Reason,
    ReasonKind,
    compare_arguments,
    compare_nodes,
    describe_value,
    nearest,
)
from hypernodes.cache._remote import FsspecCache
from hypernodes.cache._serializers import decode, encode, set_registered_serializers
from hypernodes.cache._tiered import TieredCache, copy_results
from hypernodes.cache.formats import DataSerializer, NpySerializer, PickleSerializer

__all__ = [
    "UNREAD",
    "Argument",
    "BackendCache",
    "DataSerializer",
    "DiskCache",
    "EncodedCache",
    "Entry",
    "FsspecCache",
    "Listed",
    "MemoryCache",
    "NodeParts",
    "NpySerializer",
    "Payload",
    "PickleSerializer",
    "Reason",
    "ReasonKind",
    "Result",
    "TieredCache",
    "compare_arguments",
    "compare_nodes",
    "copy_results",
    "decode",
    "describe_value",
    "encode",
    "hide_key",
    "is_byte_store",
    "nearest",
    "open_disk_cache",
    "open_fsspec_cache",
    "open_memory_cache",
    "set_registered_serializers",
]


def open_memory_cache(url: str) -> MemoryCache:
    """Open a new `MemoryCache`; the URL holds nothing but its scheme."""
    return MemoryCache()
