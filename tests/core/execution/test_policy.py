"""Facts about calls that are repeated and ended in time."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import itertools
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import tenacity

from hypernodes import Retry
from hypernodes.errors import ExecutionError, NodeTimeoutError
from hypernodes.execution._policy import apply_policy
from hypernodes.graph import read_policy

QUICK = Retry(3, wait=0.001)
Failing = Callable[..., Any]
Prepare = Callable[..., Callable[..., Any]]
colour: contextvars.ContextVar[str] = contextvars.ContextVar("colour")


class BusyError(ConnectionError):
    """What a crowded service says."""


def _gaps(times: list[float]) -> Iterator[float]:
    return (later - earlier for earlier, later in itertools.pairwise(times))


# ---- repeating ---------------------------------------------------------------


def test_a_failed_call_is_made_again(prepare: Prepare, failing: Failing) -> None:
    """A call that fails and then succeeds gives its result."""
    flaky = failing(BusyError(), BusyError())
    assert (7, 3) == (prepare(flaky, retry=QUICK)(7), flaky.calls)


def test_a_call_that_succeeds_is_made_once(prepare: Prepare, failing: Failing) -> None:
    """Without a failure there is one attempt."""
    flaky = failing()
    assert (7, 1) == (prepare(flaky, retry=5)(x=7), flaky.calls)


def test_the_last_exception_is_raised_as_itself(prepare: Prepare, failing: Failing) -> None:
    """When all attempts fail, the exception of the last one comes out, with a note."""
    flaky = failing(*(BusyError(n) for n in range(9)))
    with pytest.raises(BusyError, match="2") as caught:
        prepare(flaky, retry=QUICK)()
    assert (["after 3 attempts"], 3) == (caught.value.__notes__, flaky.calls)


def test_other_exceptions_are_raised_at_once(prepare: Prepare, failing: Failing) -> None:
    """An exception that no rule covers ends the call, without a note."""
    flaky = failing(KeyError("k"))
    with pytest.raises(KeyError) as caught:
        prepare(flaky, retry={ConnectionError: 5})()
    assert (1, False) == (flaky.calls, hasattr(caught.value, "__notes__"))


def test_an_uncovered_exception_ends_later_attempts(prepare: Prepare, failing: Failing) -> None:
    """A second attempt that fails in another way is the last one, and is counted."""
    flaky = failing(BusyError(), KeyError("k"))
    with pytest.raises(KeyError) as caught:
        prepare(flaky, retry={ConnectionError: Retry(5, wait=0)})()
    assert ["after 2 attempts"] == caught.value.__notes__


def test_each_rule_counts_its_own_failures(prepare: Prepare, failing: Failing) -> None:
    """A rule gives up when its own attempts are used; those of others do not count."""
    flaky = failing(OSError(), KeyError(), OSError(), KeyError())
    rules = {OSError: Retry(3, wait=0), KeyError: Retry(2, wait=0)}
    with pytest.raises(KeyError):
        prepare(flaky, retry=rules)()
    assert 4 == flaky.calls


def test_waits_between_attempts_grow(prepare: Prepare, failing: Failing) -> None:
    """The pauses are at least those that the rule says."""
    flaky = failing(BusyError(), BusyError())
    prepare(flaky, retry=Retry(3, wait=0.01, factor=3, jitter=0))()
    first, second = _gaps(flaky.times)
    assert first >= 0.01
    assert second >= 0.03


def test_chance_shortens_a_wait_by_a_share_at_most(prepare: Prepare, failing: Failing) -> None:
    """With a jitter of a half, at least half of the wait is left."""
    flaky = failing(BusyError())
    prepare(flaky, retry=Retry(2, wait=0.02, jitter=0.5))()
    assert next(_gaps(flaky.times)) >= 0.01


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_ends_a_program_is_not_retried(
    prepare: Prepare, kind: type[BaseException], failing: Failing
) -> None:
    """Interrupts, exits and cancellations come through at once, in any attempt."""
    flaky = failing(BusyError(), kind())
    with pytest.raises(kind):
        prepare(flaky, retry=Retry(9, wait=0))()
    assert 2 == flaky.calls


def test_exceptions_of_tenacity_are_like_any_other(prepare: Prepare, failing: Failing) -> None:
    """A function that uses tenacity itself cannot ask ours for more attempts."""
    flaky = failing(*(tenacity.TryAgain() for _ in range(9)))
    with pytest.raises(tenacity.TryAgain):
        prepare(flaky, retry=QUICK)()
    assert 3 == flaky.calls


def test_tracebacks_hold_no_frames_of_tenacity(failing: Failing) -> None:
    """A traceback leads from our wrapper to the user's function."""
    with pytest.raises(BusyError) as caught:
        apply_policy(failing(*[BusyError()] * 3), read_policy(QUICK), is_async=False, name="f")()
    assert not [entry for entry in caught.traceback if "tenacity" in str(entry.path)]


def test_a_raised_exception_keeps_nothing_alive() -> None:
    """Once the exception is handled, the arguments of the call are released."""

    class Big:
        pass

    def fail(big: Big) -> None:
        raise BusyError

    call = apply_policy(fail, read_policy(QUICK, timeout=60), is_async=False, name="f")
    big = Big()
    seen = weakref.ref(big)
    gc.disable()
    try:
        with pytest.raises(BusyError):
            call(big)
        del big
        # the thread may still be on its way out
        deadline = time.monotonic() + 10
        while seen() is not None and time.monotonic() < deadline:
            time.sleep(0.001)
        assert seen() is None
    finally:
        gc.enable()


