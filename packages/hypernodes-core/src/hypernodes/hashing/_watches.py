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


AnyWatch = Watch | CellWatch | BodyWatch


def body_of(function: Any) -> tuple[Any, ...]:
    """Return what *function* is made of."""
    return function.__code__, function.__defaults__, function.__kwdefaults__


def cell_contents(cell: types.CellType) -> Any:
    """Return what *cell* holds, `MISSING` where it is empty."""
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING
