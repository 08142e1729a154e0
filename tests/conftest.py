"""What every test starts from: no plugins yet, an empty home, no settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from hypernodes.plugins import reset_plugins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# How fast a busy machine is says nothing of the code.
settings.register_profile("facts", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("facts")


@pytest.fixture(autouse=True)
def fresh_surroundings(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Give the test a home of its own and a plugin manager that has loaded nothing."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith("HYPERNODES_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home))
    reset_plugins()
    yield home
    reset_plugins()
