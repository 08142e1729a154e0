"""Facts about the site: what is public is on it, and what it shows can be typed."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

import hypernodes
import hypernodes.testing

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def blocks(kind: str) -> list[Any]:
    """Return the blocks of every page in the language *kind*, each with its place."""
    found = []
    for page in PAGES:
        for token in MarkdownIt().parse(page.read_text("utf-8")):
            if token.type == "fence" and token.info.strip() == kind and token.map:
                place = f"{page.relative_to(ROOT).as_posix()}:{token.map[0] + 1}"
                found.append(pytest.param(token.content, id=place))
    return found


def test_every_page_is_in_the_navigation() -> None:
    """A reader who follows the navigation meets every page once."""
    named = re.findall(
        r"^ +- .+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE
    )
    there = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    assert sorted(named) == sorted(there)


def test_every_picture_is_drawn_from_its_page() -> None:
    """A picture that a page shows is one of a pipeline which that page defines."""
    drawn = (DOCS / "hooks/pictures.py").read_text("utf-8")
    shown = 0
    for page in DOCS.rglob("*.md"):
        text = page.read_text("utf-8")
        for name in set(re.findall(r"pictures/(\w+)-(?:light|dark)\.svg", text)):
            shown += 1
            assert f'name="{name}"' in text
            assert f'"{page.relative_to(DOCS).as_posix()}"' in drawn
    assert shown >= 3


def test_every_public_name_is_in_the_reference() -> None:
    """What ``hypernodes`` and ``hypernodes.testing`` offer is documented from its docstrings."""
    text = "\n".join(page.read_text("utf-8") for page in (DOCS / "reference/api").glob("*.md"))
    shown = set(re.findall(r"^::: hypernodes\.(\w+)$", text, re.MULTILINE))
    errors = {name for name in hypernodes.__all__ if name.endswith("Error")}
    listed = set(re.split(r"[\[\], ]+", "".join(re.findall(r"members: (\[.+\])", text))))
    # errors come as one module
    assert set(hypernodes.__all__) - errors <= shown
    assert set(hypernodes.testing.__all__) <= listed


@pytest.mark.parametrize("text", blocks("toml"))
def test_settings_that_are_shown_are_known(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block of settings can be put into pyproject.toml as it stands."""
    settings = pytest.importorskip("hypernodes.cli._settings")
    (tmp_path / "pyproject.toml").write_text(text, "utf-8")
    tomllib.loads(text)
    if "tool.hypernodes" in text:
        assert settings.read_project(tmp_path) != settings.Choices()


@pytest.mark.parametrize("text", blocks("bash"))
def test_commands_that_are_shown_exist(text: str) -> None:
    """Every ``hypernodes`` command of a page, and each of its options, is one that there is."""
    app = pytest.importorskip("hypernodes.cli._app").app
    typer = pytest.importorskip("typer")
    for words in _commands(text):
        command = typer.main.get_command(app)
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        assert not hasattr(command, "commands"), f"no command {words[0]}"
        options = {
            option for each in command.params for option in (*each.opts, *each.secondary_opts)
        }
        used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used - options - {"--help", "-h"} == set()


def _commands(text: str) -> Iterator[list[str]]:
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "hypernodes" and words[1:2] != ["--help"]:
            yield words[1:]
