"""Where spans go: a configured provider, ``OTEL_*``, or nowhere; real receivers."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Receiver

_RUN = """
import warnings
from hypernodes import MemoryCache, Pipeline, SeqEngine, node

@node(output_name="y")
def increase(x: int) -> int:
    return x + 1

engine = SeqEngine(cache=MemoryCache(), callbacks=["otel"])
pipeline = Pipeline(nodes=[increase], name="one", engine=engine)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    pipeline.run(inputs={"x": 1})
    pipeline.map(inputs={"x": [1, 2]}, map_over="x")
for warning in caught:
    print(warning.category.__name__, warning.message)
"""


def _run(code: str = _RUN, **variables: str) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env={**environ, **variables}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_variables_send_spans_over_http(http_receiver: Receiver) -> None:
    """An endpoint in the environment is enough."""
    assert _run(OTEL_EXPORTER_OTLP_ENDPOINT=http_receiver.endpoint) == ""
    assert http_receiver.names == {"run one", "map one", "item", "increase"}


def test_variables_send_metrics_over_http(http_receiver: Receiver) -> None:
    """Metrics go to the same endpoint."""
    _run(OTEL_EXPORTER_OTLP_ENDPOINT=http_receiver.endpoint)
    assert "hypernodes.cache.hits" in {metric.name for metric in http_receiver.metrics}


def test_variables_send_spans_over_grpc(grpc_receiver: Receiver) -> None:
    """The protocol is the one that the variables name."""
    _run(
        OTEL_EXPORTER_OTLP_ENDPOINT=grpc_receiver.endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
    )
    assert grpc_receiver.names == {"run one", "map one", "item", "increase"}


def test_received_spans_lead_to_the_map(http_receiver: Receiver) -> None:
    """What arrives over the wire is one tree per run."""
    _run(OTEL_EXPORTER_OTLP_ENDPOINT=http_receiver.endpoint)
    by_id = {span.span_id: span for span in http_receiver.spans}
    parents = {
        (span.name, by_id[span.parent_span_id].name)
        for span in http_receiver.spans
        if span.parent_span_id
    }
    assert parents == {("increase", "run one"), ("item", "map one"), ("increase", "item")}


def test_nowhere_to_send_is_said_once() -> None:
    """Without provider and variables, one warning names what to set."""
    said = _run().splitlines()
    assert len(said) == 1
    assert said[0].startswith("CallbackWarning no OpenTelemetry provider is configured")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in said[0]


@pytest.mark.parametrize(
    "variables",
    [{"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true"}],
    ids=["none", "disabled"],
)
def test_export_can_be_turned_off(variables: dict[str, str], http_receiver: Receiver) -> None:
    """The variables of the specification that turn export off do."""
    _run(OTEL_EXPORTER_OTLP_ENDPOINT=http_receiver.endpoint, **variables)
    assert http_receiver.names == set()


def test_a_configured_provider_is_used(http_receiver: Receiver) -> None:
    """What the program has set wins over the variables."""
    configure = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
provider = TracerProvider()
console = ConsoleSpanExporter(formatter=lambda span: span.name + "\\n")
provider.add_span_processor(SimpleSpanProcessor(console))
trace.set_tracer_provider(provider)
"""
    said = _run(configure + _RUN, OTEL_EXPORTER_OTLP_ENDPOINT=http_receiver.endpoint)
    assert said.splitlines()[:2] == ["increase", "run one"]
    assert http_receiver.names == set()


def test_an_unknown_exporter_is_named() -> None:
    """A mistyped exporter costs a warning that says so; the run goes on."""
    said = _run(OTEL_TRACES_EXPORTER="zipking")
    assert "the exporter 'zipking', which is not installed" in said
