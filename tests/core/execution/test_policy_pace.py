"""Facts about calls that keep a pace, and about what engines call."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest

from hypernodes import DualNode, RateLimit, Retry, node
from hypernodes.execution._policy import apply_policy, prepared_batch, prepared_call
from hypernodes.graph import read_policy

Failing = Callable[..., Any]
Prepare = Callable[..., Callable[..., Any]]


def test_calls_keep_their_distance(failing: Failing) -> None:
    """One after another, calls start no closer than the interval."""
    flaky = failing()
    call = apply_policy(flaky, read_policy(rate_limit=200), is_async=False, name="f")
    begin = time.monotonic()
    for _ in range(6):
        call()
    assert all(start >= begin + n * 0.005 for n, start in enumerate(flaky.times))


def test_threads_share_one_pace(failing: Failing) -> None:
    """Calls from many threads together keep the limit of the node."""
    flaky = failing()
    call = prepared_call(node(flaky, output_name="out", rate_limit=100))
    threads = [threading.Thread(target=call) for _ in range(6)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(flaky.times) >= begin + 0.05


def test_event_loops_share_one_pace(failing: Failing) -> None:
    """Coroutines in two event loops together keep the limit of the node."""
    flaky = failing()

    async def fetch() -> None:
        flaky()

    limited = node(fetch, output_name="out", rate_limit=100)

    async def three() -> None:
        await asyncio.gather(*(prepared_call(limited)() for _ in range(3)))

    threads = [threading.Thread(target=lambda: asyncio.run(three())) for _ in range(2)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(flaky.times) >= begin + 0.05


def test_coroutines_start_in_the_order_of_asking() -> None:
    """Whoever asks first starts first."""
    started = []

    async def fetch(n: int) -> None:
        started.append(n)

    call = apply_policy(fetch, read_policy(rate_limit=20), is_async=True, name="f")

    async def main() -> None:
        await asyncio.gather(*(call(n) for n in range(10)))

    asyncio.run(main())
    assert list(range(10)) == started


def test_waiting_for_the_pace_leaves_the_loop_free() -> None:
    """While one coroutine waits for its turn, others go on."""
    events: list[str] = []

    async def fetch() -> None:
        events.append("fetch")

    call = apply_policy(fetch, read_policy(rate_limit=2), is_async=True, name="f")

    async def tick() -> None:
        await asyncio.sleep(0)
        events.append("tick")

    async def main() -> None:
        await call()
        await asyncio.gather(call(), tick())

    asyncio.run(main())
    assert ["fetch", "tick", "fetch"] == events


def test_a_stalled_loop_does_not_let_calls_bunch_up(failing: Failing) -> None:
    """Calls whose time passed while the loop was blocked start one by one."""
    flaky = failing()

    async def fetch() -> None:
        flaky()

    call = apply_policy(fetch, read_policy(rate_limit=100), is_async=True, name="f")

    async def main() -> float:
        waiting = [asyncio.create_task(call()) for _ in range(5)]
        await asyncio.sleep(0)
        time.sleep(0.06)
        begin = time.monotonic()
        await asyncio.gather(*waiting)
        return begin

    begin = asyncio.run(main())
    assert all(start >= begin + n * 0.01 for n, start in enumerate(flaky.times[1:]))


def test_every_attempt_counts_for_the_pace(prepare: Prepare, failing: Failing) -> None:
    """A second attempt waits for its turn like another call."""
    flaky = failing(ConnectionError(), ConnectionError())
    begin = time.monotonic()
    prepare(flaky, retry=Retry(3, wait=0), rate_limit=50)()
    assert flaky.times[-1] >= begin + 0.04


def test_waiting_for_the_pace_is_no_part_of_the_timeout(prepare: Prepare, failing: Failing) -> None:
    """The time of an attempt begins when the function does."""
    call = prepare(failing(), timeout=5, rate_limit=RateLimit(1, per_seconds=0.02))
    assert [1, 2, 3] == [call(n) for n in (1, 2, 3)]


def test_an_interrupted_wait_gives_its_time_back(failing: Failing) -> None:
    """A cancelled coroutine does not make later calls wait for it."""
    flaky = failing()

    async def fetch() -> None:
        flaky()

    policy = read_policy(rate_limit=RateLimit(1, per_seconds=3))
    call = apply_policy(fetch, policy, is_async=True, name="f")

    async def main() -> None:
        await call()
        waiting = [asyncio.create_task(call()) for _ in range(1000)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        # a thousand reserved times would take 3,000 seconds
        await asyncio.wait_for(call(), 40)

    asyncio.run(main())
    assert 2 == flaky.calls


# ---- prepared calls ----------------------------------------------------------


def test_a_node_without_a_policy_is_called_itself() -> None:
    """Where nothing is asked for, there is no wrapper."""

    def fetch(x: int) -> int:
        return x

    assert fetch is prepared_call(node(fetch, output_name="out"))


def test_a_dual_node_without_a_policy_is_called_itself() -> None:
    """Both functions of a dual node are returned as they are."""
    pytest.importorskip("pyarrow")
    one, many = (lambda x: x), (lambda x: x)
    dual = DualNode("out", one, many)
    assert (one, many) == (prepared_call(dual), prepared_batch(dual))


def test_a_call_is_prepared_once(failing: Failing) -> None:
    """A node gives the same callable each time."""
    retried = node(failing(), output_name="out", retry=2)
    assert prepared_call(retried) is prepared_call(retried)


def test_a_prepared_call_goes_away_with_its_node(failing: Failing) -> None:
    """Nothing here keeps a node alive."""
    retried = node(failing(), output_name="out", retry=2)
    prepared_call(retried)
    seen = weakref.ref(retried)
    del retried
    gc.collect()
    assert seen() is None


def test_an_async_node_is_prepared_as_a_coroutine_function() -> None:
    """Whatever the policy, an async node stays one."""

    async def fetch(x: int) -> int:
        return x

    limited = node(fetch, output_name="out", retry=2, timeout=60, rate_limit=1000)
    assert asyncio.iscoroutinefunction(prepared_call(limited))
    assert 7 == asyncio.run(prepared_call(limited)(7))


def test_a_batch_is_attempted_as_a_whole(failing: Failing) -> None:
    """One attempt of a batch function is one call."""
    pytest.importorskip("pyarrow")
    batch = failing(ConnectionError())
    dual = DualNode("out", lambda x: x, batch, retry=Retry(2, wait=0))
    assert ([1, 2], 2) == (prepared_batch(dual)([1, 2]), batch.calls)


def test_an_async_batch_is_attempted_as_a_coroutine() -> None:
    """A batch function may be async where the other one is not."""
    pytest.importorskip("pyarrow")

    async def batch(x: list[int]) -> list[int]:
        return x

    dual = DualNode("out", lambda x: x, batch, timeout=60)
    assert [1, 2] == asyncio.run(prepared_batch(dual)([1, 2]))


def test_both_functions_of_a_dual_node_share_its_limit(failing: Failing) -> None:
    """The limit belongs to the node."""
    pytest.importorskip("pyarrow")
    flaky = failing()
    dual = DualNode("out", flaky, flaky, rate_limit=50)
    begin = time.monotonic()
    prepared_call(dual)()
    prepared_batch(dual)()
    assert flaky.times[-1] >= begin + 0.02


def test_a_prepared_node_can_be_sent(failing: Failing) -> None:
    """Preparing leaves nothing in a node that cannot be pickled."""
    retried = node(failing(), output_name="out", retry=2, rate_limit=10)
    prepared_call(retried)
    assert retried.policy == cloudpickle.loads(cloudpickle.dumps(retried)).policy


def test_tenacity_is_only_loaded_where_calls_are_repeated() -> None:
    """Timeouts and rate limits need no further library."""
    script = """
        import sys
        from hypernodes import node
        from hypernodes.execution._policy import prepared_call

        prepared_call(node(len, output_name="out", timeout=5, rate_limit=5))
        assert "tenacity" not in sys.modules
        """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)
