"""One chunk on its way: what stays here, what travels, what waits, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from hypernodes.events import Event
from hypernodes.execution._chunk import open_rows
from hypernodes.execution._context import Context
from hypernodes.execution._errors import Failure
from hypernodes.execution._homecoming import by_item, explain, keep
from hypernodes.execution._items import collect, first_failure, run_items
from hypernodes.execution._nested import run_nested
from hypernodes.execution._parcels import Packer, missing_keys
from hypernodes.execution._records import Chunk, ChunkResult
from hypernodes.execution._resolve import resolve
from hypernodes.execution._rows import Row
from hypernodes.execution._worker import Delivery, Parcel, Stored
from hypernodes.plan import Plan


class Trip:
    """One chunk between its departure and its result.

    Args:
        plan: What is done.
        chunk: The items.
        context: The run.
        packer: Numbers parcels, and knows what is under way.

    Attributes:
        failure: What is known to have failed; the lowest item.
    """

    def __init__(self, plan: Plan, chunk: Chunk, context: Context, packer: Packer) -> None:
        self.plan = plan
        self.chunk = chunk
        self.context = context
        self.failure: Failure | None = None
        self._packer = packer
        self._seconds = 0.0
        self._level = context.root_level(plan, chunk.constants)
        self._whole = self._level.cache is None
        self._heard: list[Event] = []
        self._home: list[Row] = []
        self._waiting: list[Row] = [] if self._whole else self._look_up()
        self._blockers: set[int] = set()
        self._learned: dict[int, list[Stored]] = {}
        self._out: dict[int, Sequence[int]] = {}
        self._rows: dict[int, Any] = {}
        self._events: dict[int, list[Event]] = {}
        self._hits = 0

    @property
    def is_over(self) -> bool:
        """Whether every item has come home."""
        return not self._out and not self._waiting

    def waits_for(self, parcel: int) -> bool:
        """Say whether items wait for what a parcel that came back has made."""
        return parcel in self._blockers

    def learn(self, delivery: Delivery) -> None:
        """Take note of what was made of equal items: a worker may not reach the cache."""
        for number, stored in delivery.stored.items():
            self._learned.setdefault(number, []).extend(stored)

    def numbers_of(self, parcel: int) -> Sequence[int]:
        """Return the items that travel in *parcel*, or did."""
        return self._out.get(parcel) or self.chunk.numbers

    def pack(self) -> Iterable[Parcel]:
        """Return parcels of what can be sent now; what waits for others is kept back."""
        if self._whole:
            self._whole = False
            return [self._note(self._packer.parcel(self.chunk, ()))]
        return self._pack_rows()

    def _pack_rows(self) -> list[Parcel]:
        rows, self._waiting = self._waiting, []
        if self._blockers:
            _forget_misses(rows)
            resolve(self._level, rows)
        self._blockers = set()
        sent: list[Row] = []
        for row in rows:
            blockers = self._blocked_by(row)
            if _is_complete(row):
                self._home.append(row)
            elif blockers:
                self._waiting.append(row)
                self._blockers |= blockers
            else:
                sent.append(row)
        if not sent:
            return []
        learned, self._learned = self._learned, {}
        return [self._note(self._packer.parcel(self.chunk, sent, learned))]

    def _blocked_by(self, row: Row) -> set[int]:
        under_way = self._packer.under_way
        return {under_way[key] for key in missing_keys(row) if key in under_way}

    def _note(self, parcel: Parcel) -> Parcel:
        self._out[parcel.number] = parcel.chunk.numbers
        return parcel

    def take(self, parcel: int, delivery: Delivery) -> None:
        """Take what came of *parcel*: store what was made, keep the rest."""
        numbers = self._out.pop(parcel)
        self._packer.let_go(parcel)
        for message, topic in delivery.warnings:
            if self._level.cache is not None:
                self._level.cache.warn(message, topic=topic)
        result = delivery.result
        # the way there says nothing about how many items should travel together
        self._seconds += result.seconds
        events = explain(result.events, delivery, self._packer)
        keep(delivery, self._packer, self.context)
        self._hits += result.hits
        self._rows.update(zip(numbers, result.rows, strict=False))
        self._events.update(by_item(events))
        self._note_failure(result.failure)

    def _note_failure(self, failure: Failure | None) -> None:
        """Remember the failure of the lowest item; what lies behind it need not be done."""
        if failure is None or (self.failure and (self.failure.item or 0) < (failure.item or 0)):
            return
        self.failure = failure
        self._waiting = [row for row in self._waiting if (row.item or 0) < (failure.item or 0)]

    def result(self) -> ChunkResult:
        """Return what came of the chunk, in item order."""
        started = time.perf_counter()
        hits = self._hits + self._bring_home()
        last = self.failure.item if self.failure is not None else None
        events: list[Event] = []
        rows: list[Any] = []
        for number in self.chunk.numbers:
            events.extend(self._events.get(number, ()))
            if number == last:
                break
            rows.append(self._rows[number])
        seconds = self._seconds + time.perf_counter() - started
        return ChunkResult(self.chunk.index, rows, hits, self.failure, events, seconds=seconds)

    def _bring_home(self) -> int:
        """Carry out the items that the cache answers; return how many there are."""
        rows = sorted(self._home, key=lambda row: row.item or 0)
        finished = run_items(self._level, rows, run_nested)
        for row, outputs in zip(finished, collect(finished), strict=True):
            self._rows[row.item or 0] = outputs
        self._events.update(by_item(self._heard))
        if self.context.rules.collects:
            self._rows.update({row.item or 0: row.failure for row in rows if row.failure})
        else:
            self._note_failure(first_failure(rows))
        return sum(row.is_hit for row in finished)

    def _look_up(self) -> list[Row]:
        tell = self._heard.append if self.context.hears_steps else None
        _, rows = open_rows(self.plan, self.chunk, self.context, tell)
        resolve(self._level, rows)
        return list(rows)


def _is_complete(row: Row) -> bool:
    """Say whether the cache answers all that is asked for."""
    makers = row.level.plan.producers
    wanted = (makers[name].index for name in row.level.plan.outputs if name in makers)
    return all(index in row.found for index in wanted)


def _forget_misses(rows: Iterable[Row]) -> None:
    """Have keys without a record looked up again."""
    for row in rows:
        row.keys = {index: key for index, key in row.keys.items() if index in row.found}
