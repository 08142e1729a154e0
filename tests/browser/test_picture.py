"""Pictures in a real browser, whatever fonts it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hypernodes import Pipeline, node

STICKING_OUT = """
() => [...document.querySelectorAll("g.node")].flatMap(box => {
    const frame = box.querySelector("rect").getBoundingClientRect();
    return [...box.querySelectorAll("text")].filter(text => {
        const place = text.getBoundingClientRect();
        return place.left < frame.left || place.right > frame.right;
    }).map(text => text.textContent);
})
"""


@node(output_name="wide_words")
def widen(mammoths: dict[str, list[int]], width: int = 2) -> dict[str, list[tuple[int, ...]]]:
    """Give something with a long type."""
    return {}


@pytest.mark.parametrize("font", ["Helvetica, sans-serif", "DejaVu Sans", "serif", "monospace"])
def test_texts_stay_in_their_boxes(browser: Any, tmp_path: Path, font: str) -> None:
    """A text is as wide as it was measured, also in a font that is wider."""
    picture = tmp_path / "picture.svg"
    Pipeline([widen], name="p").visualize(filename=picture)
    page = browser.new_page()
    page.goto(picture.as_uri())
    page.evaluate(
        "font => document.querySelectorAll('text')"
        ".forEach(text => text.style.setProperty('font-family', font, 'important'))",
        font,
    )
    assert page.locator("g.node text").count() >= 4
    assert page.evaluate(STICKING_OUT) == []
    page.close()
