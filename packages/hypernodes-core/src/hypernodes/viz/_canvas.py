"""A sheet of characters: lines that join where they meet, and text over them."""

from __future__ import annotations

from typing import Final

import attrs

from hypernodes.viz._metrics import columns

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_LINES: Final = {
    _UP | _DOWN: "│",
    _LEFT | _RIGHT: "─",
    _DOWN | _RIGHT: "┌",
    _DOWN | _LEFT: "┐",
    _UP | _RIGHT: "└",
    _UP | _LEFT: "┘",
    _UP | _DOWN | _RIGHT: "├",
    _UP | _DOWN | _LEFT: "┤",
    _DOWN | _LEFT | _RIGHT: "┬",
    _UP | _LEFT | _RIGHT: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
    _UP: "│",
    _DOWN: "│",
    _LEFT: "─",
    _RIGHT: "─",
}
# What is bold, dim or coloured on a terminal that can: codes of ECMA-48.
_CODES: Final = {
    "name": "1",
    "quiet": "2",
    "line": "2",
    "function": "34",
    "dual": "36",
    "nested": "35",
    "group": "35",
    "input": "32",
    "output": "32",
    "mapped": "35",
}


@attrs.define
class Canvas:
    """Cells by row and column; it grows where something is written."""

    _signs: dict[tuple[int, int], tuple[str, str]] = attrs.field(factory=dict)
    _lines: dict[tuple[int, int], tuple[int, int, str]] = attrs.field(factory=dict)

    def write(self, row: int, column: int, text: str, role: str = "") -> None:
        """Write *text* over whatever is there."""
        for sign in text:
            width = columns(sign)
            if not width:
                continue
            self._signs[row, column] = (sign, role)
            if width == 2:
                self._signs[row, column + 1] = ("", role)
            column += width

    def vertical(self, column: int, top: int, bottom: int, net: int, role: str = "line") -> None:
        """Draw a line downward, from the middle of *top* to that of *bottom*."""
        for row in range(top, bottom + 1):
            parts = (_UP if row > top else 0) | (_DOWN if row < bottom else 0)
            self._join(row, column, parts, net, role)

    def horizontal(self, row: int, left: int, right: int, net: int, role: str = "line") -> None:
        """Draw a line to the right, from the middle of *left* to that of *right*."""
        for column in range(left, right + 1):
            parts = (_LEFT if column > left else 0) | (_RIGHT if column < right else 0)
            self._join(row, column, parts, net, role)

    def _join(self, row: int, column: int, parts: int, net: int, role: str) -> None:
        if not parts:
            return
        there, owner, old = self._lines.get((row, column), (0, net, role))
        if owner == net:
            self._lines[row, column] = (there | parts, net, old)
        elif parts & (_UP | _DOWN):
            # two nets that cross do not join: the upright one is in front
            self._lines[row, column] = (parts, net, role)

    def render(self, *, colour: bool = False) -> str:
        """Return all rows, without blanks at their ends."""
        cells = {place: (_LINES[parts], role) for place, (parts, _, role) in self._lines.items()}
        cells.update(self._signs)
        rows: dict[int, dict[int, tuple[str, str]]] = {}
        for (row, column), cell in cells.items():
            rows.setdefault(row, {})[column] = cell
        last = max(rows, default=-1)
        return "".join(_row(rows.get(row, {}), colour) + "\n" for row in range(last + 1))

    @property
    def width(self) -> int:
        """How many columns are in use."""
        return max((column for _, column in [*self._signs, *self._lines]), default=-1) + 1


def _row(cells: dict[int, tuple[str, str]], colour: bool) -> str:
    parts, active = [], ""
    for column in range(max(cells, default=-1) + 1):
        sign, role = cells.get(column, (" ", ""))
        code = _CODES.get(role, "") if colour else ""
        if code != active:
            parts.append(f"\x1b[0m\x1b[{code}m" if code else "\x1b[0m")
            active = code
        parts.append(sign)
    text = "".join(parts).rstrip(" ")
    return f"{text}\x1b[0m" if active else text
