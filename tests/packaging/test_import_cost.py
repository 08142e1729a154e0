"""Facts about what ``import hypernodes`` loads, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Each costs more than the whole core, or is not always installed.
HEAVY = frozenset(
    {
        "asyncio",
        "blake3",
        "cattrs",
        "cloudpickle",
        "daft",
        "dask",
        "distributed",
        "fsspec",
        "importlib_metadata",
        "multiprocessing",
        "numpy",
        "opentelemetry",
        "pandas",
        "polars",
        "pyarrow",
        "pytest",
        "ray",
        "rich",
        "s3fs",
        "sqlite3",
        "tenacity",
        "zstandard",
    }
)


def _loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    command = [sys.executable, "-I", "-c", code]
    return set(subprocess.run(command, capture_output=True, check=True, text=True).stdout.split())


@pytest.fixture(scope="module")
def baseline() -> set[str]:
    """What a bare interpreter loads: the site's own startup may load a lot."""
    return _loaded_by("pass")


@pytest.mark.parametrize(
    "statement",
    [
        "import hypernodes",
        "from hypernodes import Pipeline, node, stateful",
        "import hypernodes.hookspecs, hypernodes.protocols, hypernodes.values, hypernodes.errors",
    ],
)
def test_importing_loads_nothing_heavy(statement: str, baseline: set[str]) -> None:
    """The import alone loads no heavy and no optional module."""
    assert (_loaded_by(statement) - baseline) & HEAVY == set()


def test_importing_loads_no_entry_point(baseline: set[str]) -> None:
    """The import alone loads no module of an extension."""
    loaded = _loaded_by("import hypernodes") - baseline
    assert [name for name in loaded if name.startswith("hypernodes_")] == []


def test_importing_loads_no_testing_kit(baseline: set[str]) -> None:
    """Nobody but a test imports the conformance kit."""
    loaded = _loaded_by("from hypernodes import *") - baseline
    assert [name for name in loaded if name.startswith("hypernodes.testing")] == []
