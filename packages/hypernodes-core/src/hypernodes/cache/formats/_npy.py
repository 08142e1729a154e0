"""The format ``npy``: one numpy array, as the file that `numpy.load` reads too."""

from __future__ import annotations

import sys
from typing import Any, Final

from hypernodes.cache.formats._refusal import NotDataError
from hypernodes.errors import SerializationError


class NpySerializer:
    """Arrays of numbers, text, times and records of these, without pickle."""

    name: Final = "npy"
    version: Final = 1
    is_pickle: Final = False

    def can_encode(self, value: Any) -> bool:
        """Say whether *value* is an array whose elements come back exactly."""
        if not _is_array(value):
            return False
        # deferred: loads numpy, which is there by now
        from hypernodes.cache.formats import _numpy

        try:
            _numpy.write_header(value)
        except NotDataError:
            return False
        return True

    def encode(self, value: Any) -> bytes:
        """Return the bytes of a ``.npy`` file.

        Raises:
            NotDataError: *value* is no array, or its elements do not come back exactly.
        """
        # deferred: as above
        from hypernodes.cache.formats import _numpy

        if not _is_array(value):
            msg = f"{type(value).__qualname__} is no array"
            raise NotDataError(msg)
        return b"".join([_numpy.write_header(value), _numpy.write_elements(value)])

    def decode(self, data: bytes | memoryview, version: int) -> Any:
        """Return the array of *data*, writable.

        Raises:
            SerializationError: *data* is damaged, or numpy is not installed.
        """
        try:
            # deferred: loads numpy
            from hypernodes.cache.formats import _numpy

            return _numpy.read_array(memoryview(data))
        except SerializationError:
            raise
        # numpy raises all kinds of errors for a damaged header
        except Exception as error:
            msg = f"an array is damaged: {error}"
            raise SerializationError(msg) from error


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray
