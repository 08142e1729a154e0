"""Digests of values and of callables: what the rest of the library asks for.

Knows nothing of plugins: whoever does hands in the registered fingerprints,
through `set_registered_fingerprints` for the functions of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from types import FunctionType, ModuleType
from typing import Any, Final

from hypernodes.errors import FingerprintError
from hypernodes.hashing._dispatch import Dispatch
from hypernodes.hashing._environment import libraries_among, versions_of
from hypernodes.hashing._expansion import Expansion
from hypernodes.hashing._first_seen import FUNCTIONS_IN_C, library_modules
from hypernodes.hashing._identity import is_user_class, is_user_module
from hypernodes.hashing._tracking import CodeIdentity, CodeOptions, TrackedCode
from hypernodes.hashing._walk import leaf_of, token_of

Registered = Mapping[str, Callable[[Any], Any]]

_MAX_TRACKED: Final = 2_000
_MAX_CLASSES: Final = 10_000


class _Known:
    """Code that was met as a value."""

    __slots__ = ("_digest", "_identity", "code")

    def __init__(self, code: TrackedCode) -> None:
        self.code = code
        self._identity: CodeIdentity | None = None
        self._digest = b""

    def digest(self) -> bytes:
        """Return what the code is, with the versions of the libraries it reaches."""
        identity = self.code.current()
        if identity is not self._identity:
            parts = identity.digest + _written(identity.environment)
            self._identity, self._digest = identity, sha256(parts).digest()
        return self._digest


def _written(versions: Iterable[tuple[str, str]]) -> bytes:
    return "".join(f"{name}=={version}\n" for name, version in versions).encode()


class Fingerprinter:
    """Gives values their digests: equal for equal values, different otherwise.

    A digest depends on the value alone: not on the process, the machine, the
    hash seed, or on which objects are shared.  Scalars cost about a microsecond,
    containers a few hundred nanoseconds an element.  One object serves any number
    of threads.

    Example:
        >>> fingerprinter = Fingerprinter()
        >>> fingerprinter.digest([1, 2]) == fingerprinter.digest((1, 2))
        False
        >>> len(fingerprinter.digest({"a": [1.0, 2.0]}))
        32
    """

    def __init__(self, registered: Registered | None = None) -> None:
        """Create a fingerprinter that knows the types in *registered* too.

        Args:
            registered: By type as text (``"torch.Tensor"``), functions that
                return plain data which stands for all of a value's state.
        """
        self._expand = Dispatch(registered or {}).expand
        self._known: dict[tuple[int, bool], _Known] = {}
        self._is_users: dict[type, bool] = {}

    def digest(self, value: Any, path: str = "value") -> bytes:
        """Return the 32-byte digest of *value*.

        Args:
            value: Anything; it is read, never kept and never changed.
            path: What an error calls *value*.

        Raises:
            FingerprintError: Something in *value* has no fingerprint; its
                ``path`` and ``type_name`` say where and what.
        """
        return sha256(token_of(value, self._expand_value, path)).digest()

    def code_digest(self, function: Callable[..., Any], path: str = "") -> bytes:
        """Return the 32-byte digest of what calling *function* does.

        It covers the code that runs, defaults, captured values, and all that the
        names in it mean, of the outermost callable first: decorators are not
        unwrapped.

        Args:
            function: A function, method, partial, class or callable object.
            path: What an error calls it; by default its name.

        Raises:
            FingerprintError: A captured value has no fingerprint, or *function*
                cannot be called.
        """
        return self.track(function, CodeOptions(), path).current().digest

    def track(
        self, function: Callable[..., Any], options: CodeOptions, path: str = ""
    ) -> TrackedCode:
        """Return what keeps the identity of *function* up to date.

        Args:
            function: A function, method, partial, class or callable object.
            options: What the user says about it.
            path: What errors call it; by default its name.
        """
        return TrackedCode(function, self._expand, options, path)

    def _expand_value(self, value: Any) -> Expansion:
        """Return what *value* consists of: of a function, class or module, its identity."""
        cls = type(value)
        if cls is FunctionType or (isinstance(value, type) and self._is_user_class(value)):
            return Expansion(b"xI" + self._identity(value, is_shown=True), ())
        if cls is ModuleType and is_user_module(value.__name__):
            return Expansion(b"xI" + self._identity(value), ())
        expansion = self._expand(value)
        if self._is_user_class(cls):
            return expansion._replace(head=expansion.head + self._identity(cls))
        if cls.__name__ in FUNCTIONS_IN_C or isinstance(value, type | ModuleType):
            versions = _written(versions_of(libraries_among(library_modules(value))))
            return expansion._replace(head=expansion.head + versions)
        return expansion

    def _identity(self, value: Any, *, is_shown: bool = False) -> bytes:
        place = (id(value), is_shown)
        known = self._known.get(place)
        if known is None or known.code.function is not value:
            if len(self._known) >= _MAX_TRACKED:
                # functions made in functions would pile up in a long-lived worker
                self._known.clear()
            known = _Known(TrackedCode(value, self._expand, is_shown=is_shown))
            self._known[place] = known
        return known.digest()

    def _is_user_class(self, cls: type) -> bool:
        known = self._is_users.get(cls)
        if known is None:
            if len(self._is_users) >= _MAX_CLASSES:
                self._is_users.clear()
            known = self._is_users[cls] = is_user_class(cls)
        return known


class _Default:
    """The fingerprinter of the module's functions, made at first need."""

    provider: Callable[[], Registered] | None = None
    fingerprinter: Fingerprinter | None = None


