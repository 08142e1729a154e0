"""One Dask cluster for all tests here, and scripts run as a user would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed", reason="Dask is not installed")

Script = Callable[..., subprocess.Popen[str]]


class Calls(list[Any]):
    """Notes calls; what it holds does not count in keys."""

    def __cache_key__(self) -> str:
        return "calls"


@pytest.fixture
def calls() -> Calls:
    """The arguments of every call in this process, in order of their beginning."""
    return Calls()


@pytest.fixture(scope="session")
def client() -> Iterator[Any]:
    """A client of a cluster of two worker processes; not the current one."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=2,
            processes=True,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            silence_logs=50,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def processes() -> Iterator[Any]:
    """An engine whose two worker processes stay for all tests."""
    from hypernodes_dask import DaskEngine

    engine = DaskEngine("processes", num_workers=2)
    yield engine
    engine.close()


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    """Start Python on a script with that text, in a folder of its own; ended at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str) -> subprocess.Popen[str]:
        path = tmp_path / "script.py"
        path.write_text(text, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, path.name],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            if process.poll() is None:
                process.kill()


def is_running(pid: int) -> bool:
    """Say whether a process is alive, zombies left out."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except OSError:
        if Path("/proc").exists():
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    return state != "Z"


@pytest.fixture
def running() -> Callable[[int], bool]:
    """Whether a process is alive."""
    return is_running
