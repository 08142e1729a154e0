"""Pickle, protocol 5, with large buffers beside the stream instead of inside."""

from __future__ import annotations

import pickle
from typing import Any, Final

from hypernodes.cache.formats._layout import BufferList, join, split


class PickleSerializer:
    """Anything that pickles; asked last, and only where pickle is allowed."""

    name: Final = "pickle"
    version: Final = 1
    is_pickle: Final = True

    def can_encode(self, value: Any) -> bool:
        """Say yes: whether it pickles shows when it is tried."""
        return True

    def encode(self, value: Any) -> bytes:
        """Return the pickle of *value*, large buffers copied once."""
        buffers = BufferList()
        stream = pickle.dumps(value, protocol=5, buffer_callback=buffers)
        return b"".join(join(stream, buffers.found)) if buffers.found else stream

    def decode(self, data: bytes | memoryview, version: int) -> Any:
        """Return the pickled value; what was writable is writable again."""
        if data[:1] == b"\x80":
            return pickle.loads(data)
        _, stream, buffers = split(memoryview(data))
        return pickle.loads(stream, buffers=buffers)
