"""How one box looks: its size, and what is drawn inside of it.

Sizes come from `_metrics`, so they are the same on every machine.  What is
drawn carries classes, never colours; `_css` has those.  The interactive page
uses the same fragments, which is why each is drawn around its own corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from hypernodes.viz._metrics import text_width
from hypernodes.viz._model import Box, Field
from hypernodes.viz._theme import GraphvizTheme

FIELD_SIZE: Final = 0.8
LABEL_SIZE: Final = 0.78
REMARK_SIZE: Final = 0.68
INPUT_SIZE: Final = 0.88
_PAD: Final = 14.0
_DECK: Final = 4.0
_DIAMOND: Final = 10.0


@attrs.frozen
class Shape:
    """One box, measured and drawn.

    Attributes:
        width: In pixels, all of it.
        height: Likewise.
        svg: What is drawn, its upper left corner at 0, 0.
    """

    width: float
    height: float
    svg: str


@attrs.frozen
class Line:
    """One line of a box: its runs of (class, text), or its pills."""

    runs: tuple[tuple[str, str], ...]
    size: float
    is_pills: bool = False
    has_diamond: bool = False

    @property
    def height(self) -> float:
        """How much room it takes, leading included."""
        return self.size * (1.75 if self.is_pills else 1.36)

    @property
    def width(self) -> float:
        """How wide it is."""
        if self.is_pills:
            return sum(pill_width(text, self.size) for _, text in self.runs) + 4 * (
                len(self.runs) - 1
            )
        diamond = _DIAMOND if self.has_diamond else 0
        return diamond + sum(
            text_width(text, self.size, is_bold=role == "name") for role, text in self.runs
        )


def draw_box(box: Box, theme: GraphvizTheme) -> Shape:
    """Return *box* measured and drawn; groups are not boxes in this sense."""
    return _draw_values(box, theme) if not box.is_node else _draw_node(box, theme)


def draw_heading(box: Box, theme: GraphvizTheme) -> Shape:
    """Return the heading of an opened pipeline: its name, and its remarks beside it."""
    size, small = theme.font_size * 0.9, theme.font_size * REMARK_SIZE
    width, height = text_width(box.label, size, is_bold=True), size * 1.5
    parts = [_text(0, size * 1.08, size, (("name", box.label),))]
    for remark in box.remarks:
        parts.append(_pill(width + 9, size * 1.08 - small * 1.22, remark, small))
        width += 9 + pill_width(remark, small)
    return Shape(width, height, "".join(parts))


def _draw_node(box: Box, theme: GraphvizTheme) -> Shape:
    size = theme.font_size
    lines = [Line((("name", box.label),), size)]
    lines += [Line(runs, size * FIELD_SIZE) for runs in _field_runs(box)]
    if box.remarks:
        pills = tuple(("remark", remark) for remark in box.remarks)
        lines.append(Line(pills, size * REMARK_SIZE, is_pills=True))
    deck = 2 * _DECK if box.is_mapped else 0.0
    width = round(max(line.width for line in lines) + 2 * _PAD)
    height = round(sum(line.height for line in lines) + 17)
    frame = _frame(box.kind, width, height, deck, theme)
    inside = _write(lines, _PAD, deck + 8.5)
    return Shape(width + deck, height + deck, frame + inside)


def _draw_values(box: Box, theme: GraphvizTheme) -> Shape:
    size = theme.font_size * INPUT_SIZE
    lines = [Line(_named(field), size, has_diamond=field.is_stateful) for field in box.fields]
    width = round(max(line.width for line in lines) + 2 * _PAD)
    height = round(sum(line.height for line in lines) + 10)
    radius = min(height / 2, 14)
    role = "bound" if box.state == "bound" else "input"
    dashed = " optional" if box.state == "optional" else ""
    frame = _rect(f"{role}-box{dashed}", 0, 0, width, height, radius)
    return Shape(width, height, frame + _write(lines, _PAD, 5, f"{role}-"))


def _frame(kind: str, width: float, height: float, deck: float, theme: GraphvizTheme) -> str:
    """Return the border: a deck of cards where it is mapped, doubled for a pipeline."""
    back = "".join(
        _rect(f"{kind}-box", shift, deck - shift, width, height, theme.radius)
        for shift in (deck, deck / 2)
        if shift
    )
    front = _rect(f"{kind}-box", 0, deck, width, height, theme.radius)
    if kind != "nested":
        return back + front
    inner = max(theme.radius - 3, 0)
    return back + front + _rect(f"{kind}-seam", 3, deck + 3, width - 6, height - 6, inner)


def _field_runs(box: Box) -> list[tuple[tuple[str, str], ...]]:
    """Return the lines of its outputs; one that repeats the name of the node says only its type."""
    if len(box.fields) == 1 and box.fields[0].name == box.label:
        only = box.fields[0].type
        return [(("type", only),)] if only else []
    return [_named(field) for field in box.fields]


def _named(field: Field) -> tuple[tuple[str, str], ...]:
    if not field.type:
        return (("field", field.name),)
    return (("field", field.name), ("type", f": {field.type}"))


def _write(lines: Sequence[Line], left: float, top: float, prefix: str = "") -> str:
    parts = []
    for line in lines:
        if line.is_pills:
            x = left
            for _, remark in line.runs:
                parts.append(_pill(x, top + line.size * 0.3, remark, line.size))
                x += pill_width(remark, line.size) + 4
        else:
            x = left
            if line.has_diamond:
                parts.append(_diamond(x, top + line.height / 2))
                x += _DIAMOND
            parts.append(_text(x, top + line.size * 1.03, line.size, line.runs, prefix))
        top += line.height
    return "".join(parts)


def _text(
    x: float, y: float, size: float, runs: Sequence[tuple[str, str]], prefix: str = ""
) -> str:
    spans = []
    at = x
    for role, text in runs:
        width = Line(((role, text),), size).width
        place = f'x="{number(at)}" {fitted(width)}'
        spans.append(f'<tspan class="{prefix}{role}" {place}>{text_content(text)}</tspan>')
        at += width
    return f'<text y="{number(y)}" font-size="{number(size)}">{"".join(spans)}</text>'


def _pill(x: float, y: float, remark: str, size: float) -> str:
    width, height = pill_width(remark, size), size * 1.5
    return (
        _rect("pill", x, y, width, height, height / 2)
        + f'<text class="remark" x="{number(x + size * 0.6)}" y="{number(y + size * 1.08)}" '
        f'font-size="{number(size)}" {fitted(text_width(remark, size))}>'
        f"{text_content(remark)}</text>"
    )


def fitted(width: float) -> str:
    """Return what makes a text as wide as it was measured, in whatever font there is."""
    return f'textLength="{number(width)}" lengthAdjust="spacingAndGlyphs"'


def pill_width(remark: str, size: float) -> float:
    """Return the width of a remark with the border around it."""
    return text_width(remark, size) + size * 1.2


def _diamond(x: float, y: float) -> str:
    points = ((x, y), (x + 3.2, y - 3.2), (x + 6.4, y), (x + 3.2, y + 3.2))
    shown = " ".join(f"{number(left)},{number(top)}" for left, top in points)
    return f'<polygon class="stateful" points="{shown}"/>'


def _rect(role: str, x: float, y: float, width: float, height: float, radius: float) -> str:
    place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return f'<rect class="{role}" {place} rx="{number(radius)}"/>'


def number(value: float) -> str:
    """Return *value* with at most two digits behind the point, the same everywhere."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def text_content(text: str) -> str:
    """Return *text* for XML; a ``>`` stays what it is, so that arrows can be searched for."""
    return text.replace("&", "&amp;").replace("<", "&lt;")
