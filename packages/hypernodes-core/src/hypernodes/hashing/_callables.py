"""What functions, classes and modules consist of when they are values.

A function is its code, its defaults and what its cells hold; the code's own
digest comes from ``_code.py``.  A decorated function is its wrapper: nothing is
unwrapped, and the wrapped function counts through the wrapper's cell.  Built-in
functions are names.  A class of the user's is its name, its bases and its
members; a class of a library is its name.

Globals are not followed here.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from enum import EnumMeta
from typing import Any, Final, get_args

from hypernodes.hashing._canonical import LEAVES, names_token
from hypernodes.hashing._code import code_digest
from hypernodes.hashing._expansion import Expansion, NotFingerprintableError
from hypernodes.hashing._faces import face_of
from hypernodes.hashing._identity import (
    class_identity,
    is_found_by_name,
    is_library_class,
    type_name,
)

_NAME_STEPS: Final = ("", "", "")

#: Written by the interpreter or by a decorator from what is counted elsewhere.
_UNCOUNTED_MEMBERS: Final = frozenset({"_abc_impl", "_abc_registry", "_abc_cache"})

#: What enum derives from the members, some of it while the class is used.
_DERIVED_BY_ENUM: Final = frozenset(
    {
        "_all_bits_",
        "_flag_mask_",
        "_hashable_values_",
        "_inverted_",
        "_member_names_",
        "_member_type_",
        "_new_member_",
        "_singles_mask_",
        "_sort_order_",
        "_unhashable_values_",
        "_unhashable_values_map_",
        "_use_args_",
        "_value2member_map_",
        "_value_repr_",
    }
)

#: What dataclasses put around a ``__repr__`` that they wrote, as users may around theirs.
_REPR_WRAPPERS: Final = (
    "_recursive_repr.<locals>.wrapper",
    "recursive_repr.<locals>.decorating_function.<locals>.wrapper",
)

#: Methods that a library writes into classes, by its module and their qualified name.
_LENT_METHODS: Final = (
    ("attr._make", ""),
    ("collections", "namedtuple.<locals>."),
    ("dataclasses", "_dataclass_"),
    ("dataclasses", "_replace"),
    ("namedtuple_", "<lambda>"),
    ("typing", "Protocol.__init_subclass__.<locals>."),
    ("typing", "_no_init_or_replace_init"),
    ("typing", "_proto_hook"),
)

#: Members between double underscores that say what others say, or only on some Pythons.
_DERIVED_DUNDERS: Final = frozenset(
    {"__abstractmethods__", "__callable_proto_members_only__", "__class_vars__", "__dict__"}
    | {"__doc__", "__firstlineno__", "__module__", "__mutable_keys__", "__optional_keys__"}
    | {"__parameters__", "__private_attributes__", "__protocol_attrs__", "__qualname__"}
    | {"__readonly_keys__", "__required_keys__", "__slotnames__", "__static_attributes__"}
    | {"__type_params__", "__weakref__"}
)

#: Where libraries list the fields of a class.
_LISTS_OF_FIELDS: Final = frozenset(
    {"__attrs_attrs__", "__dataclass_fields__", "__pydantic_fields__"}
)

#: Whatever else stands between double underscores was put there by a library.
_STATED_TYPES: Final = frozenset(
    {bool, bytes, complex, dict, float, frozenset, int, list, set, str, tuple, type(None)}
)

_FIELD_OF_TUPLE: Final = type(vars(Expansion)["head"])
_SINGLEDISPATCH: Final[Any] = functools.singledispatch(lambda _value: None)


def expand_function(function: types.FunctionType) -> Expansion:
    """Return the code, the defaults and the cells of *function*."""
    code = function.__code__
    if code is _SINGLEDISPATCH.__code__:
        # beside its registry it holds a cache that calls fill
        return Expansion(b"xS", ((vars(function)["registry"],),), steps=(".registry",))
    head = b"xf" + code_digest(code, function.__globals__)
    names, values = [], []
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        # an empty cell is left out: its name is missing from the head then
        try:
            values.append(cell.cell_contents)
        except ValueError:
            continue
        names.append(name)
    children = [function.__defaults__, function.__kwdefaults__, *values]
    steps = (".__defaults__", ".__kwdefaults__", *(f".<closure>[{name!r}]" for name in names))
    return Expansion(head + names_token(names), (children,), steps=steps)


def library_function(function: types.FunctionType) -> Expansion | None:
    """Return a library function as its name, if that leads back to it."""
    module, name = function.__module__, function.__qualname__
    if module is None or not is_found_by_name(function, module, name):
        return None
    return Expansion(b"xn" + names_token([module, name]), ())


def _expand_method(method: types.MethodType) -> Expansion:
    children = (method.__func__, method.__self__)
    return Expansion(b"xm", (children,), steps=("", ".__self__"))


def _expand_partial(value: functools.partial[Any]) -> Expansion:
    children = (value.func, value.args, value.keywords, vars(value))
    return Expansion(b"xp", (children,), steps=(".func", ".args", ".keywords", ""))


def _expand_builtin(function: Any) -> Expansion:
    owner = function.__self__
    if owner is None or isinstance(owner, types.ModuleType):
        return _expand_name(b"xb", str(function.__module__), function.__qualname__)
    children = (function.__qualname__, owner)
    return Expansion(b"xo", (children,), steps=("", ".__self__"))


def _expand_descriptor(value: Any) -> Expansion:
    head = b"xd" + class_identity(type(value)) + class_identity(value.__objclass__)
    return Expansion(head, ((value.__name__,),), steps=_NAME_STEPS)


def _expand_method_wrapper(value: Any) -> Expansion:
    return Expansion(b"xw", ((value.__name__, value.__self__),), steps=("", ".__self__"))


def _expand_cached(value: Any) -> Expansion:
    children = (value.__wrapped__, value.cache_parameters())
    return Expansion(b"xc", (children,), steps=(".__wrapped__", ".cache_parameters()"))


def _expand_module(module: types.ModuleType) -> Expansion:
    return _expand_name(b"xM", module.__name__)


def _expand_code(code: types.CodeType) -> Expansion:
    return Expansion(b"xC" + code_digest(code, {}), ())


def _expand_name(tag: bytes, *names: str) -> Expansion:
    return Expansion(tag, (names,), steps=_NAME_STEPS)


def _expand_parts(tag: bytes, *names: str) -> Callable[[Any], Expansion]:
    """Return an expander for an object that is some of its attributes."""
    steps = tuple(f".{name}" for name in names)

    def expand(value: Any) -> Expansion:
        head = tag + class_identity(type(value))
        return Expansion(head, ([getattr(value, name) for name in names],), steps=steps)

    return expand


def expand_class(cls: type) -> Expansion:
    """Return the name of *cls* and, where it is the user's, its bases and members."""
    head = b"xk" + class_identity(cls)
    if is_library_class(cls):
        return Expansion(head, ())
    members = _members(cls)
    head += names_token(list(members))
    children = [type(cls), cls.__bases__, *members.values()]
    steps = (".__class__", ".__bases__", *(f".{name}" for name in members))
    return Expansion(head, (children,), steps=steps)


def _members(cls: type) -> dict[str, Any]:
    """Return what *cls* itself defines, in the order of the names."""
    members: dict[str, Any] = {}
    if "__pydantic_fields__" in vars(cls):
        # the text of a model is in its schema
        members["__doc__"] = face_of(cls, "__doc__")
    for name, member in sorted(vars(cls).items()):
        if not _counts(name, member) or (name in _DERIVED_BY_ENUM and isinstance(cls, EnumMeta)):
            continue
        if name == "_generate_next_value_" and isinstance(member, staticmethod):
            # Python 3.11 keeps the function itself
            members[name] = member.__func__
        else:
            members[name] = "written for it" if _is_written_for_it(member) else member
    return members


def _is_written_for_it(member: Any) -> bool:
    """Say whether a library wrote a method from fields that count, as each Python does anew."""
    function = getattr(member, "__func__", member)
    if not isinstance(function, types.FunctionType):
        return False
    code = function.__code__
    if code.co_qualname in _REPR_WRAPPERS:
        return _is_written_for_it(getattr(function, "__wrapped__", None))
    if code.co_filename.startswith("<attrs generated methods"):
        return True
    if code.co_qualname.startswith("__create_fn__.<locals>."):
        return True
    module = str(function.__globals__.get("__name__"))
    return any(
        module.startswith(writer) and code.co_qualname.startswith(qualname)
        for writer, qualname in _LENT_METHODS
    )


