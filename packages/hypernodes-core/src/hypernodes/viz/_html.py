"""Pictures as one page to explore, which needs no network and no Graphviz.

The page is data and a script: the drawing with all levels, each box as the
SVG fragment that static pictures use, and what is known about each node.  It
is laid out in the browser, because what is open changes there.
"""

from __future__ import annotations

import json
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final

import attrs

from hypernodes.graph import NestedPipeline
from hypernodes.viz import _fold
from hypernodes.viz._boxes import LABEL_SIZE, draw_box, draw_heading
from hypernodes.viz._build import build_drawing
from hypernodes.viz._css import Follow, page_colours, scope_of, variable_sheet
from hypernodes.viz._details import describe_nodes
from hypernodes.viz._model import Box, Drawing
from hypernodes.viz._recorded import read_run
from hypernodes.viz._theme import GraphvizTheme

_SCRIPTS: Final = ("fold", "layout", "arrange", "draw", "details", "page", "input")


def render_html(
    pipeline: NestedPipeline,
    *,
    theme: GraphvizTheme | None = None,
    depth: int | None = 1,
    orient: str = "TB",
    show_types: bool = True,
    group_inputs: bool = True,
    mode: Follow = "auto",
    run: Any = None,
) -> str:
    """Return a page on which *pipeline* can be explored.

    Args:
        pipeline: What to draw.
        theme: How it looks.
        depth: How many levels are open at first; None for all.
        orient: ``"TB"``, ``"LR"``, ``"BT"`` or ``"RL"``.
        show_types: Note annotations beside names.
        group_inputs: Put inputs with the same readers into one box.
        mode: ``"light"``, ``"dark"``, or ``"auto"`` for what the system prefers.
        run: What to show of a run: a `Recorder`, a preview, or {path: counts}.

    Raises:
        PlanError: A nested pipeline is mapped over an input that is bound in it.
        TypeError: *run* is nothing of that.
    """
    theme = theme or GraphvizTheme()
    drawing = build_drawing(pipeline, show_types)
    if group_inputs:
        drawing = _fold.group_inputs(drawing)
    data = _data(drawing, theme)
    data |= {
        "orient": orient,
        "start_open": _open_at(drawing, depth),
        "details": {path: attrs.asdict(each) for path, each in describe_nodes(pipeline).items()},
        "run": None
        if run is None
        else {path: attrs.asdict(each) for path, each in read_run(run).items()},
    }
    # a closing tag inside of a string would end the script
    encoded = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    parts = {
        "mode": mode,
        "scope": scope_of(theme),
        "title": escape(drawing.title or "pipeline"),
        "style": page_colours(theme) + variable_sheet(theme) + _asset("page.css"),
        "script": "\n".join(_asset(f"{name}.js") for name in _SCRIPTS),
        "data": encoded.replace("<!--", "<\\u0021--"),
    }
    page = _asset("page.html")
    first, *rest = page.split("{{")
    return first + "".join(
        parts[name] + after for name, _, after in (part.partition("}}") for part in rest)
    )


def _data(drawing: Drawing, theme: GraphvizTheme) -> dict[str, Any]:
    return {
        "title": drawing.title,
        "radius": theme.radius,
        "label_size": theme.font_size * LABEL_SIZE,
        "boxes": [_box(box, theme) for box in drawing.boxes],
        "wires": [
            {
                "source": arrow.source,
                "target": arrow.target,
                "names": wire.names,
                "mapped": wire.mapped,
            }
            for arrow in drawing.arrows
            for wire in arrow.wires
        ],
    }


def _box(box: Box, theme: GraphvizTheme) -> dict[str, Any]:
    """Return *box* with how it looks; a pipeline looks one way closed and one way open."""
    closed = attrs.evolve(box, kind="nested") if box.kind == "group" else box
    shape = draw_box(closed, theme)
    found = {
        **attrs.asdict(box),
        "is_node": box.is_node,
        "width": shape.width,
        "height": shape.height,
        "svg": shape.svg,
    }
    if box.kind == "group":
        heading = draw_heading(box, theme)
        found |= {
            "heading": heading.svg,
            "heading_width": heading.width,
            "heading_height": heading.height,
        }
    return found


def _open_at(drawing: Drawing, depth: int | None) -> list[str]:
    around = drawing.ancestors()
    return [
        box.id
        for box in drawing.boxes
        if box.kind == "group" and (depth is None or len(around[box.id]) < depth - 1)
    ]


@cache
def _asset(name: str) -> str:
    return (files(__package__ or "hypernodes.viz") / "assets" / name).read_text("utf-8")
