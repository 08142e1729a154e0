"""All that a callable reaches: its own code and, transitively, what that reads.

The problem.  A function's result depends on more than its own text: on the
helpers it calls, the constants it reads, the classes it makes, the decorators
around it, and on what *those* reach::

    train ── code ── defaults ── captured cells
      ├── scale (function) ── code ── FACTOR (3)
      ├── Model (class) ── bases ── methods ── ...
      └── np.dot (library: numpy)

So a walk starts at the callable and takes every value apart as any
fingerprint does; but a function also consists of what its names mean, an
instance of a user's class also of that class.  Recursion and mutual recursion
are cycles of that graph, which the walk knows how to write.  Code of
libraries is where it stops: there the name counts, and the distribution's
version in the environment.

What a name means is found when the walk comes by.  It is remembered with the
namespace it was found in, so that a later check costs one comparison of
identities per name: a name bound to another object means another identity.
What happens *inside* a captured container between runs does not count, or a
log that a function appends to would cause a miss each time: plain data is
fingerprinted once per binding, and that is remembered for the process.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

import attrs

from hypernodes.errors import FingerprintError
from hypernodes.hashing._callables import expand_class, expand_function
from hypernodes.hashing._canonical import LEAVES, names_token
from hypernodes.hashing._code import code_digest
from hypernodes.hashing._expansion import Expansion
from hypernodes.hashing._identity import (
    class_identity,
    is_user_class,
    is_user_file,
    is_user_function,
    is_user_module,
    type_name,
)
from hypernodes.hashing._reach import Import, Reach, reach_of
from hypernodes.hashing._walk import token_of

_MISSING: Final = object()

#: Captured by type only: they have no value, and nobody computes with them.
_BY_TYPE: Final = frozenset(
    {
        "_thread.lock",
        "_thread.RLock",
        "threading.Condition",
        "threading.Event",
        "threading.Semaphore",
        "threading.BoundedSemaphore",
        "threading.Barrier",
        "_thread._local",
        "logging.Logger",
        "logging.RootLogger",
        "logging.LoggerAdapter",
        "concurrent.futures.thread.ThreadPoolExecutor",
        "concurrent.futures.process.ProcessPoolExecutor",
    }
)


@attrs.frozen
class Watch:
    """A name and what it meant: *key* of *namespace* was *value*."""

    namespace: Mapping[str, Any]
    key: str
    value: Any

    def holds(self) -> bool:
        """Say whether the name still means the same object."""
        return self.namespace.get(self.key, _MISSING) is self.value


@attrs.frozen
class CellWatch:
    """A captured variable and what it held."""

    cell: types.CellType
    value: Any

    def holds(self) -> bool:
        """Say whether it still holds the same object."""
        return _contents(self.cell) is self.value


@attrs.frozen
class BodyWatch:
    """A function and what it was made of."""

    function: types.FunctionType
    body: tuple[Any, ...]

    def holds(self) -> bool:
        """Say whether nobody has replaced its code or its defaults."""
        return all(a is b for a, b in zip(_body(self.function), self.body, strict=True))


@attrs.frozen(eq=False)
class _FirstSeen:
    """Plain data as it was when a name that is bound to it was first looked at."""

    namespace: object
    value: Any
    digest: bytes


_MAX_REMEMBERED: Final = 10_000
_first_seen: dict[tuple[int, str], _FirstSeen] = {}


class Closure:
    """One walk over what a callable reaches; used once.

    Args:
        expand: Takes values apart that are neither functions nor classes.
        ignore: Names, plain or with their module, that do not count.

    Attributes:
        libraries: The top-level modules of the library code that was reached.
        symbols: What was found under which name: label to shallow parts.
        doors: Labels of the code that reaches things by computed names.
    """

    def __init__(self, expand: Callable[[Any], Expansion], ignore: frozenset[str]) -> None:
        self._expand = expand
        self._ignore = ignore
        self._watches: dict[tuple[int, str], Watch | CellWatch | BodyWatch] = {}
        self._assigned: set[tuple[int, str]] = set()
        self.libraries: set[str] = set()
        self.symbols: dict[str, Any] = {}
        self.doors: dict[str, frozenset[str]] = {}

    def watches(self) -> tuple[Watch | CellWatch | BodyWatch, ...]:
        """Return what is to be checked later, without what the code itself assigns."""
        return tuple(
            watch
            for watch in self._watches.values()
            if not isinstance(watch, Watch)
            or (id(watch.namespace), watch.key) not in self._assigned
        )

    def expand(self, value: Any) -> Expansion:
        """Return what *value* consists of, what its names mean included."""
        cls = type(value)
        if cls is _FirstSeen:
            return Expansion(b"oR" + value.digest, ())
        if cls is types.FunctionType:
            return self._function(value)
        if isinstance(value, type):
            return self._class(value)
        if type_name(cls) in _BY_TYPE:
            return Expansion(b"oT" + class_identity(cls), ())
        expansion = self._expand(value)
        if cls.__module__ == builtins.__name__:
            return expansion
        if is_user_class(cls):
            return expansion._replace(also=(cls,))
        self._note_library(cls.__module__)
        return expansion

    def _function(self, function: types.FunctionType) -> Expansion:
        expansion = expand_function(function)
        self._watch_body(function)
        if not is_user_function(function):
            self._note_library(function.__module__)
            return _by_name(function) or expansion
        reach = reach_of(function.__code__)
        label = f"{function.__module__}.{function.__qualname__}"
        self.symbols[label] = function
        if reach.doors:
            self.doors[label] = reach.doors
        self._assigned.update((id(function.__globals__), name) for name in reach.assigned)
        found = dict(sorted(self._meanings(function, reach)))
        head = expansion.head + names_token(list(found))
        steps = (*expansion.steps, *(f".<global>[{name!r}]" for name in found))
        # a module in a cell stands for those of its attributes that the code names
        captured = [*expansion.groups[0][:2], *self._captured(function, expansion, reach)]
        return Expansion(head, ((*captured, *found.values()),), steps=steps)

    def _captured(
        self, function: types.FunctionType, expansion: Expansion, reach: Reach
    ) -> Iterator[Any]:
        """Yield what the filled cells of *function* hold."""
        cells = [cell for cell in function.__closure__ or () if _contents(cell) is not _MISSING]
        for cell, value in zip(cells, expansion.groups[0][2:], strict=True):
            yield self._remembered(cell, "", self._through(value, reach))

    def _class(self, cls: type) -> Expansion:
        if not is_user_class(cls):
            self._note_library(cls.__module__)
            return expand_class(cls)
        self.symbols[type_name(cls)] = cls
        members: Mapping[str, Any] = vars(cls)
        for name, member in list(members.items()):
            if isinstance(member, types.FunctionType | staticmethod | classmethod | property):
                self._watch(members, name, member, owner=cls)
        return expand_class(cls)

    def _watch(
        self, namespace: Mapping[str, Any], key: str, value: Any, owner: object = None
    ) -> None:
        # the members of a class are seen through a new proxy each time
        self._watches[id(owner or namespace), key] = Watch(namespace, key, value)

    def _watch_body(self, function: types.FunctionType) -> None:
        self._watches[id(function), ""] = BodyWatch(function, _body(function))
        rebound = reach_of(function.__code__).rebound
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            if name not in rebound:
                self._watches[id(cell), ""] = CellWatch(cell, _contents(cell))

    def _meanings(self, function: types.FunctionType, reach: Reach) -> Iterator[tuple[str, Any]]:
        """Yield (label, value) for each name that *function* reads."""
        for chain in reach.chains:
            if chain[0] not in self._ignore and ".".join(chain) not in self._ignore:
                yield from self._follow(function.__globals__, chain, reach)
        for each in reach.imports:
            yield from self._imported(function.__globals__, each, reach)

    def _follow(
        self, namespace: dict[str, Any], chain: tuple[str, ...], reach: Reach
    ) -> Iterator[tuple[str, Any]]:
        """Yield what a chain of names means, followed through modules of the user's."""
        name, *attributes = chain
        value = namespace.get(name, _MISSING)
        self._watch(namespace, name, value)
        if value is _MISSING:
            # built-in names are the language; others are errors when they are read
            return
        label = name
        while isinstance(value, types.ModuleType) and attributes:
            if not is_user_module(value.__name__):
                self._note_library(value.__name__)
                return
            attribute = attributes.pop(0)
            label = f"{label}.{attribute}"
            module = vars(value)
            value = module.get(attribute, _MISSING)
            self._watch(module, attribute, value)
            if value is _MISSING:
                return
        yield label, self._remembered(namespace, chain[0], self._through(value, reach))

    def _remembered(self, namespace: object, name: str, value: Any) -> Any:
        """Return what stands for plain data that a name is bound to: its first digest."""
        if type(value) in LEAVES or isinstance(value, type | types.FunctionType):
            return value
        binding = (id(namespace), name)
        known = _first_seen.get(binding)
        if known is not None and known.value is value:
            return known
        probe = Closure(self._expand, self._ignore)
        try:
            token = token_of(value, probe.expand, name)
        except FingerprintError:
            # the walk itself says where
            return value
        if probe.symbols or probe._watches:
            # what holds code may lead back here, which only the walk can write
            return value
        if len(_first_seen) >= _MAX_REMEMBERED:
            _first_seen.clear()
        seen = _first_seen[binding] = _FirstSeen(namespace, value, sha256(token).digest())
        self.libraries |= probe.libraries
        return seen

    def _through(self, value: Any, reach: Reach) -> Any:
        """Return *value*; a module of the user's as the attributes that the code may use."""
        if not isinstance(value, types.ModuleType):
            return value
        if not is_user_module(value.__name__):
            self._note_library(value.__name__)
            return value
        names = sorted(reach.words.intersection(vars(value)).difference(self._ignore))
        for name in names:
            self._watch(vars(value), name, vars(value)[name])
        # modules among them count by name: their attributes are reached by chains
        return value.__name__, {
            name: found.__name__ if isinstance(found, types.ModuleType) else found
            for name in names
            if not name.startswith("__")
            for found in (vars(value)[name],)
        }

    def _imported(
        self, namespace: dict[str, Any], each: Import, reach: Reach
    ) -> Iterator[tuple[str, Any]]:
        """Yield what an import in a body gives."""
        name = _absolute(namespace, each)
        if not _is_user_import(name):
            self._note_library(name)
            return
        module = _load(name)
        if module is None:
            return
        if each.names is None:
            yield f"import {name}", self._through(module, reach)
            return
        for attribute in each.names:
            if attribute in self._ignore:
                continue
            value = vars(module).get(attribute, _MISSING)
            if value is _MISSING:
                value = _load(f"{name}.{attribute}") or _MISSING
            if value is not _MISSING:
                self._watch(vars(module), attribute, value)
                yield f"from {name} import {attribute}", self._through(value, reach)

    def _note_library(self, module: str | None) -> None:
        top = (module or "").partition(".")[0]
        if top and top not in sys.stdlib_module_names:
            self.libraries.add(top)


