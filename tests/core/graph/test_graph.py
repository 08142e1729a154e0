"""Facts about the immutable graph: its names, its order, and what it refuses."""

from __future__ import annotations

import pytest

from hypernodes import CycleError, DependencyError, Node, Pipeline
from hypernodes.errors import DuplicateOutputError, NodeDefinitionError
from hypernodes.graph import Graph

A = Node(lambda x: x, "a")
B = Node(lambda a, y: (a, y), "b")
C = Node(lambda b, a, z=1: (b, a, z), "c")


def test_root_args_are_sorted_and_unique() -> None:
    """Inputs are what no node produces, sorted, each once."""
    assert Graph([C, B, A]).root_args == ["x", "y", "z"]


def test_outputs_are_sorted() -> None:
    """Output names are sorted, whatever the order of the nodes."""
    assert Graph([C, A, B]).available_output_names == ["a", "b", "c"]


def test_execution_order_holds_the_node_objects() -> None:
    """Dependencies come first, as the very objects."""
    assert Graph([C, B, A]).execution_order == [A, B, C]


def test_dependencies_point_to_producers_once() -> None:
    """A node that reads two outputs of another waits for it once."""
    both = Node(lambda x: (x, x), ("p", "q"))
    reader = Node(lambda p, q: (p, q), "r")
    assert Graph([reader, both]).dependencies == [(1,), ()]


def test_required_args_leave_out_what_has_a_default() -> None:
    """An input that every reader can do without is not required."""
    assert Graph([A, B, C]).required_args == {"x", "y"}


def test_an_input_that_one_reader_needs_is_required() -> None:
    """A default in one node does not help the other."""
    optional, required = Node(lambda x=1: x, "a"), Node(lambda x: x, "b")
    assert Graph([optional, required]).required_args == {"x"}


def test_names_are_inputs_and_outputs() -> None:
    """All names of a graph, of either kind."""
    assert Graph([A, B]).names == {"x", "y", "a", "b"}


def test_an_empty_graph_has_nothing() -> None:
    """No nodes: no inputs, no outputs, no order."""
    graph = Graph([])
    assert (graph.root_args, graph.available_output_names, graph.execution_order) == ([], [], [])


def test_two_producers_are_named() -> None:
    """A duplicate output names the output, both nodes, and what to do."""

    def first(x):
        return x

    def second(x):
        return x

    with pytest.raises(DuplicateOutputError) as caught:
        Graph([Node(first, "r"), Node(second, "r")])
    assert str(caught.value) == (
        "two nodes produce 'r': 'first' and 'second'; rename one with output_name or output_mapping"
    )


def test_a_node_given_twice_is_two_producers() -> None:
    """The same object twice is refused like two nodes."""
    with pytest.raises(DependencyError, match="two nodes produce 'a'"):
        Graph([A, A])


def test_two_unnamed_pipelines_are_told_apart() -> None:
    """Nested pipelines without names are named by their place."""
    with pytest.raises(DependencyError, match="'nested pipeline 0' and 'nested pipeline 1'"):
        Graph([Pipeline([A]).as_node(), Pipeline([A]).as_node()])


def test_a_cycle_is_printed_in_the_direction_of_the_data() -> None:
    """The message follows the values round, from producer to consumer."""

    def clean(counted):
        return counted

    def count(cleaned):
        return cleaned

    with pytest.raises(CycleError) as caught:
        Graph([Node(clean, "cleaned"), Node(count, "counted")])
    assert str(caught.value) in {
        "nodes form a cycle: clean -> count -> clean",
        "nodes form a cycle: count -> clean -> count",
    }


def test_a_cycle_of_three_follows_the_data() -> None:
    """With three nodes the direction shows."""
    ring = [Node(lambda c: c, "a"), Node(lambda a: a, "b"), Node(lambda b: b, "c")]
    for each, name in zip(ring, ["one", "two", "three"], strict=True):
        each.name = name
    with pytest.raises(CycleError) as caught:
        Graph(ring)
    printed = str(caught.value).partition(": ")[2]
    assert printed in {
        f"{a} -> {b} -> {c} -> {a}"
        for a, b, c in [("one", "two", "three"), ("two", "three", "one"), ("three", "one", "two")]
    }


def test_a_cycle_through_a_nested_pipeline_is_found() -> None:
    """A nested pipeline waits for its inputs as a whole."""
    inner = Pipeline([Node(lambda x: x, "a"), Node(lambda c: c, "d")], name="inner")
    with pytest.raises(CycleError, match="inner"):
        Graph([inner.as_node(), Node(lambda a: a, "c")])


@pytest.mark.parametrize(
    ("stranger", "named"),
    [(len, "'len'"), (7, "'int'"), (None, "'NoneType'"), ("a", "'str'"), (Node, "'Node'")],
)
def test_what_is_no_node_is_refused(stranger: object, named: str) -> None:
    """Anything else is refused by name, with what to do."""
    with pytest.raises(NodeDefinitionError, match=f"{named} is not a node; wrap the function"):
        Graph([stranger])  # type: ignore[list-item]  # that is the point


def test_the_state_of_a_graph_without_nested_pipelines_is_empty() -> None:
    """Only what is nested can change."""
    assert Graph([A, B]).state == ()


def test_binding_inside_changes_the_state() -> None:
    """A binding in a nested pipeline changes what its node takes, so the state tells."""
    inner = Pipeline([A])
    graph = Graph([inner.as_node()])
    before = graph.state
    inner.bind(x=1)
    assert graph.state != before


def test_five_thousand_nodes_in_a_row_are_built() -> None:
    """A long chain, given backwards, is ordered without recursion."""
    chain = []
    for number in range(5_000):
        each = Node(lambda x: x, f"v{number + 1}")
        each.parameters = (type(each.parameters[0])(f"v{number}"),)
        chain.append(each)
    graph = Graph(chain[::-1])
    assert graph.execution_order == chain
