from pathlib import Path

import pytest

from hypernodes import Pipeline, visualize


def test_a_picture_holds_its_text(search: Pipeline) -> None:
    """The text is in ``data`` and is what ``str`` gives."""
    picture = search.visualize(engine="text")
    assert picture.data == str(picture)


def test_the_suffix_picks_the_format(search: Pipeline, tmp_path: Path) -> None:
    """``.mmd`` is Mermaid, ``.txt`` is text."""
    for suffix, engine in ((".mmd", "mermaid"), (".txt", "text")):
        file = tmp_path / f"picture{suffix}"
        search.visualize(filename=file)
        assert str(visualize(search, engine=engine)) == file.read_text(encoding="utf-8")


def test_an_unknown_engine_is_refused(search: Pipeline) -> None:
    """The error is a ValueError and lists the choices."""
    with pytest.raises(ValueError, match="mermaid"):
        search.visualize(engine="crayon")


def test_an_unknown_suffix_is_refused(search: Pipeline, tmp_path: Path) -> None:
    """The error names the suffixes that work, and nothing is written."""
    file = tmp_path / "picture.docx"
    with pytest.raises(ValueError, match=r"\.mmd"):
        search.visualize(filename=file)
    assert not file.exists()
