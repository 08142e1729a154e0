from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hypernodes import Pipeline

pytestmark = pytest.mark.usefixtures("resvg")


def _size(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_a_png_is_written(search: Pipeline, tmp_path: Path) -> None:
    """The file begins as every PNG, and is what the picture holds."""
    file = tmp_path / "picture.png"
    picture = search.visualize(filename=file)
    assert b"\x89PNG" == file.read_bytes()[:4]
    assert picture.data == file.read_bytes()


def test_scale_is_pixels_per_unit(search: Pipeline, tmp_path: Path) -> None:
    """Twice the scale gives twice the pixels."""
    small, large = (
        _size(search.visualize(filename=tmp_path / "p.png", scale=scale).data) for scale in (1, 2)
    )
    assert (small[0] * 2, small[1] * 2) == pytest.approx(large, abs=2)


def test_light_and_dark_differ(search: Pipeline, tmp_path: Path) -> None:
    """A PNG cannot follow its page, so it is told."""
    light, dark = (
        search.visualize(filename=tmp_path / "p.png", mode=mode).data for mode in ("light", "dark")
    )
    assert light != dark


def test_a_png_has_text(search: Pipeline, tmp_path: Path) -> None:
    """Names leave pixels: without types there is less to see."""
    full, bare = (
        search.visualize(filename=tmp_path / "p.png", show_types=types, group_inputs=False).data
        for types in (True, False)
    )
    assert full != bare
