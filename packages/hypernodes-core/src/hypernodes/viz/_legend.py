"""What the boxes and arrows of a picture mean: one sample of each that appears."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from hypernodes.viz._boxes import Shape, draw_box, fitted, number, text_content
from hypernodes.viz._metrics import text_width
from hypernodes.viz._model import Box, Drawing, Field, Kind
from hypernodes.viz._theme import GraphvizTheme

_ROW: Final = 34.0
_SCALE: Final = 0.6
_GAP: Final = 22.0
_MAX_WIDTH: Final = 720.0


def draw_legend(drawing: Drawing, theme: GraphvizTheme) -> Shape:
    """Return the legend of *drawing*: samples in rows, as wide as a page."""
    size = theme.font_size * 0.78
    parts, x, y, widest = [], 0.0, _GAP, 0.0
    for full, text in _samples(drawing, theme):
        shape = attrs.evolve(full, width=full.width * _SCALE, height=full.height * _SCALE)
        length = text_width(text, size)
        width = shape.width + 7 + length
        if x and x + width > _MAX_WIDTH:
            x, y = 0.0, y + _ROW
        at = f"translate({number(x)} {number(y + (_ROW - shape.height) / 2)})"
        parts.append(f'<g transform="{at} scale({_SCALE})">{shape.svg}</g>')
        place = f'x="{number(x + shape.width + 7)}" y="{number(y + _ROW / 2 + size * 0.35)}"'
        parts.append(
            f'<text class="legend" {place} font-size="{number(size)}" {fitted(length)}>'
            f"{text_content(text)}</text>"
        )
        x += width + _GAP
        widest = max(widest, x - _GAP)
    return Shape(widest, y + _ROW, "".join(parts)) if parts else Shape(0, 0, "")


def _samples(drawing: Drawing, theme: GraphvizTheme) -> Iterator[tuple[Shape, str]]:
    """Yield a sample and its meaning for everything that appears in *drawing*."""
    seen = {(box.kind, box.state, box.is_mapped) for box in drawing.boxes}
    kinds = {kind for kind, _, _ in seen}
    fields = [field for box in drawing.boxes for field in box.fields]
    for box, text in (
        (Box("", "input", fields=(Field("a"),)), "input"),
        (Box("", "input", fields=(Field("a"),), state="optional"), "input with a default"),
        (Box("", "input", fields=(Field("a"),), state="bound"), "bound input"),
    ):
        if ("input", box.state, False) in seen:
            yield draw_box(box, theme), text
    samples: tuple[tuple[Kind, str], ...] = (
        ("function", "function"),
        ("dual", "function for one and for many"),
        ("nested", "nested pipeline"),
    )
    for kind, text in samples:
        if kind in kinds:
            yield draw_box(Box("", kind, "f"), theme), text
    if any(is_mapped for _, _, is_mapped in seen):
        yield draw_box(Box("", "nested", "f", is_mapped=True), theme), "runs once per item"
    if any(field.is_stateful for field in fields):
        diamond = '<polygon class="stateful" points="0,5 4,1 8,5 4,9"/>'
        yield Shape(8, 10, diamond), "stateful object"
    if any(arrow.is_mapped for arrow in drawing.arrows):
        line = '<path class="wire" d="M0 5C5 5 10 5 15 5"/>'
        head = '<polygon class="head" points="22,5 14,8 14,2"/>'
        yield Shape(22, 10, f'<g class="mapped">{line}{head}</g>'), "one item at a time"
