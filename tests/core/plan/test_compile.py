"""Facts about how a graph and a request become a plan.

Most tests ask about the same pipeline::

    x ─> a ─> b ─> c          and, beside it,   y ─> d
              └──────> e (with an optional input o)
"""

from __future__ import annotations

import pytest

from hypernodes import Node, Pipeline
from hypernodes.errors import PlanError, UnknownOutputError
from hypernodes.plan import Plan, compile_plan

A = Node(lambda x: x, "a")
B = Node(lambda a: a, "b")
C = Node(lambda b: b, "c")
D = Node(lambda y: y, "d")
E = Node(lambda b, o=1: (b, o), "e")
FLAT = Pipeline([E, D, C, B, A])


def _outputs(plan: Plan) -> list[str]:
    return [name for step in plan.steps for name in step.writes if name is not None]


def test_everything_is_planned_by_default() -> None:
    """Without a request every output is computed, in execution order."""
    plan = compile_plan(FLAT, None, {"x", "y"})
    assert (
        _outputs(plan) == list(plan.outputs) == [n.outputs[0] for n in FLAT.graph.execution_order]
    )


def test_only_needed_steps_are_planned() -> None:
    """A wanted output brings what it needs and nothing else."""
    plan = compile_plan(FLAT, ["c"], {"x"})
    assert (_outputs(plan), plan.outputs, plan.missing) == (["a", "b", "c"], ("c",), ())


def test_nothing_wanted_plans_nothing() -> None:
    """An empty request has no steps and needs no inputs."""
    plan = compile_plan(FLAT, [], set())
    assert (plan.steps, plan.outputs, plan.missing) == ((), (), ())


def test_missing_inputs_are_sorted() -> None:
    """What is not there and has no default is listed by name."""
    assert compile_plan(FLAT, None, set()).missing == ("x", "y")


def test_inputs_of_what_is_not_needed_are_not_missing() -> None:
    """An input that only an unneeded node reads is not required."""
    assert compile_plan(FLAT, ["d"], {"y"}).missing == ()


def test_reads_are_the_inputs_that_are_used() -> None:
    """What is given and not used is not read."""
    assert compile_plan(FLAT, ["b"], {"x", "y", "o", "other"}).reads == {"x"}


def test_an_optional_input_is_passed_only_if_given() -> None:
    """Without a value the default of the function counts."""
    without = compile_plan(FLAT, ["e"], {"x"}).steps[-1]
    given = compile_plan(FLAT, ["e"], {"x", "o"}).steps[-1]
    assert (without.reads, given.reads) == (("b",), ("b", "o"))


def test_a_skipped_parameter_makes_the_rest_go_by_keyword() -> None:
    """Positions would shift behind a parameter that is left to its default."""
    node = Node(lambda p, q=1, r=2: (p, q, r), "s")
    step = compile_plan(Pipeline([node]), None, {"p", "r"}).steps[0]
    assert (step.arguments, step.positional) == ((("p", "p"), ("r", "r")), 1)


def test_a_given_intermediate_replaces_its_producer() -> None:
    """The producer is not planned, nor what only it needed, when something is wanted."""
    plan = compile_plan(FLAT, ["c"], {"b"})
    assert (_outputs(plan), plan.missing, plan.reads) == (["c"], (), {"b"})


def test_a_given_intermediate_is_no_output_by_default() -> None:
    """A value that the caller gave is not among the results."""
    plan = compile_plan(FLAT, None, {"x", "y", "b"})
    assert set(plan.outputs) == {"a", "c", "d", "e"}


def test_a_given_output_of_several_leaves_the_others() -> None:
    """One of two outputs given: the node runs for the other, and writes only that."""
    both = Node(lambda x: (x, x), ("p", "q"))
    plan = compile_plan(Pipeline([both]), None, {"x", "p"})
    assert (plan.steps[0].writes, plan.outputs) == ((None, "q"), ("q",))


def test_a_node_whose_outputs_are_all_given_is_left_out() -> None:
    """Nothing is left to compute."""
    both = Node(lambda x: (x, x), ("p", "q"))
    assert compile_plan(Pipeline([both]), None, {"p", "q"}).steps == ()


