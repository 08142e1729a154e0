"""What a map promises about failures: the lowest one is raised, or all of them are collected."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from hypernodes import (
    AsyncEngine,
    DiskCache,
    DualNode,
    MemoryCache,
    Pipeline,
    PipelineCallback,
    Recorder,
    SeqEngine,
    node,
)
from hypernodes.errors import PlanError

ITEMS = list(range(20))


class Silent(PipelineCallback):
    """Is told of every function."""

    def on_node_start(self, *args: Any) -> None:
        """Do nothing."""


@attrs.frozen
class FrozenError(Exception):
    """Refuses notes, as it refuses all attributes."""

    number: int


class TwoArgumentsError(Exception):
    """Cannot be made again from its arguments."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


WAYS = {
    "plain": SeqEngine,
    "observed": lambda: SeqEngine(callbacks=[Silent()]),
    "recorded": lambda: SeqEngine(callbacks=[Recorder()]),
    "cached": lambda: SeqEngine(cache=MemoryCache()),
    "loop": AsyncEngine,
    "threads": lambda: AsyncEngine(4, threads=True),
}


@pytest.fixture(params=WAYS.values(), ids=list(WAYS))
def engine(request: pytest.FixtureRequest) -> Any:
    """Return an engine of every way to carry out a map."""
    make: Callable[[], Any] = request.param
    return make()


def failing(error: BaseException | type[BaseException], *items: int) -> Pipeline:
    """Return x -> y, which raises *error* for some items; of a class, one each."""

    @node(output_name="y")
    def work(x: int) -> int:
        if x in items:
            raise error
        return -x

    return Pipeline([work])


# ---- raising --------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bad"),
        StopIteration("bad"),
        StopAsyncIteration("bad"),
        TimeoutError("bad"),
        concurrent.futures.CancelledError("bad"),
        ExceptionGroup("bad", [ValueError()]),
        FrozenError(3),
        TwoArgumentsError(1, 2),
        RecursionError("bad"),
        MemoryError("bad"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_exceptions_of_every_kind_reach_the_caller_as_themselves(
    engine: Any, error: BaseException
) -> None:
    """The very object that was raised comes out of a map, and of a repeated one."""
    pipeline = failing(error, 13, 17)
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            pipeline.map({"x": ITEMS}, map_over="x", engine=engine)
        assert caught.value is error


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError]
)
def test_interrupts_end_a_map_and_are_never_collected(error: type[BaseException]) -> None:
    """What is no `Exception` ends the map, also where failures are collected."""
    for rule in ("raise", "collect"):
        pipeline = failing(error(), 13)
        for _ in range(2):
            with pytest.raises(error):
                pipeline.map({"x": ITEMS}, map_over="x", on_error=rule)


