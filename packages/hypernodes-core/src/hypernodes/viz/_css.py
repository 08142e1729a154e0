"""The colours of a picture as CSS: one light sheet, and a dark one that follows the page.

Decides which element has which role of the theme.  In files colours are
written out, because variables are unknown to most programs that read SVG
beside browsers; on pages they are variables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, Literal

import attrs

from hypernodes.viz._theme import COLOURS, GraphvizTheme, Mode

Follow = Literal["auto", "light", "dark"]

_RULES: Final = (
    (".paper", "fill:{background}"),
    ("text", "fill:{ink}"),
    (".type,.input-type,.remark,.label,.legend", "fill:{quiet}"),
    (".bound-field,.bound-type", "fill:{bound_ink}"),
    (".label", "stroke:{background}"),
    (".heading .name", "stroke:{group_fill}"),
    (".function-box", "fill:{function_fill};stroke:{function_line}"),
    (".dual-box", "fill:{dual_fill};stroke:{dual_line}"),
    (".nested-box", "fill:{nested_fill};stroke:{nested_line}"),
    (".nested-seam", "stroke:{nested_line}"),
    (".group-box", "fill:{group_fill};stroke:{group_line}"),
    (".input-box", "fill:{input_fill};stroke:{input_line}"),
    (".bound-box", "fill:{bound_fill};stroke:{bound_line}"),
    (".pill", "fill:{background};stroke:{group_line}"),
    (".stateful", "fill:{accent}"),
    (".wire", "stroke:{line}"),
    (".head", "fill:{line}"),
    (".mapped .wire", "stroke:{accent}"),
    (".mapped .head", "fill:{accent}"),
)
# What notebooks and documentation set on a page, whatever the system prefers.
_DARK_PAGES: Final = (
    '[data-jp-theme-light="false"]',
    ".vscode-dark",
    ".vscode-high-contrast",
    "html[theme=dark]",
    '[data-md-color-scheme="slate"]',
    '[data-theme="dark"]',
)
_LIGHT_PAGES: Final = (
    '[data-jp-theme-light="true"]',
    ".vscode-light",
    "html[theme=light]",
    '[data-md-color-scheme="default"]',
    '[data-theme="light"]',
)


def scope_of(theme: GraphvizTheme) -> str:
    """Return the class of pictures in this theme: two on one page do not mix."""
    digest = hashlib.sha256(repr(attrs.astuple(theme)).encode()).hexdigest()
    return f"hn-{digest[:8]}"


def style_sheet(theme: GraphvizTheme, follow: Follow, *, is_inline: bool = False) -> str:
    """Return the style sheet of a picture.

    Args:
        theme: Its theme.
        follow: ``"auto"`` goes with the page, the others stay.
        is_inline: Whether the picture is part of a page, whose own switch
            between light and dark then wins over the system's.
    """
    scope = f".{scope_of(theme)}"
    if follow == "auto" and is_inline:
        return _following_sheet(theme, scope)
    base: Mode = "dark" if follow == "dark" else "light"
    sheet = _shape_rules(theme, scope) + _colour_rules(theme.palette(base), scope)
    if follow != "auto":
        return sheet
    dark = _colour_rules(theme.palette("dark"), scope)
    return f"{sheet}@media (prefers-color-scheme:dark){{{dark}}}"


def _following_sheet(theme: GraphvizTheme, scope: str) -> str:
    """Return a sheet that goes with the system, and with what the page says over that."""
    light, dark = _variables(theme, "light"), _variables(theme, "dark")
    return (
        f"{variable_sheet(theme)}{scope}{{{light}}}"
        f"@media (prefers-color-scheme:dark){{{scope}{{{dark}}}}}"
        f":is({','.join(_LIGHT_PAGES)}) {scope}{{{light}}}"
        f":is({','.join(_DARK_PAGES)}) {scope}{{{dark}}}"
    )


def variable_sheet(theme: GraphvizTheme) -> str:
    """Return the style sheet of a drawing on a page, its colours as variables."""
    scope = f".{scope_of(theme)}"
    names = {role: f"var(--{role.replace('_', '-')})" for role in COLOURS}
    return _shape_rules(theme, scope) + _colour_rules(names, scope)


def page_colours(theme: GraphvizTheme) -> str:
    """Return the variables of a page: light or dark as the system prefers, or as it is told."""
    light, dark = (
        f"{_variables(theme, mode)};--is-dark:{number}"
        for number, mode in enumerate(("light", "dark"))
    )
    return (
        f":root{{--font:{theme.font};{light}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
        f':root[data-mode="light"]{{{light}}}\n:root[data-mode="dark"]{{{dark}}}\n'
    )


def _variables(theme: GraphvizTheme, mode: str) -> str:
    palette = theme.palette("dark" if mode == "dark" else "light")
    return ";".join(f"--{role.replace('_', '-')}:{colour}" for role, colour in palette.items())


def _shape_rules(theme: GraphvizTheme, scope: str) -> str:
    rules = (
        ("text", f"font-family:{theme.font}"),
        (".name", "font-weight:600"),
        (".label,.heading .name", "stroke-width:4;paint-order:stroke;stroke-linejoin:round"),
        (
            ".function-box,.dual-box,.nested-box,.group-box,.input-box,.bound-box",
            f"stroke-width:{theme.stroke:g}",
        ),
        (".nested-seam", f"fill:none;stroke-width:{theme.stroke * 0.6:g}"),
        (".optional", "stroke-dasharray:4 3"),
        (".pill", "stroke-width:.8"),
        (".wire", f"fill:none;stroke-width:{theme.stroke * 1.05:g}"),
        (".mapped .wire", f"stroke-width:{theme.stroke * 1.5:g}"),
    )
    return _scoped(rules, scope)


def _colour_rules(colours: Mapping[str, str], scope: str) -> str:
    return _scoped(tuple((role, body.format(**colours)) for role, body in _RULES), scope)


def _scoped(rules: tuple[tuple[str, str], ...], scope: str) -> str:
    return "".join(
        ",".join(f"{scope} {part}" for part in roles.split(",")) + f"{{{body}}}"
        for roles, body in rules
    )
