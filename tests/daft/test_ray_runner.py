"""Daft's Ray runner keeps the promises of every engine, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("daft")
pytest.importorskip("ray")

HERE = Path(__file__).parent


@pytest.mark.timeout(280)
def test_the_ray_runner_keeps_the_promises_of_every_engine() -> None:
    """The conformance kit passes on a cluster of two processors."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "on_ray.py"],
        cwd=HERE,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=270,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