def test_steps_are_numbered_by_place_and_by_node() -> None:
    """`index` is the place in the plan, `position` that of the node in the pipeline."""
    plan = compile_plan(FLAT, ["b"], {"x"})
    assert [(step.index, FLAT.nodes[step.position]) for step in plan.steps] == [(0, A), (1, B)]


def test_an_unknown_output_is_refused_with_a_suggestion() -> None:
    """A near miss names what was probably meant."""
    pipeline = Pipeline([Node(lambda x: x, "cleaned_text")])
    with pytest.raises(UnknownOutputError) as caught:
        compile_plan(pipeline, ["cleaned_txt"], set())
    assert str(caught.value) == (
        "output 'cleaned_txt' not found in this pipeline; did you mean 'cleaned_text'?"
    )


def test_an_unknown_output_is_else_refused_with_what_there_is() -> None:
    """Where nothing is near, all names are listed."""
    with pytest.raises(UnknownOutputError, match="available: a, b, c, d, e"):
        compile_plan(FLAT, ["zzz"], set())


# -- nested ----------------------------------------------------------------------------


def test_paths_lead_from_the_outside_in() -> None:
    """A step inside is found by the names around it."""
    innermost = Pipeline([Node(lambda x: x, "a")], name="low")
    plan = compile_plan(Pipeline([Pipeline([innermost], name="mid")]), None, {"x"})
    low = plan.steps[0].nested.plan.steps[0].nested.plan
    assert (low.path, low.steps[0].path) == ("mid/low", "mid/low/<lambda>")


def test_an_unnamed_wrapper_is_called_by_its_id() -> None:
    """Observers always have something to call it."""
    inner = Pipeline([A])
    assert compile_plan(Pipeline([inner]), None, {"x"}).node_ids == (inner.id,)


def test_a_fully_unconsumed_wrapper_computes_everything() -> None:
    """Where nobody reads it, all its outputs are results."""
    plan = compile_plan(Pipeline([Pipeline([A, B, C])]), None, {"x"})
    assert plan.outputs == ("a", "b", "c")


def test_a_partly_consumed_wrapper_is_pruned() -> None:
    """Where somebody reads one output, the others are not computed."""
    inner = Pipeline([A, B, D])
    plan = compile_plan(Pipeline([inner, C]), None, {"x"})
    assert (plan.outputs, plan.missing) == (("b", "c"), ())


def test_a_fully_consumed_wrapper_computes_everything() -> None:
    """Where everything is read, everything appears."""
    inner = Pipeline([A, D])
    reader = Node(lambda a, d: (a, d), "r")
    assert compile_plan(Pipeline([inner, reader]), None, {"x", "y"}).outputs == ("a", "d", "r")


def test_pruned_inputs_are_not_required() -> None:
    """An input that only a pruned node reads is not missing."""
    inner = Pipeline([A, D])
    assert compile_plan(Pipeline([inner, B]), None, {"x"}).missing == ()


def test_inner_bindings_are_in_the_plan_as_far_as_they_are_read() -> None:
    """A bound value travels with the plan if the plan uses it."""
    inner = Pipeline([A, D]).bind(x=1, y=2, other=3)
    nested = compile_plan(Pipeline([inner, B]), None, set()).steps[0].nested
    assert dict(nested.bound) == {"x": 1}


def test_mapping_over_a_bound_input_is_refused() -> None:
    """A wrapper cannot take items for what is bound inside meanwhile."""
    inner = Pipeline([A], name="inner")
    wrapper = inner.as_node(map_over="x")
    inner.bind(x=1)
    with pytest.raises(PlanError, match="cannot map over 'x' of 'inner': it is bound in it"):
        compile_plan(Pipeline([wrapper]), None, set())


def test_a_missing_input_inside_is_named_as_outside() -> None:
    """A caller knows only outer names."""
    wrapper = Pipeline([A]).as_node(input_mapping={"text": "x"})
    assert compile_plan(Pipeline([wrapper]), None, set()).missing == ("text",)


def test_an_optional_input_inside_may_be_missing() -> None:
    """Defaults count through any number of levels."""
    wrapped = Pipeline([Pipeline([Pipeline([Node(lambda o=1: o, "r")])])])
    assert compile_plan(wrapped, None, set()).missing == ()
