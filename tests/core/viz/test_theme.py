from __future__ import annotations

import re
import warnings

import pytest

from hypernodes import DESIGN_STYLES, GraphvizTheme, Pipeline
from hypernodes.errors import HyperNodesWarning
from hypernodes.viz._theme import COLOURS, read_style


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_an_unknown_style_is_the_default_with_a_warning(search: Pipeline) -> None:
    """The warning lists the styles, points at the call, and the picture is drawn."""
    with pytest.warns(
        HyperNodesWarning, match="unknown style 'defualt'.*did you mean 'default'"
    ) as got:
        picture = search.visualize(engine="mermaid", style="defualt")
    assert __file__ == got[0].filename
    assert str(search.visualize(engine="mermaid")) == str(picture)


def test_known_styles_do_not_warn() -> None:
    """A name, or a theme of one's own, is taken as it is."""
    theme = GraphvizTheme(accent="#ff0000")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [DESIGN_STYLES["paper"], theme] == [read_style("paper"), read_style(theme)]


def test_a_colour_may_be_the_same_for_light_and_dark() -> None:
    """One text stands for both, a pair for each."""
    theme = GraphvizTheme(ink="#111111", line=("#222222", "#333333"))
    found = [theme.colour(role, mode) for role in ("ink", "line") for mode in ("light", "dark")]
    assert ["#111111", "#111111", "#222222", "#333333"] == found


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", DESIGN_STYLES)
def test_names_can_be_read_on_their_boxes(name: str, mode: str) -> None:
    """Names have the contrast that WCAG asks of text, quiet text nearly so."""
    palette = DESIGN_STYLES[name].palette("dark" if mode == "dark" else "light")
    for kind in ("function", "dual", "nested", "input"):
        assert _contrast(palette["ink"], palette[f"{kind}_fill"]) >= 7
        assert _contrast(palette["quiet"], palette[f"{kind}_fill"]) >= 4
    assert _contrast(palette["bound_ink"], palette["bound_fill"]) >= 3


@pytest.mark.parametrize("name", DESIGN_STYLES)
def test_styles_are_complete(name: str) -> None:
    """Every colour of a named style is written as six hex digits."""
    theme = DESIGN_STYLES[name]
    colours = [theme.colour(role, mode) for role in COLOURS for mode in ("light", "dark")]
    assert [] == [colour for colour in colours if not re.fullmatch("#[0-9a-f]{6}", colour)]