def _counts(name: str, member: Any) -> bool:
    # a slot, or a field of a named tuple: both have a member that lists them
    if isinstance(
        member, (types.MemberDescriptorType, types.GetSetDescriptorType, _FIELD_OF_TUPLE)
    ):
        return False
    if name == "__annotations__" and not member:
        return False
    # only from Python 3.13 on do records have it
    if name == "__replace__" and _is_written_for_it(member):
        return False
    if name.startswith("__") and name.endswith("__"):
        return _is_code(member) or _is_stated(name, member)
    return name not in _UNCOUNTED_MEMBERS


def _is_stated(name: str, member: Any) -> bool:
    """Say whether *name*, between double underscores, holds what somebody wrote there."""
    if name == "__orig_bases__":
        # Python 3.12 lists what only makes classes, too
        return any(map(get_args, member))
    if name in _LISTS_OF_FIELDS:
        return True
    if name in _DERIVED_DUNDERS or name.startswith("__pydantic_"):
        return False
    return type(member) in _STATED_TYPES


def _is_code(member: Any) -> bool:
    return callable(member) or isinstance(
        member, classmethod | property | functools.partialmethod | functools.singledispatchmethod
    )


def callable_parts(function: Any) -> Any:
    """Return what stands for *function* where it is called.

    An object that is called counts by its class's code as well as its state.

    Raises:
        NotFingerprintableError: It cannot be called.
    """
    if not callable(function):
        raise NotFingerprintableError(type_name(type(function)), "it cannot be called")
    cls = type(function)
    if isinstance(function, type) or cls in CALLABLE_EXPANDERS or cls in LEAVES:
        return function
    return cls, function


#: How callables and what classes are made of are taken apart, by exact type.
CALLABLE_EXPANDERS: Final[Mapping[type, Callable[[Any], Expansion]]] = {
    type: expand_class,
    types.FunctionType: expand_function,
    types.MethodType: _expand_method,
    types.BuiltinFunctionType: _expand_builtin,
    types.ModuleType: _expand_module,
    types.CodeType: _expand_code,
    types.MethodDescriptorType: _expand_descriptor,
    types.ClassMethodDescriptorType: _expand_descriptor,
    types.WrapperDescriptorType: _expand_descriptor,
    types.GetSetDescriptorType: _expand_descriptor,
    types.MemberDescriptorType: _expand_descriptor,
    types.MethodWrapperType: _expand_method_wrapper,
    functools.partial: _expand_partial,
    functools.partialmethod: _expand_parts(b"xP", "func", "args", "keywords"),
    functools.cached_property: _expand_parts(b"xa", "func", "attrname"),
    functools.singledispatchmethod: _expand_parts(b"xs", "func", "dispatcher"),
    type(functools.lru_cache(lambda: None)): _expand_cached,
    property: _expand_parts(b"xg", "fget", "fset", "fdel"),
    staticmethod: _expand_parts(b"xt", "__func__"),
    classmethod: _expand_parts(b"xt", "__func__"),
}
