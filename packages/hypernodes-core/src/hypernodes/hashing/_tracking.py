"""A callable's identity over time: found once, checked cheaply, found anew when it must be.

A check asks of every name that the walk came by whether it still means the
same object.  It is done once per *epoch*; whoever starts a run starts one, so
that within a run a callable means one thing.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import attrs

from hypernodes.hashing._callables import callable_parts
from hypernodes.hashing._closure import BodyWatch, CellWatch, Closure, Watch
from hypernodes.hashing._environment import versions_of
from hypernodes.hashing._expansion import Expansion, NotFingerprintableError
from hypernodes.hashing._walk import fingerprint_error, token_of


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
        libraries: The top-level modules of the library code it reaches.
        symbols: The functions and classes of the user's that it reaches.
        doors: Code that reaches things by computed names, and by what.
        watches: What the names meant.
    """

    digest: bytes
    libraries: frozenset[str]
    symbols: Mapping[str, Any] = attrs.field(repr=False)
    doors: Mapping[str, frozenset[str]]
    watches: tuple[Watch | CellWatch | BodyWatch, ...] = attrs.field(repr=False)

    @property
    def environment(self) -> tuple[tuple[str, str], ...]:
        """(distribution, version) of the libraries it reaches, sorted."""
        return versions_of(self.libraries)

    def holds(self) -> bool:
        """Say whether every name still means the same object."""
        return all(watch.holds() for watch in self.watches)


class TrackedCode:
    """The identity of one callable, kept up to date.

    Args:
        function: The callable.
        expand: Takes values apart.
        options: What the user says about it.
        path: What errors call it.

    Attributes:
        function: The callable.
    """

    __slots__ = ("_epoch", "_expand", "_identity", "_options", "_path", "function")

    def __init__(
        self,
        function: Any,
        expand: Callable[[Any], Expansion],
        options: CodeOptions = CodeOptions(),
        path: str = "",
    ) -> None:
        self.function = function
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
        closure = Closure(self._expand, self._options.ignore.union(self._options.track))
        token = token_of(self._parts(), closure.expand, self._path)
        return CodeIdentity(
            digest=sha256(b"code" + token).digest(),
            libraries=frozenset(closure.libraries),
            symbols=dict(closure.symbols),
            doors=dict(closure.doors),
            watches=closure.watches(),
        )

    def _parts(self) -> Any:
        function, options = self.function, self._options
        if options.version is not None:
            name = getattr(function, "__qualname__", type(function).__qualname__)
            return ("version", name, options.version)
        try:
            parts = callable_parts(function)
        except NotFingerprintableError as error:
            raise fingerprint_error(error, self._path) from None
        if not options.depends_on:
            return parts
        return (parts, *(_contents(each) for each in options.depends_on))

    def _with_tracked(self, identity: CodeIdentity) -> CodeIdentity:
        """Count what tracked names hold now."""
        values = {name: _captured(self.function, name) for name in self._options.track}
        closure = Closure(self._expand, frozenset())
        token = token_of(values, closure.expand, self._path)
        return attrs.evolve(identity, digest=sha256(identity.digest + token).digest())


def _contents(value: Any) -> Any:
    """Return a module as what it defines, anything else as it is."""
    if not isinstance(value, types.ModuleType):
        return value
    return value.__name__, {
        name: found
        for name, found in sorted(vars(value).items())
        if not name.startswith("__") and not isinstance(found, types.ModuleType)
    }


_NOTHING: Final = ("nothing",)


def _captured(function: Any, name: str) -> Any:
    """Return what *name* means to *function*: a captured variable, else a global."""
    body = getattr(function, "__func__", function)
    cells: Sequence[Any] = getattr(body, "__closure__", None) or ()
    code = getattr(body, "__code__", None)
    for free, cell in zip(code.co_freevars if code else (), cells, strict=False):
        if free == name:
            return cell.cell_contents
    return getattr(body, "__globals__", {}).get(name, _NOTHING)
