"""`@stateful`: classes whose instances are built at first use, once per process.

A decorated class is replaced by a *handle class* of the same name.  Its
instances, the handles, hold a recipe and forward everything to the object
that the recipe builds::

    Model("m.bin") ──> handle ──> Recipe(class, args, assigned) ──> object
                         │              travels                 stays here
                         └── methods, operators, attributes are forwarded

Handle classes all derive directly from `StatefulHandle`, whatever the classes
they replace derive from, so no method of a parent can hide an attribute of a
child; how they relate is asked of the original classes.  What this module
refuses to know is when an object is built and who shares it: `_recipe` does.
"""

from __future__ import annotations

import inspect
import reprlib
import types
from abc import ABCMeta
from collections.abc import Iterable
from typing import Any, TypeVar

from hypernodes.values._forward import (
    RECIPE,
    Forward,
    find,
    forwards,
    is_dunder,
    is_method,
    recipe_of,
)
from hypernodes.values._recipe import Packed, Recipe, bind, unpack
from hypernodes.values._sentinels import MISSING

T = TypeVar("T")

_CLASS = "__hypernode_class__"
_CELL = "__hypernode_cell__"

# Set on a handle class itself; every other name reaches the original class.
_OWN_CLASS_NAMES = frozenset(
    {
        _CLASS,
        _CELL,
        "__abstractmethods__",
        "__doc__",
        "__firstlineno__",
        "__module__",
        "__name__",
        "__qualname__",
        "__slots__",
        "_abc_impl",
    }
)


class _PendingCell:
    """The cell of ``super()`` in a subclass, until it can hold the original.

    A class statement insists on finding its own result there, the handle
    class; methods need the original from the first use on.
    """

    def __init__(self, cell: types.CellType, original: type) -> None:
        self._cell = cell
        self._original = original

    def settle(self) -> None:
        self._cell.cell_contents = self._original

    def __reduce__(self) -> tuple[Any, ...]:
        # The methods are pickled after this, each with a copy of the cell.
        self.settle()
        return (types.NoneType, ())


