"""What a walk has looked at, collected to be checked again later.

What the code itself assigns is left out in the end: who counts calls in a
global, or keeps results in an attribute, must not cause a miss each time.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Any

from hypernodes.hashing._watches import (
    AnyWatch,
    BodyWatch,
    CellWatch,
    FaceWatch,
    Watch,
    body_of,
    watch_names,
)

_Asked = frozenset[str] | None


class Watched:
    """The names, cells, bodies and namespaces that one walk came by."""

    def __init__(self) -> None:
        self._watches: dict[tuple[int, str], AnyWatch] = {}
        self._members: set[tuple[int, str]] = set()
        self._assigned: set[tuple[int, str]] = set()
        self._stored: set[str] = set()
        self._rebound: set[int] = set()
        self._namespaces: dict[int, tuple[Mapping[str, Any], _Asked]] = {}

    def name(
        self, namespace: Mapping[str, Any], key: str, value: Any, owner: object = None
    ) -> None:
        """Watch *key* of *namespace*; of a class, the *owner* of a proxy made anew each time."""
        place = (id(namespace if owner is None else owner), key)
        self._watches[place] = Watch(namespace, key, value)
        if owner is not None:
            self._members.add(place)

    def names(self, namespace: Mapping[str, Any], asked: _Asked, owner: object = None) -> None:
        """Watch what appears in *namespace*: of the names *asked*, None for any.

        A function or module is asked for whatever the code names anywhere.
        """
        place = id(namespace if owner is None else owner)
        known = self._namespaces.get(place, (namespace, frozenset()))[1]
        both = None if asked is None or known is None else asked | known
        self._namespaces[place] = namespace, both

    def cell(self, cell: types.CellType, value: Any, *, is_rebound: bool) -> None:
        """Watch a captured variable, unless the function itself assigns it."""
        self._watches[id(cell), ""] = CellWatch(cell, value)
        if is_rebound:
            self._rebound.add(id(cell))

    def body(self, function: types.FunctionType) -> None:
        """Watch the code and the defaults of *function*."""
        self._watches[id(function), ""] = BodyWatch(function, body_of(function))

    def face(self, owner: Any, name: str) -> None:
        """Watch what every function or class has."""
        self._watches[id(owner), name] = FaceWatch(owner, name)

    def leave_out(
        self, namespace: Mapping[str, Any], assigned: Iterable[str], stored: Iterable[str]
    ) -> None:
        """Note what code assigns: globals in *namespace*, and attributes of whatever."""
        self._assigned.update((id(namespace), name) for name in assigned)
        self._stored.update(stored)

    def collect(self, words: frozenset[str]) -> tuple[AnyWatch, ...]:
        """Return what is to be checked, where code names *words*."""
        stored = frozenset(self._stored)
        single = (each for place, each in self._watches.items() if not self._sets(place, each))
        names = (
            watch_names(found, None if asked is None else asked | words, stored)
            for found, asked in self._namespaces.values()
        )
        return (*single, *names)

    def _sets(self, place: tuple[int, str], watch: AnyWatch) -> bool:
        if isinstance(watch, CellWatch):
            return id(watch.cell) in self._rebound
        if place in self._members:
            return place[1] in self._stored
        return isinstance(watch, Watch) and (id(watch.namespace), watch.key) in self._assigned
