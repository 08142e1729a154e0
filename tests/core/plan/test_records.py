"""Facts about plans as frozen values: they travel, and are carried out elsewhere."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import attrs
import cloudpickle
import pytest

from hypernodes import DualNode, Node, Pipeline
from hypernodes.execution import Chunk, ChunkResult, Failure, run_chunk
from hypernodes.plan import Plan

if TYPE_CHECKING:
    from pathlib import Path

WORKER = """
import pickle, sys, cloudpickle
from hypernodes.execution import run_chunk
with open(sys.argv[1], "rb") as file:
    plan, chunk = pickle.load(file)
with open(sys.argv[1], "wb") as file:
    file.write(cloudpickle.dumps(run_chunk(plan, chunk)))
"""


def _plan(pipeline: Pipeline, *available: str) -> Plan:
    return pipeline.compiled(None, available)


def _elsewhere(tmp_path: Path, plan: Plan, chunk: Chunk) -> ChunkResult:
    """Carry out *chunk* in a process that has only what is in the pickle."""
    path = tmp_path / "chunk.pickle"
    path.write_bytes(cloudpickle.dumps((plan, chunk)))
    subprocess.run([sys.executable, "-W", "error", "-c", WORKER, str(path)], check=True, timeout=60)
    result: ChunkResult = pickle.loads(path.read_bytes())
    return result


def _items(**columns: list[Any]) -> Chunk:
    size = len(next(iter(columns.values())))
    return Chunk(index=0, first=0, size=size, columns=columns, constants={})


class OddError(Exception):
    """An exception whose constructor takes other arguments than it keeps."""

    def __init__(self, place: str, *, code: int) -> None:
        super().__init__(f"{place} failed")
        self.code = code


def test_a_plan_is_frozen() -> None:
    """Nobody changes a plan after it was made."""
    plan = _plan(Pipeline([Node(lambda x: x, "a")]), "x")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        plan.steps = ()  # type: ignore[misc]  # that is the point


def test_reads_of_a_step_are_the_names_of_its_values() -> None:
    """A step knows what it is given."""
    plan = _plan(Pipeline([Node(lambda x, y: x, "a")]), "x", "y")
    assert plan.steps[0].reads == ("x", "y")


def test_producers_lead_from_names_to_steps() -> None:
    """Every written name has its step."""
    plan = _plan(Pipeline([Node(lambda x: (x, x), ("a", "b"))]), "x")
    assert plan.producers == {"a": plan.steps[0], "b": plan.steps[0]}


def test_values_are_released_after_their_last_reader_and_unread_ones_at_once() -> None:
    """What is asked for stays; everything else goes as soon as nobody reads it any more."""
    nodes = [
        Node(lambda x: (x, x, x), ("a", "b", "c")),
        Node(lambda a: a, "d"),
        Node(lambda a, d: a, "e"),
    ]
    plan = Pipeline(nodes).compiled(("c", "e"), ("x",))
    assert plan.releases == (("b",), (), ("a", "d"))


def test_node_ids_are_in_execution_order() -> None:
    """What observers call the steps, in order."""

    def late(a):
        return a

    def early(x):
        return x

    plan = _plan(Pipeline([Node(late, "b"), Node(early, "a")]), "x")
    assert plan.node_ids == ("early", "late")


def test_plain_nodes_need_no_columns() -> None:
    """Functions go item by item."""
    assert _plan(Pipeline([Pipeline([Node(lambda x: x, "a")])]), "x").needs_columns is False


def test_dual_nodes_need_columns_also_inside() -> None:
    """A batch body somewhere inside makes a map go step by step."""
    pytest.importorskip("pyarrow")
    dual = DualNode("a", lambda x: x, lambda x: x)
    assert _plan(Pipeline([Pipeline([dual])]), "x").needs_columns is True


def test_a_mapped_wrapper_has_columns_of_its_own() -> None:
    """A dual node behind an inner map does not concern the outer one."""
    pytest.importorskip("pyarrow")
    dual = DualNode("a", lambda x: x, lambda x: x)
    mapped = Pipeline([dual]).as_node(map_over="x")
    assert _plan(Pipeline([mapped]), "x").needs_columns is False


def test_a_plan_survives_pickling_with_what_was_computed_about_it() -> None:
    """What is remembered on a plan does not hinder it from travelling."""
    plan = _plan(Pipeline([Pipeline([Node(lambda x: x, "a")], name="in")]), "x")
    before = (plan.node_ids, plan.needs_columns, set(plan.producers))
    again = pickle.loads(cloudpickle.dumps(plan))
    assert (again.node_ids, again.needs_columns, set(again.producers)) == before


def test_a_long_plan_pickles_without_recursion() -> None:
    """Three thousand steps in a row travel as they are."""
    chain = [Node(eval(f"lambda v{n}: v{n} + 1"), f"v{n + 1}") for n in range(3_000)]
    again = pickle.loads(cloudpickle.dumps(_plan(Pipeline(chain), "v0")))
    chunk = Chunk(index=0, first=None, size=1, columns={}, constants={"v0": 0})
    assert run_chunk(again, chunk).rows[0]["v3000"] == 3_000


def test_a_chunk_is_carried_out_in_another_process(tmp_path: Path) -> None:
    """Closures, bindings, nesting and inner maps work where nothing else is known."""
    offset = 10
    inner = Pipeline([Node(lambda x, k: x * k, "a")]).bind(k=2)
    mapped = inner.as_node(input_mapping={"xs": "x"}, output_mapping={"a": "as_"}, map_over="xs")
    plan = _plan(Pipeline([mapped, Node(lambda as_: sum(as_) + offset, "total")]), "xs")
    result = _elsewhere(tmp_path, plan, _items(xs=[[1, 2], []]))
    assert result.rows == [{"as_": [2, 4], "total": 16}, {"as_": [], "total": 10}]


def test_async_nodes_run_in_another_process(tmp_path: Path) -> None:
    """A coroutine function travels like any other."""

    async def fetch(x):
        return x + 1

    plan = _plan(Pipeline([Node(fetch, "a")]), "x")
    assert _elsewhere(tmp_path, plan, _items(x=[1, 2])).rows == [{"a": 2}, {"a": 3}]


def test_a_failure_comes_home_with_its_item_and_the_rows_before(tmp_path: Path) -> None:
    """Finished items are kept; the failure says where and carries its note."""

    def invert(x):
        return 1 / x

    plan = _plan(Pipeline([Node(invert, "a")]), "x")
    result = _elsewhere(tmp_path, plan, _items(x=[1, 0, 2]))
    assert result.rows == [{"a": 1.0}]
    assert result.failure is not None
    assert (type(result.failure.error), result.failure.item) == (ZeroDivisionError, 1)
    assert result.failure.error.__notes__ == ["in node 'invert' at invert, item 1"]


def test_notes_of_the_user_travel_before_ours(tmp_path: Path) -> None:
    """A note that the function added is kept, in front."""

    def complain(x):
        error = ValueError("bad")
        error.add_note("mine")
        raise error

    plan = _plan(Pipeline([Node(complain, "a")]), "x")
    failure = _elsewhere(tmp_path, plan, _items(x=[1])).failure
    assert failure.error.__notes__ == ["mine", "in node 'complain' at complain, item 0"]


def _caught(function: Any) -> BaseException:
    with pytest.raises(BaseException) as caught:  # whatever it is
        function()
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        KeyError("k"),
        ValueError(),
        FileNotFoundError(2, "No such file or directory", "data.csv"),
        _caught(b"\xff".decode),
        _caught(lambda: compile("a b", filename="file", mode="exec")),
        ImportError("no module", name="m", path="p"),
        ExceptionGroup("several", [ValueError(1), KeyError(2)]),
        StopIteration(5),
        OddError("here", code=3),
    ],
    ids=lambda error: type(error).__name__,
)
def test_exceptions_travel_with_type_message_and_attributes(error: BaseException) -> None:
    """Whatever its constructor is like, an exception comes home as it was."""
    again = pickle.loads(cloudpickle.dumps(Failure(error, 3))).error
    names = ("filename", "errno", "reason", "start", "lineno", "name", "path", "value", "code")
    kept = {name: getattr(error, name) for name in names if hasattr(error, name)}
    assert (type(again), str(again)) == (type(error), str(error))
    assert {name: getattr(again, name) for name in kept} == kept


def test_an_exception_that_insists_on_its_arguments_travels() -> None:
    """A constructor that checks how many arguments it gets does not make travelling fail."""

    class StrictError(Exception):
        def __new__(cls, _a: int, _b: int) -> StrictError:
            return super().__new__(cls, _a, _b)

        def __init__(self, a: int, b: int) -> None:
            super().__init__(f"{a} and {b}")

    again = pickle.loads(cloudpickle.dumps(Failure(StrictError(1, 2)))).error
    assert "1 and 2" in str(again)


def test_an_exception_keeps_its_cause() -> None:
    """What an exception was raised from is not lost on the way home."""
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    again = pickle.loads(cloudpickle.dumps(Failure(error))).error
    assert repr(again.__cause__) == "KeyError('inner')"


def test_what_of_an_exception_cannot_travel_is_described() -> None:
    """Type and text come home; what cannot be sent is words, and a note says so."""
    error = ValueError("holds what cannot be sent")
    error.held = (each for each in ())  # type: ignore[attr-defined]  # generators do not pickle
    again = pickle.loads(cloudpickle.dumps(Failure(error))).error
    assert (type(again), str(again)) == (ValueError, "holds what cannot be sent")
    assert repr(again.held).startswith("<generator object")
    assert again.__notes__ == ["only in words, because they cannot be sent: held"]
