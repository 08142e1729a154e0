"""The callback that makes spans and metrics of events.

Decides when a trace begins and ends, and warns where there is nowhere to send
it.  Which span is whose child is the business of `spans`, and what they say of
`attributes`.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from hypernodes.errors import CallbackWarning
from hypernodes.events import (
    Event,
    ItemFinished,
    ItemStarted,
    MapProgress,
    Run,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)
from hypernodes_otel.attributes import ITEMS_FAILED, ITEMS_HIT, Attributes
from hypernodes_otel.metrics import Meters
from hypernodes_otel.options import TelemetryOptions
from hypernodes_otel.propagation import publish, withdraw
from hypernodes_otel.providers import find_meter_provider, find_tracer_provider
from hypernodes_otel.spans import Trace

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

_NOWHERE = (
    "no OpenTelemetry provider is configured and no OTEL_* variable names an endpoint, so no "
    "spans are sent; set OTEL_EXPORTER_OTLP_ENDPOINT, or configure a provider before the run"
)


class _RunContext(Protocol):
    """What is remembered during a run."""

    def get(self, key: Any, default: Any = None) -> Any: ...

    def set(self, key: Any, value: Any) -> None: ...


@attrs.define
class _Watch:
    """What is kept per run, in its context: the open traces, by their outermost run."""

    meters: Meters | None
    provider: TracerProvider | None
    traces: dict[str, tuple[Trace, Span]] = attrs.field(factory=dict)
    counts: dict[str, Attributes] = attrs.field(factory=dict)


class TelemetryCallback:
    """Send runs, items and steps as OpenTelemetry spans, and count them in metrics.

    A run is a span inside of the one that is current where it is called.
    Items of a map are spans of their own beneath it, calls are spans beneath
    their item, and a nested pipeline has its run beneath its step.  The span
    of a call opens where the call is made, so spans of user code nest in it.
    Hits, reasons and failures are attributes; inputs and outputs are not.

    The configured provider is used.  Where there is none and ``OTEL_*``
    variables name an exporter or an endpoint, one is built from them for the
    whole process; where there is neither, one `CallbackWarning` says so.

    Cost: about 40 microseconds a span, so of large maps only some items have
    spans: every n-th, and every one that fails.  Metrics count them all.

    Args:
        trace_map_items: Whether items of a map have spans.
        max_traced_items: How many items of one map have.
        tracer_provider: Where spans go, instead of the configured provider.
        meter_provider: Where metrics go, instead of the configured provider.

    Raises:
        TypeError: A setting is of the wrong type.
        ValueError: *max_traced_items* is below 1.
    """

    def __init__(
        self,
        trace_map_items: bool = True,
        max_traced_items: int = 1000,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self.options: TelemetryOptions = TelemetryOptions(trace_map_items, max_traced_items)
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider
        self._has_warned = False

    def on_event(self, event: Event, ctx: _RunContext) -> None:
        """Turn *event* into the beginning or the end of a span."""
        watch = self._watch(ctx)
        self._count(event, watch)
        trace = self._trace(event, watch)
        if trace is None:
            return
        run = event.run
        match event:
            case RunStarted():
                trace.begin_run(run)
            case ItemStarted(item=item):
                trace.begin_item(run, item)
            case StepStarted(item=item, step=step) if step.nested:
                trace.begin_step(run, item, step)
            case StepFinished(item=item, step=step, outcome=outcome):
                trace.end_step(run, item, step, outcome)
            case ItemFinished(item=item, outcome=outcome):
                trace.end_item(run, item, outcome)
            case RunFinished():
                self._end_run(event, trace, watch)

    def _watch(self, ctx: _RunContext) -> _Watch:
        key = ("hypernodes.otel", id(self))
        watch: _Watch | None = ctx.get(key)
        if watch is None:
            meters = self._meter_provider or find_meter_provider()
            provider = self._tracer_provider or find_tracer_provider()
            watch = _Watch(None if meters is None else Meters(meters), provider)
            ctx.set(key, watch)
            if provider is None and meters is None and not self._has_warned:
                self._has_warned = True
                warnings.warn(_NOWHERE, CallbackWarning, stacklevel=2)
        return watch

    def _trace(self, event: Event, watch: _Watch) -> Trace | None:
        """Return the trace that *event* belongs to; a run outside of all begins one."""
        around: Run | None = event.run
        while around is not None:
            if around.id in watch.traces:
                return watch.traces[around.id][0]
            around = around.parent
        if watch.provider is None or not isinstance(event, RunStarted):
            return None
        trace, span = Trace.start(watch.provider, self.options, event.run)
        watch.traces[event.run.id] = (trace, span)
        publish(event.run, trace)
        return None

    def _end_run(self, event: RunFinished, trace: Trace, watch: _Watch) -> None:
        counts = watch.counts.pop(event.run.id, {})
        if event.run.id not in watch.traces:
            trace.end_run(event.run, event.outcome, counts)
            return
        _, span = watch.traces.pop(event.run.id)
        withdraw(event.run)
        trace.end_root(span, event.outcome, counts)

    def _count(self, event: Event, watch: _Watch) -> None:
        if isinstance(event, MapProgress):
            watch.counts[event.run.id] = {ITEMS_HIT: event.hits, ITEMS_FAILED: event.failed}
        if watch.meters is None:
            return
        if isinstance(event, StepFinished):
            watch.meters.count_step(event)
        elif isinstance(event, RunFinished) and event.run.parent is None:
            watch.meters.count_run(event)
