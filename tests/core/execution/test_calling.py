"""Facts about calling coroutine functions from code that is not async."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import Pipeline, SeqEngine, node
from hypernodes.execution._calling import CoroutineRunner

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture
def runner() -> Iterator[CoroutineRunner]:
    """A runner, closed in the end."""
    runner = CoroutineRunner()
    yield runner
    runner.close()


async def give(value: Any) -> Any:
    """Return *value* after a turn of the loop."""
    await asyncio.sleep(0)
    return value


async def current_loop() -> Any:
    """Return the loop."""
    return asyncio.get_running_loop()


async def current_thread() -> int:
    """Return the thread."""
    return threading.get_ident()


async def fail() -> None:
    """Raise."""
    msg = "broken"
    raise ValueError(msg)


def inside_a_loop(function: Any) -> Any:
    """Call *function*, which is not async, while a loop runs in this thread."""

    async def call() -> Any:
        return function()

    return asyncio.run(call())


def test_the_result_comes_back(runner: CoroutineRunner) -> None:
    """Running a coroutine returns its value."""
    assert [runner.run(give(value)) for value in (1, None)] == [1, None]


def test_the_exception_comes_back(runner: CoroutineRunner) -> None:
    """An exception of the coroutine is raised as it is."""
    with pytest.raises(ValueError, match="broken"):
        runner.run(fail())


def test_all_coroutines_share_a_loop(runner: CoroutineRunner) -> None:
    """Clients that belong to a loop can be used by later coroutines."""
    assert runner.run(current_loop()) is runner.run(current_loop())


def test_they_run_in_the_calling_thread(runner: CoroutineRunner) -> None:
    """Where no loop runs yet, user code sees the thread that it expects."""
    assert runner.run(current_thread()) == threading.get_ident()


def test_inside_a_running_loop_the_call_blocks_and_returns() -> None:
    """Called from a notebook, the value still comes back, from another thread."""

    def call() -> tuple[Any, bool]:
        runner = CoroutineRunner()
        found = runner.run(give(5)), runner.run(current_thread()) == threading.get_ident()
        runner.close()
        return found

    assert inside_a_loop(call) == (5, False)


@pytest.mark.parametrize("is_inside", [False, True])
def test_coroutines_see_the_callers_context(is_inside: bool) -> None:
    """Context variables of the caller are those of the coroutine; its own stay its own."""

    async def swap() -> str:
        found = variable.get()
        variable.set("theirs")
        return found

    def call() -> list[str]:
        runner = CoroutineRunner()
        variable.set("mine")
        found = [runner.run(swap()), runner.run(swap()), variable.get()]
        runner.close()
        return found

    found = inside_a_loop(call) if is_inside else contextvars.copy_context().run(call)
    assert found == ["mine", "mine", "mine"]


def test_close_without_use_is_harmless() -> None:
    """A runner that was never used has nothing to close, twice too."""
    runner = CoroutineRunner()
    runner.close()
    runner.close()


def test_after_close_it_can_be_used_again(runner: CoroutineRunner) -> None:
    """A closed runner makes a new loop."""
    first = runner.run(current_loop())
    runner.close()
    assert (runner.run(current_loop()) is first, first.is_closed()) == (False, True)


def test_no_thread_stays_behind() -> None:
    """The thread of a loop ends when the runner is closed."""

    def call() -> None:
        runner = CoroutineRunner()
        runner.run(give(1))
        runner.close()

    before = threading.active_count()
    inside_a_loop(call)
    assert threading.active_count() == before


@pytest.mark.parametrize("is_inside", [False, True])
def test_async_nodes_run_on_seq_engine(is_inside: bool) -> None:
    """Coroutine functions are nodes, between plain ones, also inside a running loop."""

    @node(output_name="b")
    async def slow(a: int) -> int:
        return await give(a + 1)

    plain = node(output_name="c")(lambda b: b * 2)
    pipeline = Pipeline(nodes=[slow, plain])

    def call() -> Any:
        return pipeline.run({"a": 1}), pipeline.map({"a": [1, 2]}, map_over="a")

    expected = ({"b": 2, "c": 4}, [{"b": 2, "c": 4}, {"b": 3, "c": 6}])
    assert (inside_a_loop(call) if is_inside else call()) == expected


def test_a_plain_node_may_run_a_loop_between_async_ones() -> None:
    """``asyncio.run`` in a plain node does not disturb the loop of the run."""
    first = node(output_name="b")(give_b)
    middle = node(output_name="c")(lambda b: asyncio.run(give(b + 1)))
    last = node(output_name="d")(give_d)
    assert Pipeline(nodes=[first, middle, last]).run({"a": 1}) == {"b": 1, "c": 2, "d": 2}


async def give_b(a: int) -> int:
    """Return *a*."""
    return int(await give(a))


async def give_d(c: int) -> int:
    """Return *c*."""
    return int(await give(c))


def test_an_async_node_may_run_a_pipeline() -> None:
    """A coroutine function that runs another pipeline with async nodes gets its value."""
    inner = Pipeline(nodes=[node(output_name="b")(give_b)])

    @node(output_name="y")
    async def outer(x: int) -> int:
        return int(inner.run({"a": x})["b"])

    assert Pipeline(nodes=[outer]).run({"x": 4}) == {"y": 4}


def test_async_nodes_see_context_variables_of_the_caller() -> None:
    """What the caller has set is visible in async nodes."""

    @node(output_name="y")
    async def read(x: int) -> str:
        return variable.get()

    def call() -> Any:
        variable.set("mine")
        return Pipeline(nodes=[read], engine=SeqEngine()).run({"x": 1})

    assert contextvars.copy_context().run(call) == {"y": "mine"}


def as_a_notebook(cell: Coroutine[Any, Any, None]) -> None:
    """Run *cell* on a loop that, unlike that of ``asyncio.run``, leaves interrupts alone."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(cell)
    finally:
        loop.close()


@pytest.mark.parametrize("run_cell", [asyncio.run, as_a_notebook])
def test_an_interrupt_ends_a_waiting_caller(run_cell: Any) -> None:
    """Inside a running loop, an interrupt does not wait for the coroutine to end by itself."""
    main = threading.main_thread().ident

    async def interrupt() -> None:
        await asyncio.sleep(0.05)
        signal.pthread_kill(main or 0, signal.SIGINT)
        await asyncio.sleep(3)

    async def cell() -> None:
        runner = CoroutineRunner()
        try:
            runner.run(interrupt())
        finally:
            runner.close()

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell())
    assert time.monotonic() - started < 2
