"""The contract of pipelines inside pipelines, sentence by sentence."""

from __future__ import annotations

from typing import Any

import pytest

from hypernodes import DependencyError, MemoryCache, Node, Pipeline, Recorder, SeqEngine


def _inc(x):
    return x + 1


def _double(a):
    return a * 2


def _inner() -> Pipeline:
    """Return the chain x ─> a ─> b."""
    return Pipeline([Node(_inc, "a"), Node(_double, "b")])


# -- as_node ---------------------------------------------------------------------------


def test_a_bare_pipeline_behaves_as_its_node() -> None:
    """A `Pipeline` in `nodes=[...]` is its `as_node()`."""
    bare, wrapped = Pipeline([_inner()]), Pipeline([_inner().as_node()])
    assert bare.run({"x": 1}) == wrapped.run({"x": 1}) == {"a": 2, "b": 4}
    assert type(bare.nodes[0]) is type(wrapped.nodes[0])


def test_input_mapping_is_outer_to_inner() -> None:
    """The outer name feeds the inner one; unmapped names stay."""
    inner = Pipeline([Node(lambda x, y: (x, y), "r")])
    pipeline = Pipeline([inner.as_node(input_mapping={"text": "x"})])
    assert pipeline.run({"text": 1, "y": 2}) == {"r": (1, 2)}


def test_output_mapping_is_inner_to_outer() -> None:
    """The inner output is seen under its outer name."""
    pipeline = Pipeline([_inner().as_node(output_mapping={"b": "result", "a": "a"})])
    assert pipeline.run({"x": 1}) == {"a": 2, "result": 4}


def test_only_mapped_outputs_are_visible() -> None:
    """With a non-empty `output_mapping` the others do not exist outside."""
    wrapper = _inner().as_node(output_mapping={"a": "r"})
    assert Pipeline([wrapper]).graph.available_output_names == ["r"]
    with pytest.raises(ValueError, match="not found"):
        Pipeline([wrapper]).run({"x": 1}, output_name="b")


def test_only_mapped_outputs_and_what_they_need_are_computed() -> None:
    """What nobody can see is not computed, and its inputs are not required."""
    calls: list[str] = []
    inner = Pipeline(
        [
            Node(lambda x: calls.append("a") or x, "a"),
            Node(lambda a: calls.append("b") or a, "b"),
            Node(lambda a: calls.append("c") or a, "c"),
            Node(lambda other: calls.append("d"), "d"),
        ]
    )
    assert Pipeline([inner.as_node(output_mapping={"b": "r"})]).run({"x": 1}) == {"r": 1}
    assert calls == ["a", "b"]


def test_names_can_be_swapped() -> None:
    """Mappings in both directions may exchange names."""
    inner = Pipeline([Node(lambda x, y: (x, y), ("p", "q"))])
    wrapper = inner.as_node({"y": "x", "x": "y"}, {"p": "q", "q": "p"})
    assert Pipeline([wrapper]).run({"x": 1, "y": 2}) == {"q": 2, "p": 1}


def test_an_intermediate_can_be_mapped_from_outside() -> None:
    """An outer value for an inner output replaces its inner producer."""
    inner = Pipeline([Node(lambda x: 1 / 0, "a"), Node(_double, "b")])
    wrapper = inner.as_node(input_mapping={"given": "a"}, output_mapping={"b": "b"})
    assert Pipeline([wrapper]).run({"given": 5, "x": 0}) == {"b": 10}


# -- map_over --------------------------------------------------------------------------


def test_map_over_takes_outer_names() -> None:
    """The outer name holds the sequence, and each output is a list."""
    wrapper = _inner().as_node(input_mapping={"xs": "x"}, map_over="xs")
    assert Pipeline([wrapper]).run({"xs": [1, 2]}) == {"a": [2, 3], "b": [4, 6]}


def test_other_names_are_broadcast() -> None:
    """What is not mapped reaches every item, lists too."""
    inner = Pipeline([Node(lambda x, ys: (x, ys), "r")]).as_node(map_over="x")
    assert Pipeline([inner]).run({"x": [1, 2], "ys": [7]}) == {"r": [(1, [7]), (2, [7])]}


def test_an_upstream_output_can_be_mapped_over() -> None:
    """A node may produce the sequence that a wrapper maps over."""
    nodes = [Node(lambda n: list(range(n)), "x"), _inner().as_node(map_over="x")]
    assert Pipeline(nodes).run({"n": 2}) == {"x": [0, 1], "a": [1, 2], "b": [2, 4]}


def test_an_empty_sequence_gives_empty_lists() -> None:
    """`[]` per output, and nothing inside is called."""
    wrapper = Pipeline([Node(lambda x: 1 / 0, ("a", "b"))]).as_node(map_over="x")
    assert Pipeline([wrapper]).run({"x": []}) == {"a": [], "b": []}


def test_inside_an_outer_map_there_are_lists_of_lists() -> None:
    """One list per outer item, empty ones included."""
    wrapper = _inner().as_node(map_over="x", output_mapping={"a": "a"})
    results = Pipeline([wrapper]).map({"x": [[1, 2], [], [3]]}, map_over="x")
    assert results == [{"a": [2, 3]}, {"a": []}, {"a": [4]}]


def test_two_levels_of_mapping_give_lists_of_lists() -> None:
    """A mapped wrapper in a mapped wrapper maps over lists of lists."""
    once = Pipeline([Node(_inc, "a")]).as_node(map_over="x")
    twice = Pipeline([once]).as_node(map_over="x")
    assert Pipeline([twice]).run({"x": [[1], [], [2, 3]]}) == {"a": [[2], [], [3, 4]]}


@pytest.mark.parametrize(
    ("mode", "expected"), [("zip", [(1, 3), (2, 4)]), ("product", [(1, 3), (1, 4), (2, 3), (2, 4)])]
)
def test_modes_combine_as_in_map(mode: Any, expected: Any) -> None:
    """Both modes mean the same inside as outside."""
    inner = Pipeline([Node(lambda x, y: (x, y), "r")])
    wrapper = inner.as_node(map_over=["x", "y"], map_mode=mode)
    assert Pipeline([wrapper]).run({"x": [1, 2], "y": [3, 4]}) == {"r": expected}


def test_unequal_lengths_inside_are_refused_with_the_place() -> None:
    """The error is that of `map`, with a note that names the wrapper."""
    inner = Pipeline([Node(lambda x, y: (x, y), "r")], name="pairs").as_node(map_over=["x", "y"])
    with pytest.raises(ValueError, match=r"length.*x has 1, y has 2") as caught:
        Pipeline([inner]).run({"x": [1], "y": [1, 2]})
    assert "'pairs'" in " ".join(caught.value.__notes__)


def test_a_mapped_value_that_holds_no_items_is_refused() -> None:
    """A text is one item inside too."""
    with pytest.raises(ValueError, match="cannot map over 'x'"):
        Pipeline([_inner().as_node(map_over="x")]).run({"x": "text"})


def test_a_bound_value_is_broadcast_inside() -> None:
    """An inner binding holds for every item."""
    inner = Pipeline([Node(lambda x, k: x * k, "r")]).bind(k=[1])
    assert Pipeline([inner.as_node(map_over="x")]).run({"x": [2]}) == {"r": [[1, 1]]}


def test_one_mapped_name_may_feed_two_inner_ones() -> None:
    """Each item reaches both."""
    inner = Pipeline([Node(lambda x, y: (x, y), "r")])
    wrapper = inner.as_node(input_mapping={"y": "x"}, map_over="y")
    assert Pipeline([wrapper]).run({"y": [1, 2]}) == {"r": [(1, 1), (2, 2)]}


# -- attributes ------------------------------------------------------------------------


def test_its_name_is_given_or_the_pipelines_or_none() -> None:
    """`name`: given, else the pipeline's, may be None."""
    named = Pipeline([], name="n")
    names = [named.as_node(name="given").name, named.as_node().name, Pipeline([]).as_node().name]
    assert names == ["given", "n", None]


def test_its_output_name_is_a_text_or_a_tuple_by_inner_name() -> None:
    """One string, or a tuple ordered by inner output name, after mapping."""
    inner = _inner()
    assert inner.as_node(output_mapping={"b": "r"}).output_name == "r"
    assert inner.as_node().output_name == ("a", "b")
    assert inner.as_node(output_mapping={"b": "aaa", "a": "zzz"}).output_name == ("zzz", "aaa")


def test_its_root_args_are_outer_names_without_bound_ones() -> None:
    """`root_args` and `unfulfilled_args` are what it takes from outside."""
    inner = Pipeline([Node(lambda x, y, z: 1, "r")]).bind(y=1)
    wrapper = inner.as_node(input_mapping={"text": "x"})
    assert set(wrapper.root_args) == set(wrapper.unfulfilled_args) == {"text", "z"}


def test_its_other_attributes() -> None:
    """`bound_inputs`, `cache`, `code_hash` and `pipeline`."""
    inner = _inner().bind(x=1)
    wrapper = inner.as_node(cache=False)
    assert (wrapper.bound_inputs, wrapper.cache, wrapper.pipeline) == ({"x": 1}, False, inner)
    assert (len(wrapper.code_hash), int(wrapper.code_hash, 16) > 0) == (64, True)


