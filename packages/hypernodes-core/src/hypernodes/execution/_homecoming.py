"""What a worker sent home: results into the cache, events into order, reasons added.

A worker knows neither what the cache held when the run began nor what keys
are made of, so the driver adds both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from hypernodes.cache import Entry
from hypernodes.events import Event, ItemFinished, OutcomeKind, StepFinished
from hypernodes.execution._context import Context
from hypernodes.execution._guard import encoded_size
from hypernodes.execution._parcels import Packer
from hypernodes.execution._reasons import compare_call, say
from hypernodes.execution._step import describe_once
from hypernodes.execution._worker import Delivery


def keep(delivery: Delivery, packer: Packer, context: Context) -> None:
    """Store what was made, and what its keys are made of."""
    for number, stored in delivery.stored.items():
        for entry, _ in stored:
            maker = packer.maker(entry.signature.node)
            if maker is not None:
                describe_once(*maker, entry.signature)
        guard = context.guard(packer.cache_of(number))
        if guard is not None:
            guard.keep(stored)
            guard.flush()


def explain(events: Sequence[Event], delivery: Delivery, packer: Packer) -> list[Event]:
    """Return *events* with the reason of each execution; asked before its result is stored."""
    made = {
        str(entry.signature): (entry, encoded_size(payloads))
        for stored in delivery.stored.values()
        for entry, payloads in stored
    }
    return [_explained(event, made, packer) for event in events]


def _explained(event: Event, made: dict[str, tuple[Entry, int]], packer: Packer) -> Event:
    if not isinstance(event, StepFinished) or event.outcome.kind is not OutcomeKind.EXECUTED:
        return event
    entry, size = made.get(event.outcome.signature or "", (None, None))
    maker = packer.maker(entry.signature.node) if entry is not None else None
    if entry is None or maker is None:
        return event
    level, step = maker
    explains = level.context.rules.explains
    reason = say(step, compare_call(level, step, entry.arguments)) if explains else None
    return attrs.evolve(event, outcome=attrs.evolve(event.outcome, reason=reason, bytes=size))


def by_item(events: Iterable[Event]) -> dict[int, list[Event]]:
    """Return the events of each item of the outermost run."""
    found: dict[int, list[Event]] = {}
    current: list[Event] = []
    for event in events:
        current.append(event)
        if isinstance(event, ItemFinished) and event.run.parent is None:
            found[event.item] = current
            current = []
    return found
