"""Facts about the unit of work that every engine ships."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle
import pytest

from hypernodes import MemoryCache, Pipeline, node
from hypernodes.events import ItemFinished, ItemStarted, Run, StepFinished, StepStarted
from hypernodes.execution import Chunk, Context, run_chunk
from hypernodes.plan import Plan, Settings


@node(output_name="y")
def invert(x: int, scale: int = 1) -> float:
    """Divide."""
    return scale / x


@node(output_name="z")
def add(y: float) -> float:
    """Add one."""
    return y + 1


@pytest.fixture
def plan() -> Plan:
    """Return x -> y -> z."""
    return Pipeline(nodes=[invert, add]).compiled(None, ("x",))


def chunk(*xs: int, first: int | None = 0, **constants: Any) -> Chunk:
    """Return a chunk of items."""
    return Chunk(0, first, len(xs), {"x": list(xs)}, constants)


def single(**constants: Any) -> Chunk:
    """Return the chunk of a single run."""
    return Chunk(0, None, 1, {}, constants)


def observed(plan: Plan, told: list[Any], total: int | None) -> Context:
    """Return a context whose observer is a list."""
    settings = Settings(None, None, (), (False,) * len(plan.steps), {})
    run = Run("r", plan.pipeline_id, None, "", "SeqEngine", total, plan.node_ids)
    return Context(settings, run, told.append)


def test_rows_come_in_item_order(plan: Plan) -> None:
    """A chunk gives the outputs of each of its items."""
    result = run_chunk(plan, chunk(1, 2))
    assert (result.rows, result.failure) == ([{"y": 1.0, "z": 2.0}, {"y": 0.5, "z": 1.5}], None)


def test_a_single_run_is_a_chunk_of_one(plan: Plan) -> None:
    """The values of a single run are constants."""
    assert run_chunk(plan, single(x=2)).rows == [{"y": 0.5, "z": 1.5}]


def test_constants_are_the_same_for_all_items() -> None:
    """Constants reach every item, where the plan asks for them."""
    plan = Pipeline(nodes=[invert]).compiled(None, ("x", "scale"))
    assert run_chunk(plan, chunk(1, 2, scale=4)).rows == [{"y": 4.0}, {"y": 2.0}]


def test_an_empty_chunk_gives_nothing(plan: Plan) -> None:
    """A chunk without items has no rows."""
    result = run_chunk(plan, chunk())
    assert (result.index, result.rows, result.failure) == (0, [], None)


def test_a_failure_comes_home_with_its_item(plan: Plan) -> None:
    """An exception ends the chunk and names the item in the map; earlier items are kept."""
    result = run_chunk(plan, chunk(1, 0, 2, first=40))
    assert result.failure is not None
    assert (len(result.rows), result.failure.item, type(result.failure.error)) == (
        1, 41, ZeroDivisionError,
    )  # fmt: skip


def test_a_failing_single_run_has_no_item(plan: Plan) -> None:
    """The failure of a single run belongs to no item."""
    result = run_chunk(plan, single(x=0))
    assert result.failure is not None
    assert (result.rows, result.failure.item) == ([], None)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_interrupts_escape(interrupt: type[BaseException]) -> None:
    """What is no `Exception` is not kept."""

    def stop(x: int) -> None:
        raise interrupt

    plan = Pipeline(nodes=[node(output_name="y")(stop)]).compiled(None, ("x",))
    with pytest.raises(interrupt):
        run_chunk(plan, chunk(1))


def test_events_wait_in_the_result(plan: Plan) -> None:
    """Unless it is live, observers are told nothing; the events are in the result, in order."""
    told: list[Any] = []
    result = run_chunk(plan, chunk(1, 2), observed(plan, told, 2))
    step = [StepStarted, StepFinished]
    item = [ItemStarted, *step, *step, ItemFinished]
    kinds = [type(event) for event in result.events]
    assert (kinds, result.is_told) == (item * 2, False)
    assert not [event for event in told if type(event) in item]


def test_live_events_are_told_at_once(plan: Plan) -> None:
    """Live, the observer is told and the result holds no events."""
    told: list[Any] = []
    result = run_chunk(plan, chunk(1), observed(plan, told, 1), live=True)
    assert (result.events, result.is_told, type(told[0])) == ([], True, ItemStarted)


def test_without_observers_there_are_no_events(plan: Plan) -> None:
    """Nobody listens, nothing is made."""
    assert run_chunk(plan, chunk(1, 2)).events == []


def test_hits_are_counted(plan: Plan) -> None:
    """The result says how many items were answered by the cache alone."""
    context = Context(Settings(None, MemoryCache(), (), (True, True), {}))
    hits = [run_chunk(plan, chunk(*xs), context).hits for xs in ((1, 2), (2, 3))]
    assert hits == [0, 1]


def test_everything_travels(plan: Plan) -> None:
    """Plan, chunk and result go through pickle, a failure too."""
    again = pickle.loads(cloudpickle.dumps((plan, chunk(1, 0))))
    result = pickle.loads(cloudpickle.dumps(run_chunk(*again)))
    assert (result.rows, type(result.failure.error)) == ([{"y": 1.0, "z": 2.0}], ZeroDivisionError)


def test_local_functions_travel() -> None:
    """A plan of functions that live in a function is carried out where it arrives."""
    factor = 3
    local = node(output_name="y")(lambda x: x * factor)
    plan = Pipeline(nodes=[local]).compiled(None, ("x",))
    assert run_chunk(pickle.loads(cloudpickle.dumps(plan)), chunk(1, 2)).rows == [
        {"y": 3},
        {"y": 6},
    ]


def test_a_nested_plan_needs_no_context() -> None:
    """Without a context, nested pipelines run uncached and unobserved too."""
    inner = Pipeline(nodes=[invert]).as_node({"xs": "x"}, map_over="xs")
    plan = Pipeline(nodes=[inner]).compiled(None, ("xs",))
    assert run_chunk(plan, single(xs=[1, 2])).rows == [{"y": [1.0, 0.5]}]
