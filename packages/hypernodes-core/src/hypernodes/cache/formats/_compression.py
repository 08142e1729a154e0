"""When compressing pays, and how much a compressed value may grow back to.

Measured on values of a kibibyte and more: Zstandard at level 1 takes 2 us for
a kibibyte, and passes over what does not compress at about a gigabyte a
second.  It is kept where it saves 15 percent.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from hypernodes.errors import SerializationError

if TYPE_CHECKING:
    from zstandard import ZstdCompressor, ZstdDecompressor

#: Smaller values are not worth the attempt.
LEAST_BYTES: Final = 1024
_SAMPLE_BYTES: Final = 64 << 10
_SAMPLED_ABOVE: Final = 1 << 20
_WORTH: Final = 0.85
_LEVEL: Final = 1
# a block of Zstandard cannot stand for more than 128 KiB, nor take less than 4 bytes
_MOST_GROWTH: Final = 1 << 15
_SLACK: Final = 128 << 10


class _Coders(threading.local):
    """A compressor and a decompressor per thread: they cannot be shared."""

    def __init__(self) -> None:
        # deferred: small values never need it
        import zstandard

        self.compressor: ZstdCompressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor: ZstdDecompressor = zstandard.ZstdDecompressor()


_coders: list[_Coders] = []


def compress(data: bytes) -> bytes | None:
    """Return *data* compressed, or None where that saves too little."""
    compressor = _get_coders().compressor
    if len(data) > _SAMPLED_ABOVE:
        middle = len(data) // 2
        sample = memoryview(data)[middle : middle + _SAMPLE_BYTES]
        if len(compressor.compress(sample)) > _WORTH * len(sample):
            return None
    smaller = compressor.compress(data)
    return smaller if len(smaller) <= _WORTH * len(data) else None


def decompress(data: bytes | memoryview) -> bytes:
    """Return what `compress` was given.

    Raises:
        SerializationError: *data* is damaged, or claims to stand for more than
            it can.
    """
    # deferred: as above
    import zstandard

    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= len(data) * _MOST_GROWTH + _SLACK:
            msg = f"{len(data)} compressed bytes claim to stand for {size}"
            raise SerializationError(msg)
        found: bytes = _get_coders().decompressor.decompress(data)
    except (zstandard.ZstdError, ValueError, MemoryError) as error:
        msg = f"compressed bytes are damaged: {error}"
        raise SerializationError(msg) from error
    if len(found) != size:
        msg = f"compressed bytes stand for {len(found)} bytes and claim {size}"
        raise SerializationError(msg)
    return found


def _get_coders() -> Any:
    if not _coders:
        _coders.append(_Coders())
    return _coders[0]
