"""Digests of values and of callables: what the rest of the library asks for.

Knows nothing of plugins: whoever does hands in the registered fingerprints,
through `set_registered_fingerprints` for the functions of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from hypernodes.hashing._callables import callable_parts
from hypernodes.hashing._dispatch import Dispatch
from hypernodes.hashing._expansion import NotFingerprintableError
from hypernodes.hashing._walk import fingerprint_error, token_of

Registered = Mapping[str, Callable[[Any], Any]]


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

    def digest(self, value: Any, path: str = "value") -> bytes:
        """Return the 32-byte digest of *value*.

        Args:
            value: Anything; it is read, never kept and never changed.
            path: What an error calls *value*.

        Raises:
            FingerprintError: Something in *value* has no fingerprint; its
                ``path`` and ``type_name`` say where and what.
        """
        return sha256(token_of(value, self._expand, path)).digest()

    def code_digest(self, function: Callable[..., Any], path: str = "") -> bytes:
        """Return the 32-byte digest of what calling *function* does.

        It covers the code that runs, defaults, and captured values, of the
        outermost callable first: decorators are not unwrapped.  Globals are not
        followed.

        Args:
            function: A function, method, partial, class or callable object.
            path: What an error calls it; by default its name.

        Raises:
            FingerprintError: A captured value has no fingerprint, or *function*
                cannot be called.
        """
        path = path or str(getattr(function, "__name__", type(function).__name__))
        try:
            parts = callable_parts(function)
        except NotFingerprintableError as error:
            raise fingerprint_error(error, path) from None
        return sha256(b"code" + token_of(parts, self._expand, path)).digest()


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
