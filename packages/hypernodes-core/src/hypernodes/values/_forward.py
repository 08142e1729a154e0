"""Which methods a handle forwards to its object, and how one call travels.

Decides what belongs to the object (methods, operators, everything that Python
looks up on a type) and what the handle answers itself (its life, its copies,
its own reads).  Knows nothing of the classes around it.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hypernodes.values._sentinels import MISSING

if TYPE_CHECKING:
    from hypernodes.values._recipe import Recipe

RECIPE = "__hypernode_recipe__"

_read = object.__getattribute__

# Answered by the handle, never by the object: its life, its copies, its reads.
_OWN_METHODS = frozenset(
    {
        "__copy__",
        "__deepcopy__",
        "__del__",
        "__delattr__",
        "__dir__",
        "__getattr__",
        "__getattribute__",
        "__getnewargs__",
        "__getnewargs_ex__",
        "__getstate__",
        "__reduce__",
        "__reduce_ex__",
        "__repr__",
        "__setattr__",
        "__setstate__",
        "__sizeof__",
    }
)
_ARITHMETIC = (
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow"),
    *("lshift", "rshift", "and", "xor", "or"),
)
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_BINARY = frozenset(f"__{name}__" for name in _COMPARISONS) | frozenset(
    f"__{prefix}{name}__" for prefix in ("", "r", "i") for name in _ARITHMETIC
)
_ON_THE_CLASS = (type, classmethod, staticmethod, types.ClassMethodDescriptorType)
_METHODS = (types.FunctionType, types.WrapperDescriptorType, types.MethodDescriptorType)


class Forward:
    """A method of a handle class: calls the one of the loaded object."""

    def __init__(self, name: str, raw: Any = MISSING) -> None:
        self.name = name
        self.raw = raw
        self._function: Callable[..., Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (Forward, (self.name,))

    def __get__(self, handle: Any, owner: Any) -> Any:
        function = self._function or self._resolve(owner)
        if handle is None or function is None:
            return function
        return types.MethodType(function, handle)

    def _resolve(self, owner: Any) -> Callable[..., Any] | None:
        if self.raw is MISSING:
            # Unpickled before the class it belongs to was complete.
            self.raw = find(owner.__wrapped__, self.name)
        if self.raw is not None:
            self._function = _forwarding(self.name, self.raw)
        return self._function


def forwards(original: type) -> dict[str, Forward]:
    names = {name for kind in original.__mro__[:-1] for name in vars(kind)}
    found = {name: find(original, name) for name in sorted(names)}
    return {name: Forward(name, raw) for name, raw in found.items() if is_method(name, raw)}


def is_method(name: str, raw: Any) -> bool:
    if name in _OWN_METHODS or isinstance(raw, _ON_THE_CLASS):
        return False
    # A None blocks an operator of a parent class, as __hash__ = None does.
    return isinstance(raw, _METHODS) or (is_dunder(name) and (raw is None or callable(raw)))


def _forwarding(name: str, raw: Any) -> Callable[..., Any]:
    """Return the function that carries *name* from a handle to its object."""
    if name == "__cache_key__":
        return functools.wraps(raw)(
            lambda self: recipe_of(self).key_text() if is_handle(self) else raw(self)
        )

    is_binary = name in _BINARY

    def forward(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        try:
            recipe = _read(self, RECIPE)
        except AttributeError:
            # Parent.method(self) in a subclass: self is the object itself.
            return raw(self, *args, **kwargs)
        if is_binary:
            args = tuple(recipe_of(arg).load() if is_handle(arg) else arg for arg in args)
        built = recipe.load()
        result = getattr(built, name)(*args, **kwargs)
        return self if result is built else result

    async def forward_async(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        built = recipe_of(self).load() if is_handle(self) else self
        method = getattr(built, name) if is_handle(self) else raw.__get__(self)
        result = await method(*args, **kwargs)
        return self if result is built else result

    is_async = inspect.iscoroutinefunction(raw)
    return functools.wraps(raw)(forward_async if is_async else forward)


def recipe_of(handle: Any) -> Recipe:
    recipe: Recipe = _read(handle, RECIPE)
    return recipe


def is_handle(value: Any) -> bool:
    return hasattr(type(value), RECIPE)


def find(original: type, name: str) -> Any:
    """Return the attribute as the class body left it, unbound; else ``MISSING``."""
    for kind in original.__mro__[:-1]:
        if name in kind.__dict__:
            return kind.__dict__[name]
    return MISSING


def is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