def test_calling_it_runs_it() -> None:
    """`wrapper(x=5)` returns the dict of visible outputs, by outer names."""
    wrapper = _inner().as_node(input_mapping={"t": "x"}, output_mapping={"b": "r"})
    assert wrapper(t=5) == {"r": 12}


def test_calling_it_works_for_pipelines_of_any_class() -> None:
    """A subclass with another constructor is wrapped like any pipeline."""

    class Scale(Pipeline):
        def __init__(self, k: int) -> None:
            super().__init__([Node(lambda x: x * k, "r")])

    assert Scale(3).as_node()(x=2) == {"r": 6}


# -- bindings and coexistence ----------------------------------------------------------


def test_inner_bindings_satisfy_inner_parameters() -> None:
    """What is bound inside is not needed outside."""
    pipeline = Pipeline([Pipeline([Node(lambda x, k: x * k, "r")]).bind(k=3)])
    assert (pipeline.unfulfilled_args, pipeline.run({"x": 2})) == (("x",), {"r": 6})


def test_bindings_made_after_nesting_count() -> None:
    """A binding of the child is seen by the next run of the parent."""
    child = Pipeline([Node(lambda x, k: x * k, "r")])
    parent = Pipeline([Pipeline([child])])
    results = [parent.run({"x": 2, "k": 1}), child.bind(k=3) and parent.run({"x": 2})]
    results += [
        child.bind(k=4) and parent.run({"x": 2}),
        child.unbind() and parent.run({"x": 2, "k": 5}),
    ]
    assert results == [{"r": 2}, {"r": 6}, {"r": 8}, {"r": 10}]


def test_equal_inner_outputs_coexist_if_renamed() -> None:
    """Two wrappers with equal inner outputs under other outer names."""
    wrappers = [
        Pipeline([Node(lambda x: x + 1, "r")]).as_node(output_mapping={"r": "one"}, name="one"),
        Pipeline([Node(lambda x: x * 10, "r")]).as_node(output_mapping={"r": "two"}, name="two"),
    ]
    assert Pipeline(wrappers).run({"x": 5}) == {"one": 6, "two": 50}


def test_equal_inner_outputs_that_are_not_renamed_are_refused() -> None:
    """Two producers of one outer name."""
    with pytest.raises(DependencyError, match="two nodes produce 'a'"):
        Pipeline([_inner(), _inner()])


def test_wrappers_without_names_coexist() -> None:
    """Two unnamed pipelines of equal shape and other functions stay apart."""
    one, other = (Pipeline([Node(f, "r")]) for f in (lambda x: x + 1, lambda x: x * 10))
    wrappers = [one.as_node(output_mapping={"r": "p"}), other.as_node(output_mapping={"r": "q"})]
    assert Pipeline(wrappers).run({"x": 5}) == {"p": 6, "q": 50}


def test_wrappers_of_one_name_coexist() -> None:
    """A name is for readers: two different pipelines may share it."""
    one = Pipeline([Node(lambda x: x + 1, "p")], name="same")
    other = Pipeline([Node(lambda y: y * 10, "q")], name="same")
    assert Pipeline([one, other]).run({"x": 5, "y": 6}) == {"p": 6, "q": 60}


def test_one_pipeline_can_be_nested_twice() -> None:
    """Each use computes what is wanted of it, from what it is given."""
    inner = _inner()
    wrappers = [
        inner.as_node(input_mapping={"u": "x"}, output_mapping={"a": "p"}),
        inner.as_node(input_mapping={"v": "x"}, output_mapping={"b": "q"}),
    ]
    assert Pipeline(wrappers).run({"u": 1, "v": 2}) == {"p": 2, "q": 6}


def test_equal_pipelines_with_other_bindings_coexist() -> None:
    """A binding belongs to its pipeline, not to all that look like it."""
    scale = Node(lambda x, k: x * k, "r")
    wrappers = [Pipeline([scale]).bind(k=k).as_node(output_mapping={"r": f"by{k}"}) for k in (2, 3)]
    assert Pipeline(wrappers).run({"x": 5}) == {"by2": 10, "by3": 15}


# -- pruning ---------------------------------------------------------------------------


