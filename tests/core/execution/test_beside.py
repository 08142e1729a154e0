"""Facts about calls in threads beside an event loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hypernodes import AsyncEngine, Pipeline, node
from hypernodes.execution._beside import LoopRunner, WrappedError, call_beside, unwrap
from hypernodes.hookspecs import hookimpl
from hypernodes.plugins import manager


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Return threads."""
    with ThreadPoolExecutor(2) as made:
        yield made


@pytest.fixture
def around() -> None:
    """Let a plugin go around every call of a function."""

    class Around:
        @hookimpl(wrapper=True)
        def hypernodes_execute_step(self, step: Any) -> Any:
            """Do nothing beside."""
            return (yield)

    manager().register(Around(), "around")


def test_a_call_returns_from_its_thread(pool: ThreadPoolExecutor) -> None:
    """The result comes back, and it was made elsewhere."""
    found = asyncio.run(call_beside(pool, lambda x: (x, threading.get_ident()), 3))
    assert (found[0], found[1] != threading.get_ident()) == (3, True)


def test_context_variables_go_along(pool: ThreadPoolExecutor) -> None:
    """A thread sees those of its caller."""
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")
    variable.set(5)
    assert asyncio.run(call_beside(pool, variable.get)) == 5


@pytest.mark.parametrize(
    "error",
    [
        StopIteration("mine"),
        TimeoutError("mine"),
        concurrent.futures.CancelledError("mine"),
        concurrent.futures.InvalidStateError("mine"),
        ValueError("mine"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_exceptions_cross_as_themselves(pool: ThreadPoolExecutor, error: Exception) -> None:
    """Also those that futures would replace by another one."""

    def fail() -> None:
        raise error

    with pytest.raises(WrappedError) as caught:
        asyncio.run(call_beside(pool, fail))
    assert unwrap(caught.value) is error


def test_what_is_not_wrapped_is_left_alone() -> None:
    """Unwrapping is for everybody."""
    error = ValueError()
    assert unwrap(error) is error


def test_a_thread_may_wait_for_a_coroutine_of_the_loop(pool: ThreadPoolExecutor) -> None:
    """The coroutine runs in the thread of the loop."""

    async def wait() -> int:
        await asyncio.sleep(0)
        return threading.get_ident()

    async def main() -> int:
        runner = LoopRunner(asyncio.get_running_loop())
        return await call_beside(pool, lambda: runner.run(wait()))

    assert asyncio.run(main()) == threading.get_ident()


def test_cancelling_cancels_what_the_thread_waits_for(pool: ThreadPoolExecutor) -> None:
    """No task is left, and the coroutine may clean up."""
    story: list[str] = []

    async def wait() -> None:
        try:
            story.append("begun")
            await asyncio.sleep(30)
        finally:
            story.append("cleaned")

    async def main() -> int:
        runner = LoopRunner(asyncio.get_running_loop())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await call_beside(pool, lambda: runner.run(wait()))
        return len(asyncio.all_tasks())

    assert (asyncio.run(main()), story) == (1, ["begun", "cleaned"])


def test_a_coroutine_that_comes_too_late_is_not_begun(pool: ThreadPoolExecutor) -> None:
    """Whoever was cancelled before gets no coroutine under way afterwards."""
    story: list[str] = []
    go = threading.Event()

    async def wait() -> None:
        story.append("begun")

    async def main() -> None:
        runner = LoopRunner(asyncio.get_running_loop())

        def late() -> None:
            go.wait(5)
            try:
                runner.run(wait())
            except asyncio.CancelledError:
                story.append("refused")
                raise

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await call_beside(pool, late)
        go.set()
        while not story:
            await asyncio.sleep(0.001)

    asyncio.run(main())
    assert story == ["refused"]


@pytest.mark.usefixtures("around")
def test_plugins_around_calls_change_no_failure() -> None:
    """With a plugin around calls, which wait in threads, the lowest failing item still counts."""

    @node(output_name="y")
    async def invert(x: int) -> float:
        await asyncio.sleep(0.001 * x)
        return 1 / (x - 5)

    async def main() -> tuple[list[Any], int]:
        rows = aiter(Pipeline([invert]).amap({"x": range(12)}, map_over="x"))
        seen = [await anext(rows) for _ in range(5)]
        with pytest.raises(ZeroDivisionError):
            await anext(rows)
        return seen, len(asyncio.all_tasks())

    seen, tasks = asyncio.run(main())
    assert (len(seen), tasks) == (5, 1)


@pytest.mark.usefixtures("around")
def test_plugins_around_calls_keep_the_limit() -> None:
    """No more coroutines are under way than without them."""
    inside = most = 0

    @node(output_name="y")
    async def count(x: int) -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.002)
        inside -= 1
        return x

    rows = Pipeline([count], engine=AsyncEngine(3)).map({"x": range(20)}, map_over="x")
    assert (most, rows) == (3, [{"y": x} for x in range(20)])
