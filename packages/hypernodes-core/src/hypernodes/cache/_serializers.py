"""Which serializer encodes a value, and which one decodes it again.

Third-party serializers come from a provider that the plugins floor sets, so
this floor needs to know nothing of plugins.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any, Final

from hypernodes.cache._entry import Payload
from hypernodes.errors import SerializationError
from hypernodes.protocols import Serializer

Provider = Callable[[], Sequence[Serializer]]
_provider: Provider = tuple


class PickleSerializer:
    """Anything that pickles, at protocol 5; asked last."""

    name: Final = "pickle"
    version: Final = 1
    is_pickle: Final = True

    def can_encode(self, value: Any) -> bool:
        """Say yes: whether it pickles shows when it is tried."""
        return True

    def encode(self, value: Any) -> bytes:
        """Return the pickle of *value*."""
        return pickle.dumps(value, protocol=5)

    def decode(self, data: bytes | memoryview, version: int) -> Any:
        """Return the pickled value."""
        return pickle.loads(data)


_LAST: Final = PickleSerializer()


def set_registered_serializers(provider: Provider) -> None:
    """Let *provider* supply the registered serializers, most preferred first."""
    global _provider  # noqa: PLW0603 - the one seam through which a higher floor reaches down
    _provider = provider


def encode(value: Any, name: str | None = None) -> Payload:
    """Return *value* encoded by the serializer *name*, else by the first that can.

    Raises:
        SerializationError: No serializer has that name, or encoding failed.
    """
    serializer = _named(name) if name is not None else _first_for(value)
    try:
        return Payload(serializer.name, serializer.version, bytes(serializer.encode(value)))
    except Exception as error:
        msg = f"cannot encode {type(value).__qualname__} with {serializer.name!r}: {error}"
        raise SerializationError(msg) from error


def decode(payload: Payload) -> Any:
    """Return the value of *payload*.

    Raises:
        SerializationError: Its serializer is gone, or the bytes do not decode.
    """
    serializer = _named(payload.serializer)
    try:
        return serializer.decode(payload.data, payload.version)
    except Exception as error:
        msg = f"cannot decode a value with {serializer.name!r}: {error}"
        raise SerializationError(msg) from error


def _first_for(value: Any) -> Serializer:
    return next((found for found in _provider() if found.can_encode(value)), _LAST)


def _named(name: str) -> Serializer:
    if name == _LAST.name:
        return _LAST
    for serializer in _provider():
        if serializer.name == name:
            return serializer
    msg = f"no serializer named {name!r} is installed; install the extension that stored the value"
    raise SerializationError(msg)
