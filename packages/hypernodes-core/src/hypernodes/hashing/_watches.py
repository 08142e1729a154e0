"""What names meant when somebody looked, and whether they still mean it.

Each record is one comparison of identities; which names are watched is for
``_closure.py`` to say.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, Final

import attrs

#: What a name means that is not bound, or an empty cell holds.
MISSING: Final = object()


@attrs.frozen
class Watch:
    """A name and what it meant: *key* of *namespace* was *value*."""

    namespace: Mapping[str, Any]
    key: str
    value: Any

    def holds(self) -> bool:
        """Say whether the name still means the same object."""
        return self.namespace.get(self.key, MISSING) is self.value


@attrs.frozen
class CellWatch:
    """A captured variable and what it held."""

    cell: types.CellType
    value: Any

    def holds(self) -> bool:
        """Say whether it still holds the same object."""
        return cell_contents(self.cell) is self.value


@attrs.frozen
class BodyWatch:
    """A function and what it was made of."""

    function: types.FunctionType
    body: tuple[Any, ...]

    def holds(self) -> bool:
        """Say whether nobody has replaced its code or its defaults."""
        return all(a is b for a, b in zip(body_of(self.function), self.body, strict=True))


@attrs.frozen
class FaceWatch:
    """A function or class and what one of its own attributes was."""

    owner: Any
    name: str
    value: Any = attrs.field(
        default=attrs.Factory(lambda self: getattr(self.owner, self.name, None), takes_self=True)
    )

    def holds(self) -> bool:
        """Say whether it is the same object."""
        return getattr(self.owner, self.name, None) is self.value


@attrs.frozen
class NamesWatch:
    """Which names a namespace had: one that appears may hide what was found elsewhere."""

    namespace: Mapping[str, Any]
    size: int
    names: frozenset[str]
    asked: frozenset[str] | None
    stored: frozenset[str]

    def holds(self) -> bool:
        """Say whether nothing has appeared that counts."""
        if len(self.namespace) == self.size:
            return True
        return _names_in(self.namespace, self.asked, self.stored) == self.names


def watch_names(
    namespace: Mapping[str, Any], asked: frozenset[str] | None, stored: frozenset[str]
) -> NamesWatch:
    """Return what is to be checked of the names in *namespace*.

    Args:
        namespace: Where they are.
        asked: Which of them count; None for all.
        stored: Which do not: the code itself makes them.
    """
    names = _names_in(namespace, asked, stored)
    return NamesWatch(namespace, len(namespace), names, asked, stored)


def _names_in(
    namespace: Mapping[str, Any], asked: frozenset[str] | None, stored: frozenset[str]
) -> frozenset[str]:
    found = namespace.keys() if asked is None else asked.intersection(namespace)
    return frozenset(found) - stored


AnyWatch = Watch | CellWatch | BodyWatch | FaceWatch | NamesWatch


def body_of(function: Any) -> tuple[Any, ...]:
    """Return what *function* is made of."""
    return function.__code__, function.__defaults__, function.__kwdefaults__


def cell_contents(cell: types.CellType) -> Any:
    """Return what *cell* holds, `MISSING` where it is empty."""
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING
