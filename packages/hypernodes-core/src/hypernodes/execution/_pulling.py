"""Coroutines that pull numbered work, a fixed number at once, and stop at the lowest failure.

Knows places and nothing else: what the work at a place is, and what a failure
is, is told by whoever asks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Container, Sequence

Tasks = Sequence[asyncio.Task[None]]


async def pull(one: Callable[[int], Awaitable[bool]], count: int, limit: int) -> None:
    """Await ``one(place)`` for every place, *limit* at once; stop where one says False.

    Places below the one that stopped are still awaited, those above are
    cancelled.

    Args:
        one: The work at a place.
        count: The number of places.
        limit: How many are under way at once.
    """
    places = iter(range(count))
    last = count
    busy: dict[asyncio.Task[None] | None, int] = {}
    ended: set[asyncio.Task[None] | None] = set()

    async def work() -> None:
        nonlocal last
        task = asyncio.current_task()
        for place in places:
            if place >= last:
                return
            busy[task] = place
            if not await one(place):
                last = min(last, place)
                needless = {each for each, its in busy.items() if each and its > last}
                for other in needless - ended:
                    ended.add(other)
                    other.cancel()

    workers = [asyncio.create_task(work()) for _ in range(min(limit, count))]
    await finish_all(workers, ended)


async def finish_all(tasks: Tasks, ended: Container[asyncio.Task[None] | None] = ()) -> None:
    """Wait for *tasks*, of which we cancelled those in *ended*; cancel all if we are."""
    try:
        results = await asyncio.gather(*tasks, return_exceptions=True)
    except BaseException:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(BaseException):
            await asyncio.gather(*tasks, return_exceptions=True)
        raise
    for task, result in zip(tasks, results, strict=True):
        if isinstance(result, BaseException) and task not in ended:
            raise result