def test_the_lowest_failing_item_is_raised(engine: Any) -> None:
    """Of several failures the first in item order counts."""
    with pytest.raises(ZeroDivisionError) as caught:
        failing(ZeroDivisionError, 17, 13).map({"x": ITEMS}, map_over="x", engine=engine)
    assert caught.value.__notes__ == ["in node 'work' at work, item 13"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("observed", [False, True])
def test_a_broken_map_keeps_what_it_finished(tmp_path: Any, error: Any, observed: bool) -> None:
    """A failure or an interrupt stores the items before; a repetition runs only the others."""
    calls: list[int] = []
    repaired: list[bool] = []

    @node(output_name="y")
    def work(x: int) -> int:
        calls.append(x)
        if x == 13 and not repaired:
            raise error
        return x

    callbacks = [Silent()] if observed else None
    engine = SeqEngine(cache=DiskCache(tmp_path / "cache"), callbacks=callbacks)
    pipeline = Pipeline([work])
    with pytest.raises(error):
        pipeline.map({"x": ITEMS}, map_over="x", engine=engine)
    before = len(calls)
    repaired.append(True)
    calls.clear()
    rows = pipeline.map({"x": ITEMS}, map_over="x", engine=engine)
    # with a cache, items travel in blocks: some behind the failing one may have been called
    assert (before >= 14, set(calls) <= set(ITEMS[13:]), rows[13]) == (True, True, {"y": 13})


# ---- collecting ----------------------------------------------------------------------


def test_a_failed_item_is_a_record_in_its_place(engine: Any) -> None:
    """It says which item, where, with which inputs, and holds the exception."""
    error = ValueError("bad")
    results: Any = failing(error, 3, 13).map(
        {"x": ITEMS}, map_over="x", engine=engine, on_error="collect"
    )
    assert [(each.item, each.path, each.inputs) for each in results.failed] == [
        (n, "work", {"x": n}) for n in (3, 13)
    ]
    assert [results[n] for n in (0, 4, 19)] == [{"y": 0}, {"y": -4}, {"y": -19}]
    assert (results[3].error is error, len(results.finished), len(results)) == (True, 18, 20)


def test_constants_are_among_the_inputs_of_a_failed_item(engine: Any) -> None:
    """What all items share is needed to repeat one, so it is there."""
    pipeline = Pipeline([node(output_name="y")(lambda x, k: k / x)]).bind(k=7)
    results: Any = pipeline.map({"x": [1, 0]}, map_over="x", engine=engine, on_error="collect")
    assert results.failed[0].inputs == {"x": 0, "k": 7}


def test_all_may_fail(engine: Any) -> None:
    """A map of which every item fails returns records alone."""
    error = ValueError("bad")
    pipeline = failing(error, *ITEMS)
    results: Any = pipeline.map({"x": ITEMS}, "x", engine=engine, on_error="collect")
    assert (len(results.failed), results.finished) == (20, [])


def test_none_may_fail(engine: Any) -> None:
    """Without a failure it is the list that raising would give."""
    results: Any = failing(ValueError()).map(
        {"x": ITEMS}, map_over="x", engine=engine, on_error="collect"
    )
    assert (list(results), results.exception_group()) == ([{"y": -x} for x in ITEMS], None)


def test_nothing_behind_the_failing_step_runs_for_that_item(engine: Any) -> None:
    """Steps that need a failed one are left out; other items run all of theirs."""
    calls: list[int] = []
    first = node(output_name="a")(lambda x: 1 // (x - 3) + x)
    second = node(output_name="b")(lambda a, x: calls.append(x))
    Pipeline([second, first]).map({"x": ITEMS}, "x", engine=engine, on_error="collect")
    assert sorted(calls) == [x for x in ITEMS if x != 3]


def test_a_failing_inner_item_fails_the_item_around_it(engine: Any) -> None:
    """The record names the inner path, and the note the inner item."""
    inner = Pipeline([node(output_name="y")(lambda x: 1 // x)], name="inner")
    pipeline = Pipeline([inner.as_node({"xs": "x"}, map_over="xs")])
    results: Any = pipeline.map(
        {"xs": [[1, 1], [1, 0, 0], [1]]}, map_over="xs", engine=engine, on_error="collect"
    )
    (failed,) = results.failed
    assert (failed.item, failed.path, len(results.finished)) == (1, "inner/<lambda>", 2)
    assert failed.error.__notes__ == ["in node '<lambda>' at inner/<lambda>, item 1, inner item 1"]


def test_a_failing_batch_fails_the_items_in_it() -> None:
    """One call for all: nobody can say which item it was, so all of them failed."""

    def batch(x: Any) -> Any:
        raise ValueError(len(x))

    pytest.importorskip("pyarrow")
    pipeline = Pipeline([DualNode("y", lambda x: x, batch)])
    results: Any = pipeline.map({"x": [1, 2, 3]}, map_over="x", on_error="collect")
    assert [(each.item, each.error.args) for each in results.failed] == [
        (n, (3,)) for n in range(3)
    ]


def test_a_repetition_runs_only_what_failed() -> None:
    """With a cache, the finished items of a collected map are hits."""
    calls: list[int] = []

    @node(output_name="y")
    def work(x: int) -> float:
        calls.append(x)
        return 1 / (x - 13)

    pipeline = Pipeline([work], engine=SeqEngine(cache=MemoryCache()))
    for _ in range(2):
        pipeline.map({"x": ITEMS}, map_over="x", on_error="collect")
    assert calls == [*ITEMS, 13]


def test_observers_hear_of_each_failure_and_of_the_end() -> None:
    """A collected map ends as one that succeeded; progress counts its failures."""
    recorder = Recorder()
    failing(ValueError("bad"), 3, 13).map(
        {"x": ITEMS}, "x", engine=SeqEngine(callbacks=[recorder]), on_error="collect"
    )
    progress = [args for name, args in recorder.events if name == "map_progress"]
    assert (recorder.names.count("error"), recorder.names[-1]) == (2, "map_end")
    assert progress[-1][:3] == (20, 0, 2)


def test_an_unknown_rule_is_refused() -> None:
    """Before anything runs, with the rules that there are."""
    pipeline: Any = failing(ValueError())
    for call in (pipeline.map, pipeline.map_iter):
        with pytest.raises(PlanError, match="unknown on_error 'skip'; use 'raise' or 'collect'"):
            call({"x": ITEMS}, map_over="x", on_error="skip")
