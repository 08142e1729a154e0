"""Daft itself: missing, too old, or elsewhere."""

from __future__ import annotations

import socket
import sys

import pytest

from hypernodes import Pipeline, node
from hypernodes.errors import EngineNotInstalledError, ExecutionError

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
    with pytest.raises(EngineNotInstalledError, match=r"0\.7 or newer, found 0\.6\.14"):
        runtime.load_daft.__wrapped__()


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
