"""Steps of one item that do not wait for each other, side by side on an event loop.

Decides who waits for whom, which failure counts, and in which order observers
are told: as if the steps had gone one after another.  How a step is carried
out is told by whoever asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hypernodes.events import Event
from hypernodes.execution._context import Level, Tell
from hypernodes.execution._errors import Failure
from hypernodes.execution._items import release
from hypernodes.execution._pulling import finish_all
from hypernodes.execution._rows import Row
from hypernodes.plan import Step

#: Carries out a step for the row; a failure is kept in the row.
OneStep = Callable[[Step, Tell | None], Awaitable[None]]


async def overlap(level: Level, row: Row, one: OneStep) -> None:
    """Take *row* through the steps of *level*; of several failures that of the lowest counts."""
    await _Branches(level, row, one).take()


class _Branches:
    """The steps of one item, each begun when what it reads is there."""

    def __init__(self, level: Level, row: Row, one: OneStep) -> None:
        self._level = level
        self._row = row
        self._one = one
        self._sink = row.tell
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._buffers: dict[int, list[Event]] = {step.index: [] for step in level.plan.steps}
        self._failed: dict[int, Failure] = {}
        self._ended: set[asyncio.Task[None] | None] = set()
        self._finished: set[int] = set()
        self._through = 0

    async def take(self) -> None:
        """Carry them out, and tell observers."""
        steps, row = self._level.plan.steps, self._row
        for step in steps:
            self._tasks[step.index] = asyncio.create_task(self._after(step))
        try:
            await finish_all(list(self._tasks.values()), self._ended)
        finally:
            # a task holds what it carried out
            self._tasks.clear()
        row.tell = self._sink
        last = min(self._failed, default=len(steps))
        row.failure = self._failed.get(last)
        self._tell(steps[: last + 1])

    async def _after(self, step: Step) -> None:
        """Carry out *step* once what it reads is there."""
        makers, row = self._level.plan.producers, self._row
        for needed in {makers[name].index for name in step.reads if name in makers}:
            await asyncio.wait([self._tasks[needed]])
        if self._failed and min(self._failed) < step.index:
            return
        await self._one(step, self._buffers[step.index].append if self._sink is not None else None)
        if row.failure is None:
            self._release(step)
            return
        self._failed[step.index], row.failure = row.failure, None
        # one after another, nothing behind it would have begun
        needless = {task for index, task in self._tasks.items() if index > step.index}
        for task in needless - self._ended:
            self._ended.add(task)
            task.cancel()

    def _release(self, step: Step) -> None:
        """Let go of what no step needs any more, now that *step* is done."""
        plan = self._level.plan
        self._finished.add(step.index)
        while self._through in self._finished:
            release([self._row], plan.releases[self._through])
            self._through += 1

    def _tell(self, steps: Sequence[Step]) -> None:
        for step in steps:
            for event in self._buffers[step.index]:
                self._sink(event)  # type: ignore[misc]  # not None, or there is nothing to tell
