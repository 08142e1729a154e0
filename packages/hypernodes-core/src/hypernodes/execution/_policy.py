"""How a call is repeated, ended in time and slowed down, as its node asks.

A call goes through at most three layers, each made only where it is asked for::

    repeat --> keep the pace --> end in time --> the function
       ^______________________________|  after a failure

So every attempt counts for the pace, and waiting does not count for the time.
What is asked is decided in `graph`; tenacity decides when to try again and
waits in between; `_limiter` tells the pace.  Nothing here knows of steps,
items or caches.
"""

from __future__ import annotations

import contextvars
import random
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from hypernodes.errors import NodeTimeoutError
from hypernodes.execution._errors import add_note
from hypernodes.execution._limiter import Limiter, find_limiter
from hypernodes.graph import CallPolicy, DualNode, Node, Retry

if TYPE_CHECKING:
    import tenacity

Call = Callable[..., Any]
#: Signals are noticed between slices where they cannot cut one short.
_SLICE_SECONDS: Final = 0.1

_AnyNode = Node[..., Any] | DualNode
_calls: weakref.WeakKeyDictionary[_AnyNode, Call] = weakref.WeakKeyDictionary()
_batches: weakref.WeakKeyDictionary[_AnyNode, Call] = weakref.WeakKeyDictionary()


def prepared_call(node: Node[..., Any] | DualNode) -> Call:
    """Return what an engine calls for one item: the function itself where nothing is asked.

    The same object at each call, in one process; a coroutine function where
    the node is async.
    """
    call = node.singular if isinstance(node, DualNode) else node.func
    return _prepare(_calls, node, call, is_async=node.is_async)


def prepared_batch(node: DualNode) -> Call:
    """Return what an engine calls for a batch; one attempt is one call for the whole batch."""
    return _prepare(_batches, node, node.batch, is_async=node.is_batch_async)


def _prepare(
    made: weakref.WeakKeyDictionary[_AnyNode, Call], node: _AnyNode, call: Call, *, is_async: bool
) -> Call:
    if node.policy is None:
        return call
    found = made.get(node)
    if found is None:
        found = made[node] = apply_policy(call, node.policy, is_async=is_async, name=node.name)
    return found


def apply_policy(call: Call, policy: CallPolicy, *, is_async: bool, name: str) -> Call:
    """Return *call* as *policy* wants it called; it takes the same arguments.

    The exception of the last attempt is raised as itself, with a note that
    counts the attempts.  What is no `Exception`, interrupts, exits and
    cancellations, is never answered by another attempt, and reaches the
    caller at once.

    A timeout of a coroutine function cancels it.  Any other function is
    called in a thread of its own, with the context variables of the caller:
    nothing can stop that thread.  It goes on in the background, and what it
    returns or raises too late is dropped.

    Args:
        call: A function, or a coroutine function where *is_async*.
        policy: What its node asks for.
        is_async: Whether the result is a coroutine function.
        name: The name of the node, for messages.

    Raises:
        NodeTimeoutError: The returned function raises it when an attempt took
            too long and no other is allowed.
    """
    limiter = find_limiter(policy)
    if policy.timeout is not None:
        call = (_end_async if is_async else _end)(call, policy.timeout, name)
    if limiter is not None:
        call = (_pace_async if is_async else _pace)(call, limiter)
    if policy.retries:
        call = (_repeat_async if is_async else _repeat)(call, policy)
    return call


# ---- repeating ---------------------------------------------------------------


class _Failures:
    """The failed attempts of one call; tells tenacity whether and when to go on.

    Tenacity never sees an exception, so it leaves no frames in tracebacks,
    and none of its own exceptions means anything.
    """

    def __init__(self, policy: CallPolicy, first: Exception) -> None:
        self._policy = policy
        self._by_rule: dict[Retry, int] = {}
        self._is_first_told = False
        self._count = 0
        self.add(first)

    def add(self, error: Exception) -> None:
        """Count a failed attempt under the rule for its exception."""
        self._count += 1
        self._error: Exception | None = error
        self._rule = self._policy.find_retry(error)
        if self._rule is not None:
            self._by_rule[self._rule] = self._by_rule.get(self._rule, 0) + 1

    def end(self, result: Any) -> Any:
        """Take the result of an attempt that did not fail."""
        self._error = None
        return result

    def tell_first(self) -> bool:
        """Say, once, that the first attempt failed before tenacity was asked."""
        told, self._is_first_told = self._is_first_told, True
        return not told

    def go_on(self, state: tenacity.RetryCallState) -> bool:
        """Say whether there is another attempt."""
        # only what is no Exception comes to tenacity: interrupts, cancellations
        is_stopped = state.outcome is None or state.outcome.failed
        if is_stopped or self._error is None or self._rule is None:
            return False
        return self._by_rule[self._rule] < self._rule.attempts

    def wait(self, _: tenacity.RetryCallState) -> float:
        """Return the seconds until the next attempt."""
        if self._rule is None:
            return 0.0
        longest = self._rule.seconds_after(self._by_rule[self._rule])
        return longest * (1 - self._rule.jitter * random.random())

    def take(self, result: Any) -> Any:
        """Return *result*, or raise what the last attempt raised."""
        error, self._error = self._error, None
        if error is None:
            return result
        if self._count > 1:
            add_note(error, f"after {self._count} attempts")
        try:
            raise error
        finally:
            # its traceback holds this frame
            del error


