"""The trace of one outermost run: which span is whose child, and when it ends.

::

    run main                    the outermost run
      clean                     a call, opened where it is made
      encode                    a step that is a nested pipeline
        map encoder             its run
          item                  one of its items
            embed               a call

Calls that are made in this process open their span there and then.  Everything
else, calls in other processes included, is sent when the driver hears how it
ended; `remote` is what those processes know of it.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
from opentelemetry import context as contexts
from opentelemetry.trace import Link, Span, get_current_span, set_span_in_context

from hypernodes_otel.attributes import (
    ITEM,
    Attributes,
    outcome_attributes,
    run_attributes,
    run_name,
    step_attributes,
)
from hypernodes_otel.options import TelemetryOptions
from hypernodes_otel.propagation import map_of
from hypernodes_otel.remote import current, write_carrier
from hypernodes_otel.tracing import Key, SpanMaker, mark_failed, nanoseconds, span_id, under

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.context import Context
    from opentelemetry.trace import TracerProvider

    from hypernodes.events import Outcome, Run, StepInfo


@attrs.frozen
class _Place:
    """What a span is of, and what it is inside of."""

    key: Key
    around: Key
    name: str
    attributes: Attributes
    is_linked: bool = False


@attrs.define
class _Begun:
    """Something that has begun and not ended.

    Attributes:
        first: When the first thing inside of it began.
        last: When the last thing inside of it ended.
    """

    place: _Place
    parent: Context
    started: int
    span: Span | None = None
    first: int | None = None
    last: int = 0

    @property
    def links(self) -> tuple[Link, ...]:
        """What it is linked to: an item to its map."""
        around = get_current_span(self.parent).get_span_context()
        return (Link(around),) if self.place.is_linked else ()


class Trace:
    """The spans of one outermost run, and of everything inside it.

    Args:
        provider: Where spans go.
        options: What becomes a span.
        around: The context of the outermost span, that span included.
        run_id: The run whose span that is.
    """

    def __init__(
        self,
        provider: TracerProvider,
        options: TelemetryOptions,
        around: Context,
        run_id: str,
    ) -> None:
        self.options = options
        self.process: int = os.getpid()
        self._maker = SpanMaker(provider)
        self._around = around
        self._root = get_current_span(around).get_span_context()
        self._run_id = run_id
        self._begun: dict[Key, _Begun] = {}
        self._calls: dict[Key, tuple[Span, int, int]] = {}
        self._told: BaseException | None = None

    @classmethod
    def start(
        cls, provider: TracerProvider, options: TelemetryOptions, run: Run
    ) -> tuple[Trace, Span]:
        """Open the span of the outermost run, inside of what is current here."""
        root = SpanMaker(provider).open(run_name(run), None, run_attributes(run))
        return cls(provider, options, set_span_in_context(root), run.id), root

    def to_carrier(self) -> dict[str, str]:
        """Return what another process needs to go on."""
        return write_carrier(self._around, self.options, self._maker.chooses_ids)

    # -- where a call is made ------------------------------------------------------

    @contextmanager
    def around_call(self, run: Run, item: int | None, step: StepInfo) -> Iterator[None]:
        """Make a span of what happens inside; spans of user code nest in it."""
        around = contexts.get_current()
        if not self.options.is_traced(run, item):
            run = self.options.nearest_traced(run)
            with current(self._inside(run, None, around, is_muted=self.options.trace_map_items)):
                yield
            return
        parent = self._inside(run, item, around)
        started = nanoseconds()
        span = self._maker.open(step.id, parent, step_attributes(step, item), started=started)
        try:
            with current(set_span_in_context(span, parent)):
                yield
        except BaseException as error:
            mark_failed(span, error, with_trace=True)
            raise
        finally:
            # it waits for what is told of its end: the reason, for one
            self._calls[run.id, item, step.path] = (span, started, nanoseconds())

    @contextmanager
    def around_batch(self, run: Run) -> Iterator[None]:
        """Let spans of user code in a batch nest in the map that its items are part of."""
        around, run = contexts.get_current(), self.options.nearest_traced(map_of(run))
        with current(self._inside(run, None, around)):
            yield

    # -- where events arrive --------------------------------------------------------

    def begin_run(self, run: Run) -> None:
        """Begin a nested run, in the step of the run around it that it carries out."""
        if run.parent is not None and self.options.is_traced(run, None):
            self._begin(_place_run(run, run.parent))

    def begin_item(self, run: Run, item: int) -> None:
        """Begin an item, linked to the run that it is part of."""
        if self.options.is_traced(run, item):
            self._begin(_place_item(run, item))

    def begin_step(self, run: Run, item: int | None, step: StepInfo) -> None:
        """Begin a step that is a nested pipeline."""
        if self.options.is_traced(run, item):
            self._begin(_place_step(run, item, step))

    def _begin(self, place: _Place, at: float | None = None) -> None:
        parent = self._context(place.around, self._around)
        begun = _Begun(place, parent, nanoseconds(at))
        if not self._maker.chooses_ids:
            begun.span = self._open(begun, begun.started)
        self._begun[place.key] = begun

    def end_run(self, run: Run, outcome: Outcome, attributes: Attributes) -> None:
        """End a nested run; one that failed has a span in any case."""
        if run.parent is not None:
            self._end(_place_run(run, run.parent), outcome, attributes)

    def end_item(self, run: Run, item: int, outcome: Outcome) -> None:
        """End an item; one that failed has a span in any case."""
        self._end(_place_item(run, item), outcome)

    def end_step(self, run: Run, item: int | None, step: StepInfo, outcome: Outcome) -> None:
        """End a step: say in the span of its call how, or send the span of a hit."""
        place = _place_step(run, item, step)
        if place.key not in self._calls:
            self._end(place, outcome, is_due=self.options.is_traced(run, item))
            return
        span, started, ended = self._calls.pop(place.key)
        self._cover(place.around, started, ended)
        self._told = outcome.error or self._told
        self._close(span, outcome, {}, ended)

    def end_root(self, span: Span, outcome: Outcome, attributes: Attributes) -> None:
        """End the outermost run, and before it everything whose end nobody told."""
        for call, _, ended in self._calls.values():
            call.end(ended)
        self._calls.clear()
        cut = attrs.evolve(outcome, outputs={}, seconds=0.0, started=None)
        for begun in reversed(list(self._begun.values())):
            self._end(begun.place, cut)
        self._close(span, outcome, attributes, None)

    def _end(
        self,
        place: _Place,
        outcome: Outcome,
        attributes: Attributes | None = None,
        *,
        is_due: bool = False,
    ) -> None:
        """Send the span of *place*, if it has begun, is due, or has failed."""
        has_failed = outcome.error is not None and self.options.trace_map_items
        if place.key not in self._begun and (is_due or has_failed):
            self._begin(place, outcome.started)
        begun = self._begun.pop(place.key, None)
        if begun is None:
            return
        at, took = outcome.started, nanoseconds(outcome.seconds)
        started = begun.started if at is None else nanoseconds(at)
        ended = nanoseconds() if at is None else started + took
        if begun.first is not None:
            # what it took may be a share of what it took together with others
            started, ended = min(started, begun.first), max(ended, begun.last)
        self._cover(place.around, started, ended)
        span = begun.span or self._open(begun, started)
        self._close(span, outcome, attributes or {}, ended)

    def _open(self, begun: _Begun, started: int) -> Span:
        place = begun.place
        return self._maker.open(
            place.name,
            begun.parent,
            place.attributes,
            span_id=span_id(*place.key),
            started=started,
            links=begun.links,
        )

    def _cover(self, around: Key, started: int, ended: int) -> None:
        """Have the span of *around* last as long as what is inside of it."""
        outer = self._begun.get(around)
        if outer is not None:
            outer.first = started if outer.first is None else min(outer.first, started)
            outer.last = max(outer.last, ended)

    def _close(
        self, span: Span, outcome: Outcome, attributes: Attributes, ended: int | None
    ) -> None:
        span.set_attributes({**outcome_attributes(outcome), **attributes})
        if outcome.kind.value == "failed":
            is_news = outcome.error is not None and outcome.error is not self._told
            mark_failed(span, outcome.error, with_trace=is_news, told=outcome.traceback)
            self._told = outcome.error or self._told
        span.end(ended)

    # -- which span is around --------------------------------------------------------

    def _inside(
        self, run: Run, item: int | None, around: Context, *, is_muted: bool = False
    ) -> Context:
        """Return the context inside a run, or inside an item of it."""
        return self._context(_inside(run, item), around, is_muted=is_muted)

    def _context(self, key: Key, around: Context, *, is_muted: bool = False) -> Context:
        begun = self._begun.get(key)
        if begun is not None and begun.span is not None:
            return set_span_in_context(begun.span, around)
        is_root = key[0] == self._run_id and key[1:] == (None, "")
        if is_root or not self._maker.chooses_ids:
            return under(around, self._root, self._root.span_id, is_muted=is_muted)
        return under(around, self._root, span_id(*key), is_muted=is_muted)


def _inside(run: Run, item: int | None) -> Key:
    """Return what is around everything in *item* of *run*."""
    return (run.id, item if run.is_map else None, "")


def _place_run(run: Run, parent: Run) -> _Place:
    around = (parent.id, run.parent_item, run.path)
    return _Place((run.id, None, ""), around, run_name(run), run_attributes(run))


def _place_item(run: Run, item: int) -> _Place:
    return _Place((run.id, item, ""), (run.id, None, ""), "item", {ITEM: item}, is_linked=True)


def _place_step(run: Run, item: int | None, step: StepInfo) -> _Place:
    attributes = step_attributes(step, item)
    return _Place((run.id, item, step.path), _inside(run, item), step.id, attributes)
