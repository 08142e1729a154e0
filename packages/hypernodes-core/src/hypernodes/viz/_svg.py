"""Pictures as SVG: boxes by `_boxes`, places by a layout, put together here.

The bytes depend on nothing but the pipeline and the options.  Elements carry
the classes that Graphviz gives them (``node``, ``edge``, ``cluster``) and a
title, so what works on its files works on these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import hypot
from typing import Final

from hypernodes.viz._boxes import (
    LABEL_SIZE,
    Shape,
    draw_box,
    draw_heading,
    number,
    text_content,
)
from hypernodes.viz._css import Follow, scope_of, style_sheet
from hypernodes.viz._graphviz import lay_out as lay_out_by_graphviz
from hypernodes.viz._layout import Layout, Rect, Route
from hypernodes.viz._legend import draw_legend
from hypernodes.viz._metrics import text_width
from hypernodes.viz._model import Arrow, Box, Drawing
from hypernodes.viz._theme import GraphvizTheme

LayOut = Callable[[Drawing, Mapping[str, Shape], GraphvizTheme, str], Layout]
_MARGIN: Final = 18.0
_HEAD: Final = (8.0, 3.2)


def render_svg(
    drawing: Drawing,
    *,
    theme: GraphvizTheme | None = None,
    orient: str = "TB",
    show_legend: bool = False,
    mode: Follow = "auto",
    is_inline: bool = False,
    lay_out: LayOut = lay_out_by_graphviz,
) -> str:
    """Return *drawing* as an SVG document.

    Args:
        drawing: What to draw.
        theme: How it looks.
        orient: ``"TB"``, ``"LR"``, ``"BT"`` or ``"RL"``.
        show_legend: Explain below what the boxes and arrows mean, as far as
            they appear.
        mode: ``"auto"`` is light or dark as the page is.
        is_inline: Whether it becomes part of a page.
        lay_out: Who decides where everything goes.

    Raises:
        VizNotInstalledError: There is no Graphviz.
    """
    theme = theme or GraphvizTheme()
    shapes = draw_shapes(drawing, theme)
    layout = lay_out(drawing, shapes, theme, orient)
    head = _title(drawing.title, theme)
    legend = draw_legend(drawing, theme) if show_legend else Shape(0, 0, "")
    width = max(layout.width, head.width, legend.width) + 2 * _MARGIN
    top = _MARGIN + head.height
    below = top + layout.height
    height = below + legend.height + _MARGIN
    left = (width - layout.width) / 2
    size = f'width="{number(width)}" height="{number(height)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{scope_of(theme)}" {size} '
        f'viewBox="0 0 {number(width)} {number(height)}" role="img">',
        f"<title>{text_content(drawing.title or 'pipeline')}</title>",
        f"<style>{style_sheet(theme, mode, is_inline=is_inline)}</style>",
        f'<rect class="paper" {size} rx="6"/>',
        _moved(head.svg, _MARGIN, _MARGIN),
        f'<g class="graph" transform="translate({number(left)} {number(top)})">',
        *_content(drawing, layout, shapes, theme),
        "</g>",
        _moved(legend.svg, _MARGIN, below),
        "</svg>\n",
    ]
    return "\n".join(filter(None, parts))


def draw_shapes(drawing: Drawing, theme: GraphvizTheme) -> dict[str, Shape]:
    """Return {box id: how it looks}; a group is drawn by its heading."""
    return {
        box.id: draw_heading(box, theme) if box.kind == "group" else draw_box(box, theme)
        for box in drawing.boxes
    }


def _moved(svg: str, x: float, y: float) -> str:
    return svg and f'<g transform="translate({number(x)} {number(y)})">{svg}</g>'


def _title(title: str, theme: GraphvizTheme) -> Shape:
    if not title:
        return Shape(0, 0, "")
    size = theme.font_size * 1.15
    text = f'<text class="name" x="0" y="{number(size)}" font-size="{number(size)}">'
    width = text_width(title, size, is_bold=True)
    return Shape(width, size * 2, f"{text}{text_content(title)}</text>")


def _content(
    drawing: Drawing, layout: Layout, shapes: Mapping[str, Shape], theme: GraphvizTheme
) -> list[str]:
    """Return frames, arrows, headings, then boxes: what comes later lies on top."""
    groups = [box for box in drawing.boxes if box.kind == "group"]
    others = [box for box in drawing.boxes if box.kind != "group"]
    titles = {box.id: _title_of(box) for box in drawing.boxes}
    return [
        *(_group(box, layout.places[box.id], theme) for box in groups),
        *(
            _arrow(arrow, route, titles, theme)
            for arrow, route in zip(drawing.arrows, layout.routes, strict=True)
        ),
        *(_heading(layout.places[box.id], shapes[box.id]) for box in groups),
        *(_node(box, layout.places[box.id], shapes[box.id]) for box in others),
    ]


def _node(box: Box, place: Rect, shape: Shape) -> str:
    at = f"translate({number(place.x)} {number(place.y)})"
    return (
        f'<g class="node {box.kind}" transform="{at}">'
        f"<title>{text_content(_title_of(box))}</title>{shape.svg}</g>"
    )


def _group(box: Box, place: Rect, theme: GraphvizTheme) -> str:
    """Return the frame of an opened pipeline; a mapped one is a deck."""
    size = f'width="{number(place.width)}" height="{number(place.height)}"'
    frames = "".join(
        f'<rect class="group-box" x="{shift}" y="{-shift}" {size} rx="{number(theme.radius + 3)}"/>'
        for shift in ((6, 3, 0) if box.is_mapped else (0,))
    )
    return (
        f'<g class="cluster" transform="translate({number(place.x)} {number(place.y)})">'
        f"<title>{text_content(_title_of(box))}</title>{frames}</g>"
    )


def _heading(place: Rect, heading: Shape) -> str:
    return (
        f'<g class="heading" transform="translate({number(place.x + 14)} {number(place.y + 7)})">'
        f"{heading.svg}</g>"
    )


def _title_of(box: Box) -> str:
    """Return what a pointer that rests on *box* is told."""
    return f"{box.kind}:{box.id}" if box.is_node else box.id


def _arrow(arrow: Arrow, route: Route, titles: Mapping[str, str], theme: GraphvizTheme) -> str:
    size = theme.font_size * LABEL_SIZE
    label = ""
    if arrow.label and route.label:
        x, y = route.label
        label = (
            f'<text class="label" x="{number(x)}" y="{number(y + size * 0.36)}" '
            f'font-size="{number(size)}" text-anchor="middle">{text_content(arrow.label)}</text>'
        )
    kind = "edge mapped" if arrow.is_mapped else "edge"
    name = text_content(f"{titles[arrow.source]}->{titles[arrow.target]}")
    return (
        f'<g class="{kind}"><title>{name}</title>'
        f'<path class="wire" d="{curve_path(route)}"/>{_arrowhead(route)}{label}</g>'
    )


def curve_path(route: Route) -> str:
    """Return the path of an arrow up to its head."""
    start, *rest = (f"{number(x)} {number(y)}" for x, y in route.curve)
    return f"M{start}C{' '.join(rest)}"


def _arrowhead(route: Route) -> str:
    """Return a triangle at the tip, in the direction in which the curve ends."""
    length, half = _HEAD
    (x, y), (from_x, from_y) = route.tip, route.curve[-1]
    distance = hypot(x - from_x, y - from_y) or 1.0
    along_x, along_y = (x - from_x) / distance, (y - from_y) / distance
    back_x, back_y = x - along_x * length, y - along_y * length
    corners = (
        (x, y),
        (back_x - along_y * half, back_y + along_x * half),
        (back_x + along_y * half, back_y - along_x * half),
    )
    points = " ".join(f"{number(left)},{number(top)}" for left, top in corners)
    return f'<polygon class="head" points="{points}"/>'
