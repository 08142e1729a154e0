"""Object stores that refuse, stall or die, and what a run makes of it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DiskCache, FsspecCache, MemoryCache, Pipeline, SeqEngine, TieredCache, node
from hypernodes.errors import CacheError, CacheUnavailableError, CacheWarning
from hypernodes.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Bucket

pytestmark = pytest.mark.timeout(60)
KEYS = {"key": "nobody", "secret": "nothing"}


class Proxy:
    """Passes bytes on to a server until it is told to hold them back or to hang up."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.is_stalling = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._run(self._accept)

    def _run(self, work: Any, *args: Any) -> None:
        threading.Thread(target=work, args=args, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self._open += [client, server]
                self._run(self._pass_on, client, server)
                self._run(self._pass_on, server, client)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if not self.is_stalling:
                    target.sendall(data)

    def close(self) -> None:
        """Hang up, on everybody."""
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def proxy(s3_bucket: Bucket) -> Iterator[Proxy]:
    """A line to the S3 server that can be cut."""
    found = Proxy(int(s3_bucket.options["endpoint_url"].rpartition(":")[2]))
    yield found
    found.close()


@pytest.fixture
def behind(s3_bucket: Bucket, proxy: Proxy, tmp_path: Path) -> FsspecCache:
    """A cache behind that line, which is given up after two seconds."""
    options = {**s3_bucket.options, "endpoint_url": f"http://127.0.0.1:{proxy.port}"}
    return FsspecCache(
        s3_bucket.url, key="k", mirror=tmp_path / "m", storage_options=options, timeout=2
    )


def make_pipeline(cache: Any, **options: Any) -> Pipeline:
    """Return a pipeline of one node on an engine with *cache*."""

    @node(output_name="doubled")
    def double(x: int) -> int:
        return 2 * x

    return Pipeline(nodes=[double], engine=SeqEngine(cache=cache, **options))


def make_dead(tmp_path: Path) -> FsspecCache:
    """Return a cache at a port where nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{found.getsockname()[1]}"
    options = {**KEYS, "endpoint_url": endpoint}
    return FsspecCache(
        "s3://nowhere", key="k", mirror=tmp_path / "d", storage_options=options, timeout=2
    )


def test_a_dead_store_costs_one_warning_and_little_time(tmp_path: Path) -> None:
    """A run whose cache cannot be reached computes everything."""
    pytest.importorskip("s3fs")
    pipeline = make_pipeline(make_dead(tmp_path))
    started = time.monotonic()
    with pytest.warns(CacheWarning, match=r"s3://nowhere.* cannot be read.* goes on") as told:
        found = pipeline.map(inputs={"x": [1, 2]}, map_over="x")
    assert ([{"doubled": 2}, {"doubled": 4}], 1) == (found, len(told))
    assert time.monotonic() - started < 15


def test_a_dead_store_is_an_error_where_the_engine_is_strict(tmp_path: Path) -> None:
    """``strict=True`` does not go on without the cache."""
    pytest.importorskip("s3fs")
    with pytest.raises(CacheError, match="s3://nowhere"):
        make_pipeline(make_dead(tmp_path), strict=True).run(inputs={"x": 1})


def test_a_dead_store_behind_a_folder_keeps_results_near(tmp_path: Path) -> None:
    """What could not be pushed is there the next time, and is still to be pushed."""
    pytest.importorskip("s3fs")
    near = DiskCache(tmp_path / "near")
    with pytest.warns(CacheWarning, match="pushed later"):
        make_pipeline(TieredCache(near, make_dead(tmp_path))).run(inputs={"x": 1})
    assert 1 == len(list((tmp_path / "near" / "untold").glob("*/*.keys")))
    assert 1 == near.stats()["entries"]


def test_wrong_credentials_are_named(seaweed: dict[str, Any], tmp_path: Path) -> None:
    """The error says which place it was and that credentials are the matter."""
    url, options = "s3://hypernodes-cache/locked", {**seaweed, "secret": "wrong"}
    cache = FsspecCache(url, key="k", mirror=tmp_path, storage_options=options, timeout=5)
    with pytest.raises(CacheUnavailableError, match=rf"{url} cannot be listed.*credentials"):
        cache.get("a")
    with pytest.raises(CacheUnavailableError, match=url):
        cache.put("a", 1)


def test_a_stalled_store_is_given_up_in_time(behind: FsspecCache, proxy: Proxy) -> None:
    """A store that takes requests and never answers costs its time limit, once."""
    behind.put("a", 1)
    proxy.is_stalling = True
    started = time.monotonic()
    for _ in range(3):
        with pytest.raises(CacheUnavailableError, match="s3://"):
            behind.put("b", 2)
    assert time.monotonic() - started < 12


def test_a_store_that_dies_in_mid_map_loses_nothing_near(
    behind: FsspecCache, proxy: Proxy, s3_bucket: Bucket, tmp_path: Path
) -> None:
    """The map ends, the results are near, and the next run pushes them."""
    near = DiskCache(tmp_path / "near")

    @node(output_name="squared", ignore=["proxy"])
    def square(x: int) -> int:
        if x == 3:
            proxy.close()
        return x * x

    tiers = TieredCache(near, behind)
    pipeline = Pipeline(nodes=[square], engine=SeqEngine(cache=tiers))
    with pytest.warns(CacheWarning, match="pushed later"):
        found = pipeline.map(inputs={"x": [1, 2, 3, 4]}, map_over="x")
    assert [1, 4, 9, 16] == [each["squared"] for each in found]

    again = FsspecCache(
        s3_bucket.url, key="k", mirror=tmp_path / "n", storage_options=s3_bucket.options
    )
    # the notes are those of a cache of the same name
    TieredCache(near, again).flush()
    assert 4 == again.stats()["entries"]


def test_two_processes_write_at_once(seaweed: dict[str, Any], tmp_path: Path) -> None:
    """Both write the same keys and their own; everything is there afterwards."""
    url = f"s3://hypernodes-cache/{uuid.uuid4().hex}"
    code = f"""
import sys
from hypernodes import FsspecCache
cache = FsspecCache({url!r}, key="k", mirror={str(tmp_path)!r} + sys.argv[1],
                    storage_options={seaweed!r})
for at in range(4):
    cache.put(f"both {{at}}", at)
    cache.put(f"{{sys.argv[1]}} {{at}}", [sys.argv[1], "x" * 500])
"""
    processes = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("one", "two")]
    assert [0, 0] == [process.wait(50) for process in processes]
    cache = FsspecCache(url, key="k", mirror=tmp_path / "m", storage_options=seaweed)
    names = [f"{who} {at}" for who in ("both", "one", "two") for at in range(4)]
    assert [True] * 12 == cache.has_many(names)
    assert [*range(4)] == cache.get_many([f"both {at}" for at in range(4)])


def test_damaged_objects_are_misses(s3_bucket: Bucket, tmp_path: Path) -> None:
    """Truncated and flipped objects on a real store give misses and one warning."""
    options = {"key": "k", "storage_options": s3_bucket.options}
    writer = FsspecCache(s3_bucket.url, mirror=tmp_path / "w", **options)
    for at in range(3):
        writer.put(f"key {at}", [at, "x" * 400])
    system = s3_bucket.filesystem()
    names = s3_bucket.names("index")
    system.pipe_file(names[0], system.cat_file(names[0])[:-9])
    data = bytearray(system.cat_file(names[1]))
    data[-20] ^= 1
    system.pipe_file(names[1], bytes(data))
    reader = FsspecCache(s3_bucket.url, mirror=tmp_path / "r", **options)
    with pytest.warns(CacheWarning, match="2 objects of .* are damaged"):
        found = reader.get_many([f"key {at}" for at in range(3)])
    assert 2 == found.count(MISSING)
    assert [2, "x" * 400] in found or [0, "x" * 400] in found or [1, "x" * 400] in found


def test_results_of_a_missing_bucket_are_told(s3_bucket: Bucket, tmp_path: Path) -> None:
    """Writing to a bucket that does not exist is an error that asks for it."""
    cache = FsspecCache(
        f"s3://no-{uuid.uuid4().hex[:8]}",
        key="k",
        mirror=tmp_path,
        storage_options=s3_bucket.options,
    )
    with pytest.raises(CacheUnavailableError, match=r"cannot be written.*does the bucket exist\?"):
        TieredCache(MemoryCache(), cache).far.put("a", 1)
