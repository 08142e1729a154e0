"""What is counted, whether or not it has a span."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from hypernodes import MemoryCache, Pipeline, SeqEngine, node
from hypernodes.telemetry import TelemetryCallback

if TYPE_CHECKING:
    from conftest import Metrics, Spans


@node(output_name="y")
def invert(x: int) -> float:
    return 1 / x


def _engine(metrics: Metrics, spans: Spans) -> SeqEngine:
    callback = TelemetryCallback(
        False, tracer_provider=spans.provider, meter_provider=metrics.provider
    )
    return SeqEngine(cache=MemoryCache(), callbacks=[callback])


def test_hits_and_misses_are_counted(metrics: Metrics, spans: Spans) -> None:
    """Every item counts, also where items have no spans."""
    pipeline, engine = Pipeline(nodes=[invert]), _engine(metrics, spans)
    for xs in ([1, 2], [1, 2, 3]):
        pipeline.map(inputs={"x": xs}, map_over="x", engine=engine)
    totals = metrics.totals
    assert (totals["hypernodes.cache.hits"], totals["hypernodes.cache.misses"]) == (2, 3)


def test_bytes_and_saved_seconds_are_counted(metrics: Metrics, spans: Spans) -> None:
    """What results took in the cache, and what hits once took to compute."""

    @node(output_name="noise")
    def write(x: int) -> bytes:
        time.sleep(0.01)
        # noise, which nothing makes smaller
        return random.Random(x).randbytes(x)

    pipeline, engine = Pipeline(nodes=[write]), _engine(metrics, spans)
    for xs in ([1000, 2000], [1000, 2000]):
        pipeline.map(inputs={"x": xs}, map_over="x", engine=engine)
    totals = metrics.totals
    assert 3000 <= totals["hypernodes.cache.bytes"] < 3200
    assert totals["hypernodes.cache.time_saved"] >= 0.02


def test_seconds_are_measured(metrics: Metrics, spans: Spans) -> None:
    """Calls and outermost runs have histograms."""
    inner = Pipeline(nodes=[invert])
    Pipeline(nodes=[inner.as_node()]).run(inputs={"x": 1}, engine=_engine(metrics, spans))
    totals = metrics.totals
    assert (totals["hypernodes.node.duration"], totals["hypernodes.run.duration"]) == (1, 1)


def test_failures_are_counted(metrics: Metrics, spans: Spans) -> None:
    """A call that raised is neither hit nor miss."""
    with pytest.raises(ZeroDivisionError):
        Pipeline(nodes=[invert]).run(inputs={"x": 0}, engine=_engine(metrics, spans))
    totals = metrics.totals
    assert (totals["hypernodes.node.failures"], totals.get("hypernodes.cache.misses")) == (1, None)
