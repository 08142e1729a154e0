"""Records and enumerations, field by field under the name of their class.

A record is an instance of a dataclass, an attrs class or a named tuple that is
nothing but its fields.  It is made again without its constructor, and only by
a class of the same name that is still there and has the same fields: what
the bytes say is data for a class that the program has anyway.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import sys
from collections.abc import Callable, MutableMapping
from types import MemberDescriptorType
from typing import Any, Final
from weakref import WeakKeyDictionary

from hypernodes.cache.formats._refusal import NotDataError
from hypernodes.errors import SerializationError

Parts = tuple[Any, ...]

_HEAP_TYPE: Final = 1 << 9
_PICKLING: Final = ("__reduce__", "__reduce_ex__")
# what these write into classes gives back the fields and nothing else
_GENERATORS: Final = frozenset({None, "attr._make", "dataclasses"})
_plain: Final[MutableMapping[type, tuple[str, ...] | None]] = WeakKeyDictionary()


def reduce(value: Any) -> Parts:
    """Return what *value* is made of.

    Raises:
        NotDataError: It is no record, or more than its fields.
    """
    kind = type(value)
    if isinstance(value, enum.Enum):
        return _reduce_member(kind, value)
    if _find_class(kind.__module__, kind.__qualname__) is not kind:
        raise NotDataError(_describe(kind, "cannot be found under its name"))
    names = _plain_fields(kind)
    if names is None:
        raise NotDataError(_describe(kind, "is more than its fields"))
    own = getattr(value, "__dict__", {})
    if issubclass(kind, tuple):
        if own:
            raise NotDataError(_describe(kind, "has attributes beside its fields"))
        return "tuple", kind.__module__, kind.__qualname__, names, tuple(value)
    if len(own) > len(names) or not own.keys() <= set(names):
        raise NotDataError(_describe(kind, "has attributes beside its fields"))
    return "record", kind.__module__, kind.__qualname__, _read_fields(value, names)


def _reduce_member(kind: type[enum.Enum], value: Any) -> Parts:
    name = value.name
    if kind.__members__.get(name) is not value:
        raise NotDataError(_describe(kind, "has no such member"))
    if _find_class(kind.__module__, kind.__qualname__) is not kind:
        raise NotDataError(_describe(kind, "cannot be found under its name"))
    return "member", kind.__module__, kind.__qualname__, name


def _rebuild_member(module: str, name: str, member: str) -> Any:
    kind = _get_class(module, name)
    if not issubclass(kind, enum.Enum) or member not in kind.__members__:
        raise SerializationError(_describe(kind, f"has no member {member!r} any more"))
    return kind.__members__[member]


def _rebuild_tuple(module: str, name: str, names: Any, values: tuple[Any, ...]) -> Any:
    kind = _get_class(module, name)
    if not issubclass(kind, tuple) or _plain_fields(kind) != names or len(values) != len(names):
        raise SerializationError(_describe(kind, "has other fields now"))
    return tuple.__new__(kind, values)


def _rebuild_record(module: str, name: str, values: dict[str, Any]) -> Any:
    kind = _get_class(module, name)
    if issubclass(kind, tuple) or _plain_fields(kind) != tuple(values):
        raise SerializationError(_describe(kind, "has other fields now"))
    record = object.__new__(kind)
    for field, value in values.items():
        object.__setattr__(record, field, value)
    return record


def _plain_fields(kind: type) -> tuple[str, ...] | None:
    """Return the names of the fields of *kind* where its instances are nothing but these."""
    if kind not in _plain:
        names = _field_names(kind)
        _plain[kind] = names if names is not None and _is_plain(kind, names) else None
    return _plain[kind]


def _field_names(kind: type) -> tuple[str, ...] | None:
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    if "__attrs_attrs__" in kind.__dict__:
        return tuple(field.name for field in kind.__dict__["__attrs_attrs__"])
    names = getattr(kind, "_fields", None)
    return names if issubclass(kind, tuple) and isinstance(names, tuple) else None


def _is_plain(kind: type, names: tuple[str, ...]) -> bool:
    """Say whether making the fields anew makes the whole object, and calls nobody."""
    builtin = {base for base in kind.__mro__ if not base.__flags__ & _HEAP_TYPE}
    own = [getattr(kind, name, None) for name in ("__getstate__", "__setstate__")]
    makers = {getattr(method, "__module__", None) for method in own}
    stored = [vars(base).get(name) for base in kind.__mro__ for name in names]
    return (
        builtin == ({object, tuple} if issubclass(kind, tuple) else {object})
        and all(getattr(kind, name) is getattr(object, name) for name in _PICKLING)
        and not hasattr(kind, "__getnewargs_ex__")
        and makers <= _GENERATORS
        and all(
            isinstance(each, MemberDescriptorType) or not hasattr(type(each), "__set__")
            for each in stored
            if not issubclass(kind, tuple)
        )
    )


def _read_fields(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    try:
        return {name: object.__getattribute__(value, name) for name in names}
    except AttributeError as error:
        raise NotDataError(_describe(type(value), "lacks a field")) from error


def _get_class(module: str, name: str) -> type:
    kind = _find_class(module, name)
    if not isinstance(kind, type):
        msg = f"class {module}.{name} is not there any more"
        raise SerializationError(msg)
    return kind


def _find_class(module: str, name: str) -> Any:
    """Return what *name* stands for in *module*, None where there is no such thing."""
    if module not in sys.modules:
        try:
            importlib.import_module(module)
        # whatever a module raises, the class is not there
        except Exception:
            return None
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _describe(kind: type, what: str) -> str:
    return f"{kind.__module__}.{kind.__qualname__} {what}"


REBUILDERS: Final[dict[str, Callable[..., Any]]] = {
    "member": _rebuild_member,
    "record": _rebuild_record,
    "tuple": _rebuild_tuple,
}
