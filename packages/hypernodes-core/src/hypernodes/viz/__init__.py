"""Drawing: a pipeline as boxes and arrows, one output format a file.

What draws is imported at its first use: every pipeline imports this package,
and most never draw.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hypernodes.viz._render import show_in_notebook, visualize

if TYPE_CHECKING:
    from hypernodes.viz._dot import render_dot
    from hypernodes.viz._draw import make_drawing
    from hypernodes.viz._graphviz import VizNotInstalledError
    from hypernodes.viz._html import render_html
    from hypernodes.viz._mermaid import render_mermaid
    from hypernodes.viz._model import Arrow, Box, Drawing, Field, Wire
    from hypernodes.viz._picture import Picture
    from hypernodes.viz._png import render_png
    from hypernodes.viz._recorded import Measured
    from hypernodes.viz._svg import render_svg
    from hypernodes.viz._text import render_text
    from hypernodes.viz._theme import DESIGN_STYLES, GraphvizTheme

_HOMES = {
    "_dot": ("render_dot",),
    "_draw": ("make_drawing",),
    "_graphviz": ("VizNotInstalledError",),
    "_html": ("render_html",),
    "_mermaid": ("render_mermaid",),
    "_model": ("Arrow", "Box", "Drawing", "Field", "Wire"),
    "_picture": ("Picture",),
    "_png": ("render_png",),
    "_recorded": ("Measured",),
    "_svg": ("render_svg",),
    "_text": ("render_text",),
    "_theme": ("DESIGN_STYLES", "GraphvizTheme"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "DESIGN_STYLES",
    "Arrow",
    "Box",
    "Drawing",
    "Field",
    "GraphvizTheme",
    "Measured",
    "Picture",
    "VizNotInstalledError",
    "Wire",
    "make_drawing",
    "render_dot",
    "render_html",
    "render_mermaid",
    "render_png",
    "render_svg",
    "render_text",
    "show_in_notebook",
    "visualize",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value
