"""Facts about the times at which calls may start."""

from __future__ import annotations

import gc
import os
import time
import weakref
from types import SimpleNamespace

import cloudpickle
import pytest

from hypernodes import RateLimit, node
from hypernodes.execution._limiter import Limiter, find_limiter
from hypernodes.graph import read_policy


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let limiters see a time that stands still."""
    made = Clock()
    monkeypatch.setattr("hypernodes.execution._limiter.time", SimpleNamespace(monotonic=made))
    return made


def _waits(limiter: Limiter, count: int) -> list[float]:
    return [limiter.seconds_left(limiter.reserve()) for _ in range(count)]


def test_times_are_evenly_spaced(clock: Clock) -> None:
    """Without a burst each caller waits an interval longer than the one before."""
    assert [0, 1, 2, 3] == _waits(Limiter(RateLimit(1), "k"), 4)


def test_a_burst_starts_at_once(clock: Clock) -> None:
    """As many calls as the burst says start together, the others evenly after them."""
    assert [0, 0, 0, 1, 2] == _waits(Limiter(RateLimit(1, burst=3), "k"), 5)


def test_a_pause_allows_another_burst(clock: Clock) -> None:
    """After an idle time the burst is there again, and never more than that."""
    limiter = Limiter(RateLimit(1, burst=2), "k")
    _waits(limiter, 2)
    clock.now += 50
    assert [0, 0, 1] == _waits(limiter, 3)


def test_a_time_given_back_goes_to_the_next(clock: Clock) -> None:
    """A caller that gives up leaves no gap."""
    limiter = Limiter(RateLimit(1), "k")
    times = [limiter.reserve() for _ in range(4)]
    limiter.give_back(times[2])
    assert [times[2], times[3] + 1] == [limiter.reserve(), limiter.reserve()]


def test_a_time_given_back_too_late_is_gone(clock: Clock) -> None:
    """A time that has passed is not given to anybody."""
    limiter = Limiter(RateLimit(1), "k")
    times = [limiter.reserve() for _ in range(4)]
    limiter.give_back(times[1])
    clock.now += 1.5
    assert times[3] + 1 == limiter.reserve()


def test_all_who_wait_move_back_behind_a_late_one(clock: Clock) -> None:
    """Who starts late keeps its distance from those behind."""
    limiter = Limiter(RateLimit(1), "k")
    first, second, third = (limiter.reserve() for _ in range(3))
    clock.now += 5
    left = [limiter.seconds_left(start) for start in (first, second, third)]
    assert [0, 1, 2] == left


def test_a_burst_makes_up_for_lateness(clock: Clock) -> None:
    """Late callers catch up as far as the burst allows."""
    limiter = Limiter(RateLimit(1, burst=3), "k")
    _waits(limiter, 3)
    times = [limiter.reserve() for _ in range(3)]
    clock.now += 2
    assert [0, 0, 1] == [limiter.seconds_left(start) for start in times]


def test_copies_of_a_node_share_its_limit() -> None:
    """A node that was sent has one limit in a process, however often it arrives."""
    sent = node(len, output_name="out", rate_limit=10)
    copies = [cloudpickle.loads(cloudpickle.dumps(sent)) for _ in range(2)]
    one, other = (find_limiter(each.policy) for each in copies)
    assert one is other


def test_a_busy_limit_outlives_its_copies() -> None:
    """A copy that arrives after another one is gone still finds the pace it kept."""
    policy = read_policy(rate_limit=RateLimit(1, per_seconds=60))
    assert policy is not None
    limiter = find_limiter(policy)
    assert limiter is not None
    limiter.reserve()
    seen = weakref.ref(limiter)
    del limiter
    gc.collect()
    assert find_limiter(policy) is seen() is not None


def test_an_idle_limit_goes_away_with_its_node() -> None:
    """A limit that nobody holds and nobody waits for is dropped."""
    policy = read_policy(rate_limit=1e9)
    assert policy is not None
    limiter = find_limiter(policy)
    assert limiter is not None
    limiter.reserve()
    seen = weakref.ref(limiter)
    del limiter
    time.sleep(0.001)
    find_limiter(read_policy(rate_limit=1))
    gc.collect()
    assert seen() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_begins_afresh() -> None:
    """A child inherits neither the calls that wait nor a lock that is held."""
    policy = read_policy(rate_limit=RateLimit(1, per_seconds=600))
    limiter = find_limiter(policy)
    assert limiter is not None
    limiter.reserve()
    with limiter._lock:
        child = os.fork()
        if not child:
            os._exit(0 if limiter.seconds_left(limiter.reserve()) == 0 else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
