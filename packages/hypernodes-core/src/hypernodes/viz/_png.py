"""Pictures as PNG: the SVG, painted by resvg, without a browser."""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from typing import Any, Final

import attrs

from hypernodes.errors import HyperNodesWarning
from hypernodes.viz._css import Follow
from hypernodes.viz._graphviz import VizNotInstalledError
from hypernodes.viz._model import Drawing
from hypernodes.viz._svg import render_svg
from hypernodes.viz._theme import GraphvizTheme

SCALE: Final = 2.0
# resvg takes a family by its exact name, and knows no substitutes for Helvetica.
FALLBACK_FONTS: Final = "'DejaVu Sans', 'Noto Sans', 'Open Sans', Roboto, Ubuntu, Cantarell"


def render_png(
    drawing: Drawing,
    *,
    theme: GraphvizTheme | None = None,
    orient: str = "TB",
    show_legend: bool = False,
    mode: Follow = "light",
    scale: float = SCALE,
) -> bytes:
    """Return *drawing* as the bytes of a PNG.

    Text is painted with the fonts of this machine; without any, it is left
    out, and a warning says so.

    Args:
        drawing: What to draw.
        theme: How it looks.
        orient: ``"TB"``, ``"LR"``, ``"BT"`` or ``"RL"``.
        show_legend: Explain what appears.
        mode: ``"light"`` or ``"dark"``; a PNG cannot follow its page, so
            ``"auto"`` is light.
        scale: Pixels per unit.

    Raises:
        VizNotInstalledError: resvg-py or Graphviz is not installed.
    """
    resvg = _load_resvg()
    theme = theme or GraphvizTheme()
    families = f"{theme.font}, {FALLBACK_FONTS}"
    fixed: Follow = "dark" if mode == "dark" else "light"
    svg = render_svg(
        drawing,
        theme=attrs.evolve(theme, font=families),
        orient=orient,
        show_legend=show_legend,
        mode=fixed,
    )
    if not _has_font(families):
        message = "no font was found on this machine, so the PNG has no text; install fonts-dejavu"
        warnings.warn(message, HyperNodesWarning, stacklevel=2)
    return bytes(resvg.svg_to_bytes(svg_string=svg, zoom=scale))


@cache
def _has_font(families: str) -> bool:
    """Say whether a letter leaves a trace."""
    resvg = _load_resvg()
    empty, letter = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">'
        f'<text x="2" y="16" font-family="{families}">{text}</text></svg>'
        for text in ("", "M")
    )
    return bytes(resvg.svg_to_bytes(svg_string=empty)) != bytes(
        resvg.svg_to_bytes(svg_string=letter)
    )


def _load_resvg() -> Any:
    try:
        return importlib.import_module("resvg_py")
    except ImportError as error:
        msg = "PNG needs resvg-py, which is not installed; run: pip install 'hypernodes[viz]'"
        raise VizNotInstalledError(msg) from error
