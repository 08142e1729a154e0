"""What a value consists of: the record between taking apart and walking.

It decides nothing.  Whoever takes a value apart returns an `Expansion`; the
walk turns the children into tokens and the whole into one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

#: The shapes: how the children of a value are written, and how a path names them.
SEQUENCE: Final = 0
MAPPING: Final = 1
SET: Final = 2
OBJECT: Final = 3


class Expansion(NamedTuple):
    """A value taken apart by one level.

    Attributes:
        head: Everything that is known without looking at the children; a
            self-delimiting text that says what the value is.
        groups: The children: one sequence, or keys and values of a mapping.
        shape: One of the four constants above.
        steps: What a path appends for each child of an ``OBJECT``.
        also: More children of any shape: the class of an instance.
    """

    head: bytes
    groups: tuple[Sequence[Any], ...]
    shape: int = OBJECT
    steps: Sequence[str] = ()
    also: tuple[Any, ...] = ()

    def step(self, position: int) -> str:
        """Return what leads from this value to its child at *position*."""
        if self.shape == OBJECT:
            return self.steps[position] if position < len(self.steps) else ""
        if self.shape == SEQUENCE:
            return f"[{position}]"
        if self.shape == SET:
            return "{...}"
        keys = self.groups[0]
        if position < len(keys):
            return ".keys()"
        key = keys[position - len(keys)]
        return f"[{key!r}]" if type(key) in (str, int, bool, bytes, float) else "[...]"


class NotFingerprintableError(Exception):
    """A value of this type has no fingerprint; the walk adds where it is.

    Attributes:
        type_name: The type, module first.
        reason: What stands in the way, or "" for the usual.
        is_answered: Whether the type has a fingerprint, which failed.
    """

    def __init__(self, type_name: str, reason: str = "", *, is_answered: bool = False) -> None:
        super().__init__(type_name, reason)
        self.type_name = type_name
        self.reason = reason
        self.is_answered = is_answered
