"""One object that is built late and once per process, and how to build it.

A *recipe* is what travels: a class, its arguments, and what was assigned from
outside.  The object it describes stays where it was built.  This module
decides when two recipes in one process mean the same object; it knows nothing
of handles, which only forward to it.

Copies carry the uid and the revision of the recipe they came from:

- same uid, same revision: the same object, so nothing is built twice;
- same uid, newer revision: the sender assigned something since, and the
  object that is here already gets those assignments;
- same uid, older revision: an old copy; it becomes an object of its own, so
  that it never shows assignments it did not carry.
"""

from __future__ import annotations

import inspect
import os
import threading
import weakref
from typing import Any, TypeAlias

import attrs

from hypernodes.errors import ExecutionError, FingerprintError
from hypernodes.values._sentinels import MISSING, Missing

Packed: TypeAlias = tuple[tuple[Any, ...], dict[str, Any], dict[str, Any], str, int]


def _new_uid() -> str:
    # A counter or a seeded generator would repeat itself in forked workers.
    return os.urandom(16).hex()


@attrs.define(eq=False, repr=False)
class Recipe:
    """How to build one object, what was assigned to it, and it, once built.

    Attributes:
        original: The class to build.
        args: Positional arguments, as given.
        kwargs: Keyword arguments, as given.
        assigned: Attribute name to the last value assigned from outside, in
            order of assignment; ``MISSING`` stands for a deletion.
        uid: The same for all copies, in every process.
        revision: How many assignments its maker has made.
        is_guest: Whether it came from elsewhere.
    """

    original: type
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    assigned: dict[str, Any] = attrs.field(factory=dict)
    uid: str = attrs.field(factory=_new_uid)
    revision: int = 0
    is_guest: bool = False
    lock: threading.RLock = attrs.field(factory=threading.RLock, init=False)
    _built: Any = attrs.field(default=MISSING, init=False)
    _is_building: bool = attrs.field(default=False, init=False)
    _is_changed_here: bool = attrs.field(default=False, init=False)
    _key_text: str | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        _alive[self.uid] = self

    @property
    def is_loaded(self) -> bool:
        """Whether the object exists in this process."""
        return self._built is not MISSING

    def load(self) -> Any:
        """Return the object, building it if this is its first use here."""
        built = self._built
        return self._build_once() if built is MISSING else built

    def assign(self, name: str, value: Any) -> None:
        """Set attribute *name*, or delete it where *value* is ``MISSING``."""
        with self.lock:
            if self.is_loaded:
                _set(self._built, name, value)
            self._key_text = None
            # Popped first, so that the order is that of the last assignments.
            self.assigned.pop(name, None)
            self.assigned[name] = value
            if self.is_guest:
                self._is_changed_here = True
            else:
                self.revision += 1

    def pack(self) -> Packed:
        """Return everything that travels, as arguments of `unpack`."""
        with self.lock:
            # What was changed here must not pass for what was sent here.
            is_own = self.is_guest and self._is_changed_here
            uid = _new_uid() if is_own else self.uid
            return self.args, self.kwargs, dict(self.assigned), uid, self.revision

    def catch_up(self, assigned: dict[str, Any], revision: int) -> None:
        """Take over the assignments that the maker has made since."""
        with self.lock:
            if revision <= self.revision:
                return
            self.assigned, self.revision = assigned, revision
            self._key_text = None
            if self.is_loaded:
                self._replay(self._built)

    def key(self) -> tuple[Any, ...]:
        """Return plain data that stands for the object in a fingerprint."""
        if hasattr(self.original, "__cache_key__"):
            name = f"{self.original.__module__}.{self.original.__qualname__}"
            return ("cache_key", name, self.key_text())
        changes = tuple(
            ("delete", name) if value is MISSING else ("set", name, value)
            for name, value in self.assigned.items()
        )
        return ("arguments", self.original, self._arguments(), changes)

    def key_text(self) -> str:
        """Return what ``__cache_key__`` says; asked once, of an unloaded instance if it can be."""
        with self.lock:
            if self._key_text is None:
                text = self._ask_for_key()
                if not isinstance(text, str):
                    msg = (
                        f"{self.original.__qualname__}.__cache_key__ must return a str, "
                        f"not {type(text).__name__}; make it a text that stands for all state"
                    )
                    raise FingerprintError(msg)
                self._key_text = text
            return self._key_text

    def inherit(self) -> None:
        """Go on in a forked child: unlocked, and a guest, as its maker is the parent."""
        self.lock = threading.RLock()
        self._is_building = False
        self.is_guest = True

    def _build_once(self) -> Any:
        with self.lock:
            if not self.is_loaded:
                self._built = self._build()
        if self.is_guest:
            with _registry_lock:
                _pinned[self.uid] = self
        return self._built

    def _build(self) -> Any:
        if self._is_building:
            msg = (
                f"{self.original.__qualname__}.__init__ uses the stateful object that it is "
                "building; use self there"
            )
            raise ExecutionError(msg)
        self._is_building = True
        try:
            built = self.original(*self.args, **self.kwargs)
            self._replay(built)
        finally:
            self._is_building = False
        return built

    def _replay(self, built: Any) -> None:
        for name, value in self.assigned.items():
            if value is not MISSING or hasattr(built, name):
                _set(built, name, value)

    def _arguments(self) -> dict[str, Any]:
        bound = bind(self.original, self.args, self.kwargs)
        if bound is None:
            return {"args": self.args, "kwargs": self.kwargs}
        bound.apply_defaults()
        return dict(bound.arguments)

    def _ask_for_key(self) -> Any:
        # Unloaded even where the object is there: the key must not depend on
        # whether somebody has used the handle before.
        try:
            return self._unloaded().__cache_key__()
        except Exception:
            return self.load().__cache_key__()

    def _unloaded(self) -> Any:
        original: Any = self.original
        instance = original.__new__(original)
        for name, value in (*self._arguments().items(), *self.assigned.items()):
            if value is not MISSING:
                # Frozen classes and properties without a setter take part too.
                object.__setattr__(instance, name, value)
        return instance


