"""What a remote cache costs: requests, and time against one object per entry.

Requests are counted where the filesystem sends them, against an S3 server on
this machine (moto).  Run it with
``python benchmarks/bench_remote.py``; it takes less than a minute.
"""

from __future__ import annotations

import argparse
import contextlib
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from timing import Row, compare, print_table

from hypernodes.cache import Entry, FsspecCache, Payload, Result, decode, encode
from hypernodes.hashing import Signature, fingerprint

ITEMS = 10_000
NODES = 3
KEYS = {"key": "benchmark", "secret": "benchmark"}


class Store:
    """A place for remote caches on an S3 server, and how often it was asked.

    Args:
        url: Where.
        options: Arguments of the filesystem.
        scratch: A folder for copies of the index.
    """

    def __init__(self, url: str, options: dict[str, Any], scratch: Path) -> None:
        self.url, self.options, self.scratch = url, options, scratch
        self.requests: Counter[str] = Counter()
        # only where it is installed
        from s3fs import S3FileSystem

        call = vars(S3FileSystem)["_call_s3"]

        async def counted(system: Any, method: str, *args: Any, **kwargs: Any) -> Any:
            self.requests[method] += 1
            return await call(system, method, *args, **kwargs)

        setattr(S3FileSystem, "_call_s3", counted)  # noqa: B010 - not ours, so not by attribute

    def open(self) -> FsspecCache:
        """Open the cache as a machine that knows nothing yet."""
        mirror, url = tempfile.mkdtemp(dir=self.scratch), f"{self.url}/cache"
        return FsspecCache(url, key="b", mirror=mirror, storage_options=self.options)

    def take(self) -> dict[str, int]:
        """Return what was asked since the last time."""
        found = dict(self.requests)
        self.requests.clear()
        return found


def make_results(items: int, nodes: int) -> list[Result]:
    """Return as many results of about a kilobyte each."""
    results = []
    for number in range(nodes):
        node = bytes([number]) * 16
        for at in range(items):
            text = f"{number} {at} " + f"{at * 7919 + number:x}" * 150
            key = Signature(node, at.to_bytes(16, "big"))
            entry = Entry(key, (fingerprint(text),), 0.001, time.time())
            results.append(Result(entry, (text[:1000],)))
    return results


def measure_requests(store: Store, items: int, nodes: int) -> None:
    """Print how many requests the usual cases take."""
    results = make_results(items, nodes)
    keys = [result.entry.signature for result in results]
    rows = []

    def note(what: str, target: int | None, started: float) -> None:
        asked = store.take()
        rows.append((what, sum(asked.values()), target, time.perf_counter() - started, asked))

    cache = store.open()
    cache.lookup_many(keys[:10])
    store.take()
    started = time.perf_counter()
    for result in results:
        cache.store_many([result])
    cache.flush()
    note(f"write {len(results)} entries", 20, started)
    packs = cache.stats()["objects"]
    store.take()

    reader, started = store.open(), time.perf_counter()
    entries = reader.lookup_many(keys)
    values = reader.load_many([(entry, 0) for entry in entries if isinstance(entry, Entry)])
    assert [result.values[0] for result in results] == values
    note(f"read all from nothing, {packs} packs", 4 + 3 * packs, started)

    reader.flush()
    started = time.perf_counter()
    missing = [Signature(b"x" * 16, key.item) for key in keys]
    reader.lookup_many(missing)
    note("all missing, index known", 1, started)

    reader.flush()
    started = time.perf_counter()
    some = reader.lookup_many(keys[:: len(keys) // 10])
    reader.load_many([(entry, 0) for entry in some if isinstance(entry, Entry)])
    note("10 entries, index known", None, started)

    print("\n### Requests\n")
    print("| what | requests | target | seconds | which |\n|---|---|---|---|---|")
    for what, count, target, seconds, asked in rows:
        goal = "" if target is None else f"<= {target}"
        print(f"| {what} | {count} | {goal} | {seconds:.2f} | {asked} |")


def measure_client(scratch: Path) -> list[Row]:
    """Compare the work of this process with that of one object per entry, in a folder."""
    results = make_results(1000, 1)
    folder = scratch / "plain"
    count = 0

    def write_packed() -> None:
        nonlocal count
        count += 1
        cache = FsspecCache(
            (scratch / f"packed {count}").as_uri(), key="b", mirror=scratch / f"mirror {count}"
        )
        cache.store_many(results)
        cache.close()

    def write_plain() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for result in results:
            data = pickle.dumps(result.values[0])
            (folder / str(result.entry.signature)).write_bytes(data)

    return [
        compare(
            "write 1,000 entries of 1 kB to a folder, against a file per pickle",
            write_packed,
            write_plain,
            units=len(results),
            repeats=3,
        )
    ]


def measure_formats() -> list[Row]:
    """Compare our formats with pickle, encoding and decoding."""
    values: dict[str, Any] = {
        "int": 12345,
        "text": "hello world",
        "dict of four": {"a": 1, "b": "two", "c": 3.0, "d": None},
        "nested": {"a": [1, 2, 3], "b": {"c": ("x", None)}},
        "list of 1,000 floats": [float(at) for at in range(1000)],
    }
    with contextlib.suppress(ImportError):
        # only where it is installed
        import numpy as np

        values["array of 1,000"] = np.random.default_rng(1).random(1000)
    return [_compare_format(name, value) for name, value in values.items()]


def _compare_format(name: str, value: Any) -> Row:
    count = 20 if "1,000" in name else 1000

    def ours() -> None:
        for _ in range(count):
            payload = encode(value)
            decode(Payload(payload.serializer, payload.version, payload.data))

    def pickled() -> None:
        for _ in range(count):
            pickle.loads(pickle.dumps(value, protocol=5))

    return compare(f"{name}: encode and decode, against pickle", ours, pickled, units=count)


@contextlib.contextmanager
def open_store(scratch: Path) -> Iterator[Store | None]:
    """Start an S3 server, if there is one, and give a place on it; else None."""
    command = find_server()
    if command is None:
        yield None
        return
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    process = subprocess.Popen(
        [*command, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        wait_for(f"{endpoint}/moto-api/", 20)
        options = {**KEYS, "endpoint_url": endpoint}
        make_bucket(options)
        yield Store("s3://benchmark", options, scratch)
    finally:
        process.kill()
        process.wait()


def find_server() -> Sequence[str] | None:
    """Return the command of moto's server, None where it is not installed."""
    beside = Path(sys.executable).parent / "moto_server"
    found = str(beside) if beside.exists() else shutil.which("moto_server")
    with contextlib.suppress(ImportError):
        # only where it is installed
        import s3fs  # noqa: F401 - whether it is there is all that matters

        return [found] if found else None
    return None


def wait_for(url: str, seconds: float) -> None:
    """Wait until somebody answers at *url*."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.1)


def make_bucket(options: dict[str, Any]) -> None:
    """Make the bucket of this benchmark."""
    # comes with the server
    import s3fs

    s3fs.S3FileSystem(**options).mkdir("benchmark")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=ITEMS)
    items: int = parser.parse_args().items
    with tempfile.TemporaryDirectory() as scratch:
        with open_store(Path(scratch)) as store:
            if store is None:
                print(
                    "no S3 server here, so requests are not counted: install moto[server] and s3fs"
                )
            else:
                measure_requests(store, items, NODES)
        print_table("Client", measure_client(Path(scratch)))
    print_table("Formats", measure_formats())


if __name__ == "__main__":
    main()
