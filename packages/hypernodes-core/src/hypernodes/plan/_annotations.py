"""What a plan's outputs are annotated, for engines that give columns a type."""

from __future__ import annotations

import types
from typing import Any

from hypernodes.graph import output_types
from hypernodes.plan._records import Plan


def annotation_of(plan: Plan, name: str) -> Any:
    """Return the annotation of the output *name*; ``Any`` where there is none.

    What comes out of a mapped pipeline is a list of what its node declares.

    Args:
        plan: The plan.
        name: What it calls the output.
    """
    step = plan.producers.get(name)
    if step is None:
        return Any
    if step.nested is not None:
        inner = next(inner for inner, outer in step.nested.results if outer == name)
        found = annotation_of(step.nested.plan, inner)
        return types.GenericAlias(list, (found,)) if step.nested.map_over else found
    node: Any = step.node
    return output_types(node).get(node.outputs[step.writes.index(name)], Any)
