"""Spans with ids that every process can work out.

User code opens spans in workers while those around them (the call, the item,
the nested pipeline) are still to come: those are sent by the driver, once it
is told how they ended.  So their ids are computed from the ids of runs and the
numbers of items, on both sides alike, instead of being drawn at random.

Tracers that do not let an id be chosen (those of other libraries than the
OpenTelemetry SDK) get spans that are opened when the driver hears that
something begins; what other processes send then hangs under the outermost run.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Tracer, TracerProvider

    from hypernodes_otel.attributes import Attributes

#: A run, an item of it, or a step: the id of the run, the item, the path of the step.
Key = tuple[str, int | None, str]

_SCOPE = "hypernodes"
NANOSECONDS = 1_000_000_000


class _ChosenIds(IdGenerator):
    """Gives the next span of this thread the id that was chosen for it."""

    def __init__(self, around: IdGenerator) -> None:
        self._around = around
        self._chosen = threading.local()

    def choose(self, span_id: int | None) -> None:
        """Choose the id of the next span."""
        self._chosen.span_id = span_id

    def generate_span_id(self) -> int:
        """Return the chosen id, once; otherwise one at random."""
        chosen = getattr(self._chosen, "span_id", None)
        self._chosen.span_id = None
        return chosen or self._around.generate_span_id()

    def generate_trace_id(self) -> int:
        """Return a trace id at random."""
        return self._around.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """Say what the generator around says, where it is asked that at all."""
        return bool(getattr(self._around, "is_trace_id_random", bool)())


class SpanMaker:
    """Opens spans through one tracer, with a chosen id where it lets one.

    Args:
        provider: Where spans go.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer: Tracer = provider.get_tracer(_SCOPE)
        tracer: Any = self._tracer
        ids = getattr(tracer, "id_generator", None)
        if isinstance(ids, IdGenerator) and not isinstance(ids, _ChosenIds):
            # providers keep a tracer per name, so this reaches no spans but ours
            ids = tracer.id_generator = _ChosenIds(ids)
        self._ids: _ChosenIds | None = ids if isinstance(ids, _ChosenIds) else None

    @property
    def chooses_ids(self) -> bool:
        """Whether spans can have ids that were computed."""
        return self._ids is not None

    def open(
        self,
        name: str,
        parent: Context | None,
        attributes: Attributes,
        *,
        span_id: int | None = None,
        started: int | None = None,
        links: Sequence[Link] = (),
    ) -> Span:
        """Open a span; *started* is in nanoseconds since the epoch, by default now."""
        if self._ids is not None:
            self._ids.choose(span_id)
        return self._tracer.start_span(
            name, context=parent, attributes=attributes, start_time=started, links=links
        )


def span_id(*parts: object) -> int:
    """Return the id of a span that every process can work out from *parts*.

    Example:
        >>> span_id("run", 3) == span_id("run", 3) != span_id("run", 4)
        True
    """
    text = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") or 1


def under(around: Context, root: SpanContext, span_id: int, *, is_muted: bool = False) -> Context:
    """Return *around* with the span *span_id* of the trace of *root* as the current one.

    Args:
        around: What else the context holds.
        root: The outermost span.
        span_id: The span that becomes the parent of what is opened.
        is_muted: Whether spans opened in it are to be dropped.
    """
    flags = TraceFlags(TraceFlags.DEFAULT) if is_muted else root.trace_flags
    context = SpanContext(root.trace_id, span_id, root.is_remote, flags, root.trace_state)
    return set_span_in_context(NonRecordingSpan(context), around)


def mark_failed(
    span: Span, error: BaseException | None, *, with_trace: bool, told: str | None = None
) -> None:
    """Mark *span* as failed by *error*.

    Args:
        span: The span.
        error: What was raised.
        with_trace: Also record where it was raised.
        told: What was said of that where it was.
    """
    said = "" if error is None else f"{type(error).__name__}: {error}"
    span.set_status(Status(StatusCode.ERROR, said))
    if error is not None and with_trace:
        span.record_exception(error, {"exception.stacktrace": told} if told else None)


def nanoseconds(seconds: float | None = None) -> int:
    """Return a time or a duration in nanoseconds; by default the time now."""
    return time.time_ns() if seconds is None else round(seconds * NANOSECONDS)
