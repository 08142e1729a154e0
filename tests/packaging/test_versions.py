"""Facts about the version that all distributions share."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import hypernodes

ROOT = Path(__file__).parents[2]
PACKAGES = sorted((ROOT / "packages").glob("hypernodes-*/pyproject.toml"))


def _project(path: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))["project"]
    return project


def _asked(path: Path) -> list[str]:
    """Return what a distribution requires, and what its extras do."""
    project = _project(path)
    extras = project.get("optional-dependencies", {}).values()
    return [*project["dependencies"], *(requirement for extra in extras for requirement in extra)]


CORE = _project(ROOT / "packages/hypernodes-core/pyproject.toml")


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_distributions_share_one_version(path: Path) -> None:
    """Every distribution has the version of the core."""
    assert _project(path)["version"] == CORE["version"]


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_distributions_pin_each_other_exactly(path: Path) -> None:
    """Whatever one of our distributions asks of another is the same version."""
    ours = [
        requirement
        for requirement in _asked(path)
        if re.match(r"hypernodes(-\w+)?\s*[=<>~!]", requirement)
    ]
    assert [requirement.partition("==")[2] for requirement in ours] == [CORE["version"]] * len(ours)


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_distributions_ship_the_license(path: Path) -> None:
    """Every distribution carries the text of the license in the root."""
    text = (path.parent / "LICENSE").read_text("utf-8")
    assert text == (ROOT / "LICENSE").read_text("utf-8")


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_every_requirement_has_a_floor(path: Path) -> None:
    """Whatever is asked for says from which version on; ``nox -s lowest`` tries that one."""
    bare = [each for each in _asked(path) if not re.search(r"[>=]=\s*\d", each)]
    assert [each for each in bare if not each.startswith("hypernodes[")] == []


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_distributions_are_typed(path: Path) -> None:
    """Every distribution says that it has types, and ships the file that makes checkers look."""
    marks = [mark.parent.name for mark in path.parent.glob("src/*/py.typed")]
    assert "Typing :: Typed" in _project(path)["classifiers"]
    assert marks == [_project(path)["name"].replace("-", "_")]


def test_all_brings_every_extra() -> None:
    """``hypernodes[all]`` is all extras but the one that is for writing tests."""
    extras = CORE["optional-dependencies"]
    expected = ",".join(name for name in extras if name not in {"all", "testing"})
    assert extras["all"] == [f"hypernodes[{expected}]"]


def test_the_readme_of_the_core_names_every_extra() -> None:
    """The page on the index has a row for each extra."""
    text = (ROOT / "packages/hypernodes-core/README.md").read_text("utf-8")
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = re.findall(r"`(\w+)`", "".join(cells))
    assert sorted(named) == sorted(CORE["optional-dependencies"])


def test_the_core_says_its_version() -> None:
    """``hypernodes.__version__`` is the version of the installed distribution."""
    assert hypernodes.__version__ == version("hypernodes")


def test_the_changelog_knows_the_version() -> None:
    """The changelog has a heading for the version that is being made."""
    headings = re.findall(
        r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert CORE["version"] in headings


def test_the_version_is_above_the_one_published_before() -> None:
    """The first version of this code line is above 0.4.8, which owns the name."""
    assert tuple(map(int, CORE["version"].split("."))) > (0, 4, 8)
