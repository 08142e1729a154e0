from __future__ import annotations

import functools

import pytest

from hypernodes import DualNode, Node, Pipeline, node
from hypernodes.viz._details import describe_nodes


@node(output_name="total")
def add(left: int, right: int = 2) -> int:
    """Add two numbers."""
    return left + right


class Scaler:
    def __call__(self, value: float) -> float:
        return value * 2


def test_a_function_is_described() -> None:
    """Code, place, docstring, and parameters with types and defaults."""
    found = describe_nodes(Pipeline([add]))["add"]
    assert "Add two numbers." == found.doc
    assert found.place.startswith("test_details.py:")
    assert "return left + right" in found.codes[0]["code"]
    expected = [("left", "int", ""), ("right", "int", "= 2")]
    assert expected == [(p["name"], p["type"], p["note"]) for p in found.parameters]


def test_nodes_of_nested_pipelines_have_paths() -> None:
    """Each node is found under the path of its step."""
    outer = Pipeline([Pipeline([add], name="inner")])
    assert ["inner", "inner/add"] == list(describe_nodes(outer))


def test_both_bodies_of_a_dual_node_are_shown() -> None:
    """One for single values, one for batches."""
    pytest.importorskip("pyarrow")
    (found,) = describe_nodes(Pipeline([DualNode("y", lambda x: x, lambda x: [*x])])).values()
    assert ["For one", "For many"] == [each["title"] for each in found.codes]


@pytest.mark.parametrize("body", [Scaler(), functools.partial(max, 3), Scaler().__call__, len])
def test_callables_of_all_kinds_can_be_described(body: object) -> None:
    """What has no source has no code, and is no error."""
    (found,) = describe_nodes(Pipeline([Node(lambda value: value, "y")])).values()
    assert found.codes
    if body is not len and not isinstance(body, functools.partial):
        (found,) = describe_nodes(Pipeline([Node(body, "y")])).values()  # type: ignore[arg-type]  # any callable
        assert "value * 2" in found.codes[0]["code"]


def test_values_that_are_not_simple_are_named_by_type() -> None:
    """A default that is an object gives no address away."""
    default = object()
    (found,) = describe_nodes(Pipeline([Node(lambda a=default: a, "y")])).values()
    assert "= object" == found.parameters[0]["note"]
