"""How the trace of a run is found in threads and in other processes."""

from __future__ import annotations

import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider

from hypernodes import Pipeline, SeqEngine, node
from hypernodes.events import Run, StepInfo
from hypernodes.telemetry import TelemetryCallback
from hypernodes_otel.plugin import hypernodes_execute_step
from hypernodes_otel.propagation import find_trace, publish, withdraw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Receiver, Spans

_FETCH = """
from hypernodes import DualNode, node
from opentelemetry import trace

@node(output_name="page")
def fetch(url):
    with trace.get_tracer("user").start_as_current_span("GET"):
        return 1 / url

def many(url):
    with trace.get_tracer("user").start_as_current_span("POST"):
        return url

fetch_many = DualNode("page", fetch.func, many)
"""


@pytest.fixture
def work(
    spans: Spans, http_receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Give a function that maps in worker processes, whose spans the receiver gets."""
    pytest.importorskip("distributed")
    # deferred: a heavy library, which may be missing
    from hypernodes_dask import DaskEngine

    (tmp_path / "crawling.py").write_text(_FETCH)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", http_receiver.endpoint)

    def carry(urls: list[int], name: str = "fetch", nested: bool = False, **options: Any) -> None:
        import crawling  # type: ignore[import-not-found]  # it was written a moment ago

        callback = TelemetryCallback(
            tracer_provider=spans.provider, meter_provider=MeterProvider(), **options
        )
        pipeline = Pipeline([getattr(crawling, name)], name="crawl")
        if nested:
            pipeline = Pipeline([pipeline.as_node(name="inside")], name="outer")
        engine = DaskEngine("processes", num_workers=1, callbacks=[callback])
        try:
            pipeline.map({"url": urls}, map_over="url", engine=engine)
        finally:
            # at once: what is to leave a worker has left it with the results
            engine.close()
            sys.modules.pop("crawling")

    return carry


def _parents(receiver: Receiver) -> set[int]:
    return {int.from_bytes(span.parent_span_id, "big") for span in receiver.spans}


def test_spans_of_user_code_nest_in_another_process(
    work: Any, spans: Spans, http_receiver: Receiver
) -> None:
    """A user's span in a worker is the child of the call's, which the driver sends."""
    work([1, 2], nested=True)
    calls = {span.context.span_id for span in spans.named("fetch")}
    traces = {int.from_bytes(span.trace_id, "big") for span in http_receiver.spans}
    assert http_receiver.names == {"GET"}
    assert len(calls) == 2
    assert (_parents(http_receiver), traces) == (calls, {spans.all[0].context.trace_id})


def test_calls_in_another_process_have_their_place_and_time(work: Any, spans: Spans) -> None:
    """The driver knows when they began, for how long they lasted, and where."""
    work([1, 2], nested=True)
    assert spans.tree.count("map outer/item/inside/run crawl/fetch") == 2
    for call in spans.named("fetch"):
        around = next(s for s in spans.all if s.context.span_id == call.parent.span_id)
        assert around.start_time <= call.start_time <= call.end_time <= around.end_time
        assert call.attributes["hypernodes.worker"].startswith(f"{socket.gethostname()}:")


def test_a_failure_in_another_process_is_recorded_with_its_frames(work: Any, spans: Spans) -> None:
    """An exception loses its traceback on the way; what it said there is kept."""
    with pytest.raises(ZeroDivisionError):
        work([0])
    (event,) = spans.named("fetch")[0].events
    assert "return 1 / url" in event.attributes["exception.stacktrace"]


def test_a_worker_samples_like_the_driver(work: Any, spans: Spans, http_receiver: Receiver) -> None:
    """What user code opens in an item that the driver leaves out is left out, too."""
    work([1, 2, 3, 4], max_traced_items=2)
    calls = {span.context.span_id for span in spans.named("fetch")}
    assert (_parents(http_receiver), len(calls), len(http_receiver.spans)) == (calls, 2, 2)


def test_without_items_user_spans_in_another_process_hang_under_the_map(
    work: Any, spans: Spans, http_receiver: Receiver
) -> None:
    """As they do in this process."""
    work([1, 2], trace_map_items=False)
    assert _parents(http_receiver) == {spans.named("map crawl")[0].context.span_id}


def test_spans_in_a_batch_hang_under_the_map(
    work: Any, spans: Spans, http_receiver: Receiver
) -> None:
    """One call for many items is part of none of them."""
    work([1, 2], "fetch_many")
    assert http_receiver.names == {"POST"}
    assert _parents(http_receiver) == {spans.named("map crawl")[0].context.span_id}


def test_the_carrier_of_a_run_is_filled(spans: Spans) -> None:
    """A run takes its trace along."""
    from hypernodes_otel.options import TelemetryOptions
    from hypernodes_otel.spans import Trace

    run = Run("r2", "p1", "one", "", "RemoteEngine", None, ())
    trace, root = Trace.start(spans.provider, TelemetryOptions(), run)
    publish(run, trace)
    withdraw(run)
    root.end()
    assert run.carrier["traceparent"].split("-")[1] == f"{root.get_span_context().trace_id:032x}"


def test_a_thread_of_the_driver_finds_the_trace(spans: Spans) -> None:
    """Threads need no carrier, though they inherit no context."""

    @node(output_name="y")
    def increase(x: int) -> int:
        return x + 1

    class ThreadedEngine(SeqEngine):
        def submit(self, plan: Any, chunks: Any, context: Any) -> Any:
            for result in super().submit(plan, chunks, context):
                found: list[bool] = []
                look = threading.Thread(
                    target=lambda: found.append(find_trace(context.run) is not None)  # noqa: B023
                )
                look.start()
                look.join()
                seen.extend(found)
                yield result

    seen: list[bool] = []
    engine = ThreadedEngine(callbacks=[TelemetryCallback(tracer_provider=spans.provider)])
    Pipeline(nodes=[increase]).map(inputs={"x": [1]}, map_over="x", engine=engine)
    assert seen == [True]


def test_a_trace_is_forgotten_with_its_run(spans: Spans) -> None:
    """After a run nothing of it is kept."""
    from hypernodes_otel import propagation

    callback = TelemetryCallback(tracer_provider=spans.provider)
    Pipeline(nodes=[]).run(inputs={}, engine=SeqEngine(callbacks=[callback]))
    assert propagation._traces == {}


def test_a_run_that_nobody_traces_is_left_alone() -> None:
    """The wrapper of the plugin hands the result on and opens nothing."""
    run = Run("r9", "p1", None, "", "SeqEngine", None, ())
    wrapper = hypernodes_execute_step(run=run, item=None, step=StepInfo("f", "f", ("y",)))
    next(wrapper)
    with pytest.raises(StopIteration) as done:
        wrapper.send({"y": 1})
    assert done.value.value == {"y": 1}
