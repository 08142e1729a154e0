"""Facts about docstrings: every example in them runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import hypernodes

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(hypernodes.__path__, "hypernodes.")
)


@pytest.mark.parametrize("name", MODULES)
def test_every_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples in the docstrings of a module give what they say."""
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(_module(name), optionflags=doctest.ELLIPSIS)
    assert results.failed == 0


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("hypernodes"):
            raise
        pytest.skip(f"{name} is about {error.name}, which is not installed")
