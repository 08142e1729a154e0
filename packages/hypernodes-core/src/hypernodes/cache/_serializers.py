"""Which serializer encodes a value, and which one decodes it again.

Registered serializers are asked first, then the formats of our own, most
preferred first.  Third-party ones come from a provider that the plugins floor
sets, so this floor needs to know nothing of plugins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from hypernodes.cache._entry import Payload
from hypernodes.cache.formats import (
    LEAST_BYTES,
    SCALARS,
    DataSerializer,
    NotDataError,
    NpySerializer,
    PickleSerializer,
    compress,
    decompress,
)
from hypernodes.errors import SerializationError
from hypernodes.protocols import Serializer

Provider = Callable[[], Sequence[Serializer]]
_provider: Provider = tuple

_DATA: Final = DataSerializer()
_OWN: Final[tuple[Serializer, ...]] = (NpySerializer(), _DATA, PickleSerializer())
_OWN_BY_NAME: Final = {serializer.name: serializer for serializer in _OWN}
_ARRAYS: Final = _OWN
_OTHERS: Final = _OWN[1:]
#: Follows the name of a serializer whose bytes are compressed.
_COMPRESSED: Final = "+zstd"


def set_registered_serializers(provider: Provider) -> None:
    """Let *provider* supply the registered serializers, most preferred first."""
    global _provider  # noqa: PLW0603 - the one seam through which a higher floor reaches down
    _provider = provider


def encode(value: Any, name: str | None = None, *, allow_pickle: bool = True) -> Payload:
    """Return *value* encoded by the serializer *name*, else by the first that can.

    Raises:
        SerializationError: No serializer has that name, encoding failed, or
            only one that is a pickle can encode *value* and none is allowed.
    """
    if name is None and type(value) in SCALARS and not _provider():
        # nearly all small results
        return _pack(_DATA, _DATA.encode(value))
    reason: Exception | None = None
    for serializer in _candidates(value) if name is None else (_named(name),):
        if not allow_pickle and serializer.is_pickle:
            continue
        try:
            data = serializer.encode(value)
        except NotDataError as error:
            if name is not None:
                raise _encode_error(value, serializer, error) from error
            # its traceback holds this frame, and with it the value
            reason = error.with_traceback(None)
        except Exception as error:
            raise _encode_error(value, serializer, error) from error
        else:
            return _pack(serializer, data)
    because = f" ({reason})" if reason is not None else ""
    msg = (
        f"only pickle can encode {type(value).__qualname__}{because}, and this cache has "
        "allow_pickle=False; register a serializer for it"
    )
    raise SerializationError(msg) from reason


def decode(payload: Payload, *, allow_pickle: bool = True) -> Any:
    """Return the value of *payload*, decoded anew.

    Raises:
        SerializationError: Its serializer is gone or not allowed, or the bytes
            do not decode.
    """
    name, data = payload.serializer, payload.data
    serializer = _OWN_BY_NAME.get(name)
    if serializer is None:
        if name.endswith(_COMPRESSED):
            name, data = name.removesuffix(_COMPRESSED), decompress(data)
        serializer = _named(name)
    if not allow_pickle and serializer.is_pickle:
        msg = f"a value was stored with {name!r}, and this cache has allow_pickle=False"
        raise SerializationError(msg)
    try:
        return serializer.decode(data, payload.version)
    except SerializationError:
        raise
    except Exception as error:
        msg = f"cannot decode a value with {name!r}: {error}"
        raise SerializationError(msg) from error


def decode_column(
    name: str, version: int, column: Sequence[bytes], *, allow_pickle: bool = True
) -> list[Any] | None:
    """Return the values of encoded *column*, all from one serializer, decoded anew.

    None where some do not decode, or not in this way: `decode` tells which.
    """
    serializer = _OWN_BY_NAME.get(name)
    if serializer is None or (serializer.is_pickle and not allow_pickle):
        return None
    many = getattr(serializer, "decode_column", None)
    try:
        if many is not None:
            found: list[Any] = many(column, version)
            return found
        return [serializer.decode(data, version) for data in column]
    # whatever it is, it is looked into one by one
    except Exception:
        return None


def _candidates(value: Any) -> Sequence[Serializer]:
    for serializer in _provider():
        if serializer.can_encode(value):
            return (serializer,)
    return _ARRAYS if type(value).__module__ == "numpy" else _OTHERS


def _pack(serializer: Serializer, data: bytes) -> Payload:
    smaller = compress(data) if len(data) >= LEAST_BYTES else None
    if smaller is None:
        return Payload(serializer.name, serializer.version, data)
    return Payload(serializer.name + _COMPRESSED, serializer.version, smaller)


def _encode_error(value: Any, serializer: Serializer, error: Exception) -> SerializationError:
    msg = f"cannot encode {type(value).__qualname__} with {serializer.name!r}: {error}"
    return SerializationError(msg)


def _named(name: str) -> Serializer:
    if name in _OWN_BY_NAME:
        return _OWN_BY_NAME[name]
    for serializer in _provider():
        if serializer.name == name:
            return serializer
    msg = f"no serializer named {name!r} is installed; install the extension that stored the value"
    raise SerializationError(msg)
