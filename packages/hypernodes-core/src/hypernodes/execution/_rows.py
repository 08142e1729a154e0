"""One item in the making: the values it has, and those it could have.

A value that came from the cache is not read before somebody needs it, and a
nested pipeline does not copy what lies outside.  So beside `Row.values` there
are *sources*, which say where a value would come from, and digests, which
identify a value whether or not it has been read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from hypernodes.cache import Entry
from hypernodes.errors import FingerprintError
from hypernodes.events import Event, Run
from hypernodes.execution._context import Level
from hypernodes.execution._errors import Failure
from hypernodes.hashing import Signature, column_digest, fingerprint


@attrs.frozen
class Recorded:
    """A value in the cache: output *position* of *entry*."""

    entry: Entry
    position: int


@attrs.frozen
class Linked:
    """A value of another row, or, where *is_column*, the list of those of many rows.

    *is_shared* marks what all items of a nested map have in common.
    """

    targets: tuple[tuple[Row, str], ...]
    is_column: bool = False
    is_shared: bool = False


class Row:
    """One item of one level; only ever touched by one thread.

    Attributes:
        level: The pipeline it goes through.
        item: Its number in a map; None in a single run.
        outer: The row of the pipeline around it.
        run: The record of the run it belongs to, for observers.
        tell: Where its events go; None where nobody observes.
        values: The values at hand, constants included.
        sources: Where other values are to be had.
        digests: Fingerprints of values, or why there is none.
        keys: Step index to its cache key; None where it has none.
        found: Step index to the record that answers it.
        was_executed: Whether any function was called for it.
        was_hit: Whether any result was found for it.
        failure: What ended it early, else None.
        is_tainted: Whether a function changed what it was given, so that
            nothing more of it is stored.
    """

    __slots__ = (
        "digests", "failure", "found", "is_tainted", "item", "keys", "level", "outer", "run",
        "sources", "tell", "values", "was_executed", "was_hit",
    )  # fmt: skip

    def __init__(
        self,
        level: Level,
        values: dict[str, Any],
        item: int | None = None,
        outer: Row | None = None,
        run: Run | None = None,
        tell: Callable[[Event], None] | None = None,
    ) -> None:
        self.level: Level = level
        self.item: int | None = item
        self.outer: Row | None = outer
        self.run: Run | None = run
        self.tell: Callable[[Event], None] | None = tell
        self.values: dict[str, Any] = {**level.constants, **values}
        self.sources: dict[str, Recorded | Linked] = {}
        self.digests: dict[str, bytes | FingerprintError] = {}
        self.keys: dict[int, Signature | None] = {}
        self.found: dict[int, Entry] = {}
        self.failure: Failure | None = None
        self.was_executed: bool = False
        self.was_hit: bool = False
        self.is_tainted: bool = outer is not None and outer.is_tainted

    @property
    def items(self) -> tuple[int, ...]:
        """The item numbers of the maps around it, outermost first."""
        around = self.outer.items if self.outer is not None else ()
        return around if self.item is None else (*around, self.item)

    @property
    def last_signature(self) -> str | None:
        """The key of the last hit."""
        return str(next(reversed(self.found.values())).signature) if self.found else None

    @property
    def is_hit(self) -> bool:
        """Whether the cache answered all of it: something found, nothing executed."""
        return self.was_hit and not self.was_executed

    def fail(self, error: Exception, path: str) -> None:
        """Remember that it ended with *error*, in the node at *path*."""
        self.failure = Failure(error, self.item, path)

    def note_execution(self) -> None:
        """Remember, here and in every row around, that something was executed."""
        for row in outward(self):
            row.was_executed = True

    def note_hit(self) -> None:
        """Remember, here and in every row around, that something was found."""
        for row in outward(self):
            row.was_hit = True

    def has(self, name: str) -> bool:
        """Say whether the value is at hand or to be had without executing anything."""
        return name in self.values or name in self.sources

    def release(self, name: str) -> None:
        """Let go of a value; where it comes from is kept."""
        self.values.pop(name, None)
        source = self.sources.get(name)
        if isinstance(source, Linked):
            for row, other in source.targets:
                # links lead inward too, to what a nested pipeline made
                if row.outer is self:
                    row.release(other)

    def part(self) -> None:
        """Let go of the rows inside, which know this one: they would keep each other alive."""
        sources, self.sources = self.sources, {}
        for source in sources.values():
            if isinstance(source, Linked):
                for row, _ in source.targets:
                    if row.outer is self:
                        row.part()

    def digest(self, name: str) -> bytes | FingerprintError:
        """Return the fingerprint of a value, or why there is none; reads nothing."""
        known = self.level.constant_digests if name in self.level.constants else self.digests
        if name not in known:
            known[name] = self._find_digest(name)
        return known[name]

    def is_constant(self, name: str) -> bool:
        """Say whether all items of the innermost map have the same value."""
        if name in self.level.constants:
            return True
        source = self.sources.get(name)
        if not isinstance(source, Linked) or source.is_column:
            return False
        row, target = source.targets[0]
        # links lead outward, to what a nested pipeline was given
        return source.is_shared or (row is self.outer and row.is_constant(target))

    def _find_digest(self, name: str) -> bytes | FingerprintError:
        source = self.sources.get(name)
        if isinstance(source, Linked):
            found = [row.digest(target) for row, target in source.targets]
            faults = (digest for digest in found if isinstance(digest, FingerprintError))
            fault = next(faults, None)
            if fault is not None or not source.is_column:
                return fault or found[0]
            return column_digest([digest for digest in found if isinstance(digest, bytes)])
        if isinstance(source, Recorded):
            return source.entry.digests[source.position]
        try:
            return fingerprint(self.values[name], f"inputs[{name!r}]")
        except FingerprintError as error:
            return error


def outward(row: Row) -> Iterator[Row]:
    """Yield *row* and the rows around it, inside out."""
    found: Row | None = row
    while found is not None:
        yield found
        found = found.outer
