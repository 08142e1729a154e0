"""Streams of data: what a pickle would be if it could name no code.

The C pickler writes exact builtins by itself and asks for anything else; what
it is told is a *kind* and parts that are data again, down to builtins.  The
one global that a stream names is `rebuild`, which makes each kind from its
parts, and the reader refuses every other global.  So a stream that somebody
made by hand can call nothing but the functions listed here.

Shared references and cycles of builtins come back as they were.
"""

from __future__ import annotations

import importlib
import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from hypernodes.cache.formats import _records, _standard
from hypernodes.cache.formats._layout import BufferList
from hypernodes.cache.formats._refusal import NotDataError
from hypernodes.errors import SerializationError

Parts = tuple[Any, ...]
Reducer = Callable[[Any], Parts]

# by the first part of a type's module, and of its kind
_LIBRARIES: Final = {
    "numpy": "_numpy",
    "pandas": "_pandas",
    "polars": "_polars",
    "pyarrow": "_arrow",
}
_reducers: Final[dict[type, Reducer]] = dict(_standard.REDUCERS)
_rebuilders: Final[dict[str, Callable[..., Any]]] = {
    **_standard.REBUILDERS,
    **_records.REBUILDERS,
}


def dump(value: Any) -> tuple[bytes, list[pickle.PickleBuffer]]:
    """Return the stream of *value* and the large buffers that belong to it.

    Raises:
        NotDataError: *value* holds something else than data, or is nested too deeply.
    """
    file, buffers = io.BytesIO(), BufferList()
    try:
        _Writer(file, 5, buffer_callback=buffers).dump(value)
    except RecursionError as error:
        msg = "values are nested too deeply"
        raise NotDataError(msg) from error
    return file.getvalue(), buffers.found


def load(stream: bytes | memoryview, buffers: Sequence[bytes | bytearray]) -> Any:
    """Return the value of *stream*.

    Raises:
        SerializationError: It is damaged, or names what is not there any more.
    """
    file = io.BytesIO(stream)
    try:
        value = _Reader(file, buffers=buffers).load() if buffers else _Reader(file).load()
    except SerializationError:
        raise
    # hostile bytes can make it raise anything
    except Exception as error:
        msg = f"a stream is damaged: {error!r}"
        raise SerializationError(msg) from error
    if file.read(1):
        msg = "bytes follow after the end of a stream"
        raise SerializationError(msg)
    return value


def rebuild(kind: str, *parts: Any) -> Any:
    """Return what was reduced to *kind* and *parts*."""
    if kind not in _rebuilders:
        _teach(kind.partition(".")[0])
    return _rebuilders[kind](*parts)


class _Writer(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if value is rebuild:
            return NotImplemented
        reduce = _reducers.get(type(value))
        return rebuild, reduce(value) if reduce is not None else _reduce_other(value)


class _Reader(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) == (rebuild.__module__, rebuild.__name__):
            return rebuild
        msg = f"a stream of data names {module_name}.{global_name}"
        raise SerializationError(msg)

    def persistent_load(self, pid: Any) -> NoReturn:
        msg = "a stream of data refers to something outside"
        raise SerializationError(msg)


def _reduce_other(value: Any) -> Parts:
    """Reduce a record, or the first value of a library's type in this process."""
    kind = type(value)
    if _teach(kind.__module__.partition(".")[0]) and kind in _reducers:
        return _reducers[kind](value)
    return _records.reduce(value)


def _teach(library: str) -> bool:
    """Learn the kinds of *library*; say whether it is one we know."""
    name = _LIBRARIES.get(library)
    if name is None:
        return False
    module = importlib.import_module(f"hypernodes.cache.formats.{name}")
    reducers: Mapping[type, Reducer] = module.REDUCERS
    _reducers.update(reducers)
    _rebuilders.update(module.REBUILDERS)
    return True
