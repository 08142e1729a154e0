"""Facts about the floors that import-linter is told to check."""

from __future__ import annotations

import pkgutil
import tomllib
from pathlib import Path
from typing import Any

import hypernodes

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
CONTRACTS: dict[str, Any] = {contract["id"]: contract for contract in SETTINGS["contracts"]}
# What an extension may import; docs/explanation/architecture.md says why.
SURFACE = frozenset(
    {
        "cache",
        "errors",
        "events",
        "execution",
        "hookspecs",
        "plan",
        "protocols",
        "testing",
        "values",
    }
)
MODULES = {module.name for module in pkgutil.iter_modules(hypernodes.__path__)}


def _on_floors() -> list[str]:
    floors = " | ".join(CONTRACTS["floors"]["layers"])
    return floors.replace("(", "").replace(")", "").split(" | ")


def test_every_module_has_a_floor() -> None:
    """Each top-level module of the core is on exactly one floor."""
    floors = _on_floors()
    assert (MODULES - set(floors), len(floors)) == (set(), len(set(floors)))


def test_every_module_is_open_or_closed_to_extensions() -> None:
    """What is not on the extension surface is forbidden to extensions by name."""
    forbidden = set(CONTRACTS["extension-surface"]["forbidden_modules"])
    closed = {f"hypernodes.{name}" for name in MODULES - SURFACE}
    assert forbidden - {"hypernodes", "hypernodes.*.*"} == closed


def test_every_extension_is_checked() -> None:
    """Each extension distribution takes part in the contracts."""
    folders = (ROOT / "packages").glob("hypernodes-*/src/*/__init__.py")
    assert sorted(SETTINGS["root_packages"]) == sorted(path.parent.name for path in folders)


def test_the_architecture_page_shows_the_floors() -> None:
    """The page draws every floor as the contract lists it, in the same order."""
    page = (ROOT / "docs/explanation/architecture.md").read_text("utf-8")
    drawn = page.partition("```text")[2].partition("```")[0].splitlines()
    rows = [line.split("  ") for line in drawn if line.strip()]
    names = [[cell.strip() for cell in row if cell.strip()][1] for row in rows]
    listed = [row.replace("(", "").replace(")", "") for row in CONTRACTS["floors"]["layers"]]
    assert names == listed
