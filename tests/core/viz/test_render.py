from __future__ import annotations

from pathlib import Path

import pytest

from hypernodes import Pipeline, visualize
from hypernodes.viz import Picture


def test_a_picture_holds_its_text(search: Pipeline) -> None:
    """The text is in ``data`` and is what ``str`` gives."""
    picture = search.visualize(engine="text")
    assert picture.data == str(picture)


@pytest.mark.parametrize(
    ("suffix", "engine"),
    [(".mmd", "mermaid"), (".txt", "text"), (".dot", "dot"), (".gv", "dot"), (".html", "html")],
)
def test_the_suffix_picks_the_format(
    search: Pipeline, tmp_path: Path, suffix: str, engine: str
) -> None:
    """A file holds what its engine gives, whatever the case of its suffix."""
    for name in (f"picture{suffix}", f"picture{suffix.upper()}"):
        search.visualize(filename=tmp_path / name)
        assert str(visualize(search, engine=engine)) == (tmp_path / name).read_text("utf-8")


@pytest.mark.usefixtures("graphviz")
def test_svg_is_the_default(search: Pipeline, tmp_path: Path) -> None:
    """Without an engine and a file the picture is an SVG; a ``.svg`` holds the same."""
    picture = search.visualize(filename=tmp_path / "picture.svg")
    assert picture == search.visualize()
    assert ("svg", picture.data) == (picture.format, (tmp_path / "picture.svg").read_text("utf-8"))


def test_an_unknown_engine_is_refused(search: Pipeline) -> None:
    """The error is a ValueError and lists the choices."""
    with pytest.raises(ValueError, match=r"unknown engine 'crayon'.*html, svg.*dot, text"):
        search.visualize(engine="crayon")


def test_an_unknown_suffix_is_refused(search: Pipeline, tmp_path: Path) -> None:
    """The error names the suffixes that work, and nothing is written."""
    file = tmp_path / "picture.docx"
    with pytest.raises(ValueError, match=r"unknown suffix '.docx'.*\.svg, \.png, \.html.*\.mmd"):
        search.visualize(filename=file)
    assert not file.exists()


def test_an_engine_does_not_write_the_suffix_of_another_one(
    search: Pipeline, tmp_path: Path
) -> None:
    """Text in a file that says it is SVG helps nobody."""
    with pytest.raises(ValueError, match=r"'text' does not write '.svg'.*ends in '.txt'"):
        search.visualize(filename=tmp_path / "picture.svg", engine="text")
    with pytest.raises(ValueError, match=r"'html' does not write '.png'"):
        search.visualize(filename=tmp_path / "picture.png", interactive=True)
    assert [] == list(tmp_path.iterdir())


def test_an_engine_may_write_a_suffix_of_nobody(search: Pipeline, tmp_path: Path) -> None:
    """Mermaid goes into Markdown, and text into a log."""
    search.visualize(filename=tmp_path / "picture.log", engine="text")
    assert str(search.visualize(engine="text")) == (tmp_path / "picture.log").read_text("utf-8")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("orient", "UP"),
        ("return_type", "object"),
        ("depth", 0),
        ("depth", -1),
        ("depth", "all"),
        ("depth", True),
        ("mode", "sepia"),
    ],
)
def test_options_out_of_range_are_refused(search: Pipeline, option: str, value: object) -> None:
    """The error is a ValueError that names the option."""
    with pytest.raises(ValueError, match=option):
        search.visualize(engine="text", **{option: value})


def test_the_return_type_is_chosen(search: Pipeline) -> None:
    """A picture, its text, or its bytes."""
    text = str(search.visualize(engine="text"))
    found = [search.visualize(engine="text", return_type=kind) for kind in ("auto", "str", "bytes")]
    assert [Picture(text, "text"), text, text.encode()] == found


def test_interactive_is_the_page(search: Pipeline) -> None:
    """``interactive=True`` gives what ``engine="html"`` gives."""
    picture = search.visualize(interactive=True)
    assert picture == search.visualize(engine="html")
    assert "html" == picture.format


def test_the_directory_must_exist(search: Pipeline, tmp_path: Path) -> None:
    """A path to nowhere is reported as Python does."""
    with pytest.raises(FileNotFoundError):
        search.visualize(filename=tmp_path / "nowhere" / "picture.txt")
