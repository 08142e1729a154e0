"""The trace of one outermost run: which span is whose child, and when it ends.

::

    run main                    the outermost run
      clean                     a call, opened where it is made
      encode                    a step that is a nested pipeline
        map encoder             its run
          item                  one of its items
            embed               a call

Everything but calls is sent when the driver hears how it ended.
"""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs
from opentelemetry import context as contexts
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import Link, Span, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from hypernodes_otel.attributes import (
    Attributes,
    outcome_attributes,
    run_attributes,
    run_name,
    step_attributes,
)
from hypernodes_otel.options import TelemetryOptions
from hypernodes_otel.propagation import SAMPLE_KEY, span_id
from hypernodes_otel.providers import find_tracer_provider
from hypernodes_otel.tracing import SpanMaker, mark_failed, nanoseconds, under

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import TracerProvider

    from hypernodes.events import Outcome, Run, StepInfo

#: A run, an item of it, or a step: the id of the run, the item, the path of the step.
Key = tuple[str, int | None, str]

_W3C = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])


@attrs.define
class _Begun:
    """Something that has begun and not ended."""

    name: str
    parent: Context
    attributes: Attributes
    started: int
    links: tuple[Link, ...] = ()
    span: Span | None = None


class Trace:
    """The spans of one outermost run, and of everything inside it.

    Args:
        provider: Where spans go.
        options: What becomes a span.
        around: The context of the outermost span, that span included.
        run_id: The run whose span that is.
        is_here: Whether it is the process that is told of events.
    """

    def __init__(
        self,
        provider: TracerProvider,
        options: TelemetryOptions,
        around: Context,
        run_id: str,
        *,
        is_here: bool = True,
    ) -> None:
        self.options = options
        self.process: int = os.getpid()
        self._maker = SpanMaker(provider)
        self._around = around
        self._root = get_current_span(around).get_span_context()
        self._run_id = run_id
        self._is_here = is_here
        self._items: dict[str, int] = {}
        self._begun: dict[Key, _Begun] = {}
        self._calls: dict[Key, tuple[Span, int]] = {}
        self._told: BaseException | None = None

    @classmethod
    def start(
        cls, provider: TracerProvider, options: TelemetryOptions, run: Run
    ) -> tuple[Trace, Span]:
        """Open the span of the outermost run, inside of what is current here."""
        root = SpanMaker(provider).open(run_name(run), None, run_attributes(run))
        return cls(provider, options, set_span_in_context(root), run.id), root

    @classmethod
    def from_carrier(cls, run_id: str, carrier: Mapping[str, str]) -> Trace | None:
        """Go on with a trace that began in another process; None where spans go nowhere here."""
        provider = find_tracer_provider()
        if provider is None:
            return None
        limit = int(carrier[SAMPLE_KEY])
        options = TelemetryOptions(limit > 0, max(limit, 1))
        return cls(provider, options, _W3C.extract(dict(carrier)), run_id, is_here=False)

    def to_carrier(self) -> dict[str, str]:
        """Return what another process needs to go on."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, self._around)
        limit = self.options.max_traced_items if self.options.trace_map_items else 0
        return {**carrier, SAMPLE_KEY: str(limit)}

    # -- where a call is made ------------------------------------------------------

    @contextmanager
    def around_call(self, run: Run, item: int | None, step: StepInfo) -> Iterator[None]:
        """Make a span of what happens inside; spans of user code nest in it."""
        around = contexts.get_current() if self._is_here else self._around
        if not self.is_traced(run, item):
            while run.parent is not None and not self.is_traced(run, None):
                run = run.parent
            with _current(self._inside(run, None, around, is_muted=self.options.trace_map_items)):
                yield
            return
        parent = self._inside(run, item, around)
        span = self._maker.open(step.id, parent, step_attributes(step, item))
        try:
            with _current(set_span_in_context(span, parent)):
                yield
        except BaseException as error:
            mark_failed(span, error, with_trace=True)
            raise
        finally:
            self._keep_call((run.id, item, step.path), span)

    def _keep_call(self, key: Key, span: Span) -> None:
        """On the driver a call's span waits for its reason; elsewhere it ends."""
        if self._is_here:
            self._calls[key] = (span, nanoseconds())
        else:
            span.end()

    # -- where events arrive --------------------------------------------------------

    def begin_run(self, run: Run) -> None:
        """Begin a nested run, in the step of the run around it that it carries out."""
        if run.parent is None or not self.is_traced(run, None):
            return
        step = (run.parent.id, self._outer_item(run), run.path)
        parent = self._context(step, self._around)
        self._begin((run.id, None, ""), run_name(run), parent, run_attributes(run))

    def begin_item(self, run: Run, item: int) -> None:
        """Begin an item, linked to the run that it is part of."""
        self._items[run.id] = item
        if self.is_traced(run, item):
            parent = self._inside(run, None, self._around)
            links = (Link(get_current_span(parent).get_span_context()),)
            attributes: Attributes = {"hypernodes.item.index": item}
            self._begin((run.id, item, ""), "item", parent, attributes, links)

    def begin_step(self, run: Run, item: int | None, step: StepInfo) -> None:
        """Begin a step that is a nested pipeline."""
        if self.is_traced(run, item):
            parent = self._inside(run, item, self._around)
            key = (run.id, item, step.path)
            self._begin(key, step.id, parent, step_attributes(step, item))

    def _begin(
        self,
        key: Key,
        name: str,
        parent: Context,
        attributes: Attributes,
        links: tuple[Link, ...] = (),
    ) -> None:
        begun = _Begun(name, parent, attributes, nanoseconds(), links)
        if not self._maker.chooses_ids:
            begun.span = self._maker.open(name, parent, attributes, links=links)
        self._begun[key] = begun

    def end_run(self, run: Run, outcome: Outcome, attributes: Attributes) -> None:
        """End a nested run."""
        self._end((run.id, None, ""), outcome, attributes)

    def end_item(self, run: Run, item: int, outcome: Outcome) -> None:
        """End an item; one that failed has a span in any case."""
        self._items.pop(run.id, None)
        key = (run.id, item, "")
        if key not in self._begun and outcome.error is not None and self.options.trace_map_items:
            parent = self._inside(run, None, self._around)
            self._begin(key, "item", parent, {"hypernodes.item.index": item})
        self._end(key, outcome, {})

    def end_step(self, run: Run, item: int | None, step: StepInfo, outcome: Outcome) -> None:
        """End a step: say in the span of its call how, or send the span of a hit."""
        key = (run.id, item, step.path)
        if key in self._calls:
            span, ended = self._calls.pop(key)
            self._told = outcome.error or self._told
            self._close(span, outcome, {}, ended)
            return
        is_due = self.is_traced(run, item) or (
            outcome.error is not None and self.options.trace_map_items
        )
        if key not in self._begun and is_due and not _was_elsewhere(outcome):
            parent = self._inside(run, item, self._around)
            self._begin(key, step.id, parent, step_attributes(step, item))
        self._end(key, outcome, {})

    def end_root(self, span: Span, outcome: Outcome, attributes: Attributes) -> None:
        """End the outermost run, and before it everything whose end nobody told."""
        for call, ended in self._calls.values():
            call.end(ended)
        self._calls.clear()
        for key in reversed(list(self._begun)):
            self._end(key, attrs.evolve(outcome, outputs={}, seconds=0.0), {})
        self._close(span, outcome, attributes, None)

    def _end(self, key: Key, outcome: Outcome, attributes: Attributes) -> None:
        begun = self._begun.pop(key, None)
        if begun is None:
            return
        now, took = nanoseconds(), nanoseconds(outcome.seconds)
        at: float | None = getattr(outcome, "started", None)
        # told live, the beginning was heard when it was; told afterwards, both come together
        is_live = 2 * (now - begun.started) >= took
        started = nanoseconds(at) if at else begun.started if is_live else now - took
        ended = started + took if at else now
        span = begun.span or self._maker.open(
            begun.name,
            begun.parent,
            begun.attributes,
            span_id=span_id(*key),
            started=started,
            links=begun.links,
        )
        self._close(span, outcome, attributes, ended)

    def _close(
        self, span: Span, outcome: Outcome, attributes: Attributes, ended: int | None
    ) -> None:
        span.set_attributes({**outcome_attributes(outcome), **attributes})
        if outcome.kind.value == "failed":
            is_news = outcome.error is not None and outcome.error is not self._told
            mark_failed(span, outcome.error, with_trace=is_news)
            self._told = outcome.error or self._told
        span.end(ended)

    # -- which span is around --------------------------------------------------------

    def is_traced(self, run: Run, item: int | None) -> bool:
        """Say whether *item* of *run* has spans, judged by all the maps around it."""
        around: Run | None = run
        while around is not None:
            total = around.total
            if total is not None and item is not None and not self.options.is_sampled(item, total):
                return False
            item = self._outer_item(around)
            around = around.parent
        return True

    def _outer_item(self, run: Run) -> int | None:
        """Return the item of the run around *run* that it belongs to."""
        if run.parent is None:
            return None
        found: int | None = getattr(run, "parent_item", None)
        return self._items.get(run.parent.id) if found is None else found

    def _inside(
        self, run: Run, item: int | None, around: Context, *, is_muted: bool = False
    ) -> Context:
        """Return the context inside a run, or inside an item of it."""
        is_item = run.is_map and item is not None
        return self._context((run.id, item if is_item else None, ""), around, is_muted=is_muted)

    def _context(self, key: Key, around: Context, *, is_muted: bool = False) -> Context:
        begun = self._begun.get(key)
        if begun is not None and begun.span is not None:
            return set_span_in_context(begun.span, around)
        is_root = key[0] == self._run_id and key[1:] == (None, "")
        if is_root or not self._maker.chooses_ids:
            return under(around, self._root, self._root.span_id, is_muted=is_muted)
        return under(around, self._root, span_id(*key), is_muted=is_muted)


@contextmanager
def _current(context: Context) -> Iterator[None]:
    token: Any = contexts.attach(context)
    try:
        yield
    finally:
        contexts.detach(token)


def _was_elsewhere(outcome: Outcome) -> bool:
    """Say whether a worker of another process has sent the span of this call already."""
    worker: str | None = getattr(outcome, "worker", None)
    return worker is not None and worker != f"{socket.gethostname()}:{os.getpid()}"
