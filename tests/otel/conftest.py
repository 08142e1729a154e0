"""Where spans and metrics of tests go: memory, and real OTLP receivers on loopback."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import attrs
import pytest

pytest.importorskip("hypernodes_otel")
pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
    InMemorySpanExporter,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Tracer


@attrs.frozen
class Spans:
    """A provider that keeps every span."""

    exporter: InMemorySpanExporter
    provider: TracerProvider

    @property
    def all(self) -> list[ReadableSpan]:
        """Every span, in the order in which they began."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time)

    def named(self, name: str) -> list[ReadableSpan]:
        """The spans called *name*, in the order in which they began."""
        return [span for span in self.all if span.name == name]

    @property
    def tree(self) -> list[str]:
        """Each span as the names from the outermost one to it, ``"run outer/fa"``, sorted."""
        by_id = {span.context.span_id: span for span in self.all}
        paths = []
        for span in self.all:
            names, step = [span.name], span
            while step.parent is not None:
                step = by_id[step.parent.span_id]
                names.append(step.name)
            paths.append("/".join(reversed(names)))
        return sorted(paths)


@pytest.fixture
def spans() -> Iterator[Spans]:
    """Give a provider that keeps every span."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield Spans(exporter, provider)
    provider.shutdown()


@attrs.frozen
class Metrics:
    """A provider whose counters can be read."""

    reader: InMemoryMetricReader
    provider: MeterProvider

    @property
    def totals(self) -> dict[str, float]:
        """Counter to sum, and histogram to number of measurements."""
        found: dict[str, float] = {}
        data = self.reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points: Any = metric.data.data_points
                    found[metric.name] = sum(
                        point.count if hasattr(point, "count") else point.value for point in points
                    )
        return found


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    """Give a provider whose counters can be read."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    yield Metrics(reader, provider)
    provider.shutdown()


@attrs.define
class Receiver:
    """What an OTLP receiver got."""

    endpoint: str
    spans: list[Any] = attrs.field(factory=list)
    metrics: list[Any] = attrs.field(factory=list)

    def take_spans(self, request: Any) -> None:
        """Keep the spans of an export request."""
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)

    def take_metrics(self, request: Any) -> None:
        """Keep the metrics of an export request."""
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                self.metrics.extend(scope.metrics)

    @property
    def names(self) -> set[str]:
        """The names of all spans."""
        return {span.name for span in self.spans}


@pytest.fixture
def http_receiver() -> Iterator[Receiver]:
    """Give an OTLP receiver that speaks HTTP."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                receiver.take_spans(ExportTraceServiceRequest.FromString(data))
            else:
                receiver.take_metrics(ExportMetricsServiceRequest.FromString(data))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def grpc_receiver() -> Iterator[Receiver]:
    """Give an OTLP receiver that speaks gRPC."""
    import grpc
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_pb2
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_pb2
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc

    class TraceService(trace_grpc.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
            receiver.take_spans(request)
            return trace_pb2.ExportTraceServiceResponse()

    class MetricsService(metrics_grpc.MetricsServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
            receiver.take_metrics(request)
            return metrics_pb2.ExportMetricsServiceResponse()

    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    trace_grpc.add_TraceServiceServicer_to_server(TraceService(), server)
    metrics_grpc.add_MetricsServiceServicer_to_server(MetricsService(), server)
    receiver = Receiver(f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    yield receiver
    server.stop(grace=None).wait()


@pytest.fixture
def user_span(spans: Spans) -> Any:
    """Give a function that opens a span as user code does."""
    tracer: Tracer = spans.provider.get_tracer("user")
    return tracer.start_as_current_span
