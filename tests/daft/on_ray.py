"""The conformance kit on Daft's Ray runner; `test_ray_runner` runs it in a process of its own.

Daft has one runner per process, so these tests cannot share one with others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hypernodes.testing import EngineContract

KEY = "one key for the driver and the workers of these tests"
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="session", autouse=True)
def cluster() -> Iterator[None]:
    """A Ray cluster on this machine, with two processors."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_AUTH_MODE"] = "disabled"
    # workers have another home than tests: both find the key of caches here
    os.environ["HYPERNODES_CACHE_KEY"] = KEY
    # deferred: heavy, and only this process needs it
    import ray

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
    )
    yield
    ray.shutdown()


@pytest.fixture(autouse=True)
def shared_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the driver sign what it stores with the key of the workers."""
    monkeypatch.setenv("HYPERNODES_CACHE_KEY", KEY)


class TestDaftOnRay(EngineContract):
    """Chunks travel to the workers of a cluster, as cells."""

    runs_here = False
    batches_whole = False

    @pytest.fixture
    def engine(self) -> Callable[..., Any]:
        """Makes engines."""
        # deferred: see above
        from hypernodes_daft import DaftEngine

        return lambda **options: DaftEngine(runner="ray", num_workers=2, **options)
