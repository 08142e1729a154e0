"""Rows of a table, carried out where they lie: in a partition, in a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from hypernodes.execution._chunk import run_chunk
from hypernodes.execution._errors import Failure
from hypernodes.execution._records import Chunk, ChunkResult

if TYPE_CHECKING:
    from hypernodes.execution._context import Context
    from hypernodes.plan import Plan

_MOST_LETTERS: Final = 60


@attrs.frozen
class RowEngine:
    """The settings of an engine, without its workers: rows one after another, here.

    It travels to where the rows are.

    Attributes:
        cache: Where results are remembered.
        strict: Whether what the cache warns of is an error.
        salt: Tells keys apart.
        check_mutation: When arguments are looked at.
    """

    cache: Any
    strict: bool
    salt: str
    check_mutation: str
    callbacks: tuple[()] = ()
    is_inline: bool = True

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Carry out each chunk; the note of a failure tells its row."""
        for chunk in chunks:
            result = run_chunk(plan, chunk, context)
            if result.failure is not None:
                tell_row(result.failure, chunk.columns, chunk.first or 0)
            yield result


def tell_row(failure: Failure, columns: Mapping[str, Sequence[Any]], first: int = 0) -> None:
    """Let the notes of *failure* tell the row instead of its number.

    A number within a partition says nothing to whoever reads the table.

    Args:
        failure: What happened; its notes are changed.
        columns: What was read of the table.
        first: The number of their first row.
    """
    place = (failure.item or 0) - first
    notes: list[str] = getattr(failure.error, "__notes__", [])
    notes[:] = [note.replace(f", item {failure.item}", "", 1) for note in notes]
    row = {name: column[place] for name, column in columns.items()}
    failure.error.add_note(f"in the row where {show_row(row)}")


def show_row(row: Mapping[str, Any]) -> str:
    """Return *row* in words, long values cut."""
    return ", ".join(f"{name}={show_value(value)}" for name, value in row.items())


def show_value(value: object) -> str:
    """Return *value* in words, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 3] + "..."
