"""Engine classes as attributes of `hypernodes.engines`."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import hypernodes.engines
from hypernodes.engines import SeqEngine, get_engine
from hypernodes.errors import EngineNotInstalledError, PluginConflictError
from hypernodes.hookspecs import EngineSpec, hookimpl
from hypernodes.plugins import Plugins, manager, reset_plugins


class NotebookEngine(SeqEngine):
    """An engine that a user wrote."""


class NotebookPlugin:
    """Registers it."""

    @hookimpl
    def hypernodes_register_engines(self) -> list[EngineSpec]:
        """Name it."""
        return [EngineSpec("notebook", f"{__name__}:NotebookEngine")]


@pytest.fixture(autouse=True)
def no_guests() -> None:
    """Leave out whatever is installed beside HyperNodes."""
    reset_plugins(Plugins(list))


def attribute(name: str) -> Any:
    """Return an attribute of the package, as an import would."""
    return getattr(hypernodes.engines, name)


def test_an_engine_has_a_name() -> None:
    """`get_engine` is the way from a setting to an engine."""
    assert type(get_engine("seq")) is SeqEngine


def test_a_registered_engine_is_an_attribute() -> None:
    """A class that a plugin registers is imported from where ours are."""
    manager().register(NotebookPlugin(), "notebook")
    assert attribute("NotebookEngine") is NotebookEngine


def test_a_missing_distribution_is_an_import_error_with_the_install_line() -> None:
    """The sentence says what to type."""
    with pytest.raises(ImportError) as caught:
        from hypernodes.engines import DaftEngine  # noqa: F401  # the import is the test
    assert isinstance(caught.value, EngineNotInstalledError)
    assert str(caught.value) == (
        "DaftEngine lives in a separate distribution; run: pip install 'hypernodes[daft]'"
    )
    assert caught.value.name == "hypernodes_daft"


def test_an_unknown_class_is_an_attribute_error_with_a_guess() -> None:
    """A mistyped class name is no missing distribution."""
    with pytest.raises(AttributeError, match="has no attribute 'SequEngine'"):
        attribute("SequEngine")
    assert not hasattr(hypernodes.engines, "SequEngine")


def test_a_clash_of_class_names_is_said_aloud() -> None:
    """A clash is no missing attribute, so it is not hidden behind one."""
    manager().register(NotebookPlugin(), "one")
    manager().register(NotebookPlugin(), "two")
    with pytest.raises(PluginConflictError, match="'NotebookEngine' is claimed by"):
        attribute("NotebookEngine")


@pytest.mark.parametrize("name", ["__path__nope", "_hidden", "seq", "pytest_plugins"])
def test_names_that_no_class_has_load_no_plugin(name: str) -> None:
    """Tools ask modules for all kinds of names; that must not load extensions."""
    calls: list[str] = []
    reset_plugins(Plugins(lambda: calls.append("listed") or []))  # type: ignore[func-returns-value]
    assert not hasattr(hypernodes.engines, name)
    assert calls == []


def test_importing_engines_loads_no_plugin() -> None:
    """The sequential engine is there without discovery."""
    code = (
        "import sys; from hypernodes.engines import SeqEngine; "
        "print([m for m in ('pluggy', 'importlib.metadata') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