def _repeat(call: Call, policy: CallPolicy) -> Call:
    # deferred: only nodes with retries need it
    from tenacity import Retrying

    def repeated(*args: Any, **kwargs: Any) -> Any:
        # most calls succeed at once, and need nobody to ask
        try:
            return call(*args, **kwargs)
        except Exception as error:
            failures = _Failures(policy, error)

        def attempt() -> Any:
            if failures.tell_first():
                return None
            try:
                return failures.end(call(*args, **kwargs))
            except Exception as error:
                return failures.add(error)

        retrying = Retrying(sleep=_sleep, retry=failures.go_on, wait=failures.wait)
        return failures.take(retrying(attempt))

    return repeated


def _repeat_async(call: Call, policy: CallPolicy) -> Call:
    # deferred: only nodes with retries need them
    import asyncio

    # deferred for the same reason
    from tenacity import AsyncRetrying

    async def repeated(*args: Any, **kwargs: Any) -> Any:
        try:
            return await call(*args, **kwargs)
        except Exception as error:
            failures = _Failures(policy, error)

        async def attempt() -> Any:
            if failures.tell_first():
                return None
            try:
                return failures.end(await call(*args, **kwargs))
            except Exception as error:
                return failures.add(error)

        retrying = AsyncRetrying(sleep=asyncio.sleep, retry=failures.go_on, wait=failures.wait)
        return failures.take(await retrying(attempt))

    return repeated


# ---- ending in time ----------------------------------------------------------


class _Answer:
    """What a call in another thread comes to."""

    def __init__(self) -> None:
        self.is_there = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None

    def make(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            self._value = call(*args, **kwargs)
        except BaseException as error:
            self._error = error
        self.is_there.set()

    def take(self) -> Any:
        error, self._error = self._error, None
        if error is None:
            return self._value
        try:
            raise error
        finally:
            # its traceback holds this frame
            del error


def _end(call: Call, seconds: float, name: str) -> Call:
    def ended(*args: Any, **kwargs: Any) -> Any:
        answer, context = _Answer(), contextvars.copy_context()
        target = (answer.make, call, args, kwargs)
        # nothing may keep the interpreter from ending
        threading.Thread(target=context.run, args=target, name=name, daemon=True).start()
        _pause(seconds, answer.is_there.wait)
        if not answer.is_there.is_set():
            raise _timeout_error(seconds, name)
        return answer.take()

    return ended


def _end_async(call: Call, seconds: float, name: str) -> Call:
    # deferred: only coroutines need it
    import asyncio

    async def ended(*args: Any, **kwargs: Any) -> Any:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await call(*args, **kwargs)
        except TimeoutError:
            # the function may have raised one of its own
            if limit.expired():
                raise _timeout_error(seconds, name) from None
            raise

    return ended


def _timeout_error(seconds: float, name: str) -> NodeTimeoutError:
    unit = "second" if seconds == 1 else "seconds"
    return NodeTimeoutError(
        f"node {name!r} did not finish within {seconds:g} {unit}; raise its timeout, or give it "
        "another attempt with retry={TimeoutError: 2}"
    )


# ---- keeping the pace --------------------------------------------------------


def _pace(call: Call, limiter: Limiter) -> Call:
    def paced(*args: Any, **kwargs: Any) -> Any:
        start = limiter.reserve()
        try:
            while left := limiter.seconds_left(start):
                _sleep(left)
        except BaseException:
            limiter.give_back(start)
            raise
        return call(*args, **kwargs)

    return paced


def _pace_async(call: Call, limiter: Limiter) -> Call:
    # deferred: only coroutines need it
    import asyncio

    async def paced(*args: Any, **kwargs: Any) -> Any:
        start = limiter.reserve()
        try:
            while left := limiter.seconds_left(start):
                await asyncio.sleep(left)
        except BaseException:
            limiter.give_back(start)
            raise
        return await call(*args, **kwargs)

    return paced


# ---- waiting in a thread -----------------------------------------------------


def _sleep(seconds: float) -> None:
    _pause(seconds, time.sleep)


def _pause(seconds: float, pause: Callable[[float], object]) -> None:
    """Pause for *seconds*, or until *pause* returns True; interrupts come through at once.

    Raises:
        CancelledError: The task around us was cancelled meanwhile: under
            ``asyncio.run`` an interrupt only marks the task.  Or we are in a
            thread, and nobody waits for it any more.
    """
    # deferred: only those who wait need them
    import asyncio

    # deferred for the same reason
    from hypernodes.execution._beside import is_given_up

    deadline, before = time.monotonic() + seconds, _count_cancellations()
    while not is_given_up():
        left = deadline - time.monotonic()
        if left <= 0 or pause(min(left, _SLICE_SECONDS)) is True:
            return
        if _count_cancellations() > before:
            break
    raise asyncio.CancelledError


def _count_cancellations() -> int:
    """Return how often the task around us was cancelled."""
    # deferred: see _pause
    import asyncio

    try:
        task = asyncio.current_task()
    except RuntimeError:
        return 0
    return task.cancelling() if task is not None else 0
