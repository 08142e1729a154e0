"""Which Ray is used, and what is left of one that an engine starts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from hypernodes.errors import ExecutionError
from hypernodes_ray.options import RayOptions

cluster = pytest.importorskip("hypernodes_ray.cluster")

_RAY = tuple(map(int, version("ray").split(".")[:2]))
#: What is set while it runs; newer ones ask for a token by themselves.
_AUTH = ["RAY_AUTH_TOKEN", "RAY_AUTH_MODE"] if _RAY >= (2, 60) else ["RAY_AUTH_TOKEN"]

_SCRIPT = """
import os, signal, time
from pathlib import Path
from hypernodes import Pipeline, node
from hypernodes_ray import RayEngine

engine = RayEngine(num_cpus=1)
found = engine.map(Pipeline([node(lambda x: (x, os.getpid()), output_name="y")]), {"x": [1]}, "x")
print(found[0]["y"][0], [name for name in os.environ if name.startswith("RAY_AUTH")], flush=True)

def slow(x):
    Path("pid").write_text(str(os.getpid()))
    time.sleep(60)

try:
    engine.map(Pipeline([node(slow, output_name="y")]), {"x": [1]}, "x")
except KeyboardInterrupt:
    print("interrupted", flush=True)
engine.close()
print([name for name in os.environ if name.startswith("RAY_AUTH")], flush=True)
"""


@pytest.mark.timeout(110)
def test_a_ray_of_its_own_leaves_nothing_behind(tmp_path: Path) -> None:
    """No guard is needed, Ctrl-C ends it, its workers are gone, and the home stays empty."""
    home = tmp_path / "home"
    home.mkdir()
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT, encoding="utf-8")
    names = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
    environ = {name: value for name, value in os.environ.items() if name not in names}
    with subprocess.Popen(
        [sys.executable, script.name],
        cwd=tmp_path,
        env={**environ, "HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first == f"1 {_AUTH}\n"
        pid = _read_pid(tmp_path / "pid")
        process.send_signal(2)
        output, _ = process.communicate(timeout=60)
    assert output == "interrupted\n[]\n"
    assert (process.returncode, list(home.iterdir())) == (0, [])
    assert not Path(f"/proc/{pid}").exists()


def _read_pid(path: Path) -> int:
    import time

    for _ in range(600):
        if path.exists() and path.read_text("ascii"):
            return int(path.read_text("ascii"))
        time.sleep(0.05)
    pytest.fail("the function never began")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, True),
        ({"RAY_AUTH_MODE": "token"}, True),
        ({"RAY_AUTH_MODE": "disabled"}, False),
        ({"RAY_AUTH_TOKEN": "mine"}, False),
        ({"RAY_AUTH_TOKEN_PATH": "mine"}, False),
    ],
)
def test_a_token_is_made_where_the_user_has_none(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: bool
) -> None:
    """Ray would write one into the home; what the user has decided is left alone."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert ("RAY_AUTH_TOKEN" in cluster._quiet()) == expected


def test_a_token_in_the_home_is_used(fresh_surroundings: Path) -> None:
    """Who has set Ray up keeps their own token."""
    (fresh_surroundings / ".ray").mkdir()
    (fresh_surroundings / ".ray" / "auth_token").write_text("mine", encoding="utf-8")
    assert "RAY_AUTH_TOKEN" not in cluster._quiet()


def test_a_cluster_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the address and what to do."""
    import ray

    def refuse(**options: Any) -> None:
        msg = "could not find any running Ray instance"
        raise ConnectionError(msg)

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(ExecutionError, match="no Ray cluster answers at 'auto'"):
        cluster.RayCluster(RayOptions(address="auto")).attach()


@pytest.mark.parametrize("kind", ["", "ray://"])
def test_a_cluster_that_does_not_listen_is_an_error_at_once(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Ray itself would try for minutes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray was asked"))
    engine = cluster.RayCluster(RayOptions(address=f"{kind}127.0.0.1:{port}"))
    with pytest.raises(ExecutionError, match=f"no Ray cluster answers at .*{port}.*refused"):
        engine.attach()


@pytest.mark.parametrize("address", [None, "local"])
def test_an_address_in_the_environment_stands_for_the_one_that_is_left_out(
    monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    """As for Ray itself, whose jobs find their cluster so; ``"local"`` asks for one of its own."""
    import ray

    asked: list[Any] = []
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "init", lambda **options: asked.append(options["address"]))
    made = cluster.RayCluster(RayOptions(address=address))
    made.attach()
    made.close()
    assert asked == [address or "auto"]
