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
from hypernodes.graph import Node
from hypernodes.hashing import code_digest, known_digest, remember_digest


def pack(value: object) -> bytes:
    """Return the bytes of *value*; identities inside it are kept.

    Raises:
        Exception: Whatever pickling something in it raised.
    """
    stream = io.BytesIO()
    _pickler()(stream).dump(value)
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


class Packed:
    """A value that travels as `pack` packs it, whatever pickles it.

    Args:
        value: Anything.

    Attributes:
        value: The same.
    """

    def __init__(self, value: Any) -> None:
        self.value: Any = value

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the bytes."""
        return _unpacked, (pack(self.value),)


def _unpacked(data: bytes) -> Packed:
    return Packed(unpack(data))


@functools.cache
def _pickler() -> Any:
    # deferred: only processes that send need it
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
        def __init__(self, file: io.BytesIO) -> None:
            super().__init__(file, protocol=5)
            self._globals: dict[int, dict[str, Any]] = {}

        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, BaseException):
                return unpack_error, (pack_error(obj),)
            if isinstance(obj, FunctionType):
                self._globals[id(obj.__code__)] = obj.__globals__
            elif isinstance(obj, CodeType):
                return self._reduce_code(obj)
            elif isinstance(obj, Node):
                return obj.reduced(by_value=_is_shipped(obj.__module__ or ""))
            return super().reducer_override(obj)

        def _reduce_code(self, code: CodeType) -> Any:
            made = self.dispatch_table[CodeType](code)
            names = self._globals.get(id(code))
            digest = known_digest(code) if names is None else code_digest(code, names)
            if names is not None:
                inside = (const for const in code.co_consts if isinstance(const, CodeType))
                self._globals.update((id(each), names) for each in inside)
            return _restore_code, (*made, code.co_filename, digest)

    return Pickler


def _is_shipped(module: str) -> bool:
    """Say whether cloudpickle was told that others cannot import *module*, or its package."""
    # deferred: only processes that send need it
    import cloudpickle

    registered = cloudpickle.list_registry_pickle_by_value()
    return any(module == name or module.startswith(f"{name}.") for name in registered)


def _restore_code(
    make: Callable[..., CodeType], parts: tuple[Any, ...], file: str, digest: bytes | None
) -> CodeType:
    code = make(*parts).replace(co_filename=file)
    if digest is not None:
        remember_digest(code, digest)
    return code
