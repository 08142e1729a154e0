"""Nodes and the immutable graph they form; everything refused at construction."""

from hypernodes.graph._dual import DualNode
from hypernodes.graph._graph import AnyNode, Graph
from hypernodes.graph._nested import MAP_MODES, MapMode, NestedNode, NestedPipeline, check_map_mode
from hypernodes.graph._node import Node, node
from hypernodes.graph._parameters import Parameter
from hypernodes.graph._policy import (
    CallPolicy,
    RateLimit,
    RateOption,
    Retry,
    RetryOption,
    read_policy,
)
from hypernodes.graph._resources import Resources, read_resources
from hypernodes.graph._types import check_types, input_types, output_types

__all__ = [
    "MAP_MODES",
    "AnyNode",
    "CallPolicy",
    "DualNode",
    "Graph",
    "MapMode",
    "NestedNode",
    "NestedPipeline",
    "Node",
    "Parameter",
    "RateLimit",
    "RateOption",
    "Resources",
    "Retry",
    "RetryOption",
    "check_map_mode",
    "check_types",
    "input_types",
    "node",
    "output_types",
    "read_policy",
    "read_resources",
]
