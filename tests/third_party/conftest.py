"""Distributions of third parties, built and installed as users get them.

The wheel is built by its own backend and unpacked into a folder, which is all
that installing a wheel of plain modules does; it needs no index and no pip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


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
    return install(ROOT / "packages/_template", tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder into which the plugins among the examples are installed."""
    folder = tmp_path_factory.mktemp("examples")
    for number, file in enumerate((ROOT / "examples/plugins").glob("*/pyproject.toml")):
        site = install(file.parent, folder / str(number))
        shutil.copytree(site, folder / "site", dirs_exist_ok=True)
    return folder / "site"


@pytest.fixture(scope="session")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a copy of the skeleton, renamed as its page says, and where it is installed."""
    if not (shutil.which("bash") and shutil.which("sed")):
        pytest.skip("the commands of the page are for a shell")
    folder = tmp_path_factory.mktemp("renamed")
    no_caches = shutil.ignore_patterns("__pycache__")
    template = ROOT / "packages/_template"
    shutil.copytree(template, folder / "checkout/packages/_template", ignore=no_caches)
    page = (template / "README.md").read_text("utf-8")
    commands = next(part for part in page.split("```") if part.startswith("bash\ncp "))
    script = commands.removeprefix("bash\n")
    subprocess.run(["bash", "-euc", script], cwd=folder / "checkout", check=True)
    return folder / "fast-lane", install(folder / "fast-lane", folder / "installed")


@pytest.fixture
def own_tests(tmp_path: Path) -> Callable[..., str]:
    """Run the tests that a distribution brings, with what is installed; return pytest's words."""

    def run(project: Path, site: Path) -> str:
        shutil.copytree(project / "tests", tmp_path / "own/tests")
        shutil.copy(project / "pyproject.toml", tmp_path / "own")
        environ = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            env={**environ, "PYTHONPATH": str(site)},
            cwd=tmp_path / "own",
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


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
