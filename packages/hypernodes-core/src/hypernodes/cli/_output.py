"""How answers look: tables and lines on a terminal, plain text in a pipe, JSON for scripts.

Answers go to standard output, everything said about them to standard error.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hypernodes.cli._plain import to_plain

_PIPE_WIDTH = 240


def console(*, is_error: bool = False) -> Console:
    """Return a console on standard output or standard error; pipes are wide."""
    stream = sys.stderr if is_error else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False)


def print_json(value: Any) -> None:
    """Print *value* as JSON; indented, because people read it as well."""
    sys.stdout.write(json.dumps(to_plain(value), indent=2, ensure_ascii=False) + "\n")


def say(text: str, style: str = "") -> None:
    """Print a line about what happened."""
    console(is_error=True).print(Text(text, style), soft_wrap=True)


def print_lines(lines: Iterable[str]) -> None:
    """Print an answer that is lines of text, as they are."""
    for line in lines:
        console().print(Text(line), soft_wrap=True)


def print_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[Text | str]],
    *,
    right: Sequence[str] = (),
    elastic: str = "",
) -> None:
    """Print a table.

    Args:
        headers: The names of the columns.
        rows: The cells.
        right: Columns whose cells stand at the right.
        elastic: The column that gives way where room is scarce.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    for header in headers:
        is_elastic = header == elastic
        table.add_column(
            header,
            justify="right" if header in right else "left",
            no_wrap=not is_elastic,
            overflow="fold" if is_elastic else "ellipsis",
        )
    for row in rows:
        table.add_row(*row)
    console().print(table)


def print_values(values: Mapping[str, Any]) -> None:
    """Print names and values, one a line, cut to the width of a terminal."""
    width = max(map(len, values), default=0)
    room = shutil.get_terminal_size().columns - width - 3 if sys.stdout.isatty() else None
    for name, value in values.items():
        text = " ".join(repr(value).split()) if room else repr(value)
        if room and len(text) > room:
            text = f"{text[: max(room - 1, 1)]}…"
        line = Text.assemble((name.ljust(width), "bold"), "  ", text)
        console().print(line, soft_wrap=True)