class Traced:
    """Nodes that note the names of the outputs they compute."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def make(self, output: str, *inputs: str) -> Node[..., Any]:
        """Return a node that adds its inputs."""
        note: Any = {"note": self.calls.append}
        code = f"lambda {', '.join(inputs)}: note({output!r}) or sum([{', '.join(inputs)}])"
        return Node(eval(code, note), output)

    def inner(self) -> Pipeline:
        """Return the chain x ─> p ─> q, and y ─> r beside it."""
        return Pipeline([self.make("p", "x"), self.make("q", "p"), self.make("r", "y")])


@pytest.fixture
def traced() -> Traced:
    """Give a maker of noting nodes."""
    return Traced()


def test_where_some_outputs_are_consumed_only_those_are_computed(traced: Traced) -> None:
    """Unconsumed ones do not appear, do not run, and their inputs are not required."""
    pipeline = Pipeline([traced.inner(), traced.make("s", "p")])
    assert pipeline.run({"x": 1}) == {"p": 1, "s": 1}
    assert traced.calls == ["p", "s"]


def test_what_consumed_outputs_need_is_computed_but_not_shown(traced: Traced) -> None:
    """An unconsumed output above a consumed one runs, and stays inside."""
    pipeline = Pipeline([traced.inner(), traced.make("s", "q")])
    assert pipeline.run({"x": 1}) == {"q": 1, "s": 1}
    assert traced.calls == ["p", "q", "s"]


def test_requested_outputs_are_computed_too(traced: Traced) -> None:
    """The consumed and the requested ones."""
    pipeline = Pipeline([traced.inner(), traced.make("s", "p")])
    assert pipeline.run({"x": 1, "y": 2}, output_name=["r", "s"]) == {"r": 2, "s": 1}
    assert sorted(traced.calls) == ["p", "r", "s"]


def test_where_none_are_consumed_all_appear(traced: Traced) -> None:
    """A wrapper that nobody reads shows everything."""
    pipeline = Pipeline([traced.inner(), traced.make("s", "z")])
    assert pipeline.run({"x": 1, "y": 2, "z": 3}) == {"p": 1, "q": 1, "r": 2, "s": 3}


def test_where_all_are_consumed_all_appear(traced: Traced) -> None:
    """Also where different siblings read them."""
    pipeline = Pipeline([traced.inner(), traced.make("s", "p", "q"), traced.make("t", "r")])
    assert set(pipeline.run({"x": 1, "y": 2})) == set("pqrst")


def test_outputs_are_pruned_by_their_outer_names(traced: Traced) -> None:
    """A renamed output is consumed under its outer name."""
    wrapper = traced.inner().as_node(output_mapping={"p": "u", "r": "v"})
    assert Pipeline([wrapper, traced.make("s", "u")]).run({"x": 1}) == {"u": 1, "s": 1}


def test_a_sibling_that_is_a_pipeline_consumes_too(traced: Traced) -> None:
    """What a nested sibling reads is consumed."""
    sibling = Pipeline([traced.make("s", "p")])
    assert Pipeline([traced.inner(), sibling]).run({"x": 1}) == {"p": 1, "s": 1}


def test_each_level_is_pruned_by_itself(traced: Traced) -> None:
    """A middle level that nobody reads shows all it has, which its own siblings have pruned."""
    middle = Pipeline([traced.inner(), traced.make("s", "p")])
    assert Pipeline([middle]).run({"x": 1}) == {"p": 1, "s": 1}
    assert traced.calls == ["p", "s"]


def test_a_consumer_further_out_reaches_through_levels(traced: Traced) -> None:
    """An output that only a node two levels up reads is computed, and nothing beside it."""
    middle = Pipeline([traced.inner(), traced.make("s", "p")])
    assert Pipeline([Pipeline([middle]), traced.make("t", "r")]).run({"y": 2}) == {"r": 2, "t": 2}
    assert traced.calls == ["r", "t"]


def test_mapped_wrappers_are_pruned_alike(traced: Traced) -> None:
    """Pruning saves the work of every item."""
    wrapper = traced.inner().as_node(map_over="x")
    pipeline = Pipeline([wrapper, Node(lambda p: sum(p, start=0), "s")])
    assert pipeline.run({"x": [1, 2]}) == {"p": [1, 2], "s": 3}
    assert traced.calls == ["p", "p"]


# -- configuration ---------------------------------------------------------------------


def test_nothing_is_mutated_by_a_run() -> None:
    """No pipeline object is ever mutated by a run."""
    child = _inner()
    parent = Pipeline([child.as_node(map_over="x")], engine=SeqEngine(cache=MemoryCache()))
    before = (child.own_engine, child.bound_inputs, child.name, child.state, list(child.nodes))
    parent.run({"x": [1, 2]}, engine=SeqEngine(callbacks=[Recorder()]))
    after = (child.own_engine, child.bound_inputs, child.name, child.state, list(child.nodes))
    assert after == before