class _StatefulMeta(ABCMeta):
    """The type of handle classes: calling one stores arguments, and no more."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any
    ) -> Any:
        if not any(_is_handle_class(base) for base in bases):
            slots = (RECIPE, "__weakref__") if not bases else ()
            return super().__new__(cls, name, bases, {**namespace, "__slots__": slots})
        originals = tuple(_original(base) for base in bases)
        metaclass, _, rest = types.prepare_class(name, originals, kwargs)
        original = metaclass(name, originals, dict(namespace), **rest)
        return _handle_class(original, namespace.get("__classcell__"))

    def __init__(cls, name: str, bases: Any, namespace: Any, **kwargs: Any) -> None:
        super().__init__(name, bases, namespace)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        original = cls.__wrapped__
        bind(original, args, kwargs)
        return _handle(cls, Recipe(original, args, kwargs))

    @property
    def __wrapped__(cls) -> type:
        original: type | None = cls.__dict__.get(_CLASS)
        if original is None:
            raise AttributeError(_absent(cls, "__wrapped__"))
        pending = cls.__dict__.get(_CELL)
        if pending is not None:
            pending.settle()
        return original

    @property
    def __signature__(cls) -> inspect.Signature:
        return inspect.signature(cls.__wrapped__)

    def __getattr__(cls, name: str) -> Any:
        if name == "__wrapped__" or _CLASS not in cls.__dict__:
            raise AttributeError(_absent(cls, name))
        original = cls.__wrapped__
        raw = find(original, name)
        if isinstance(raw, classmethod) and not _uses_super(raw):
            # cls(...) in an alternative constructor must make a handle.
            return raw.__get__(None, cls)
        return getattr(original, name)

    def __setattr__(cls, name: str, value: Any) -> None:
        is_restored = isinstance(value, Forward) and value.raw is MISSING
        if is_restored or name in _OWN_CLASS_NAMES or _CLASS not in cls.__dict__:
            super().__setattr__(name, value)
            return
        raw = value.raw if isinstance(value, Forward) else value
        setattr(cls.__wrapped__, name, raw)
        _refresh(cls, name)

    def __delattr__(cls, name: str) -> None:
        delattr(cls.__wrapped__, name)
        _refresh(cls, name)

    def __getitem__(cls, item: Any) -> Any:
        subscripted: Any = cls.__wrapped__[item]  # type: ignore[index]  # refuses if it must
        is_class = isinstance(subscripted, type)
        return stateful(subscripted) if is_class else types.GenericAlias(cls, item)

    def __dir__(cls) -> Iterable[str]:
        return dir(cls.__wrapped__) if _CLASS in cls.__dict__ else super().__dir__()

    def __instancecheck__(cls, instance: Any) -> bool:
        kind = type(instance)
        if _is_handle_class(kind):
            return cls.__subclasscheck__(kind)
        return _is_handle_class(cls) and isinstance(instance, cls.__wrapped__)

    def __subclasscheck__(cls, subclass: type) -> bool:
        if not _is_handle_class(cls):
            return cls in subclass.__mro__
        return issubclass(_original(subclass), cls.__wrapped__)


class StatefulHandle(metaclass=_StatefulMeta):
    """The root of all handle classes; `isinstance` tells handles by it."""

    __hypernode_stateful__ = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Only reached by explicit calls, in classmethods that build by hand.
        return cls.__wrapped__.__new__(cls.__wrapped__, *args, **kwargs)

    # Checks against undecorated parents hold for a handle as for its object.
    __class__ = property(lambda self: type(self).__wrapped__)

    def __getattr__(self, name: str) -> Any:
        recipe = recipe_of(self)
        raw = find(recipe.original, name)
        if raw is MISSING:
            if is_dunder(name) or name.startswith(("_repr_", "_ipython_")):
                # Pickle, copy, numpy and notebooks probe for these; no probe loads.
                raise AttributeError(_absent(type(self), name))
        elif isinstance(raw, (classmethod, staticmethod)):
            return getattr(type(self), name)
        elif is_dunder(name) and not hasattr(type(raw), "__get__"):
            return raw
        return getattr(recipe.load(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        # Model[int](...) notes its alias on what it made; that is not state.
        if name != "__orig_class__":
            recipe_of(self).assign(name, value)

    def __delattr__(self, name: str) -> None:
        recipe_of(self).assign(name, MISSING)

    def __repr__(self) -> str:
        recipe = recipe_of(self)
        if recipe.is_loaded:
            return repr(recipe.load())
        given = [reprlib.repr(arg) for arg in recipe.args]
        given += [f"{name}={reprlib.repr(value)}" for name, value in recipe.kwargs.items()]
        return f"<{type(self).__qualname__}({', '.join(given)}), not loaded>"

    def __dir__(self) -> Iterable[str]:
        recipe = recipe_of(self)
        return dir(recipe.load() if recipe.is_loaded else recipe.original)

    def __copy__(self) -> Any:
        return _handle(type(self), recipe_of(self))

    def __deepcopy__(self, memo: Any) -> Any:
        return _handle(type(self), recipe_of(self))

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return (_rebuild, (type(self), recipe_of(self).pack()))

    def __hypernodes_key__(self) -> tuple[Any, ...]:
        """Return plain data that stands for the object in a fingerprint."""
        return recipe_of(self).key()


def stateful(cls: type[T]) -> type[T]:
    """Put off building instances of *cls* until first use, once per process.

    Creating an instance checks and stores the arguments.  Calling a method,
    using an operator or reading an attribute builds the object; from then on
    the instance behaves as that object.  Threads share one object, and so do
    copies and pickles within one process.  Pickles carry the class, the
    arguments and what was assigned through the instance, never the object.

    The fingerprint is the class with its code, the arguments and those
    assignments, or ``__cache_key__()`` where *cls* defines it: asked once,
    before loading, of an instance that holds only its arguments.

    Two-argument ``super(Name, self)`` does not work inside a decorated class,
    because the name now means the handle class; use ``super()``.

    Args:
        cls: The class; its subclasses will be stateful too.

    Returns:
        A class of the same name whose ``__wrapped__`` is *cls*.

    Raises:
        TypeError: *cls* is not a class.

    Example:
        >>> @stateful
        ... class Model:
        ...     def __init__(self, path: str) -> None:
        ...         print("loading", path)
        ...         self.path = path
        ...
        ...     def predict(self, text: str) -> str:
        ...         return f"{self.path}: {text}"
        >>> model = Model("m.bin")
        >>> model
        <Model('m.bin'), not loaded>
        >>> model.predict("a"), model.predict("b")
        loading m.bin
        ('m.bin: a', 'm.bin: b')
    """
    if not isinstance(cls, type):
        msg = f"stateful decorates a class, not {cls!r}; decorate the class it belongs to"
        raise TypeError(msg)
    return cls if _is_handle_class(cls) else _handle_class(cls)


def is_stateful(value: Any) -> bool:
    """Say whether *value* is a resource: built once, shared, never copied.

    True for instances of `stateful` classes and of plain classes that carry
    ``__hypernode_stateful__ = True`` or ``__daft_stateful__ = True``.

    Args:
        value: Anything; it is not loaded.
    """
    kind = type(value)
    return (
        getattr(kind, "__hypernode_stateful__", False) is True
        or getattr(kind, "__daft_stateful__", False) is True
    )


def _handle_class(original: Any, cell: Any = None) -> Any:
    namespace = {
        "__module__": original.__module__,
        "__qualname__": original.__qualname__,
        "__doc__": original.__doc__,
        _CLASS: original,
        **forwards(original),
    }
    if "__firstlineno__" in vars(original):
        # Python 3.13 finds the source of a class by it.
        namespace["__firstlineno__"] = original.__firstlineno__
    if cell is not None:
        namespace |= {"__classcell__": cell, _CELL: _PendingCell(cell, original)}
    return _StatefulMeta(original.__name__, (StatefulHandle,), namespace)


def _refresh(cls: type, name: str) -> None:
    """Make handle class *cls* forward *name* if its original has such a method."""
    raw = find(cls.__dict__[_CLASS], name)
    if is_method(name, raw):
        type.__setattr__(cls, name, Forward(name, raw))
    elif name in cls.__dict__:
        type.__delattr__(cls, name)


def _handle(cls: type, recipe: Recipe) -> Any:
    handle: Any = object.__new__(cls)
    object.__setattr__(handle, RECIPE, recipe)
    return handle


def _rebuild(cls: type[StatefulHandle], packed: Packed) -> Any:
    return _handle(cls, unpack(cls.__wrapped__, *packed))


def _original(kind: Any) -> type:
    wrapped: type = kind.__wrapped__ if _is_handle_class(kind) else kind
    return wrapped


def _is_handle_class(kind: type) -> bool:
    return type(kind) is _StatefulMeta and _CLASS in kind.__dict__


def _uses_super(method: classmethod[Any, Any, Any]) -> bool:
    # super() looks for its second argument among the subclasses of the original.
    code = getattr(method.__func__, "__code__", None)
    return code is not None and "__class__" in code.co_freevars


def _absent(cls: type, name: str) -> str:
    return f"{cls.__qualname__!r} has no attribute {name!r}"
