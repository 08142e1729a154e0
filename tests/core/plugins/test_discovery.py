"""Which plugins are installed, told without importing one."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hypernodes.errors import PluginWarning
from hypernodes.plugins._discovery import find_candidates, is_disabled

if TYPE_CHECKING:
    from pathlib import Path


def install(folder: Path, name: str, entry_points: str) -> None:
    """Put the metadata of a distribution into *folder*, and none of its code."""
    info = folder / f"{name.replace('-', '_')}-2.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(entry_points)


def test_candidates_carry_name_distribution_and_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A candidate is named after its entry point and stamped with its distribution."""
    install(tmp_path, "zeta-dist", "[hypernodes]\nzeta = no_such_module.plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    found = [each for each in find_candidates() if each.name == "zeta"]

    assert [(each.distribution, each.version) for each in found] == [("zeta-dist", "2.0")]


def test_candidates_come_in_alphabetical_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of candidates is that of their names, not that of the path."""
    install(tmp_path, "one", "[hypernodes]\nzz_last = a\nzz_first = b\n")
    install(tmp_path, "another", "[hypernodes]\nzz_middle = c\nzz_first = d\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    found = [
        (each.name, each.distribution) for each in find_candidates() if each.name.startswith("zz_")
    ]

    expected = [
        ("zz_first", "another"),
        ("zz_first", "one"),
        ("zz_last", "one"),
        ("zz_middle", "another"),
    ]
    assert found == expected


def test_listing_imports_no_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin whose module does not exist is listed; only loading it fails."""
    install(tmp_path, "ghost", "[hypernodes]\nghost = no_such_module.plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    ghost = next(each for each in find_candidates() if each.name == "ghost")

    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        ghost.load()


def test_other_groups_are_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the group `hypernodes` holds plugins."""
    install(tmp_path, "other", "[console_scripts]\nstranger = no_such_module:main\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert "stranger" not in [each.name for each in find_candidates()]


def test_damaged_metadata_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution whose entry points do not parse costs the plugins, not the run."""
    install(tmp_path, "damaged", "[hypernodes]\nthis line has no equals sign\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.warns(PluginWarning, match="installed plugins cannot be listed"):
        found = find_candidates()

    assert found == ()


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("", False),
        ("other", False),
        ("acme-two", False),
        ("acme", True),
        ("other,acme", True),
        ("other, acme", True),
        ("other acme", True),
        ("*", True),
    ],
)
def test_disabling_takes_names_or_a_star(setting: str, expected: bool) -> None:
    """Names are separated by commas or blanks and compared whole."""
    assert is_disabled("acme", {"HYPERNODES_DISABLE_PLUGINS": setting}) == expected


def test_nothing_is_disabled_without_the_variable() -> None:
    """An environment without the variable disables no plugin."""
    assert not is_disabled("acme", {})


def test_importing_plugins_lists_and_loads_nothing() -> None:
    """The package costs neither pluggy nor entry points until a name is asked for."""
    code = (
        "import sys, hypernodes.plugins; "
        "print([m for m in ('pluggy', 'importlib_metadata', 'importlib.metadata', "
        "'hypernodes.hookspecs') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
