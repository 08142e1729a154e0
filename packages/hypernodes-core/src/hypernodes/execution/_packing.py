"""Bytes that travel between processes: cloudpickle, with exceptions kept whole.

Functions and classes of notebooks, scripts and closures travel by value, and
their code with the name of its file, for tracebacks, and with its digest: where
it arrives there may be no source to find that in.  An exception travels as
`_errors` packs it, wherever it stands, since many cannot be rebuilt by plain
pickle.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from hypernodes.execution._errors import pack_error, unpack_error
from hypernodes.hashing import identify_inside, known_digest, remember_digest


def pack(value: object) -> bytes:
    """Return the bytes of *value*; identities inside it are kept.

    Raises:
        Exception: Whatever pickling something in it raised.
    """
    stream = io.BytesIO()
    _pickler()(stream, protocol=5).dump(value)
    return stream.getvalue()


def unpack(data: bytes) -> Any:
    """Return what `pack` packed."""
    # deferred: only processes that send need it
    import cloudpickle

    return cloudpickle.loads(data)


def is_picklable(value: object) -> bool:
    """Say whether *value* can be packed, by trying."""
    try:
        pack(value)
    except Exception:
        return False
    return True


@functools.cache
def _pickler() -> Any:
    # deferred: only processes that send need it
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, BaseException):
                return unpack_error, (pack_error(obj),)
            if isinstance(obj, CodeType):
                made = self.dispatch_table[CodeType](obj)
                return _restore_code, (*made, obj.co_filename, known_digest(obj))
            if isinstance(obj, FunctionType):
                identify_inside(obj.__code__, obj.__globals__)
            return super().reducer_override(obj)

    return Pickler


def _restore_code(
    make: Callable[..., CodeType], parts: tuple[Any, ...], file: str, digest: bytes | None
) -> CodeType:
    code = make(*parts).replace(co_filename=file)
    if digest is not None:
        remember_digest(code, digest)
    return code
