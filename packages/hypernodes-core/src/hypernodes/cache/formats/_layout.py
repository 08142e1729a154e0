"""How a stream and the large buffers beside it lie in one piece of bytes.

A stream without buffers is itself: it begins with the protocol byte of pickle.
One with buffers is preceded by a table of their sizes, and they follow it,
each once and never copied on the way in.  Knows nothing of what they mean.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pickle import PickleBuffer
from typing import Final

from hypernodes.errors import SerializationError

Data = bytes | memoryview

#: Smaller buffers are cheaper inside the stream.
LEAST_BYTES: Final = 4096

_MARK: Final = b"B"
_HEAD: Final = struct.Struct("<cIQ")
_SIZE: Final = struct.Struct("<Q")


class BufferList:
    """Collects the buffers that a pickler meets; called by it."""

    def __init__(self) -> None:
        self.found: list[PickleBuffer] = []

    def __call__(self, buffer: PickleBuffer) -> bool:
        """Keep a large *buffer*; say True for one that belongs into the stream."""
        try:
            is_small = buffer.raw().nbytes < LEAST_BYTES
        except BufferError:
            return True
        if not is_small:
            self.found.append(buffer)
        return is_small


def join(stream: bytes, buffers: Sequence[PickleBuffer]) -> list[bytes | memoryview]:
    """Return the pieces whose concatenation `split` takes apart."""
    if not buffers:
        return [stream]
    views = [buffer.raw() for buffer in buffers]
    sizes = [_SIZE.pack(view.nbytes << 1 | view.readonly) for view in views]
    head = _HEAD.pack(_MARK, len(views), len(stream))
    return [b"".join([head, *sizes, stream]), *views]


def split(data: Data) -> tuple[Data, Data, list[bytes | bytearray]]:
    """Return head and stream together, the stream, and the buffers as fresh copies.

    Raises:
        SerializationError: The sizes do not add up.
    """
    if data[:1] != _MARK:
        return data, data, []
    data = memoryview(data)
    try:
        _, count, length = _HEAD.unpack_from(data)
        starts = _HEAD.size + count * _SIZE.size
        sizes = [size for (size,) in _SIZE.iter_unpack(data[_HEAD.size : starts])]
    except struct.error as error:
        msg = "the table of buffers is cut off"
        raise SerializationError(msg) from error
    if len(sizes) != count or starts + length + sum(size >> 1 for size in sizes) != len(data):
        msg = "the sizes of the buffers do not add up"
        raise SerializationError(msg)
    at = starts + length
    stream, buffers = data[starts:at], []
    for size in sizes:
        view = data[at : at + (size >> 1)]
        buffers.append(bytes(view) if size & 1 else bytearray(view))
        at += size >> 1
    return data[: starts + length], stream, buffers
