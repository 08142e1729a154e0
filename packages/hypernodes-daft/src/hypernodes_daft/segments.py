"""A plan cut where its nodes ask for different workers.

    chunk --> [steps for threads] --> [steps for a pool] --> [steps for threads] --> result

Each segment is a plan of its own and is carried out as such; what it makes
becomes columns of the chunk that goes to the next one.  Steps keep their
order, and an item's events are joined again, so that observers see one item.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from hypernodes.events import Event, ItemFinished, ItemStarted, OutcomeKind
from hypernodes.execution import Chunk, ChunkResult, Context, Failure, by_item
from hypernodes.plan import Plan, Settings, Step
from hypernodes_daft.workplace import Workplace, find_workplace, workplace_of

#: Carries out the chunks of one segment.
Carry = Callable[[Plan, Iterable[Chunk], Context, Workplace], Iterator[ChunkResult]]


@attrs.frozen
class Segment:
    """Consecutive steps that ask for the same kind of worker.

    Attributes:
        plan: What is done.
        workplace: By whom.
        steps: The indices of its steps in the whole plan.
    """

    plan: Plan
    workplace: Workplace
    steps: tuple[int, ...]


def cut(plan: Plan) -> list[Segment]:
    """Return the segments of *plan*; one where all its nodes ask for the same."""
    groups = [
        (workplace, list(steps)) for workplace, steps in itertools.groupby(plan.steps, workplace_of)
    ]
    if len(groups) < 2:
        return [Segment(plan, find_workplace(plan), tuple(range(len(plan.steps))))]
    segments: list[Segment] = []
    wanted = set(plan.outputs)
    for workplace, steps in reversed(groups):
        part = _part(plan, steps, wanted)
        wanted |= part.reads
        segments.append(Segment(part, workplace, tuple(step.index for step in steps)))
    return segments[::-1]


def _part(plan: Plan, steps: Sequence[Step], wanted: set[str]) -> Plan:
    """Return the plan of *steps* alone, which gives what is *wanted* of them."""
    written = [name for step in steps for name in step.writes if name is not None]
    read = {name for step in steps for name in step.reads}
    return attrs.evolve(
        plan,
        steps=tuple(attrs.evolve(step, index=index) for index, step in enumerate(steps)),
        outputs=tuple(name for name in written if name in wanted),
        reads=frozenset(read.difference(written)),
    )


def carry_segments(
    segments: Sequence[Segment], plan: Plan, chunks: Iterable[Chunk], context: Context, carry: Carry
) -> Iterator[ChunkResult]:
    """Have every chunk go through all *segments*; yield a result for each.

    Args:
        segments: What `cut` made of *plan*.
        plan: The whole.
        chunks: The items.
        context: The run.
        carry: Carries out the chunks of one segment.
    """
    journeys: dict[int, Journey] = {}
    through: list[int] = []
    with contextlib.ExitStack() as ending:
        source: Iterator[Chunk] = _departing(chunks, plan, journeys)
        for segment in segments:
            inside = ending.enter_context(contextlib.closing(context.beside()))
            inside.settings = _settings(context.settings, segment)
            narrow = _narrowed(source, segment.plan.reads)
            results = carry(segment.plan, narrow, inside, segment.workplace)
            ending.callback(getattr(results, "close", lambda: None))
            source = _onward(results, journeys, through)
        for chunk in source:
            through.append(chunk.index)
            while through:
                yield journeys.pop(through.pop()).result()
        while through:
            yield journeys.pop(through.pop()).result()


def _departing(
    chunks: Iterable[Chunk], plan: Plan, journeys: dict[int, Journey]
) -> Iterator[Chunk]:
    for chunk in chunks:
        journeys[chunk.index] = Journey(plan, chunk)
        yield chunk


def _onward(
    results: Iterator[ChunkResult], journeys: Mapping[int, Journey], through: list[int]
) -> Iterator[Chunk]:
    """Yield what goes on; note chunks of which nothing is left."""
    for result in results:
        chunk = journeys[result.index].take(result)
        if chunk.size:
            yield chunk
        else:
            through.append(chunk.index)


def _narrowed(chunks: Iterable[Chunk], reads: frozenset[str]) -> Iterator[Chunk]:
    """Yield *chunks* with no other columns than are read."""
    for chunk in chunks:
        columns = {name: column for name, column in chunk.columns.items() if name in reads}
        yield attrs.evolve(chunk, columns=columns)


def _settings(settings: Settings, segment: Segment) -> Settings:
    nested = {
        new: settings.nested[old] for new, old in enumerate(segment.steps) if old in settings.nested
    }
    cached = tuple(settings.cached[index] for index in segment.steps)
    return attrs.evolve(settings, cached=cached, nested=nested)


class Journey:
    """One chunk on its way through the segments.

    Args:
        plan: The whole plan.
        chunk: The items.
    """

    def __init__(self, plan: Plan, chunk: Chunk) -> None:
        self._plan = plan
        self._chunk = chunk
        self._at = chunk
        numbers = chunk.numbers
        self._values: dict[int, dict[str, Any]] = {
            number: {name: column[place] for name, column in chunk.columns.items()}
            for place, number in enumerate(numbers)
        }
        self._failures: dict[int, Failure] = {}
        self._failure: Failure | None = None
        self._events: dict[int, list[Event]] = {}
        self._hits = chunk.size
        self._seconds = 0.0

    def take(self, result: ChunkResult) -> Chunk:
        """Take what came of a segment; return what goes on."""
        numbers = self._at.numbers
        going: list[int] = []
        for number, row in zip(numbers, result.rows, strict=False):
            if isinstance(row, Failure):
                self._failures[number] = row
            else:
                self._values[number].update(row)
                going.append(number)
        for number, events in by_item(result.events).items():
            self._events[number] = _joined(self._plan, self._events.get(number), events)
        if result.failure is not None:
            self._failure = result.failure
        self._hits = min(self._hits, result.hits)
        self._seconds += result.seconds
        names = self._values[going[0]] if going else {}
        columns = {name: [self._values[number][name] for number in going] for name in names}
        chunk = self._chunk
        self._at = Chunk(chunk.index, chunk.first, len(going), columns, chunk.constants, going)
        return self._at

    def result(self) -> ChunkResult:
        """Return what came of the chunk in all, in item order."""
        rows: list[Any] = []
        events: list[Event] = []
        last = self._failure.item if self._failure is not None else None
        for number in self._chunk.numbers:
            events.extend(self._events.get(number, ()))
            if number == last:
                break
            values = {**self._chunk.constants, **self._values[number]}
            outputs = {name: values[name] for name in self._plan.outputs if name in values}
            rows.append(self._failures.get(number, outputs))
        return ChunkResult(
            self._chunk.index, rows, self._hits, self._failure, events, seconds=self._seconds
        )


def _joined(plan: Plan, before: list[Event] | None, events: list[Event]) -> list[Event]:
    """Return the events of an item as if it had never been cut."""
    if before is None:
        return events
    first, ended, started, last = before[0], before[-1], events[0], events[-1]
    if not (isinstance(first, ItemStarted) and isinstance(started, ItemStarted)):
        return [*before, *events]
    if not (isinstance(ended, ItemFinished) and isinstance(last, ItemFinished)):
        return [*before, *events]
    more = {name: value for name, value in started.inputs.items() if name in plan.reads}
    inputs = dict(sorted({**first.inputs, **more}.items()))
    outputs = {**ended.outcome.outputs, **last.outcome.outputs}
    was_hit = ended.outcome.kind is OutcomeKind.HIT
    is_less = last.outcome.kind is OutcomeKind.HIT and not was_hit
    outcome = attrs.evolve(
        last.outcome,
        kind=OutcomeKind.EXECUTED if is_less else last.outcome.kind,
        outputs={name: outputs[name] for name in plan.outputs if name in outputs},
        seconds=ended.outcome.seconds + last.outcome.seconds,
    )
    begun = attrs.evolve(first, inputs=inputs)
    return [begun, *before[1:-1], *events[1:-1], attrs.evolve(last, outcome=outcome)]
