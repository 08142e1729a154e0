"""Facts about pipelines beyond the public contract: settings, plans, travelling."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import weakref
from typing import Any

import cloudpickle
import pytest

from hypernodes import AsyncEngine, MemoryCache, Node, Pipeline, Recorder, SeqEngine
from hypernodes.errors import NodeDefinitionError, PlanError, UnknownPluginError


def _inc(x: int) -> int:
    return x + 1


def _double(a: int) -> int:
    return a * 2


def _chain() -> Pipeline:
    """Return the chain x ─> a ─> b."""
    return Pipeline([Node(_inc, "a"), Node(_double, "b")])


# -- what is refused -------------------------------------------------------------------


def test_a_function_that_is_no_node_is_refused_with_a_remedy() -> None:
    """A forgotten decorator is named."""
    with pytest.raises(NodeDefinitionError, match=r"'_inc' is not a node; .*node\(\.\.\.\)"):
        Pipeline([_inc])  # type: ignore[list-item]  # that is the point


def test_what_is_no_engine_is_refused() -> None:
    """An engine runs; anything else is a mistake found at once."""
    with pytest.raises(TypeError, match="engine must be an engine or the name of one, got int"):
        Pipeline([], engine=7)  # type: ignore[arg-type]  # that is the point


def test_an_engine_that_was_not_made_is_refused() -> None:
    """A class in the place of an engine is told with the remedy, wherever it is given."""
    with pytest.raises(TypeError, match=r"got the class AsyncEngine; make one: AsyncEngine\(\)"):
        Pipeline([], engine=AsyncEngine)  # type: ignore[arg-type]  # refused
    with pytest.raises(TypeError, match="got the class SeqEngine"):
        Pipeline([]).run({}, engine=SeqEngine)  # type: ignore[arg-type]  # refused


def test_an_unknown_engine_name_is_refused() -> None:
    """A name that no plugin provides is found at construction."""
    with pytest.raises(UnknownPluginError):
        Pipeline([], engine="no-such-engine")


def test_inputs_must_be_a_mapping() -> None:
    """A value in place of the dict is named by its type."""
    with pytest.raises(TypeError, match="inputs must be a dict of values by name, got list"):
        _chain().run([1])  # type: ignore[arg-type]  # that is the point


def test_an_input_given_twice_is_refused() -> None:
    """Neither of two values for one name wins silently."""
    with pytest.raises(PlanError, match="given both in inputs and by keyword: x"):
        _chain().run({"x": 1}, x=2)


def test_an_unknown_on_error_is_refused() -> None:
    """A misspelt policy is not ignored."""
    with pytest.raises(PlanError, match="unknown on_error 'rise'"):
        _chain().map({"x": [1]}, map_over="x", on_error="rise")


# -- engines ---------------------------------------------------------------------------


def test_an_engine_can_be_given_by_name() -> None:
    """`engine="seq"` is a `SeqEngine`."""
    assert type(Pipeline([], engine="seq").engine) is SeqEngine


def test_the_default_engine_stays_the_same_object() -> None:
    """Asking twice gives the same engine."""
    pipeline = _chain()
    assert pipeline.engine is pipeline.engine


def test_with_engine_none_inherits_again() -> None:
    """An engine can be taken back."""
    pipeline = _chain().with_engine(SeqEngine()).with_engine(None)
    assert pipeline.own_engine is None


# -- configuration goes down -----------------------------------------------------------


def _counting(calls: list[int], engine: SeqEngine | None = None) -> Pipeline:
    return Pipeline([Node(lambda x: calls.append(x) or x, "a")], engine=engine)


@pytest.mark.parametrize(
    ("child_engine", "expected"),
    [(None, 1), (SeqEngine(), 1), (SeqEngine(cache=None), 2)],
    ids=["no engine", "engine without cache", "cache=None"],
)
def test_a_child_inherits_the_cache_it_leaves_unset(child_engine: Any, expected: int) -> None:
    """Two equal runs call once where the parent's cache counts, twice where it is turned off."""
    calls: list[int] = []
    parent = Pipeline([_counting(calls, child_engine)], engine=SeqEngine(cache=MemoryCache()))
    results = [parent.run({"x": 1}), parent.run({"x": 1})]
    assert (results, len(calls)) == ([{"a": 1}] * 2, expected)


def test_a_childs_own_cache_works_in_a_parent_without_one() -> None:
    """What the child's engine sets counts inside the parent."""
    calls: list[int] = []
    parent = Pipeline([_counting(calls, SeqEngine(cache=MemoryCache()))])
    parent.run({"x": 1})
    parent.run({"x": 1})
    assert calls == [1]


def test_callbacks_of_parent_and_child_hear_their_own_level() -> None:
    """A child's callbacks replace the parent's inside it, and only there."""
    outer, inner = Recorder(), Recorder()
    child = Pipeline([Node(_inc, "a")], engine=SeqEngine(callbacks=[inner]), name="child")
    Pipeline([child, Node(_double, "b")], engine=SeqEngine(callbacks=[outer])).run({"x": 1})
    assert (outer.executed, inner.executed) == (["child", "_double"], ["_inc"])


def test_callbacks_of_children_of_one_name_stay_apart() -> None:
    """Two children that share a name tell each its own observers."""
    recorders = [Recorder(), Recorder()]
    children = [
        Pipeline([Node(function, output)], engine=SeqEngine(callbacks=[recorder]), name="same")
        for function, output, recorder in zip((_inc, _double), "ab", recorders, strict=True)
    ]
    Pipeline(children).run({"x": 1})
    assert [each.executed for each in recorders] == [["_inc"], ["_double"]]


def test_a_wrapper_flag_turns_caching_off_inside() -> None:
    """`cache=False` of a wrapper counts at the next run, and can be taken back."""
    calls: list[int] = []
    wrapper = _counting(calls).as_node(cache=False)
    parent = Pipeline([wrapper], engine=SeqEngine(cache=MemoryCache()))
    for flag in (False, False, True, True):
        wrapper.cache = flag
        parent.run({"x": 1})
    assert len(calls) == 3


# -- plans -----------------------------------------------------------------------------


def test_a_plan_is_made_once_per_request() -> None:
    """Equal requests share a plan, whatever else is among the inputs."""
    pipeline = _chain()
    one = pipeline.compiled(("b",), {"x": 1})
    assert pipeline.compiled(("b",), {"x": 2, "other": 3}) is one


def test_a_given_intermediate_is_another_request() -> None:
    """What is given decides what must be done."""
    pipeline = _chain()
    assert len(pipeline.compiled(None, {"x", "a"}).steps) < len(
        pipeline.compiled(None, {"x"}).steps
    )


def test_a_new_name_shows_in_the_plan() -> None:
    """Naming a pipeline, also a nested one, makes older plans void."""
    child = _chain()
    parent = Pipeline([child], name="old")
    parent.compiled(None, {"x"})
    child.with_name("child")
    plan = parent.with_name("new").compiled(None, {"x"})
    assert (plan.pipeline_name, plan.node_ids) == ("new", ("child",))


def test_values_that_are_no_longer_bound_are_let_go() -> None:
    """A model that was bound inside and replaced does not stay in memory."""

    class Model:
        pass

    model = Model()
    seen = weakref.ref(model)
    child = Pipeline([Node(lambda x, m: x, "a")]).bind(m=model)
    parent = Pipeline([child])
    parent.run({"x": 1})
    del model
    child.bind(m=None)
    parent.run({"x": 1})
    gc.collect()
    assert seen() is None


def test_values_of_a_run_are_let_go() -> None:
    """A pipeline keeps nothing of what went through it."""

    class Value:
        pass

    pipeline = Pipeline([Pipeline([Node(lambda x: x, "a")])])
    value = Value()
    seen = weakref.ref(value)
    pipeline.run({"x": value})
    pipeline.map({"x": [value]}, map_over="x")
    del value
    gc.collect()
    assert seen() is None


# -- travelling ------------------------------------------------------------------------


def test_a_pipeline_survives_cloudpickle() -> None:
    """Nodes, bindings, names and nesting travel."""
    offset = 10
    child = Pipeline([Node(lambda x, k: x * k + offset, "a")], name="child").bind(k=2)
    parent = Pipeline(
        [child.as_node(map_over="x"), Node(lambda a: sum(a, start=0), "s")], name="parent"
    )
    parent.run({"x": [1]})
    again = pickle.loads(cloudpickle.dumps(parent))
    assert again.run({"x": [1, 2]}) == {"a": [12, 14], "s": 26}
    assert (again.name, again.id) == (parent.name, parent.id)


def test_a_pipeline_runs_in_a_process_that_never_saw_it(tmp_path) -> None:
    """What is in the pickle is all it needs."""
    path = tmp_path / "pipeline.pickle"
    path.write_bytes(cloudpickle.dumps(Pipeline([Pipeline([Node(lambda x: x + 1, "a")])])))
    code = f"import pickle; print(pickle.load(open({str(path)!r}, 'rb')).run(x=1))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'a': 2}"


def test_a_deep_nest_runs() -> None:
    """Ten levels give what one gives."""
    pipeline = _chain()
    for _ in range(10):
        pipeline = Pipeline([pipeline])
    assert pipeline.run({"x": 1}) == {"a": 2, "b": 4}


# -- overriding through levels ---------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_given_inner_output_replaces_its_producer(depth: int) -> None:
    """A value for a visible output of a nested pipeline counts inside too, as if it were flat."""
    calls: list[str] = []
    pipeline = Pipeline([Node(lambda x: calls.append("a") or x, "a"), Node(_double, "b")])
    for _ in range(depth):
        pipeline = Pipeline([pipeline])
    assert (pipeline.run({"x": 1, "a": 50}), calls) == ({"b": 100}, [])


def test_a_given_inner_output_reaches_siblings() -> None:
    """Nodes beside the wrapper take the given value."""
    pipeline = Pipeline([_chain(), Node(lambda a, b: (a, b), "r")])
    assert pipeline.run({"x": 1, "b": 50})["r"] == (2, 50)


def test_optional_inputs_stay_optional_through_levels() -> None:
    """A default inside counts unless a value is given outside."""
    pipeline = Pipeline([Pipeline([Pipeline([Node(lambda x, k=2: x * k, "r")])])])
    assert (pipeline.run({"x": 5}), pipeline.run({"x": 5, "k": 3})) == ({"r": 10}, {"r": 15})
    assert pipeline.map({"x": [5], "k": [4]}, map_over=["x", "k"]) == [{"r": 20}]


def test_async_nodes_run_inside_nested_maps() -> None:
    """Coroutine functions are nodes at every level."""

    async def later(x):
        return x + 1

    wrapper = Pipeline([Node(later, "r")]).as_node(map_over="x")
    assert Pipeline([wrapper]).map({"x": [[1], [2, 3]]}, map_over="x") == [
        {"r": [2]},
        {"r": [3, 4]},
    ]
