"""Our own extensions, installed from their wheels: what loading them costs and gives."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PACKAGES = Path(__file__).parents[2] / "packages"
CORE = PACKAGES / "hypernodes-core"
EXTENSIONS = sorted(path for path in PACKAGES.glob("hypernodes-*") if path != CORE)
NAMES = [path.name.removeprefix("hypernodes-") for path in EXTENSIONS]

Python = Callable[..., list[str]]


def project(folder: Path) -> dict[str, Any]:
    """Return the ``[project]`` table of a distribution."""
    with (folder / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["project"]
    return table


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheels of all extensions unpacked into it."""
    folder = tmp_path_factory.mktemp("extensions")
    for extension in EXTENSIONS:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        subprocess.run(command, cwd=extension, check=True, capture_output=True)
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def python(site: Path, tmp_path: Path) -> Python:
    """Run code in a fresh process that has all extensions installed; return its lines."""

    def run(code: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env={**os.environ, "PYTHONPATH": str(site)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize("name", NAMES)
def test_loading_a_plugin_imports_that_module_alone(name: str, python: Python) -> None:
    """Beside the hooks, loading costs two small modules and no library."""
    found = python(
        "import sys, importlib, hypernodes.hookspecs\n"
        "before = set(sys.modules)\n"
        f"importlib.import_module('hypernodes_{name}.plugin')\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    assert found == [f"hypernodes_{name} hypernodes_{name}.plugin"]


def test_all_plugins_load_and_name_what_they_bring(python: Python) -> None:
    """Installed together, the extensions load, in alphabetical order, without a clash."""
    found = python(
        "from hypernodes.plugins import list_plugins\n"
        "for info in list_plugins()[1:]:\n"
        "    print(info.name, info.distribution, info.status, *info.conflicts,"
        " *(name for names in info.registers.values() for name in names))"
    )
    assert found == [f"{name} hypernodes-{name} ok {name}" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_every_target_exists(name: str, python: Python) -> None:
    """The class that a spec names is defined in the module that it names."""
    found = python(
        "import ast, importlib.util, pathlib\n"
        f"from hypernodes_{name} import plugin\n"
        "for hook in [each for each in vars(plugin) if each.startswith('hypernodes_register')]:\n"
        "    for spec in getattr(plugin, hook)():\n"
        "        module, _, cls = spec.target.partition(':')\n"
        "        origin = importlib.util.find_spec(module).origin\n"
        "        tree = ast.parse(pathlib.Path(origin).read_text(encoding='utf-8'))\n"
        "        print(cls in [n.name for n in tree.body if isinstance(n, ast.ClassDef)])"
    )
    assert found == ["True"]


@pytest.mark.parametrize("folder", [CORE, *EXTENSIONS], ids=lambda path: path.name)
def test_versions_are_in_lockstep(folder: Path) -> None:
    """All distributions have one version, and extensions pin the core at it."""
    core = project(CORE)["version"]
    table = project(folder)
    assert table["version"] == core
    if folder != CORE:
        assert f"hypernodes=={core}" in table["dependencies"]


@pytest.mark.parametrize("name", NAMES)
def test_the_core_has_an_extra_per_extension(name: str) -> None:
    """`pip install 'hypernodes[NAME]'`, which errors recommend, exists and brings it."""
    table = project(CORE)
    expected = [f"hypernodes-{name}=={table['version']}"]
    assert table["optional-dependencies"][name] == expected


@pytest.mark.parametrize("folder", EXTENSIONS, ids=lambda path: path.name)
def test_every_extension_has_one_skeleton(folder: Path) -> None:
    """One knows where everything is before opening a distribution."""
    package = folder / "src" / folder.name.replace("-", "_")
    main = "callback.py" if folder.name == "hypernodes-otel" else "engine.py"
    parts = [
        package / name for name in ("__init__.py", "plugin.py", main, "options.py", "py.typed")
    ]
    missing = [
        path.name
        for path in (*parts, folder / "LICENSE", folder / "README.md")
        if not path.exists()
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("made", "options"),
    [
        (
            "DaftEngine(use_batch_udf=False, default_daft_config={'default_morsel_size': 10})",
            "DaftOptions(use_batch_udf=False, default_daft_config={'default_morsel_size': 10})",
        ),
        (
            "DaskEngine(scheduler='processes', num_workers=2)",
            "DaskOptions(scheduler='processes', num_workers=2, workload_type='mixed', "
            "npartitions=None)",
        ),
        ("RayEngine(num_cpus=2)", "RayOptions(address=None, num_cpus=2)"),
    ],
)
def test_an_engine_keeps_its_settings(made: str, options: str, python: Python) -> None:
    """The documented arguments are taken and kept; cache and callbacks are inherited."""
    found = python(
        f"from hypernodes.engines import {made.partition('(')[0]}\n"
        f"engine = {made}\nprint(engine.options)\nprint(repr(engine.cache), repr(engine.callbacks))"
    )
    assert found == [options, "UNSET UNSET"]


@pytest.mark.parametrize(
    "made",
    [
        "DaftEngine(use_batch_udf='yes')",
        "DaftEngine(default_daft_config=3)",
        "DaskEngine(scheduler='thread')",
        "DaskEngine(num_workers=0)",
        "DaskEngine(num_workers='2')",
        "DaskEngine(workload_type='gpu')",
        "DaskEngine(npartitions=-1)",
        "RayEngine(address=3)",
        "RayEngine(num_cpus=0)",
    ],
)
def test_a_wrong_setting_is_refused_when_the_engine_is_made(made: str, python: Python) -> None:
    """A mistake shows where it was made, not in the first run."""
    found = python(
        f"from hypernodes.engines import {made.partition('(')[0]}\n"
        f"try: {made}\n"
        "except (TypeError, ValueError): print('refused')"
    )
    assert found == ["refused"]
