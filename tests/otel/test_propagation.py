"""How the trace of a run is found in threads and in other processes."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from hypernodes import Pipeline, SeqEngine, node
from hypernodes.events import Run, StepInfo
from hypernodes.telemetry import TelemetryCallback
from hypernodes_otel.plugin import hypernodes_execute_step
from hypernodes_otel.propagation import find_trace, publish, withdraw

if TYPE_CHECKING:
    from conftest import Receiver, Spans

_WORKER = """
import pickle, sys
from types import SimpleNamespace
from hypernodes_otel.plugin import hypernodes_execute_step
from hypernodes.events import StepInfo
from opentelemetry import trace

run = SimpleNamespace(**pickle.load(sys.stdin.buffer), parent=None, is_map=True)
wrapper = hypernodes_execute_step(run=run, item=int(sys.argv[1]), step=StepInfo("f", "f", ("y",)))
next(wrapper)
with trace.get_tracer("user").start_as_current_span("mine"):
    pass
try:
    wrapper.send({"y": 1})
except StopIteration as done:
    print(done.value)
"""


def _work(carrier: dict[str, str], item: int, endpoint: str) -> str:
    """Make a call in another process, as an engine's worker does."""
    done = subprocess.run(
        [sys.executable, "-c", _WORKER, str(item)],
        input=pickle.dumps({"id": "r1", "total": 4, "carrier": carrier}),
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


@pytest.fixture
def carrier(spans: Spans) -> dict[str, str]:
    """Give what travels with a map of four items, of which two are sampled."""
    from hypernodes_otel.options import TelemetryOptions
    from hypernodes_otel.spans import Trace

    run = Run("r1", "p1", "one", "", "RemoteEngine", 4, ("f",))
    trace, root = Trace.start(spans.provider, TelemetryOptions(max_traced_items=2), run)
    root.end()
    return trace.to_carrier()


def test_a_call_in_another_process_is_in_the_same_trace(
    carrier: dict[str, str], spans: Spans, http_receiver: Receiver
) -> None:
    """The worker goes on with the trace that the carrier names."""
    assert _work(carrier, 2, http_receiver.endpoint) == "{'y': 1}"
    trace_ids = {int.from_bytes(span.trace_id, "big") for span in http_receiver.spans}
    assert trace_ids == {spans.named("map one")[0].context.trace_id}


def test_spans_of_user_code_nest_in_another_process(
    carrier: dict[str, str], http_receiver: Receiver
) -> None:
    """A user's span is the child of the call's."""
    _work(carrier, 2, http_receiver.endpoint)
    by_name = {span.name: span for span in http_receiver.spans}
    assert by_name["mine"].parent_span_id == by_name["f"].span_id


def test_a_worker_samples_like_the_driver(carrier: dict[str, str], http_receiver: Receiver) -> None:
    """An item that the driver leaves out is left out by the worker."""
    _work(carrier, 1, http_receiver.endpoint)
    assert http_receiver.names == set()


def test_a_worker_and_the_driver_agree_on_the_id_of_an_item(
    carrier: dict[str, str], http_receiver: Receiver
) -> None:
    """The parent of a call is an item whose span the driver sends later."""
    from hypernodes_otel.propagation import span_id

    _work(carrier, 2, http_receiver.endpoint)
    call = next(span for span in http_receiver.spans if span.name == "f")
    assert int.from_bytes(call.parent_span_id, "big") == span_id("r1", 2, "")


def test_the_carrier_of_a_run_is_filled(spans: Spans) -> None:
    """A run that can carry something takes the trace along."""

    @attrs.frozen
    class CarryingRun(Run):
        carrier: dict[str, str] = attrs.field(factory=dict)

    from hypernodes_otel.options import TelemetryOptions
    from hypernodes_otel.spans import Trace

    run = CarryingRun("r2", "p1", "one", "", "RemoteEngine", None, ())
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
