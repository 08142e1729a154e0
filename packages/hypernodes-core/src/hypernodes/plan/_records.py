"""The frozen plan: what one request will do, step by step.

A plan is structure and bound values, never engines, caches or results, so it
can be pickled, sent to workers and used for any number of items.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import attrs

from hypernodes.graph import DualNode, MapMode, Node


@attrs.frozen
class Nested:
    """How a nested pipeline is carried out inside a step.

    Attributes:
        plan: What happens inside.
        wiring: (inner, outer) for each input that comes from outside.
        bound: Inner values that were bound inside when the plan was made.
        map_over: Outer names whose values are sequences of items.
        map_mode: How several of them combine.
        results: (inner, outer) for each output that is wanted outside.
    """

    plan: Plan
    wiring: tuple[tuple[str, str], ...]
    bound: Mapping[str, Any]
    map_over: tuple[str, ...]
    map_mode: MapMode
    results: tuple[tuple[str, str], ...]


@attrs.frozen
class Step:
    """One node within one plan.

    Attributes:
        index: Its place in the plan.
        position: The number of its node in the graph.
        name: What observers call it.
        path: Where it sits: ``"outer/inner/node"``.
        node: The function; None for a nested pipeline.
        arguments: (parameter, value name) for each argument that is passed.
        positional: How many of them are passed by position.
        writes: The value name of each output, by position; None where the
            caller gave a value that stands for it.
        nested: The pipeline in it; None for a function.
    """

    index: int
    position: int
    name: str
    path: str
    node: Node[..., Any] | DualNode | None
    arguments: tuple[tuple[str, str], ...]
    positional: int
    writes: tuple[str | None, ...]
    nested: Nested | None = None

    @property
    def is_async(self) -> bool:
        """Whether its function, or one inside it, is a coroutine function."""
        if self.nested is not None:
            return self.nested.plan.is_async
        return self.node is not None and self.node.is_async

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of the values it is given."""
        return tuple(value for _, value in self.arguments)


@attrs.frozen(slots=False, eq=False)
class Plan:
    """The ordered steps for one request.

    Attributes:
        pipeline_id: The id of the pipeline it was made from.
        pipeline_name: Its name, or None.
        path: Where the pipeline sits; empty at the root.
        steps: Dependencies first.
        outputs: The names that are asked for, in execution order.
        missing: Inputs without which it cannot be carried out.
        reads: The inputs that it uses.
    """

    pipeline_id: str
    pipeline_name: str | None
    path: str
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]
    missing: tuple[str, ...]
    reads: frozenset[str]

    @cached_property
    def node_ids(self) -> tuple[str, ...]:
        """What the steps are called, in execution order."""
        return tuple(step.name for step in self.steps)

    @cached_property
    def producers(self) -> dict[str, Step]:
        """{value name: the step that writes it}."""
        return {name: step for step in self.steps for name in step.writes if name is not None}

    @cached_property
    def releases(self) -> tuple[tuple[str, ...], ...]:
        """For each step, the values that nobody needs once it is through."""
        last = {name: step.index for name, step in self.producers.items()}
        last |= {name: step.index for step in self.steps for name in step.reads if name in last}
        for name in self.outputs:
            last.pop(name, None)
        found: list[list[str]] = [[] for _ in self.steps]
        for name, index in last.items():
            found[index].append(name)
        return tuple(map(tuple, found))

    @cached_property
    def is_async(self) -> bool:
        """Whether some function in it, however deep, is a coroutine function."""
        return any(step.is_async for step in self.steps)

    @cached_property
    def has_branches(self) -> bool:
        """Whether some steps need not wait for each other."""
        return self._has_branches({step.index for step in self.steps})

    @cached_property
    def has_async_branches(self) -> bool:
        """Whether some steps that await something need not wait for each other."""
        return self._has_branches({step.index for step in self.steps if step.is_async})

    def _has_branches(self, chosen: set[int]) -> bool:
        """Say whether *chosen* steps are anything but one chain."""
        before: dict[int, int] = {}
        last: int | None = None
        for step in self.steps:
            above = 0
            for name in step.reads:
                if name in self.producers:
                    maker = self.producers[name].index
                    above |= before[maker] | 1 << maker
            before[step.index] = above
            if step.index in chosen:
                if last is not None and not above >> last & 1:
                    return True
                last = step.index
        return False

    @cached_property
    def needs_columns(self) -> bool:
        """Whether a map must go step by step, because a step takes whole batches."""
        return any(
            isinstance(step.node, DualNode)
            or (
                step.nested is not None
                and not step.nested.map_over
                and step.nested.plan.needs_columns
            )
            for step in self.steps
        )