_alive: weakref.WeakValueDictionary[str, Recipe] = weakref.WeakValueDictionary()
# A worker drops each chunk before the next one comes; only this holds on.
_pinned: dict[str, Recipe] = {}
_registry_lock = threading.RLock()


def bind(
    original: type, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> inspect.BoundArguments | None:
    """Bind arguments to the constructor of *original*; None if it has no signature.

    Raises:
        TypeError: The arguments do not fit.
    """
    try:
        signature = inspect.signature(original)
    except ValueError:
        return None
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as error:
        msg = f"{original.__qualname__}() {error}"
        raise TypeError(msg) from None


def unpack(
    original: type,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    assigned: dict[str, Any],
    uid: str,
    revision: int,
) -> Recipe:
    """Return the recipe that `Recipe.pack` described: the one here, or a new one."""
    with _registry_lock:
        known = _alive.get(uid)
        is_outdated = known is not None and revision < known.revision
        if known is None or is_outdated:
            own_uid = _new_uid() if is_outdated else uid
            return Recipe(original, args, kwargs, assigned, own_uid, revision, is_guest=True)
    known.catch_up(assigned, revision)
    return known


def release_stateful() -> int:
    """Let go of the loaded objects that only a worker's memory keeps alive.

    Objects built from received handles stay until the process ends, so that
    the next chunk finds them.  A long-lived worker calls this between runs;
    objects still in use elsewhere stay as they are.

    Returns:
        How many were let go.
    """
    with _registry_lock:
        released = len(_pinned)
        _pinned.clear()
    return released


def _set(built: Any, name: str, value: Any | Missing) -> None:
    if value is MISSING:
        delattr(built, name)
    else:
        setattr(built, name, value)


def _inherit_all() -> None:
    global _registry_lock  # noqa: PLW0603 - a forked child may inherit it locked
    _registry_lock = threading.RLock()
    for recipe in list(_alive.values()):
        recipe.inherit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_inherit_all)
