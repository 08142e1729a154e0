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

import functools
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hypernodes.hashing._account import Account
from hypernodes.hashing._callables import expand_class, expand_function, library_function
from hypernodes.hashing._canonical import names_token
from hypernodes.hashing._expansion import SET, Expansion
from hypernodes.hashing._faces import FACES, asked_for, face_of
from hypernodes.hashing._first_seen import (
    FirstSeen,
    by_type,
    first_seen,
    library_modules,
    needs_memory,
)
from hypernodes.hashing._identity import (
    is_user_class,
    is_user_function,
    is_user_module,
    type_name,
)
from hypernodes.hashing._imported import (
    EVERY_MODULE_HAS,
    absolute_name,
    attribute_of,
    is_user_import,
    load_module,
)
from hypernodes.hashing._reach import Import, Reach, reach_of
from hypernodes.hashing._watched import Watched
from hypernodes.hashing._watches import MISSING, AnyWatch, cell_contents


class Closure:
    """One walk over what a callable reaches; used once.

    Args:
        expand: Takes values apart that are neither functions nor classes.
        ignore: Names, plain or with their module, that do not count.
        words: Names of attributes that modules which are passed around, and
            functions, may be asked for: what the walk before found.
        shown: A function or class that somebody is handed, who may ask it for
            everything.

    Attributes:
        modules: The modules of the library code that was reached, Python's own among them.
        account: What was found under which name, for explanations.
        words: Every attribute name and string of the code that was reached.
        passes_modules: Whether a module of the user's is passed around.
        offers: What the functions and classes that were reached may be asked for.
    """

    def __init__(
        self,
        expand: Callable[[Any], Expansion],
        ignore: frozenset[str],
        words: frozenset[str] = frozenset(),
        shown: Any = None,
    ) -> None:
        self._expand = expand
        self._ignore = ignore
        self._known_words = words
        self._shown = shown
        self._watched = Watched()
        self.modules: set[str] = set()
        self.account = Account()
        self.words: set[str] = set()
        self.passes_modules = False
        self.offers: set[str] = set()

    def watches(self) -> tuple[AnyWatch, ...]:
        """Return what is to be checked later, without what the code itself assigns."""
        return self._watched.collect(asked_for(self.words))

    def expand(self, value: Any) -> Expansion:
        """Return what *value* consists of, what its names mean included."""
        cls = type(value)
        if cls is FirstSeen:
            return Expansion(b"oR" + value.digest, (value.classes,), SET)
        if cls is types.FunctionType:
            return self._function(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, types.ModuleType) and is_user_module(value.__name__):
            return self._module(value)
        expansion = by_type(value) or self._expand(value)
        if is_user_class(cls):
            self.account.note(f"state of {type_name(cls)}", value)
            return expansion._replace(also=(cls,))
        if cls is functools.partial:
            self.account.note("bound arguments", (value.args, value.keywords))
        self.modules.update(library_modules(value))
        return expansion

    def _function(self, function: types.FunctionType) -> Expansion:
        expansion = expand_function(function)
        self._watched.body(function)
        if not is_user_function(function):
            self.modules.add(str(function.__globals__.get("__name__", "")))
            # a wrapper bears the name of what it wraps, which does not say what it is
            known = None if is_user_module(function.__module__) else library_function(function)
            if known is None:
                self.account.meet_whole(function)
            return known or expansion
        reach = reach_of(function.__code__)
        label = self.account.meet(function)
        self._note_reach(function, reach, label)
        self._note_defaults(function, label)
        found = dict(sorted(self._meanings(function, reach)))
        asked = dict(self._asked(function, reach.stored, label))
        head = expansion.head + names_token([*found, *asked])
        steps = (*expansion.steps, *(f".<global>[{name!r}]" for name in found), *asked)
        captured = [*expansion.groups[0][:2], *self._captured(function, reach, label)]
        return Expansion(head, ((*captured, *found.values(), *asked.values()),), steps=steps)

    def _asked(
        self, function: types.FunctionType, stored: frozenset[str], label: str
    ) -> Iterator[tuple[str, Any]]:
        """Yield (step, value) of what the code may ask *function* for, beside calling it."""
        members = vars(function)
        asked = None if function is self._shown else self._known_words
        self._watched.names(members, asked)
        self.offers.update(members, FACES)
        for name in FACES:
            if self._may_ask(function, name):
                self._watched.face(function, name)
                face = face_of(function, name)
                self.account.note(f"{name} of {label}", face)
                yield f".{name}", face
        for name in sorted(members):
            # what it stores itself is a count or a memory of its calls
            if name in stored or name in self._ignore or not self._may_ask(function, name):
                continue
            self._watched.name(members, name, members[name])
            meant = self._recall(members, name, members[name], function)
            self.account.note(f"attribute {label}.{name}", meant)
            yield f".{name}", meant

    def _may_ask(self, owner: Any, name: str) -> bool:
        return owner is self._shown or name in self._known_words

    def _note_reach(self, function: types.FunctionType, reach: Reach, label: str) -> None:
        if reach.doors:
            self.account.doors[label] = reach.doors
        self.words |= reach.words
        self._watched.leave_out(function.__globals__, reach.assigned, reach.stored)

    def _note_defaults(self, function: types.FunctionType, label: str) -> None:
        code, defaults = function.__code__, function.__defaults__ or ()
        names = code.co_varnames[: code.co_argcount][code.co_argcount - len(defaults) :]
        given = {**dict(zip(names, defaults, strict=True)), **(function.__kwdefaults__ or {})}
        for name, value in given.items():
            self.account.note(f"default of {name} in {label}", value)

    def _captured(self, function: types.FunctionType, reach: Reach, label: str) -> Iterator[Any]:
        """Yield what the filled cells of *function* hold."""
        names = function.__code__.co_freevars
        for name, cell in zip(names, function.__closure__ or (), strict=True):
            value = cell_contents(cell)
            if name in self._ignore:
                if value is not MISSING:
                    yield None
                continue
            self._watched.cell(cell, value, is_rebound=name in reach.rebound)
            if value is not MISSING:
                meant = self._meaning(cell, "", value, reach.words, function)
                self.account.note(f"{name} captured by {label}", meant)
                yield meant

    def _class(self, cls: type) -> Expansion:
        expansion = expand_class(cls)
        if not is_user_class(cls):
            self.modules.add(cls.__module__)
            return expansion
        label = self.account.meet(cls)
        self._watched.face(cls, "__bases__")
        self._watched.names(vars(cls), None, owner=cls)
        # metaclass and bases come first
        children = list(expansion.groups[0])
        for position, step in enumerate(expansion.steps[2:], start=2):
            name, value = step.removeprefix("."), children[position]
            # what stands for a member may be less than the member
            self._watched.name(vars(cls), name, vars(cls)[name], owner=cls)
            if "<locals>" not in cls.__qualname__:
                children[position] = self._recall(cls, name, value)
            self.account.note(f"attribute {label}.{name}", children[position])
        self.offers.add("__doc__")
        if self._may_ask(cls, "__doc__"):
            self._watched.face(cls, "__doc__")
            children.append(face_of(cls, "__doc__"))
            self.account.note(f"__doc__ of {label}", children[-1])
        return expansion._replace(groups=(children,))

    def _module(self, module: types.ModuleType) -> Expansion:
        """Return a module that is a value: all that it defines."""
        names = [
            name
            for name, found in sorted(vars(module).items())
            if name not in EVERY_MODULE_HAS
            and not isinstance(found, types.ModuleType)
            and not self._is_ignored(vars(module), name)
        ]
        for name in names:
            self._watched.name(vars(module), name, vars(module)[name])
        self._watched.names(vars(module), None)
        head = b"oM" + names_token([module.__name__, *names])
        found = [self._recall(vars(module), name, vars(module)[name]) for name in names]
        for name, value in zip(names, found, strict=True):
            self.account.note(f"constant {module.__name__}.{name}", value)
        return Expansion(head, (found,), steps=tuple(f".{name}" for name in names))

    def _is_ignored(self, namespace: Mapping[str, Any], name: str, label: str = "") -> bool:
        if not self._ignore:
            return False
        return not self._ignore.isdisjoint({name, label, f"{namespace.get('__name__')}.{name}"})

    def _meanings(self, function: types.FunctionType, reach: Reach) -> Iterator[tuple[str, Any]]:
        """Yield (label, value) for each name that *function* reads."""
        for chain in reach.chains:
            yield from self._follow(function.__globals__, chain, reach)
        for each in reach.imports:
            yield from self._imported(function.__globals__, each, reach)

    def _follow(
        self, namespace: dict[str, Any], chain: tuple[str, ...], reach: Reach
    ) -> Iterator[tuple[str, Any]]:
        """Yield what a chain of names means, followed through modules of the user's."""
        label, *attributes = chain
        owner, name, value = namespace, label, namespace.get(label, MISSING)
        if self._is_ignored(owner, name):
            return
        self._watched.name(owner, name, value)
        while attributes and isinstance(value, types.ModuleType) and is_user_module(value.__name__):
            owner, name = vars(value), attributes.pop(0)
            label = f"{label}.{name}"
            if self._is_ignored(owner, name, label):
                return
            self._watched.name(owner, name, owner.get(name, MISSING))
            value = attribute_of(value, name)
        if value is MISSING:
            # built-in names are the language; others are errors when they are read
            return
        if isinstance(value, types.FunctionType) and attributes and attributes[0] in vars(value):
            meant = self._recall(vars(value), attributes[0], vars(value)[attributes[0]])
            yield f"{label}.{attributes[0]}", meant
        words = reach.words if attributes else self._words_for(value, reach)
        meant = self._meaning(owner, name, value, words)
        if isinstance(meant, str) or not isinstance(value, types.ModuleType):
            self.account.note(f"constant {namespace.get('__name__', '')}.{label}", meant)
        yield label, meant

    def _words_for(self, value: Any, reach: Reach) -> frozenset[str]:
        """Return what may be asked of *value*, a module, once it is passed around."""
        self.passes_modules = self.passes_modules or isinstance(value, types.ModuleType)
        return reach.words | self._known_words

    def _meaning(
        self,
        namespace: object,
        name: str,
        value: Any,
        words: frozenset[str],
        owner: types.FunctionType | None = None,
        seen: set[str] | None = None,
    ) -> Any:
        """Return what stands for *value*, which *name* is bound to."""
        if isinstance(value, types.ModuleType):
            return self._through(value, words, set() if seen is None else seen)
        return self._recall(namespace, name, value, owner)

    def _recall(
        self, namespace: object, name: str, value: Any, owner: types.FunctionType | None = None
    ) -> Any:
        """Return what stands for data that a name is bound to: what it was at first."""
        if not needs_memory(value):
            return value
        found = first_seen(namespace, name, value, self._expand, owner)
        if found is None:
            return value
        self.modules.update(found.modules)
        return found

    def _through(self, module: types.ModuleType, words: frozenset[str], seen: set[str]) -> Any:
        """Return *module* as those of its attributes that *words* name."""
        name = module.__name__
        if not is_user_module(name):
            self.modules.add(name)
            return name
        if name in seen:
            return name
        seen.add(name)
        members = vars(module)
        self._watched.names(members, words)
        meant = {}
        for word in sorted(words.intersection(members)):
            if word not in EVERY_MODULE_HAS and not self._is_ignored(members, word):
                self._watched.name(members, word, members[word])
                meant[word] = self._meaning(members, word, members[word], words, seen=seen)
                self.account.note(f"constant {name}.{word}", meant[word])
        return name, meant

    def _imported(
        self, namespace: dict[str, Any], each: Import, reach: Reach
    ) -> Iterator[tuple[str, Any]]:
        """Yield what an import in a body gives."""
        name = absolute_name(namespace, each)
        if name is None:
            return
        if not is_user_import(name):
            self.modules.add(name)
            return
        is_passed = not each.bound.isdisjoint(reach.bare)
        if each.names is None:
            # import a.b makes all of a reachable too
            for stop in range(1, name.count(".") + 2):
                prefix = ".".join(name.split(".")[:stop])
                if (module := load_module(prefix)) is not None:
                    words = self._words_for(module, reach) if is_passed else reach.words
                    yield f"import {prefix}", self._through(module, words, set())
        elif (module := load_module(name)) is not None:
            yield from self._imported_names(module, each.names, reach, is_passed)

    def _imported_names(
        self, module: types.ModuleType, names: tuple[str, ...], reach: Reach, is_passed: bool
    ) -> Iterator[tuple[str, Any]]:
        for name in names:
            if self._is_ignored(vars(module), name):
                continue
            value = attribute_of(module, name)
            if value is MISSING:
                value = load_module(f"{module.__name__}.{name}") or MISSING
            if value is not MISSING:
                self._watched.name(vars(module), name, vars(module).get(name, MISSING))
                words = self._words_for(value, reach) if is_passed else reach.words
                meant = self._meaning(vars(module), name, value, words)
                yield f"from {module.__name__} import {name}", meant
