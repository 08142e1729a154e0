"""Colours, type and spacing: how pictures look, and the styles that have names.

Decides nothing about what is drawn.  Every colour has a light and a dark
value; which of them shows is up to the page that the picture is on.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import attrs

from hypernodes.errors import HyperNodesWarning, did_you_mean

Mode = Literal["light", "dark"]
Colour = str | tuple[str, str]
SANS: Final = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"
COLOURS: Final = (
    "background",
    "ink",
    "quiet",
    "line",
    "accent",
    "function_fill",
    "function_line",
    "dual_fill",
    "dual_line",
    "nested_fill",
    "nested_line",
    "group_fill",
    "group_line",
    "input_fill",
    "input_line",
    "bound_fill",
    "bound_line",
    "bound_ink",
)


@attrs.frozen
class GraphvizTheme:
    """How a picture looks; give it as ``visualize(style=...)``.

    A colour is a text that SVG knows, or a pair of one for light and one for
    dark pages.  Lengths are in pixels.

    Attributes:
        background: What is behind everything; ``"none"`` lets the page shine through.
        ink: Names.
        quiet: Types, remarks, and the labels of arrows.
        line: Arrows.
        accent: Arrows whose items are handed over one by one.
        function_fill: A function.
        function_line: Its border.
        dual_fill: A function with a body for batches.
        dual_line: Its border.
        nested_fill: A closed pipeline.
        nested_line: Its border.
        group_fill: An opened pipeline.
        group_line: Its border.
        input_fill: An input, or an output that stands alone.
        input_line: Its border.
        bound_fill: An input that a value is bound to.
        bound_line: Its border.
        bound_ink: Its name.
        font: Families, as in CSS; boxes are measured for Helvetica.
        font_size: Of names; all other text is smaller by fixed factors.
        radius: Of the corners of boxes.
        stroke: The width of borders and arrows.
        node_gap: Between boxes side by side.
        rank_gap: Between a box and the next one along the flow.

    Example:
        >>> theme = GraphvizTheme(function_fill="#fff7e6", accent=("#b45309", "#fbbf24"))
        >>> theme.colour("accent", "dark")
        '#fbbf24'
    """

    background: Colour = ("#ffffff", "#14171c")
    ink: Colour = ("#1c2330", "#e8ebf1")
    quiet: Colour = ("#667085", "#98a2b5")
    line: Colour = ("#8792a6", "#778399")
    accent: Colour = ("#7a5bd0", "#a894f0")
    function_fill: Colour = ("#eef3fc", "#1d2738")
    function_line: Colour = ("#a3b9e2", "#47608f")
    dual_fill: Colour = ("#e8f5f1", "#18302c")
    dual_line: Colour = ("#8cc5b5", "#3c7a6c")
    nested_fill: Colour = ("#f3effc", "#282039")
    nested_line: Colour = ("#bba9e6", "#66549a")
    group_fill: Colour = ("#faf9fe", "#191b24")
    group_line: Colour = ("#d3c9ee", "#433a63")
    input_fill: Colour = ("#f4f5f7", "#22262e")
    input_line: Colour = ("#c5cbd6", "#4b5463")
    bound_fill: Colour = ("#fbfbfc", "#181b21")
    bound_line: Colour = ("#dfe3e9", "#333a46")
    bound_ink: Colour = ("#828c9f", "#7d8799")
    font: str = SANS
    font_size: float = 14
    radius: float = 7
    stroke: float = 1.2
    node_gap: float = 28
    rank_gap: float = 44

    def colour(self, role: str, mode: Mode = "light") -> str:
        """Return the colour of *role*, one of the attributes above, on such a page."""
        value: Colour = getattr(self, role)
        return value if isinstance(value, str) else value[mode == "dark"]

    def palette(self, mode: Mode) -> dict[str, str]:
        """Return {role: colour} on such a page."""
        return {role: self.colour(role, mode) for role in COLOURS}


_DEFAULT = GraphvizTheme()


def _style(**changes: Any) -> GraphvizTheme:
    return attrs.evolve(_DEFAULT, **changes)


_PLAIN: Final[Colour] = ("#ffffff", "#14171c")

_MINIMAL = _style(
    accent=("#3a4250", "#d6dbe4"),
    **{
        f"{kind}_fill": _PLAIN for kind in ("function", "dual", "nested", "group", "input", "bound")
    },
    function_line=("#b9c0cc", "#4c5565"),
    dual_line=("#b9c0cc", "#4c5565"),
    nested_line=("#b9c0cc", "#4c5565"),
    group_line=("#d9dee6", "#363d49"),
    input_line=("#d9dee6", "#363d49"),
    bound_line=("#e8ebf0", "#2a303a"),
    radius=4,
    stroke=1,
)

_PAPER = _style(
    ink=("#000000", "#f2f2f2"),
    quiet=("#555555", "#b0b0b0"),
    line=("#444444", "#a8a8a8"),
    accent=("#000000", "#ffffff"),
    background=("#ffffff", "#121212"),
    function_fill=("#ffffff", "#1e1e1e"),
    function_line=("#333333", "#bdbdbd"),
    dual_fill=("#ffffff", "#1e1e1e"),
    dual_line=("#333333", "#bdbdbd"),
    nested_fill=("#eeeeee", "#2b2b2b"),
    nested_line=("#333333", "#bdbdbd"),
    group_fill=("#f7f7f7", "#191919"),
    group_line=("#999999", "#6f6f6f"),
    input_fill=("#ffffff", "#121212"),
    input_line=("#8a8a8a", "#7a7a7a"),
    bound_fill=("#ffffff", "#121212"),
    bound_line=("#c2c2c2", "#474747"),
    bound_ink=("#7d7d7d", "#8f8f8f"),
    radius=2,
    stroke=1,
)

_VIVID = _style(
    quiet=("#566074", "#a9b3c6"),
    accent=("#c2410c", "#fb923c"),
    function_fill=("#dbe7ff", "#1e3a6e"),
    function_line=("#3b6fd8", "#6f9bf2"),
    dual_fill=("#cdf3e6", "#11493c"),
    dual_line=("#12906f", "#3fc5a0"),
    nested_fill=("#e8dcff", "#3f2a72"),
    nested_line=("#7c4fdc", "#a888f4"),
    group_fill=("#f8f5ff", "#1b1826"),
    group_line=("#b79cf0", "#5b4791"),
    input_fill=("#fff3d1", "#433612"),
    input_line=("#d5a021", "#a98324"),
    bound_fill=("#fffaf0", "#221f17"),
    bound_line=("#ead9ac", "#574a26"),
    bound_ink=("#8a7a4e", "#b3a476"),
    line=("#5c6779", "#97a3b8"),
    stroke=1.5,
)

_WARM = _style(
    background=("#fdfaf5", "#1a1714"),
    ink=("#33291f", "#f1e9de"),
    quiet=("#7d6d5a", "#ac9c88"),
    line=("#a8937a", "#8b7964"),
    accent=("#b4532a", "#e8925f"),
    function_fill=("#fbf0e2", "#2c241b"),
    function_line=("#dcbd95", "#6f5839"),
    dual_fill=("#eef2e2", "#242a1a"),
    dual_line=("#b5c48d", "#5d6c3a"),
    nested_fill=("#f8e7df", "#33221b"),
    nested_line=("#dba78f", "#7d4e39"),
    group_fill=("#fcf5ee", "#1f1a16"),
    group_line=("#e6cdbb", "#4d3a2e"),
    input_fill=("#f6f1e9", "#25211c"),
    input_line=("#d6c9b7", "#544a3e"),
    bound_fill=("#fcf9f4", "#1d1a17"),
    bound_line=("#e8dfd1", "#39322a"),
    bound_ink=("#988a76", "#837768"),
    radius=9,
)

_BLUEPRINT = _style(
    background="#16335b",
    ink="#f3f8ff",
    quiet="#a9c4e6",
    line="#8fb2de",
    accent="#ffd97a",
    **{f"{kind}_fill": "#1b3c69" for kind in ("function", "dual", "nested")},
    **{f"{kind}_line": "#b9d3f2" for kind in ("function", "dual", "nested")},
    group_fill="#183760",
    group_line="#6c92c2",
    input_fill="#16335b",
    input_line="#8fb2de",
    bound_fill="#16335b",
    bound_line="#4d74a6",
    bound_ink="#a9c4e6",
    radius=0,
    stroke=1,
)

_CONTRAST = _style(
    background=("#ffffff", "#000000"),
    ink=("#000000", "#ffffff"),
    quiet=("#1f1f1f", "#e6e6e6"),
    line=("#000000", "#ffffff"),
    accent=("#0033b3", "#ffd200"),
    **{f"{kind}_fill": ("#ffffff", "#000000") for kind in ("function", "dual", "input", "bound")},
    **{f"{kind}_line": ("#000000", "#ffffff") for kind in ("function", "input", "group")},
    dual_line=("#006b4f", "#4dffc3"),
    nested_fill=("#e6edff", "#262000"),
    nested_line=("#0033b3", "#ffd200"),
    group_fill=("#f7f9ff", "#0a0a00"),
    bound_line=("#595959", "#b3b3b3"),
    bound_ink=("#404040", "#cccccc"),
    stroke=2,
)

DESIGN_STYLES: Final[Mapping[str, GraphvizTheme]] = MappingProxyType(
    {
        "default": _DEFAULT,
        "minimal": _MINIMAL,
        "paper": _PAPER,
        "vivid": _VIVID,
        "warm": _WARM,
        "blueprint": _BLUEPRINT,
        "contrast": _CONTRAST,
    }
)
"""The named styles, each a `GraphvizTheme`."""


def read_style(style: str | GraphvizTheme) -> GraphvizTheme:
    """Return the theme that *style* means; an unknown name is the default, with a warning."""
    if isinstance(style, GraphvizTheme):
        return style
    if style not in DESIGN_STYLES:
        hint = did_you_mean(str(style), DESIGN_STYLES)
        message = f"unknown style {style!r}, drawn as 'default'; use {', '.join(DESIGN_STYLES)}"
        warnings.warn(f"{message}{hint}", HyperNodesWarning, stacklevel=4)
        return _DEFAULT
    return DESIGN_STYLES[style]