def set_registered_fingerprints(provider: Callable[[], Registered]) -> None:
    """Have *provider* asked, once and when first needed, for what plugins teach.

    A later call replaces the provider, and what the former one said.

    Args:
        provider: Returns functions by type name, as for `Fingerprinter`.
    """
    _Default.provider = provider
    _Default.fingerprinter = None


def _default() -> Fingerprinter:
    fingerprinter = _Default.fingerprinter
    if fingerprinter is None:
        registered = _Default.provider() if _Default.provider else {}
        fingerprinter = _Default.fingerprinter = Fingerprinter(registered)
    return fingerprinter


def fingerprint(value: Any, path: str = "value") -> bytes:
    """Return the 32-byte digest of *value*, with what plugins have registered.

    Args:
        value: Anything; it is read, never kept and never changed.
        path: What an error calls *value*.

    Raises:
        FingerprintError: Something in *value* has no fingerprint.

    Example:
        >>> fingerprint(1) == fingerprint(True)
        False
        >>> fingerprint([[1], [1]]) == fingerprint([[1]] * 2)
        True
    """
    return _default().digest(value, path)


def fingerprint_column(values: Sequence[Any], path: str = "value") -> list[bytes] | None:
    """Return the digests of *values*; None where some value has no fingerprint.

    Args:
        values: Anything, one digest each; as `fingerprint`, a little cheaper.
        path: What errors call a value.
    """
    kinds = set(map(type, values))
    leaf = leaf_of(kinds.pop()) if len(kinds) == 1 else None
    if leaf is not None:
        return [sha256(leaf(value)).digest() for value in values]
    digest = _default().digest
    try:
        return [digest(value, path) for value in values]
    except FingerprintError:
        return None


def track_code(function: Callable[..., Any], options: CodeOptions | None = None) -> TrackedCode:
    """Return what keeps the identity of *function* up to date, run by run.

    Args:
        function: A function, method, partial, class or callable object.
        options: What the user says about it.
    """
    return _default().track(function, options or CodeOptions())


def code_fingerprint(function: Callable[..., Any]) -> bytes:
    """Return the 32-byte digest of what calling *function* does.

    See `Fingerprinter.code_digest`; half a millisecond for a function of some
    size, once per process.

    Args:
        function: A function, method, partial, class or callable object.

    Raises:
        FingerprintError: A captured value has no fingerprint, or *function*
            cannot be called.
    """
    return _default().code_digest(function)
