"""Captured data, as it was when a name that is bound to it was first looked at.

A log that a function appends to must not cause a miss, so data is fingerprinted
once per binding, and that is remembered for the process.  Only data is: what
holds functions or classes consists of code, which is found anew in each walk.
Instances of the user's classes are data; their classes are remembered beside
them, for the walk to go on with.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import attrs

from hypernodes.errors import FingerprintError
from hypernodes.hashing._canonical import LEAVES
from hypernodes.hashing._expansion import Expansion
from hypernodes.hashing._identity import class_identity, is_user_class, type_name
from hypernodes.hashing._walk import token_of

_MAX_REMEMBERED: Final = 10_000

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

FUNCTIONS_IN_C: Final = frozenset(
    {"builtin_function_or_method", "cython_function_or_method", "fused_cython_function"}
)
_DESCRIPTORS_IN_C: Final = frozenset({"method_descriptor", "wrapper_descriptor"})


class _HoldsCodeError(Exception):
    """The value holds a function, class or module: it is more than data."""


@attrs.frozen(eq=False)
class FirstSeen:
    """Data as it was when it was first looked at.

    Attributes:
        namespace: Where its name is; kept so that no other takes its place.
        value: The object itself.
        digest: What it was.
        classes: The classes of the user's that it held instances of.
        modules: The modules of the libraries that it held instances of.
    """

    namespace: object
    value: Any
    digest: bytes
    classes: tuple[type, ...]
    modules: tuple[str, ...]


_remembered: dict[tuple[int, str], FirstSeen] = {}


def by_type(value: Any) -> Expansion | None:
    """Return *value* as its type, if it is one of those that have no value."""
    cls = type(value)
    return Expansion(b"oT" + class_identity(cls), ()) if type_name(cls) in _BY_TYPE else None


def first_seen(
    namespace: object,
    name: str,
    value: Any,
    expand: Callable[[Any], Expansion],
    owner: types.FunctionType | None = None,
) -> FirstSeen | None:
    """Return what *value* was when *name* was first seen bound to it; None for code.

    Args:
        namespace: The dictionary, class or cell that *name* is in.
        name: The name.
        value: What it is bound to.
        expand: Takes values apart.
        owner: Whose end is the end of the namespace.
    """
    binding = (id(namespace), name)
    known = _remembered.get(binding)
    if known is not None and known.value is value:
        return known
    probe = _Probe(expand)
    try:
        token = token_of(value, probe.expand, name)
    except (FingerprintError, _HoldsCodeError):
        # the walk itself says what it is, or where it has no fingerprint
        return None
    if len(_remembered) >= _MAX_REMEMBERED:
        _remembered.clear()
    digest = sha256(token).digest()
    modules = tuple(sorted(probe.modules))
    seen = FirstSeen(namespace, value, digest, tuple(probe.classes), modules)
    _remembered[binding] = seen
    if owner is not None:
        # what only a closure holds must not outlive it
        weakref.finalize(owner, _forget, binding).atexit = False
    return seen


def data_digest(value: Any, expand: Callable[[Any], Expansion]) -> bytes:
    """Return the digest of *value* where it is only data, else nothing."""
    try:
        return sha256(token_of(value, _Probe(expand).expand, "value")).digest()
    except (FingerprintError, _HoldsCodeError):
        return b""


def _forget(binding: tuple[int, str]) -> None:
    _remembered.pop(binding, None)


class _Probe:
    """Takes data apart and refuses code; used once."""

    def __init__(self, expand: Callable[[Any], Expansion]) -> None:
        self._expand = expand
        self.classes: dict[type, None] = {}
        self.modules: set[str] = set()

    def expand(self, value: Any) -> Expansion:
        """Return what *value* consists of."""
        if isinstance(value, type | types.FunctionType | types.ModuleType):
            raise _HoldsCodeError
        short = by_type(value)
        if short is not None:
            return short
        cls = type(value)
        expansion = self._expand(value)
        if is_user_class(cls):
            self.classes[cls] = None
        else:
            self.modules.update(library_modules(value))
        return expansion


def library_modules(value: Any) -> tuple[str, ...]:
    """Return the modules that *value*, which is of no class of the user's, comes from."""
    cls = type(value)
    if isinstance(value, types.ModuleType):
        return (value.__name__,)
    if isinstance(value, type):
        return cls.__module__, str(value.__module__)
    if cls.__name__ in FUNCTIONS_IN_C:
        return cls.__module__, str(value.__module__)
    if cls.__name__ in _DESCRIPTORS_IN_C:
        return cls.__module__, value.__objclass__.__module__
    return (cls.__module__,)


def needs_memory(value: Any) -> bool:
    """Say whether *value* may change while its name stays bound to it."""
    cls = type(value)
    return cls is bytearray or not (cls in LEAVES or issubclass(cls, type | types.FunctionType))
