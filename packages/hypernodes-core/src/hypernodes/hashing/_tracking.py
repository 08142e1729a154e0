"""A callable's identity over time: found once, checked cheaply, found anew when it must be.

A check asks of every name that the walk came by whether it still means the
same object.  It is done once per *epoch*; whoever starts a run starts one, so
that within a run a callable means one thing.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

import attrs

from hypernodes.hashing._account import Account, Pairs
from hypernodes.hashing._callables import callable_parts
from hypernodes.hashing._closure import Closure
from hypernodes.hashing._code import code_digest
from hypernodes.hashing._environment import libraries_among, versions_of
from hypernodes.hashing._expansion import Expansion, NotFingerprintableError
from hypernodes.hashing._faces import asked_for
from hypernodes.hashing._first_seen import data_digest
from hypernodes.hashing._identity import type_name
from hypernodes.hashing._walk import fingerprint_error, token_of
from hypernodes.hashing._watches import MISSING, AnyWatch, cell_contents


class _Epoch:
    """The number of the current epoch."""

    now: int = 0


def start_epoch() -> None:
    """Have every callable checked anew when it is asked for next."""
    _Epoch.now += 1


@attrs.frozen
class CodeOptions:
    """What a user says about the code of a node.

    Attributes:
        version: Stands for the code: only a new version is new code.
        depends_on: Functions, classes, modules and values that count too.
        track: Captured names whose contents are looked at in every run.
        ignore: Names that do not count, wherever they are read.
    """

    version: str | int | None = None
    depends_on: tuple[Any, ...] = ()
    track: tuple[str, ...] = ()
    ignore: frozenset[str] = frozenset()


@attrs.frozen
class CodeIdentity:
    """What calling a callable does, as far as it can be told.

    Attributes:
        digest: 32 bytes over all the code and captured values it reaches.
        libraries: The top-level modules of the library code it reaches; of a
            namespace package, what is in it.
        account: What that is, for explanations.
        watches: What the names meant.
    """

    digest: bytes
    libraries: frozenset[str]
    account: Account = attrs.field(repr=False)
    watches: tuple[AnyWatch, ...] = attrs.field(repr=False)
    _expand: Callable[[Any], Expansion] = attrs.field(repr=False)

    @property
    def environment(self) -> tuple[tuple[str, str], ...]:
        """(distribution, version) of the libraries it reaches, sorted."""
        return versions_of(self.libraries)

    def holds(self) -> bool:
        """Say whether every name still means the same object."""
        return all(watch.holds() for watch in self.watches)

    def describe_constants(self, words: Callable[[Any], str]) -> Pairs:
        """Return for each constant a digest and what *words* says of it."""
        return self.account.describe_constants(self._expand, words)


class TrackedCode:
    """The identity of one callable, kept up to date.

    Args:
        function: The callable.
        expand: Takes values apart.
        options: What the user says about it.
        path: What errors call it.
        is_shown: Whether somebody is handed it, who may ask it for everything.

    Attributes:
        function: The callable.
    """

    __slots__ = ("_epoch", "_expand", "_identity", "_is_shown", "_options", "_path", "function")

    def __init__(
        self,
        function: Any,
        expand: Callable[[Any], Expansion],
        options: CodeOptions = CodeOptions(),
        path: str = "",
        *,
        is_shown: bool = False,
    ) -> None:
        self.function: Any = function
        self._is_shown = is_shown
        self._expand = expand
        self._options = options
        self._path = path or str(getattr(function, "__name__", type(function).__name__))
        self._identity: CodeIdentity | None = None
        self._epoch = -1

    def current(self) -> CodeIdentity:
        """Return the identity as of this epoch.

        Raises:
            FingerprintError: Something captured has no fingerprint.
        """
        epoch = _Epoch.now
        identity = self._identity
        if identity is None or (self._epoch != epoch and not identity.holds()):
            identity = self._identity = self._walk()
        self._epoch = epoch
        return self._with_tracked(identity) if self._options.track else identity

    def _walk(self) -> CodeIdentity:
        parts = self._parts()
        ignore = self._options.ignore.union(self._options.track)
        shown = self.function if self._is_shown else None
        closure = Closure(self._expand, ignore, shown=shown)
        token = token_of(parts, closure.expand, self._path)
        words: frozenset[str] = frozenset()
        # who is handed a module or a function may ask it for anything that the
        # code names anywhere
        while (asked := asked_for(closure.words)) != words and (
            closure.passes_modules or not closure.offers.isdisjoint(asked)
        ):
            words = asked
            closure = Closure(self._expand, ignore, words, shown)
            token = token_of(parts, closure.expand, self._path)
        if self._options.version is not None:
            closure.account.note("version", self._options.version)
        for each in self._options.depends_on:
            closure.account.note("what depends_on names", each)
        return CodeIdentity(
            digest=sha256(b"code" + token).digest(),
            libraries=frozenset(libraries_among(closure.modules)),
            account=closure.account,
            watches=closure.watches(),
            expand=self._expand,
        )

    def _parts(self) -> Any:
        function, options = self.function, self._options
        if options.version is not None:
            return ("version", options.version, _named(function, self._expand))
        if isinstance(function, types.ModuleType):
            return function
        try:
            parts = callable_parts(function)
        except NotFingerprintableError as error:
            raise fingerprint_error(error, self._path) from None
        return (parts, *options.depends_on) if options.depends_on else parts

    def _with_tracked(self, identity: CodeIdentity) -> CodeIdentity:
        """Count what tracked names hold now."""
        values = {name: _captured(self.function, name) for name in self._options.track}
        closure = Closure(self._expand, frozenset())
        token = token_of(values, closure.expand, self._path)
        held = Account(constants={f"tracked {name}": each for name, each in values.items()})
        return attrs.evolve(
            identity,
            digest=sha256(identity.digest + token).digest(),
            account=identity.account.joined(held),
        )


def _named(function: Any, expand: Callable[[Any], Expansion]) -> Any:
    """Return what tells callables of one version apart: names and data, no code."""
    match function:
        case functools.partial():
            bound = (function.args, function.keywords)
            return _named(function.func, expand), data_digest(bound, expand)
        case types.MethodType():
            return _named(function.__func__, expand), data_digest(function.__self__, expand)
        case types.FunctionType():
            cells = [cell_contents(cell) for cell in function.__closure__ or ()]
            data = [function.__defaults__, function.__kwdefaults__, *cells]
            digests = [data_digest(each, expand) for each in data]
            if "<lambda>" in function.__qualname__:
                # lambdas share their name: only their own code tells them apart
                digests.append(code_digest(function.__code__, function.__globals__))
            return function.__module__, function.__qualname__, digests
        case type():
            return type_name(function)
    return type_name(type(function)), data_digest(function, expand)


_NOTHING: Final = ("nothing",)


def _captured(function: Any, name: str) -> Any:
    """Return what *name* means to *function*: a captured variable, else a global."""
    body = getattr(function, "__func__", function)
    cells: Sequence[Any] = getattr(body, "__closure__", None) or ()
    code = getattr(body, "__code__", None)
    first, *attributes = name.split(".")
    found = getattr(body, "__globals__", {}).get(first, MISSING)
    for free, cell in zip(code.co_freevars if code else (), cells, strict=False):
        if free == first:
            found = cell_contents(cell)
    for attribute in attributes:
        found = getattr(found, attribute, MISSING)
    return _NOTHING if found is MISSING else found
