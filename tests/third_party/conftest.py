"""Two distributions of third parties, built and installed as users get them.

The wheel is built by its own backend and unpacked into a folder, which is all
that installing a wheel of plain modules does; it needs no index and no pip.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
PACKAGES = HERE.parents[1] / "packages"


def install(project: Path, target: Path) -> Path:
    """Build the wheel of *project* and unpack it into *target*."""
    wheels = target / "wheels"
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    [wheel] = wheels.iterdir()
    site = target / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder into which `acme-hypernodes` is installed."""
    return install(HERE / "good", tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="session")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder into which `broken-hypernodes` is installed."""
    return install(HERE / "broken", tmp_path_factory.mktemp("broken"))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder into which the skeleton to copy is installed."""
    return install(PACKAGES / "_template", tmp_path_factory.mktemp("template"))


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run code in a fresh process that has the given folders installed."""

    def run(code: str, *sites: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(map(str, sites))
        return subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": path, **environ},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run
