"""What a node needs where it is called."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from hypernodes import DualNode, Node, node
from hypernodes.errors import NodeDefinitionError
from hypernodes.graph import Resources


def one(x: int) -> int:
    """Return *x*."""
    return x


def test_a_node_that_asks_for_nothing_has_none() -> None:
    """Engines see at once that there is nothing to grant."""
    assert node(one).resources is None
    assert Node(one).resources is None


def test_options_become_one_record() -> None:
    """All four are kept together, frozen."""
    found = node(one, gpus=0.5, cpus=2, use_process=True, max_concurrency=3).resources
    assert found == Resources(0.5, 2, True, 3)
    with pytest.raises(AttributeError):
        found.gpus = 1  # type: ignore[misc, union-attr]  # that is the point


def test_a_decorator_takes_them_too() -> None:
    """``@node(output_name=..., gpus=1)`` asks like the function form."""

    @node(output_name="y", gpus=1)
    def embed(x: int) -> int:
        return x

    assert embed.resources == Resources(gpus=1)


def test_a_dual_node_asks_for_both_bodies() -> None:
    """One record holds for the single and the batch function."""
    pytest.importorskip("pyarrow")
    assert DualNode("y", one, one, max_concurrency=2).resources == Resources(max_concurrency=2)


def test_they_are_no_part_of_the_code() -> None:
    """Another graphics card changes no result, so it changes no key."""
    assert node(one, gpus=1).code_hash == node(one).code_hash


def test_copies_ask_for_the_same() -> None:
    """Pickles and bound methods keep what was asked for."""

    class Holder:
        @node(output_name="y", cpus=2)
        def method(self, x: int) -> int:
            return x

    copied: Any = pickle.loads(pickle.dumps(node(one, output_name="y", use_process=True)))
    assert copied.resources == Resources(use_process=True)
    assert Holder().method.resources == Resources(cpus=2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gpus": -1}, "gpus of a node must be a share of one or a whole number"),
        ({"gpus": 1.5}, "gpus of a node .* got 1.5"),
        ({"gpus": True}, "gpus of a node .* got True"),
        ({"cpus": 0}, "cpus of a node must be a number above 0, got 0"),
        ({"cpus": float("inf")}, "cpus of a node .* got inf"),
        ({"use_process": 1}, "use_process of a node must be True, False or None, got 1"),
        ({"max_concurrency": 0}, "max_concurrency of a node .* got 0"),
        ({"max_concurrency": 1.0}, "max_concurrency of a node .* got 1.0"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(options: dict[str, Any], words: str) -> None:
    """The mistake shows where the node is made."""
    with pytest.raises(NodeDefinitionError, match=words):
        node(one, **options)
