"""The conformance kit of engines, applied to each of Dask's schedulers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from hypernodes.testing import EngineContract

pytest.importorskip("distributed", reason="Dask is not installed")
hypernodes_dask = pytest.importorskip("hypernodes_dask")

_MAKE = "from hypernodes.engines import DaskEngine\nengine = DaskEngine"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The home of workers and of their tests: it holds the key that caches are signed with."""
    return str(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module", autouse=True)
def started_there(home: str) -> Iterator[None]:
    """Workers start in that home, whichever test is the first."""
    with pytest.MonkeyPatch.context() as patch:
        move(patch, home)
        yield


def move(patch: pytest.MonkeyPatch, home: str) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME"):
        patch.setenv(name, home)


@pytest.fixture(scope="module")
def shared(started_there: None) -> Iterator[Any]:
    """An engine whose workers the engines of all tests borrow."""
    engine = hypernodes_dask.DaskEngine("processes", num_workers=2)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def client(started_there: None) -> Iterator[Any]:
    """A client that is not the current one."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            silence_logs=50,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


class DaskContract(EngineContract):
    """What all schedulers have in common."""

    options: ClassVar[dict[str, Any]]

    @pytest.fixture
    def engine(self) -> Callable[..., Any]:
        """Makes engines."""
        return lambda **options: hypernodes_dask.DaskEngine(**self.options, **options)


class TestDaskThreads(DaskContract):
    """Threads of this process."""

    options: ClassVar[dict[str, Any]] = {"num_workers": 4}
    script = f"{_MAKE}()"


class TestDaskThreadsOneByOne(DaskContract):
    """Threads of this process, and as many chunks as there may be items."""

    options: ClassVar[dict[str, Any]] = {"num_workers": 3, "npartitions": 1000}


class TestDaskSynchronous(DaskContract):
    """The calling thread."""

    options: ClassVar[dict[str, Any]] = {"scheduler": "synchronous"}
    script = f"{_MAKE}('synchronous')"


class TestDaskProcesses(EngineContract):
    """Worker processes of this machine, kept from test to test."""

    runs_here = False
    script = f"{_MAKE}('processes', num_workers=2)"

    @pytest.fixture
    def engine(self, shared: Any, home: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
        """Makes engines."""
        move(monkeypatch, home)

        def make(**options: Any) -> Any:
            engine = hypernodes_dask.DaskEngine("processes", num_workers=2, **options)
            engine._pool = shared._pool
            return engine

        return make


class TestDaskDistributed(EngineContract):
    """A cluster of two worker processes."""

    runs_here = False

    @pytest.fixture
    def engine(self, client: Any, home: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
        """Makes engines."""
        move(monkeypatch, home)
        return lambda **options: hypernodes_dask.DaskEngine(client=client, **options)
