"""Promises on Daft's Ray runner; `test_ray_runner` runs them in a process of its own.

Daft has one runner per process, so these tests cannot share one with others.
"""

from __future__ import annotations

import os
import signal
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hypernodes import DiskCache, Pipeline, SeqEngine, node
from hypernodes.errors import UnsupportedStepError, WorkerLostError
from hypernodes.testing import EngineContract, Tally

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
        address="local",
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
        return make_engine


def make_engine(**options: Any) -> Any:
    """Return an engine with two workers."""
    # deferred: see above
    from hypernodes_daft import DaftEngine

    return DaftEngine(runner="ray", num_workers=2, **options)


def make_frame(**columns: Any) -> Any:
    """Return a DataFrame."""
    # deferred: see above
    import daft

    return daft.from_pydict(columns)


def test_the_user_s_own_modules_are_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that workers cannot import travels along, to maps and to frames."""
    source = "OFFSET = 5\ndef helper(x): return x + OFFSET\ndef work(x) -> int: return helper(x)\n"
    module = types.ModuleType("project_of_the_user")
    module.__file__ = str(tmp_path / "project_of_the_user.py")
    exec(source, vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    pipeline = Pipeline([node(module.work, output_name="y")], engine=make_engine())
    assert pipeline.map({"x": [1, 2]}, map_over="x") == [{"y": 6}, {"y": 7}]
    assert pipeline.transform(make_frame(x=[1, 2])).to_pydict() == {"x": [1, 2], "y": [6, 7]}


def test_a_lost_process_is_told_and_what_was_finished_is_kept(tmp_path: Path) -> None:
    """The error names items and nodes; who runs again goes on where it broke."""
    tally, mark = Tally(tmp_path / "tally"), tmp_path / "killed"

    def work(x: int) -> int:
        tally.note(x)
        if x == 9 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    config = {"batch_size": 1}
    engine = make_engine(cache=DiskCache(tmp_path / "cache"), default_daft_config=config)
    pipeline = Pipeline([node(work, output_name="y", use_process=True)])
    pipeline.map({"x": [0, 1, 2]}, "x", engine=engine)
    with pytest.raises(WorkerLostError, match="nodes 'work'"):
        pipeline.map({"x": list(range(12))}, "x", engine=engine)
    rows = pipeline.map({"x": list(range(12))}, "x", engine=engine)
    assert [row["y"] for row in rows] == list(range(12))
    assert [tally.read().count(x) for x in "012"] == [1, 1, 1]


def test_what_frames_cache_is_found_by_everybody(tmp_path: Path) -> None:
    """Workers store in a shared folder; other frames and other engines hit."""
    tally = Tally(tmp_path / "tally")

    def square(n: int) -> int:
        tally.note(n)
        return n * n

    pipeline = Pipeline([node(square, output_name="y")])
    engine = make_engine(cache=DiskCache(tmp_path / "cache"))
    for _ in range(2):
        assert engine.transform(make_frame(n=[1, 2]), pipeline).to_pydict()["y"] == [1, 4]
    found = pipeline.map({"n": [2, 1]}, "n", engine=SeqEngine(cache=engine.cache))
    assert (found, sorted(tally.read())) == ([{"y": 4}, {"y": 1}], ["1", "2"])


def test_nobody_waits_for_what_the_cluster_does_not_have() -> None:
    """A graphics card that is nowhere is refused at once."""
    pipeline = Pipeline([node(lambda x: x, output_name="y", gpus=1)])
    with pytest.raises(UnsupportedStepError, match="needs 1 GPU, but there are 0"):
        pipeline.map({"x": [1]}, "x", engine=make_engine())
