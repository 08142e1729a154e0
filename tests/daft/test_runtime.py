"""Daft itself: missing, too old, or elsewhere."""

from __future__ import annotations

import socket
import sys
from importlib.metadata import requires
from typing import Any

import pytest

from hypernodes import Pipeline, node
from hypernodes.errors import EngineNotInstalledError, ExecutionError, UnsupportedStepError

daft = pytest.importorskip("daft")
DaftEngine = pytest.importorskip("hypernodes_daft").DaftEngine
runtime = pytest.importorskip("hypernodes_daft.runtime")

PIPELINE = Pipeline([node(output_name="y")(lambda x: x)])


def test_a_missing_daft_is_told_with_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine can be made without Daft, and says what it needs when it maps."""
    monkeypatch.setitem(sys.modules, "daft", None)
    with pytest.raises(EngineNotInstalledError, match=r"pip install 'hypernodes\[daft\]'"):
        runtime.load_daft.__wrapped__()


def test_an_old_daft_is_told_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there and what is needed are in the message."""
    monkeypatch.setattr(daft, "__version__", "0.6.14")
    with pytest.raises(EngineNotInstalledError, match=r"0\.7\.20 or newer, found 0\.6\.14"):
        runtime.load_daft.__wrapped__()


def test_the_oldest_daft_is_the_one_that_is_required() -> None:
    """What the message asks for is what installing asks for."""
    least = ".".join(map(str, runtime._LEAST))
    asked = [each for each in requires("hypernodes-daft") or [] if each.startswith("daft")]
    assert asked == [f"daft>={least}"]


def test_a_cluster_that_does_not_answer_is_told_at_once() -> None:
    """Nobody waits for an address where nobody listens."""
    with socket.socket() as taken:
        # bound and not listening: nobody answers, and nobody else takes the port
        taken.bind(("127.0.0.1", 0))
        address = f"ray://127.0.0.1:{taken.getsockname()[1]}"
        engine = DaftEngine(runner="ray", address=address)
        with pytest.raises(ExecutionError, match="no Ray cluster at 'ray://"):
            PIPELINE.map({"x": [1]}, map_over="x", engine=engine)


def test_run_stays_in_the_calling_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """One item needs no query, so it needs no Daft."""
    monkeypatch.setattr(runtime, "load_daft", lambda: pytest.fail("Daft was asked"))
    assert PIPELINE.run({"x": 1}, engine=DaftEngine()) == {"y": 1}


@pytest.mark.parametrize(
    ("resources", "there", "words"),
    [
        ({"cpus": 5000}, None, r"'f' needs 5000 CPU, but there are \d+"),
        ({"gpus": 1}, {"CPU": 4, "GPU": 0}, "'f' needs 1 GPU, but there are 0"),
    ],
)
def test_what_would_wait_for_ever_is_refused(
    resources: dict[str, Any], there: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for processors or graphics cards that a machine or a cluster does not have."""

    def f(x: int) -> int:
        return x

    if there is not None:
        for module in ("engine", "transform"):
            monkeypatch.setattr(f"hypernodes_daft.{module}.resources_of", lambda _runner: there)
    inner = Pipeline([node(f, output_name="y", **resources)]).as_node(name="inner")
    pipeline = Pipeline([inner])
    with pytest.raises(UnsupportedStepError, match=words.replace("'f'", "'inner/f'")):
        pipeline.map({"x": [1]}, map_over="x", engine=DaftEngine())
    with pytest.raises(UnsupportedStepError, match="ask for less"):
        DaftEngine().transform(daft.from_pydict({"x": [1]}), pipeline)
