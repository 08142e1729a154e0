"""The documented import path of progress and tracing."""

from __future__ import annotations

import sys
import types

import pytest

import hypernodes.callbacks
from hypernodes import telemetry
from hypernodes.errors import EngineNotInstalledError


def test_progress_is_the_one_of_the_core() -> None:
    """Both import paths give one class."""
    assert telemetry.ProgressCallback is hypernodes.callbacks.ProgressCallback


def test_missing_tracing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hypernodes-otel the import error holds the install line."""
    monkeypatch.setitem(sys.modules, "hypernodes_otel", None)
    with pytest.raises(EngineNotInstalledError, match=r"pip install 'hypernodes\[otel\]'"):
        _ = telemetry.TelemetryCallback


def test_missing_tracing_is_an_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """``from hypernodes.telemetry import TelemetryCallback`` fails as an import."""
    monkeypatch.setitem(sys.modules, "hypernodes_otel", None)
    with pytest.raises(ImportError, match="pip install"):
        from hypernodes.telemetry import TelemetryCallback  # noqa: F401 - importing is the test


def test_installed_tracing_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """With hypernodes-otel its class is the one."""
    extension = types.ModuleType("hypernodes_otel")
    extension.TelemetryCallback = object()
    monkeypatch.setitem(sys.modules, "hypernodes_otel", extension)
    assert telemetry.TelemetryCallback is extension.TelemetryCallback


def test_unknown_names_are_attribute_errors() -> None:
    """Other names are not there."""
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = telemetry.Nothing
