"""The pace of calls: when each may start, so that no limit is broken.

A limiter belongs to a node and a process: all threads, event loops and copies
of the node share it, and a forked child begins afresh.  It only tells times;
waiting for them, in a thread or in an event loop, is left to `_policy`.
"""

from __future__ import annotations

import heapq
import os
import threading
import time
import weakref

from hypernodes.graph import CallPolicy, RateLimit


class Limiter:
    """Gives callers the times at which they may start, in the order of asking.

    A caller reserves a time and waits for it as it likes, so threads and event
    loops never wait for each other.  Times are those of a clock of its own:
    where a caller comes late, the clock is set back, and all who wait behind
    it keep their distance.

    Args:
        limit: How often calls may start.
        key: What it is found by.
    """

    def __init__(self, limit: RateLimit, key: str) -> None:
        self._interval = limit.interval
        # a caller may come so much before the even pace, or so much late
        self._slack = (limit.burst - 1) * limit.interval
        self._key = key
        self.reset()

    def reset(self) -> None:
        """Forget all calls; a forked child has made none, and may inherit a held lock."""
        self._lock = threading.Lock()
        self._behind = 0.0
        self._even = 0.0
        self._given_back: list[float] = []

    @property
    def is_idle(self) -> bool:
        """Whether it differs in nothing from a new one."""
        return self._even <= self._now()

    def reserve(self) -> float:
        """Return the time at which the caller may start; for `seconds_left` and `give_back`."""
        with self._lock:
            _busy[self._key] = self
            now = self._now()
            while self._given_back:
                start = heapq.heappop(self._given_back)
                if start >= now:
                    return start
            even = max(self._even, now)
            self._even = even + self._interval
            return max(now, even - self._slack)

    def seconds_left(self, start: float) -> float:
        """Return how long to wait for *start*; at 0 the caller starts, at once.

        Ask again after waiting: those before may have come late meanwhile.
        """
        with self._lock:
            left = start - self._now()
            if left > 0:
                return left
            self._behind += max(0.0, -left - self._slack)
            return 0.0

    def give_back(self, start: float) -> None:
        """Let whoever asks next have a time that will not be used."""
        with self._lock:
            heapq.heappush(self._given_back, start)

    def _now(self) -> float:
        return time.monotonic() - self._behind


_limiters: weakref.WeakValueDictionary[str, Limiter] = weakref.WeakValueDictionary()
#: Copies of a node come and go with the work; its limit must not, until it is idle.
_busy: dict[str, Limiter] = {}
_lock = threading.Lock()


def find_limiter(policy: CallPolicy) -> Limiter | None:
    """Return the limiter that all copies of one node share in this process, if it has a limit."""
    if policy.rate_limit is None:
        return None
    with _lock:
        for key, limiter in list(_busy.items()):
            if limiter.is_idle:
                del _busy[key]
        found = _limiters.get(policy.limit_id)
        if found is None:
            found = _limiters[policy.limit_id] = Limiter(policy.rate_limit, policy.limit_id)
        return found


def _reset_all() -> None:
    global _lock  # noqa: PLW0603 - a forked child may inherit it locked
    _lock = threading.Lock()
    _busy.clear()
    for limiter in list(_limiters.values()):
        limiter.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
