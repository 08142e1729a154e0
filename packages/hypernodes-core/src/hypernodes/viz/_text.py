"""Pictures in box characters: for terminals, logs and tests.

Each level of nesting is laid out by itself, from the inside out.  A border is
crossed at a name, and a renamed value shows both of its names there.  What is
too wide for the terminal loses its types, and is then drawn as a tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from hypernodes.viz._canvas import Canvas
from hypernodes.viz._grid import Grid, Run, Size, lay_out_level
from hypernodes.viz._levels import Level, split_levels
from hypernodes.viz._metrics import columns
from hypernodes.viz._model import Box, Drawing, Field
from hypernodes.viz._tree import render_tree

MAX_WIDTH: Final = 120
# Corners and sides of a frame, and what leaves it below.
_ROUND: Final = "╭─╮│╰╯┬"
_DASHED: Final = "╭╌╮┆╰╯┬"
_SQUARE: Final = "┌─┐│└┘┬"
_DOUBLE: Final = "╔═╗║╚╝╤"
_PAD: Final = 2
_MANY: Final = 400

Lines = list[list[tuple[str, str]]]


def render_text(
    drawing: Drawing, *, width: int | None = MAX_WIDTH, colour: bool = False, **_options: Any
) -> str:
    """Return *drawing* in box characters, from top to bottom.

    Args:
        drawing: What to draw.
        width: How many columns there are; None for any number.  What is wider
            loses its types, and becomes a tree if that is not enough, or if
            there are several hundred boxes.
        colour: Use the colours of a terminal.
    """
    if len(drawing.boxes) > _MANY:
        return render_tree(drawing)
    for each in (drawing, _without_types(drawing)):
        canvas = _Sheet(each).draw()
        if width is None or canvas.width <= width:
            title = f"{drawing.title}\n\n" if drawing.title else ""
            return title + canvas.render(colour=colour)
    return render_tree(drawing)


def _without_types(drawing: Drawing) -> Drawing:
    boxes = tuple(
        attrs.evolve(box, fields=tuple(attrs.evolve(field, type="") for field in box.fields))
        for box in drawing.boxes
    )
    return attrs.evolve(drawing, boxes=boxes)


@attrs.define
class _Sheet:
    """A drawing on its way to a canvas."""

    drawing: Drawing
    canvas: Canvas = attrs.field(factory=Canvas)
    levels: Mapping[str | None, Level] = attrs.field(factory=dict)
    grids: dict[str | None, Grid] = attrs.field(factory=dict)
    lines: dict[str, Lines] = attrs.field(factory=dict)
    sizes: dict[str, Size] = attrs.field(factory=dict)
    nets: int = 0

    def draw(self) -> Canvas:
        """Return the canvas: sizes from the inside out, then boxes from the outside in."""
        self.levels = split_levels(self.drawing)
        renamed = _closed_names(self.drawing)
        for box in self.drawing.boxes:
            self.lines[box.id] = _lines(box, renamed.get(box.id, []))
        for group in reversed(list(self.levels)):
            self._measure(group)
        self._draw_level(None, 0, 0)
        return self.canvas

    def _measure(self, group: str | None) -> None:
        """Lay out one level; all that lies in it has its size already."""
        level = self.levels[group]
        for box in level.boxes:
            if box.kind != "group":
                lines = self.lines[box.id]
                width = max([_width(line) for line in lines], default=0) + 4
                self.sizes[box.id] = Size(width, len(lines) + 2)
        for text in (level.ins, level.outs):
            self.sizes |= {port: Size(columns(label), 1) for port, label in text.items()}
        grid = lay_out_level(level, self.sizes)
        self.grids[group] = grid
        if group is None:
            return
        heading = max([_width(line) for line in self.lines[group]], default=0) + 6
        width = max(grid.width + 2 * _PAD + 2, heading)
        shift = (width - grid.width) // 2
        ports = {
            port: grid.places[port][1] + self.sizes[port].width // 2 + shift
            for port in (*level.ins, *level.outs)
        }
        self.sizes[group] = Size(width, grid.height + 2, ports)

    def _draw_level(self, group: str | None, top: int, left: int) -> None:
        level, grid = self.levels[group], self.grids[group]
        for box in level.boxes:
            row, column = grid.places[box.id]
            self._draw_box(box, top + row, left + column)
        for port, text in (*level.ins.items(), *level.outs.items()):
            row, column = grid.places[port]
            self.canvas.write(top + row, left + column, text, "quiet")
        exits = {box.id: _border(box)[6] for box in level.boxes}
        for run in grid.runs:
            self._draw_run(run, top, left, exits.get(run.source or "", ""))
        self.nets += 1 + max((run.net for run in grid.runs), default=0)

    def _draw_run(self, run: Run, top: int, left: int, leaving: str) -> None:
        role = "mapped" if run.is_mapped else "line"
        net, column = self.nets + run.net, left + run.top
        turn = run.track if run.track is not None else run.bottoms[0][1]
        # a canvas shows text above lines, so the sign on the border is written
        self.canvas.write(top + run.start, column, leaving, role)
        self.canvas.vertical(column, top + run.start, top + turn, net, role)
        if run.track is not None:
            ends = [column, *(left + each for each, _, _ in run.bottoms)]
            self.canvas.horizontal(top + run.track, min(ends), max(ends), net, role)
        for each, last, has_head in run.bottoms:
            self.canvas.vertical(left + each, top + turn, top + last, net, role)
            if has_head:
                self.canvas.write(top + last, left + each, "▼", role)

    def _draw_box(self, box: Box, top: int, left: int) -> None:
        size = self.sizes[box.id]
        role = "input" if not box.is_node else box.kind
        _frame(self.canvas, _border(box), role, top, left, size)
        lines = self.lines[box.id]
        if box.kind == "group":
            for line in lines:
                self.canvas.write(top, left + 2, " ", role)
                end = _write(self.canvas, top, left + 3, line)
                self.canvas.write(top, end, " ", role)
            shift = (size.width - self.grids[box.id].width) // 2
            self._draw_level(box.id, top + 1, left + shift)
            return
        for number, line in enumerate(lines):
            _write(self.canvas, top + 1 + number, left + 2, line)


def _border(box: Box) -> str:
    if not box.is_node:
        return _DASHED if box.state == "optional" else _ROUND
    return _DOUBLE if box.kind in {"nested", "group"} else _SQUARE


def _frame(canvas: Canvas, border: str, role: str, top: int, left: int, size: Size) -> None:
    across, bottom = size.width - 2, top + size.height - 1
    canvas.write(top, left, f"{border[0]}{border[1] * across}{border[2]}", role)
    for row in range(top + 1, bottom):
        canvas.write(row, left, border[3], role)
        canvas.write(row, left + size.width - 1, border[3], role)
    canvas.write(bottom, left, f"{border[4]}{border[1] * across}{border[5]}", role)


def _lines(box: Box, renamed: list[str]) -> Lines:
    """Return what is written in *box*, as runs of (text, role)."""
    if box.kind == "group":
        remarks = f" ({', '.join(box.remarks)})" if box.remarks else ""
        return [[(box.label, "name"), (remarks, "quiet")]]
    lines: Lines = [[(box.label, "name")]] if box.label else []
    lines += [_field(field, box) for field in box.fields]
    lines += [[(text, "quiet")] for text in (*renamed, *(f"({r})" for r in box.remarks))]
    return lines


def _field(field: Field, box: Box) -> list[tuple[str, str]]:
    notes: list[str] = [box.state] if box.state else []
    notes += ["stateful"] if field.is_stateful else []
    note = f" ({', '.join(notes)})" if notes else ""
    role = "quiet" if box.state == "bound" else ""
    return [(field.name, role), (f": {field.type}" if field.type else "", "quiet"), (note, "quiet")]


def _closed_names(drawing: Drawing) -> dict[str, list[str]]:
    """Return {closed pipeline: what the values it reads are called inside}."""
    closed = {box.id for box in drawing.boxes if box.kind == "nested"}
    found: dict[str, list[str]] = {}
    for arrow in drawing.arrows:
        if arrow.target in closed:
            for wire in arrow.wires:
                last = attrs.evolve(wire, names=wire.names[-2:], mapped=wire.mapped[-1:])
                if last.is_mapped or len(set(last.names)) > 1:
                    text = f"each {last.text}" if last.is_mapped else last.text
                    found.setdefault(arrow.target, []).append(text)
    return found


def _width(line: list[tuple[str, str]]) -> int:
    return sum(columns(text) for text, _ in line)


def _write(canvas: Canvas, row: int, column: int, line: list[tuple[str, str]]) -> int:
    for text, role in line:
        canvas.write(row, column, text, role)
        column += columns(text)
    return column