def test_any_parameter_name_reaches_the_function(prepare: Prepare) -> None:
    """Names that wrappers like to use for themselves are free for the user's parameters."""

    def echo(fn: Any, self: Any, call: Any, context: Any) -> list[Any]:
        return [fn, self, call, context]

    wrapped = prepare(echo, retry=2, timeout=60, rate_limit=1000)
    assert [1, 2, 3, 4] == wrapped(fn=1, self=2, call=3, context=4)


# ---- ending in time ----------------------------------------------------------


def test_a_call_in_time_gives_its_result(prepare: Prepare, failing: Failing) -> None:
    """A timeout does not change what a call returns."""
    assert 7 == prepare(failing(), timeout=60)(7)


def test_an_exception_in_time_is_raised_as_itself(prepare: Prepare, failing: Failing) -> None:
    """A timeout does not change what a call raises, a TimeoutError of its own included."""
    error = TimeoutError("mine")
    with pytest.raises(TimeoutError) as caught:
        prepare(failing(error), timeout=60)()
    assert error is caught.value


def test_a_call_that_takes_too_long_is_given_up() -> None:
    """A function that does not return in time gives a NodeTimeoutError, which says what to do."""
    never = threading.Event()
    call = apply_policy(never.wait, read_policy(timeout=0.01), is_async=False, name="fetch")
    with pytest.raises(NodeTimeoutError, match=r"node 'fetch' did not finish within 0\.01 sec"):
        call()
    never.set()


def test_a_coroutine_that_takes_too_long_is_cancelled() -> None:
    """A coroutine that does not return in time is cancelled, and can clean up."""
    ended = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    call = apply_policy(slow, read_policy(timeout=0.01), is_async=True, name="fetch")
    with pytest.raises(NodeTimeoutError, match=r"'fetch' did not finish within 0\.01 seconds"):
        asyncio.run(call())
    assert ["cancelled"] == ended


def test_a_timeout_is_an_error_of_ours_and_a_timeout_error() -> None:
    """Both names catch it, and it survives pickling."""
    error = pickle.loads(pickle.dumps(NodeTimeoutError("too late")))
    assert isinstance(error, ExecutionError)
    assert isinstance(error, TimeoutError)
    assert "too late" == str(error)


def test_a_timeout_can_be_retried() -> None:
    """Each attempt has the whole time, and `TimeoutError` is what a rule names."""
    never = threading.Event()
    calls: list[int] = []

    def slow_first() -> str:
        calls.append(1)
        return "done" if len(calls) >= 3 or not never.wait(60) else "late"

    policy = read_policy({TimeoutError: Retry(20, wait=0)}, timeout=0.05)
    assert "done" == apply_policy(slow_first, policy, is_async=False, name="f")()
    never.set()


def test_a_late_result_is_dropped() -> None:
    """What a given-up call returns later changes nothing."""
    gate, ended = threading.Event(), threading.Event()
    answers = itertools.chain(["late"], itertools.repeat("in time"))

    def answer() -> str:
        mine = next(answers)
        if mine == "late":
            gate.wait(60)
            ended.set()
        return mine

    policy = read_policy({TimeoutError: Retry(20, wait=0)}, timeout=0.05)
    result = apply_policy(answer, policy, is_async=False, name="f")()
    gate.set()
    assert ended.wait(60)
    assert "in time" == result


def test_the_call_sees_the_context_of_its_caller() -> None:
    """Context variables reach the thread of a call with a timeout."""
    token = colour.set("green")
    call = apply_policy(colour.get, read_policy(timeout=60), is_async=False, name="f")
    assert "green" == call()
    colour.reset(token)


def test_an_exit_in_the_other_thread_reaches_the_caller(failing: Failing) -> None:
    """What is no Exception comes out of a call with a timeout as well."""
    call = apply_policy(failing(SystemExit(3)), read_policy(timeout=60), is_async=False, name="f")
    with pytest.raises(SystemExit):
        call()


def test_a_cancelled_task_leaves_a_call_that_blocks() -> None:
    """Under `asyncio.run` an interrupt marks the task; the waiting caller notices."""
    noticed = threading.Event()

    def keep_cancelling(task: asyncio.Task[None]) -> None:
        while not noticed.wait(0.01):
            task.cancel()

    call = apply_policy(keep_cancelling, read_policy(timeout=60), is_async=False, name="f")

    async def main() -> None:
        call(asyncio.current_task())

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    noticed.set()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal to a process")
@pytest.mark.parametrize(
    ("options", "answer"),
    [("timeout=60", 60), ("retry=Retry(5, wait=60)", None), ("rate_limit=0.01", 0)],
)
def test_an_interrupt_reaches_a_caller_that_waits(options: str, answer: int | None) -> None:
    """Ctrl-C ends the waiting for an answer, for another attempt and for the pace."""
    script = f"""
        import signal, time
        from hypernodes import Retry, node
        from hypernodes.execution._policy import prepared_call

        def work(answer):
            print("waiting", flush=True)
            if answer is None:
                raise ValueError
            time.sleep(answer)

        signal.signal(signal.SIGINT, signal.default_int_handler)
        call = prepared_call(node(work, output_name="out", {options}))
        try:
            call({answer})
            call({answer})
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "waiting\n" == process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert "interrupted\n" == process.stdout.readline()
