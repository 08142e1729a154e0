"""Where spans and metrics go: what is configured, else what ``OTEL_*`` says.

A provider that somebody has set is used as it is.  Where there is none and a
variable names an exporter or an endpoint, one is built by the rules of the
OpenTelemetry specification and set for the whole process, so that spans of
user code go the same way.
"""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from hypernodes.errors import PluginLoadError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROTOCOLS = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}


def find_tracer_provider(delay: float | None = None) -> trace.TracerProvider | None:
    """Return the provider of spans, built where variables ask for one; None if there is none.

    Args:
        delay: How many seconds one that is built here collects spans before it
            sends them; by default what variables say.

    Raises:
        PluginLoadError: The variables name an exporter that is not installed.
    """
    found = trace.get_tracer_provider()
    if not isinstance(found, trace.ProxyTracerProvider):
        return found
    exporters = list(_exporters("traces"))
    if not exporters:
        return None
    provider = TracerProvider()
    for exporter in exporters:
        processor = BatchSpanProcessor(exporter, schedule_delay_millis=_milliseconds(delay))
        provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    return provider


def _milliseconds(delay: float | None) -> float | None:
    is_said = os.environ.get("OTEL_BSP_SCHEDULE_DELAY")
    return None if delay is None or is_said else 1000 * delay


def find_meter_provider() -> metrics.MeterProvider | None:
    """Return the provider of metrics, built where variables ask for one; None if there is none.

    Raises:
        PluginLoadError: The variables name an exporter that is not installed.
    """
    found = metrics.get_meter_provider()
    # the stand-in that the API gives before one is set has no public name
    if not type(found).__name__.startswith("_Proxy"):
        return found
    readers = [PeriodicExportingMetricReader(exporter) for exporter in _exporters("metrics")]
    if not readers:
        return None
    provider = MeterProvider(metric_readers=readers)
    metrics.set_meter_provider(provider)
    return provider


def _exporters(signal: str) -> Iterator[Any]:
    """Yield the exporters that the variables name for *signal*."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    for name in _names(signal):
        found = list(entry_points(group=f"opentelemetry_{signal}_exporter", name=name))
        if not found:
            msg = (
                f"OTEL_{signal.upper()}_EXPORTER names the exporter {name!r}, which is not "
                "installed; install its distribution, or name 'otlp' or 'console'"
            )
            raise PluginLoadError(msg)
        yield found[0].load()()


def _names(signal: str) -> list[str]:
    """Return the entry points to ask; none where no variable speaks of exporting."""
    named = os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").split(",")
    names = [name.strip() for name in named if name.strip()]
    if not names and _variable(signal, "ENDPOINT"):
        names = ["otlp"]
    return [_protocol(signal) if name == "otlp" else name for name in names if name != "none"]


def _protocol(signal: str) -> str:
    asked = _variable(signal, "PROTOCOL") or "http/protobuf"
    if asked not in _PROTOCOLS:
        known = " or ".join(_PROTOCOLS)
        msg = f"OTEL_EXPORTER_OTLP_PROTOCOL is {asked!r}, which is not supported; use {known}"
        raise PluginLoadError(msg)
    return _PROTOCOLS[asked]


def _variable(signal: str, name: str) -> str:
    own = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", "")
    return (own or os.environ.get(f"OTEL_EXPORTER_OTLP_{name}", "")).strip()
