"""How objects of ordinary classes are taken apart.

Decides, once per class, between fields and attributes, ``__getstate__`` and
``__reduce_ex__``.  All state counts, private attributes too; what merely
repeats it (``functools.cached_property``) does not.  A class whose instances
hold something in C that no attribute shows is never described by its
attributes alone: two of its objects would look alike.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from copyreg import dispatch_table
from functools import cached_property
from types import MemberDescriptorType
from typing import Any, Final, NamedTuple

from hypernodes.hashing._canonical import names_token
from hypernodes.hashing._expansion import OBJECT, Expansion, NotFingerprintableError
from hypernodes.hashing._identity import class_identity, is_found_by_name, type_name

Expander = Callable[[Any], Expansion]

_PANDAS_CACHED: Final = "pandas._libs.properties.CachedProperty"
_MAX_LAYOUTS: Final = 64
_POINTER_BYTES: Final = tuple.__itemsize__

#: The exact value inside an instance of a subclass, whatever the subclass overrides.
_BASES: Final[Mapping[type, Callable[[Any], Any]]] = {
    dict: lambda value: dict(dict.items(value)),
    list: lambda value: list(list.__iter__(value)),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    bytearray: lambda value: bytearray(memoryview(value)),
    int: int.__int__,
    float: float.__float__,
    complex: lambda value: complex(complex.real.__get__(value), complex.imag.__get__(value)),
}


def expander_of_object(cls: type) -> Expander:
    """Return how instances of *cls* are taken apart."""
    if issubclass(cls, enum.Enum):
        return _enum_expander(cls)
    if cls.__module__ == "itertools":
        return _refuse(cls)
    base = _exact_base(cls)
    names = _slot_names(cls)
    if base is not None:
        return _attributes_expander(cls, names, b"b", _BASES[base])
    if not _hides_state(cls, object):
        if _has_fields(cls) or cls.__getstate__ is object.__getstate__:
            return _attributes_expander(cls, names, b"a", None)
        return _state_expander(cls)
    return _reduce_expander(cls, names)


def _enum_expander(cls: type) -> Expander:
    head = b"oe" + class_identity(cls)

    def expand(value: Any) -> Expansion:
        # the attributes are read past properties that the class may define
        state = object.__getattribute__(value, "__dict__")
        parts = (state.get("_name_"), state.get("_value_"))
        return Expansion(head, (parts,), steps=(".name", ".value"))

    return expand


def _refuse(cls: type) -> Expander:
    def expand(_value: Any) -> Expansion:
        raise NotFingerprintableError(type_name(cls))

    return expand


def _exact_base(cls: type) -> type | None:
    """Return the built-in type that *cls* only adds Python attributes to."""
    for base in _BASES:
        if issubclass(cls, base):
            return None if _hides_state(cls, base) else base
    return None


def _hides_state(cls: type, base: type) -> bool:
    """Say whether instances of *cls* hold more than *base* and Python attributes."""
    if cls.__itemsize__ != base.__itemsize__:
        return True
    size = base.__basicsize__
    size += _POINTER_BYTES * len(_slot_names(cls))
    if cls.__dictoffset__ > 0 and not base.__dictoffset__:
        size += _POINTER_BYTES
    if cls.__weakrefoffset__ > 0 and not base.__weakrefoffset__:
        size += _POINTER_BYTES
    if cls.__itemsize__ and cls.__dictoffset__ < 0:
        size += _POINTER_BYTES
    return cls.__basicsize__ > size


def _has_fields(cls: type) -> bool:
    marks = ("__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__", "__fields__")
    return any(mark in vars(base) for base in cls.__mro__ for mark in marks)


def _slot_names(cls: type) -> dict[str, MemberDescriptorType]:
    """Return the slots of *cls* in the order of their names."""
    slots = {}
    for base in reversed(cls.__mro__):
        if "__slots__" in vars(base):
            members = vars(base).items()
            slots.update({n: m for n, m in members if isinstance(m, MemberDescriptorType)})
    return dict(sorted(slots.items()))


def _derived_names(cls: type) -> frozenset[str]:
    """Return the attributes that are computed from the others."""
    names = set()
    for base in cls.__mro__:
        members = vars(base)
        names |= {name for name, member in members.items() if isinstance(member, cached_property)}
        if "__attrs_attrs__" in members:
            names |= {"_attrs_cached_hash", *_cached_by_attrs(members.get("__getattr__"))}
        if any(type_name(type(m)) == _PANDAS_CACHED for m in members.values()):
            names.add("_cache")
    return frozenset(names)


def _cached_by_attrs(get_attribute: Any) -> Iterable[str]:
    """Return the cached properties that attrs has turned into slots of a class."""
    defaults = getattr(get_attribute, "__defaults__", None) or ()
    return [name for default in defaults if isinstance(default, dict) for name in default]


def _attributes_expander(
    cls: type,
    slots: Mapping[str, MemberDescriptorType],
    method: bytes,
    content: Callable[[Any], Any] | None,
) -> Expander:
    """Return an expander for the attributes of an object, by name, and its content."""
    prefix = b"o" + method + class_identity(cls)
    derived = _derived_names(cls)
    slots = {name: member for name, member in slots.items() if name not in derived}
    has_dict = cls.__dictoffset__ != 0
    # the class may define an attribute access of its own
    get_attribute = object.__getattribute__
    # per set of attribute names: the names in order, the head, the steps
    layouts: dict[tuple[str, ...], tuple[list[str], bytes, tuple[str, ...]]] = {}

    def expand(value: Any) -> Expansion:
        state = get_attribute(value, "__dict__") if has_dict else {}
        if slots:
            state = {**state, **_filled_slots(value, slots)}
        names = tuple(state)
        layout = layouts.get(names)
        if layout is None:
            layout = _layout(cls, prefix, names, derived)
            if len(layouts) < _MAX_LAYOUTS:
                layouts[names] = layout
        ordered, head, steps = layout
        values = [state[name] for name in ordered]
        if content is not None:
            values.insert(0, content(value))
            steps = ("", *steps)
        return Expansion(head, (values,), OBJECT, steps)

    return expand


def _filled_slots(value: Any, slots: Mapping[str, MemberDescriptorType]) -> dict[str, Any]:
    found = {}
    for name, member in slots.items():
        # an empty slot is an attribute that is not there
        try:
            found[name] = member.__get__(value)
        except AttributeError:
            continue
    return found


def _layout(
    cls: type, prefix: bytes, names: tuple[str, ...], derived: frozenset[str]
) -> tuple[list[str], bytes, tuple[str, ...]]:
    if not all(type(name) is str for name in names):
        raise NotFingerprintableError(type_name(cls), "an attribute's name is not text")
    ordered = sorted(name for name in names if name not in derived)
    return ordered, prefix + names_token(ordered), tuple(f".{name}" for name in ordered)


def _state_expander(cls: Any) -> Expander:
    head = b"og" + class_identity(cls)

    def expand(value: Any) -> Expansion:
        try:
            state = cls.__getstate__(value)
        except Exception as error:
            reason = f"__getstate__ failed with {type(error).__name__}"
            raise NotFingerprintableError(type_name(cls), reason) from error
        return Expansion(head, ((state,),), steps=(".__getstate__()",))

    return expand


def _reduce_expander(cls: type, slots: Mapping[str, MemberDescriptorType]) -> Expander:
    head = b"or" + class_identity(cls)
    attributes = _attributes_expander(cls, slots, b"a", None)

    def expand(value: Any) -> Expansion:
        # attributes are added because a reduction may leave them out, and come
        # first because to ask for them may create an empty dictionary
        beside = attributes(value)
        try:
            reduced = _reduced(cls, value)
        except Exception as error:
            raise NotFingerprintableError(type_name(cls)) from error
        children = [reduced, *beside.groups[0]]
        return Expansion(head + beside.head, (children,), steps=("", *beside.steps))

    return expand


def _reduced(cls: type, value: Any) -> Any:
    """Return the account that *value* gives to pickle, as plain data."""
    reducer = dispatch_table.get(cls)
    reduced = reducer(value) if reducer else value.__reduce_ex__(4)
    if isinstance(reduced, str):
        return _global_name(value, reduced)
    function, arguments, state, items, pairs, setter = (*reduced, None, None, None, None)[:6]
    # the class counts by its name already, wherever it was defined
    own = _Name(str(cls.__module__), cls.__qualname__)
    return (
        own if function is cls else _named(function),
        tuple(own if part is cls else part for part in arguments),
        state,
        None if items is None else list(items),
        None if pairs is None else list(pairs),
        setter,
    )


def _global_name(value: Any, name: str) -> tuple[str, str]:
    """Return the name of a value that says it is a global, if it is."""
    module = str(getattr(value, "__module__", None))
    if not is_found_by_name(value, module, name):
        msg = f"{module}.{name} is something else"
        raise LookupError(msg)
    return module, name


class _Name(NamedTuple):
    """A function or class by name, as pickle would write it."""

    module: str
    qualname: str


def _named(function: Any) -> Any:
    """Return the name of *function* where it leads to it, else the function."""
    module = str(getattr(function, "__module__", None))
    qualname = getattr(function, "__qualname__", None)
    if isinstance(qualname, str) and is_found_by_name(function, module, qualname):
        return _Name(module, qualname)
    return function
