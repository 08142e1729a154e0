"""What is said of an installation: run in one, ``python -I installed.py EXTRA``.

``nox -s wheels`` and ``nox -s upgrade`` do so in environments made of wheels alone.  Not for
pytest, and without it: nothing is imported here but what the extra promises.
"""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import hypernodes
from hypernodes import DiskCache, Pipeline, SeqEngine, get_engine, node, open_cache
from hypernodes.plugins import list_plugins

SITE: Final = Path(sysconfig.get_path("purelib"))
#: The extras that bring a plugin of ours.
PLUGINS: Final = ("daft", "dask", "otel", "ray")
calls: list[int] = []


@node(output_name="doubled")
def double(x: int) -> int:
    return 2 * x


@node(output_name="total")
def add(doubled: int, start: int = 1) -> int:
    calls.append(doubled)
    return start + doubled


PIPELINE: Final = Pipeline([add, double], name="sums")
ITEMS: Final[dict[str, Any]] = {"inputs": {"x": [1, 2, 3]}, "map_over": "x"}
EXPECTED: Final = [{"doubled": 2 * x, "total": 2 * x + 1} for x in (1, 2, 3)]


def check_files(names: tuple[str, ...]) -> None:
    """Check that the packages lie here as they were built, with nothing else in their folders."""
    assert Path(hypernodes.__file__).is_relative_to(SITE), hypernodes.__file__
    for name in ("hypernodes", *(f"hypernodes-{each}" for each in names)):
        found = distribution(name)
        assert found.version == hypernodes.__version__
        recorded = {str(path) for path in found.files or ()}
        folder = SITE / name.replace("-", "_")
        there = {path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}
        assert {path.relative_to(SITE).as_posix() for path in there} <= recorded
        assert folder / "py.typed" in there
        assert any(path.endswith("licenses/LICENSE") for path in recorded)


def check_plugins(names: tuple[str, ...]) -> None:
    """Check that exactly these plugins are found, and that each loads."""
    assert {each.name: each.status for each in list_plugins()} == dict.fromkeys(
        ("hypernodes", *names), "ok"
    )


def check_core() -> None:
    """Check that a map runs once, and hits afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            engine = SeqEngine(cache=DiskCache(folder))
            assert PIPELINE.map(**ITEMS, engine=engine) == EXPECTED
    assert calls == [2, 4, 6]


def check_engine(name: str) -> None:
    """Check that an engine gives what every engine gives."""
    assert PIPELINE.map(**ITEMS, engine=get_engine(name)) == EXPECTED
    assert PIPELINE.run({"x": 3}, engine=name) == EXPECTED[2]


def check_batch() -> None:
    """Check that columns reach a batch function as Arrow arrays."""
    import pyarrow as pa
    import pyarrow.compute as pc

    dual = hypernodes.DualNode("doubled", lambda x: 2 * x, lambda x: pc.multiply(x, pa.scalar(2)))
    assert Pipeline([add, dual]).map(**ITEMS) == EXPECTED


def check_otel() -> None:
    """Check that a run becomes spans."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from hypernodes.telemetry import TelemetryCallback

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    callback = TelemetryCallback(tracer_provider=provider)
    PIPELINE.run({"x": 1}, engine=SeqEngine(callbacks=[callback]))
    assert len(exporter.get_finished_spans()) == 3


def check_store(scheme: str) -> None:
    """Check that the file system of a scheme is there; no store is asked."""
    import fsspec

    fsspec.get_filesystem_class(scheme)
    assert scheme in repr(open_cache(f"{scheme}://bucket/prefix"))


def check_viz() -> None:
    """Check that pictures are laid out and painted without a program of the system."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix, start in ((".svg", b"<svg"), (".png", b"\x89PNG")):
            path = Path(folder, f"picture{suffix}")
            PIPELINE.visualize(filename=path)
            assert start in path.read_bytes()[:1000]


def check_testing() -> None:
    """Check that the conformance kit can be imported."""
    from hypernodes.testing import CacheContract

    assert any(name.startswith("test_") for name in dir(CacheContract))


CHECKS: Final[dict[str, Callable[[], None]]] = {
    "batch": check_batch,
    "daft": partial(check_engine, "daft"),
    "dask": partial(check_engine, "dask"),
    "gcs": partial(check_store, "gs"),
    "otel": check_otel,
    "ray": partial(check_engine, "ray"),
    "s3": partial(check_store, "s3"),
    "testing": check_testing,
    "viz": check_viz,
}
#: What an extra stands for, where that is not itself.
MEANS: Final = {"": (), "all": tuple(each for each in CHECKS if each != "testing")}


def main(extra: str = "") -> None:
    """Check what *extra* promises; a mistake is an `AssertionError`."""
    brought = MEANS.get(extra, (extra,))
    plugins = tuple(each for each in brought if each in PLUGINS)
    check_files(plugins)
    check_plugins(plugins)
    check_core()
    for each in brought:
        CHECKS[each]()


if __name__ == "__main__":
    main(*sys.argv[1:])