def shallow_digest(value: Any) -> bytes:
    """Return the digest of a symbol's own text: what changes when it alone is edited."""
    if isinstance(value, types.FunctionType):
        return code_digest(value.__code__, value.__globals__)
    own = [name for name, each in vars(value).items() if isinstance(each, types.FunctionType)]
    codes = [shallow_digest(vars(value)[name]) for name in sorted(own)]
    return names_token(sorted(vars(value))) + b"".join(codes)


def _by_name(function: types.FunctionType) -> Expansion | None:
    """Return a library function as its name, if that leads back to it."""
    found: Any = sys.modules.get(function.__module__ or "")
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not function:
        return None
    return Expansion(b"xn" + names_token([function.__module__, function.__qualname__]), ())


def _body(function: Any) -> tuple[Any, ...]:
    return function.__code__, function.__defaults__, function.__kwdefaults__


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


def _absolute(namespace: Mapping[str, Any], each: Import) -> str:
    if not each.level:
        return each.module
    package = namespace.get("__package__") or str(namespace.get("__name__", ""))
    return importlib.util.resolve_name("." * each.level + each.module, package)


def _is_user_import(name: str) -> bool:
    """Say whether a module is the user's, without importing it."""
    if name in sys.modules:
        return is_user_module(name)
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return False
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    return spec is not None and is_user_file(spec.origin, spec.origin)


def _load(name: str) -> types.ModuleType | None:
    """Return a module that the body would import; None where that fails, as it will there."""
    try:
        return importlib.import_module(name)
    except Exception:
        return None
