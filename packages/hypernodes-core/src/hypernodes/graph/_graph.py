"""The immutable graph: nodes wired by names, checked once when it is built."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Final

from hypernodes.errors import CycleError, DuplicateOutputError, NodeDefinitionError
from hypernodes.graph._dual import DualNode
from hypernodes.graph._nested import NestedNode
from hypernodes.graph._node import Node
from hypernodes.graph._topology import find_cycle, order_nodes

AnyNode = Node[..., Any] | DualNode | NestedNode


class Graph:
    """Nodes connected by name.

    Building it costs time linear in nodes and edges (plus sorting) and
    reports every fault that can be seen without values.

    Attributes:
        nodes: As given.
        producers: {output name: number of its node}.
        dependencies: For each node, the numbers of the nodes it reads from.
        order: Node numbers, dependencies first, ties by name.
        root_args: The inputs that no node produces, sorted.
        required_args: Those of them that some node needs.
        available_output_names: Every output, sorted.
        execution_order: The node objects in the order of *order*.
        names: Every input and output.
        nested_nodes: Those of the nodes that are pipelines.

    Raises:
        NodeDefinitionError: Something in *nodes* is not a node.
        DuplicateOutputError: Two nodes produce one output.
        CycleError: Nodes wait for each other.
    """

    def __init__(self, nodes: Sequence[AnyNode]) -> None:
        self.nodes: Final = tuple(nodes)
        _refuse_strangers(self.nodes)
        self.nested_nodes: Final = tuple(n for n in self.nodes if isinstance(n, NestedNode))
        self._inputs: Final = tuple(node.root_args for node in self.nodes)
        self._outputs: Final = tuple(node.outputs for node in self.nodes)
        self.producers: Final = self._find_producers()
        self.dependencies: Final = [
            tuple(dict.fromkeys(self.producers[a] for a in names if a in self.producers))
            for names in self._inputs
        ]
        self.order: Final = tuple(self._find_order())
        self.execution_order: Final = [self.nodes[number] for number in self.order]
        self.available_output_names: Final = sorted(self.producers)
        self.root_args: Final = sorted(
            {a for names in self._inputs for a in names} - self.producers.keys()
        )
        self.names: Final = frozenset(self.root_args).union(self.producers)
        self.required_args: Final = frozenset(
            parameter.name
            for node in self.nodes
            for parameter in node.parameters
            if parameter.required and parameter.name not in self.producers
        )

    @property
    def state(self) -> Hashable:
        """What changes when something nested in it is bound, named or given an engine."""
        return tuple(node.pipeline.state for node in self.nested_nodes)

    def _find_producers(self) -> dict[str, int]:
        producers: dict[str, int] = {}
        for number, outputs in enumerate(self._outputs):
            for output in outputs:
                if output in producers:
                    first, second = self._title(producers[output]), self._title(number)
                    msg = (
                        f"two nodes produce {output!r}: {first} and {second}; "
                        "rename one with output_name or output_mapping"
                    )
                    raise DuplicateOutputError(msg)
                producers[output] = number
        return producers

    def _find_order(self) -> list[int]:
        order = order_nodes(self.dependencies, lambda n: (self.nodes[n].name or "", n))
        if len(order) < len(self.nodes):
            left = set(range(len(self.nodes))).difference(order)
            cycle = find_cycle(self.dependencies, left)
            msg = f"nodes form a cycle: {' -> '.join(self._title(n).strip(chr(39)) for n in cycle)}"
            raise CycleError(msg)
        return order

    def _title(self, number: int) -> str:
        return repr(self.nodes[number].name or f"nested pipeline {number}")


def _refuse_strangers(nodes: Sequence[object]) -> None:
    for node in nodes:
        if not isinstance(node, Node | DualNode | NestedNode):
            what = getattr(node, "__name__", None) or type(node).__name__
            msg = f"{what!r} is not a node; wrap the function with node(...)"
            raise NodeDefinitionError(msg)
