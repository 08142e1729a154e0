"""The conformance kit of engines, applied to a Ray of two processors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hypernodes.testing import EngineContract

ray = pytest.importorskip("ray", reason="Ray is not installed")
hypernodes_ray = pytest.importorskip("hypernodes_ray")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The home of workers and of their tests: it holds the key that caches are signed with."""
    home = str(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        move(patch, home)
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _node_ip_address="127.0.0.1",
        )
        yield home
        # other libraries look for a Ray and would use it
        ray.shutdown()


def move(patch: pytest.MonkeyPatch, home: str) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME"):
        patch.setenv(name, home)


class TestRayEngine(EngineContract):
    """Tasks in worker processes."""

    runs_here = False

    @pytest.fixture
    def engine(self, home: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
        """Makes engines."""
        move(monkeypatch, home)
        environment = {"env_vars": {"HOME": home, "XDG_CONFIG_HOME": home}}
        return lambda **options: hypernodes_ray.RayEngine(runtime_env=environment, **options)
