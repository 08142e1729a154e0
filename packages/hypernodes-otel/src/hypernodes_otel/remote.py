"""A trace in a process that is told of no events: a worker's part.

There the spans around a call, its own included, are still to come: the driver
sends them once it hears how the call ended.  Their ids can be worked out on
both sides, so what user code opens here finds its parent.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from hypernodes_otel.options import TelemetryOptions
from hypernodes_otel.propagation import SAMPLE_KEY, map_of
from hypernodes_otel.providers import find_tracer_provider
from hypernodes_otel.tracing import span_id, under

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.context import Context

    from hypernodes.events import Run, StepInfo

_W3C: Final = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
_IDS_KEY: Final = "hypernodes-ids"
#: Workers may be killed at any time, so what they have to send waits less than usual.
_DELAY_SECONDS: Final = 0.5
_FLUSH_SECONDS: Final = 1.0
_prepared: int | None = None
_is_slow = False


def write_carrier(around: Context, options: TelemetryOptions, chooses_ids: bool) -> dict[str, str]:
    """Return what a worker needs to know of a trace.

    Args:
        around: The context of its outermost span.
        options: What becomes a span.
        chooses_ids: Whether the ids of its spans can be worked out.
    """
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, around)
    limit = options.max_traced_items if options.trace_map_items else 0
    return {**carrier, SAMPLE_KEY: str(limit), _IDS_KEY: str(int(chooses_ids))}


class RemoteTrace:
    """A trace that began in another process.

    Args:
        run_id: The run that it is of.
        carrier: What `write_carrier` wrote there.
    """

    def __init__(self, run_id: str, carrier: Mapping[str, str]) -> None:
        limit = int(carrier[SAMPLE_KEY])
        self._run_id = run_id
        self.process: int = os.getpid()
        self._options = TelemetryOptions(limit > 0, max(limit, 1))
        self._around = _W3C.extract(dict(carrier))
        self._root = get_current_span(self._around).get_span_context()
        self._chooses_ids = carrier[_IDS_KEY] == "1"
        _prepare_process(self.process)

    @contextmanager
    def around_call(self, run: Run, item: int | None, step: StepInfo) -> Iterator[None]:
        """Let spans of user code nest in the span that the driver will send."""
        with current(self._context(run, item, step)):
            yield

    @contextmanager
    def around_batch(self, run: Run) -> Iterator[None]:
        """Let spans of user code in a batch nest in the map that its items are part of."""
        with current(self._inside(map_of(run))):
            yield

    def _context(self, run: Run, item: int | None, step: StepInfo) -> Context:
        if self._options.is_traced(run, item):
            return self._under(span_id(run.id, item, step.path))
        return self._inside(run, is_muted=self._options.trace_map_items)

    def _inside(self, run: Run, *, is_muted: bool = False) -> Context:
        """Return the context inside the innermost run that has a span."""
        run = self._options.nearest_traced(run)
        is_root = run.id == self._run_id
        chosen = self._root.span_id if is_root else span_id(run.id, None, "")
        return self._under(chosen, is_muted=is_muted)

    def _under(self, chosen: int, *, is_muted: bool = False) -> Context:
        parent = chosen if self._chooses_ids else self._root.span_id
        return under(self._around, self._root, parent, is_muted=is_muted)


def _prepare_process(process: int) -> None:
    """See to it that spans of user code leave this process, once."""
    global _prepared  # noqa: PLW0603 - a fact about the process
    if _prepared == process:
        return
    _prepared = process
    # they go where the variables of this process say
    find_tracer_provider(delay=_DELAY_SECONDS)


def flush() -> None:
    """Send what user code has opened here: nobody knows how long this process will live.

    Where that takes too long, as it does when nobody answers, this process
    leaves it to the provider from then on.
    """
    global _is_slow  # noqa: PLW0603 - a fact about the process
    send = getattr(trace.get_tracer_provider(), "force_flush", None)
    if send is None or _is_slow:
        return
    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    sending.join(_FLUSH_SECONDS)
    _is_slow = sending.is_alive()


@contextmanager
def current(context: Context) -> Iterator[None]:
    """Make *context* the current one."""
    token: Any = contexts.attach(context)
    try:
        yield
    finally:
        contexts.detach(token)
