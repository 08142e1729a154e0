"""The skeleton to copy: a copy under another name is a working distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Python = Callable[..., subprocess.CompletedProcess[str]]


def test_nothing_of_the_old_name_is_left(renamed: tuple[Path, Path]) -> None:
    """The commands of its page find every place that holds a name, but for that page."""
    project, _ = renamed
    files = [path for path in project.rglob("*") if path.is_file() and path.name != "README.md"]
    assert [path for path in files if "acme" in path.read_text("utf-8").lower()] == []
    assert [path for path in project.rglob("*") if "acme" in path.name.lower()] == []


def test_a_renamed_copy_is_found(renamed: tuple[Path, Path], python: Python) -> None:
    """Installed from its wheel, the copy is imported and chosen by its own names."""
    _, site = renamed
    done = python(
        "from hypernodes.engines import FastLane, get_engine\n"
        "print(FastLane.__module__, type(get_engine('fast-lane')) is FastLane)",
        site,
    )
    assert (done.stdout, done.stderr) == ("fast_lane.engine True\n", "")


def test_a_renamed_copy_passes_its_own_tests(
    renamed: tuple[Path, Path], own_tests: Callable[[Path, Path], str]
) -> None:
    """The contract of engines holds for it."""
    assert " passed" in own_tests(*renamed)
