"""A graph and a request become a plan.

One sweep against the order of execution decides everything.  When it reaches
a node, all nodes that read from it have been seen, so the names in *needed*
say which of its outputs somebody wants::

    wanted outputs --> needed = {them}
    for node in reversed(execution order):
        nothing of it needed -> left out
        function             -> needed += what it reads
        nested pipeline      -> its own plan for just the wanted outputs,
                                needed += what that plan reads

Pruning therefore happens level by level, and inputs of what was pruned are
not required.  A name that the caller gives a value for is never needed from
its producer.  Cost: linear in nodes and edges; recursion only as deep as
pipelines are nested.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs

from hypernodes.errors import PlanError, UnknownOutputError, did_you_mean
from hypernodes.graph import AnyNode, DualNode, Graph, NestedNode, NestedPipeline, Node, Parameter
from hypernodes.plan._records import Nested, Plan, Step


def compile_plan(
    pipeline: NestedPipeline,
    outputs: Sequence[str] | None,
    available: Collection[str],
    path: str = "",
) -> Plan:
    """Return the plan that computes *outputs* of *pipeline*.

    Args:
        pipeline: The pipeline; its graph and what is bound in the pipelines
            nested in it count, its engine does not.
        outputs: The wanted names; None for every output, where those of a
            nested pipeline that is only partly consumed are pruned.
        available: Names that the caller gives values for; one that is also
            an output replaces its producer.
        path: Where the pipeline sits, for messages and observers.

    Raises:
        UnknownOutputError: A wanted name that no node produces.
        PlanError: A nested pipeline is mapped over an input that is bound in it.
    """
    graph = pipeline.graph
    if outputs is not None:
        _refuse_unknown(outputs, graph)
    sweep = _Sweep(graph, outputs, frozenset(available), path)
    steps = sweep.backward()
    return Plan(
        pipeline_id=pipeline.id,
        pipeline_name=pipeline.name,
        path=path,
        steps=steps,
        outputs=sweep.ordered_outputs(steps),
        missing=tuple(sorted(sweep.missing)),
        reads=frozenset(sweep.reads),
    )


def _refuse_unknown(outputs: Sequence[str], graph: Graph) -> None:
    known = graph.available_output_names
    for name in outputs:
        if name not in graph.producers:
            hint = did_you_mean(name, known) or f"; available: {', '.join(known) or 'none'}"
            msg = f"output {name!r} not found in this pipeline{hint}"
            raise UnknownOutputError(msg)


@attrs.define
class _Sweep:
    """The state of one backward sweep."""

    graph: Graph
    outputs: Sequence[str] | None
    available: frozenset[str]
    path: str
    needed: set[str] = attrs.field(factory=set)
    missing: set[str] = attrs.field(factory=set)
    reads: set[str] = attrs.field(factory=set)
    given: set[str] = attrs.field(factory=set)
    paths: dict[str, int] = attrs.field(factory=dict)

    def backward(self) -> tuple[Step, ...]:
        """Return the steps that are needed, in execution order."""
        self.given = {name for name in self.available if name in self.graph.producers}
        self.reads.update(name for name in self.outputs or () if name in self.given)
        self.needed.update(name for name in self.outputs or () if name not in self.given)
        for number in self.graph.order:
            node = self.graph.nodes[number]
            self.paths.setdefault(_title(node), number)
        found: list[Step] = []
        for number in reversed(self.graph.order):
            node = self.graph.nodes[number]
            step = (
                self._nested(number, node)
                if isinstance(node, NestedNode)
                else self._plain(number, node)
            )
            if step is not None:
                found.append(step)
        return tuple(attrs.evolve(step, index=index) for index, step in enumerate(reversed(found)))

    def ordered_outputs(self, steps: Sequence[Step]) -> tuple[str, ...]:
        """Return what is asked for, in execution order; given values come last."""
        written = [name for step in steps for name in step.writes if name is not None]
        if self.outputs is None:
            return tuple(written)
        wanted = set(self.outputs)
        kept = [name for name in written if name in wanted]
        return (*kept, *dict.fromkeys(name for name in self.outputs if name in self.given))

    def _plain(self, number: int, node: Node[..., Any] | DualNode) -> Step | None:
        free = [name for name in node.outputs if name not in self.given]
        if not (free if self.outputs is None else self.needed.intersection(free)):
            return None
        arguments: list[tuple[str, str]] = []
        positional, skipped = 0, False
        for parameter in node.parameters:
            if not self._read(parameter):
                skipped = True
                continue
            arguments.append((parameter.name, parameter.name))
            if not skipped and not parameter.keyword_only:
                positional += 1
        name = _title(node)
        writes = tuple(None if name in self.given else name for name in node.outputs)
        return Step(
            0, number, name, self._at(number, name), node, tuple(arguments), positional, writes
        )

    def _nested(self, number: int, node: NestedNode) -> Step | None:
        free = {
            inner: outer for inner, outer in node.visible_outputs.items() if outer not in self.given
        }
        consumed = {inner: outer for inner, outer in free.items() if outer in self.needed}
        if not (free if self.outputs is None else consumed):
            return None
        name = _title(node)
        path = self._at(number, name)
        wired = self._wired(node)
        inside = {inner for inner, outer in wired.items() if self._has(outer)}
        plan = compile_plan(
            node.pipeline,
            self._wanted_inside(node, free, consumed),
            inside.union(node.bound_inputs),
            path,
        )
        results = tuple((inner, free[inner]) for inner in plan.outputs if inner in free)
        wiring = tuple((inner, wired[inner]) for inner in sorted(plan.reads) if inner in wired)
        self.missing.update(wired[inner] for inner in plan.missing)
        mapped = self._mapped(node)
        reads = dict.fromkeys([*(outer for _, outer in wiring), *mapped])
        for outer in reads:
            self._read(Parameter(outer))
        bound = {inner: value for inner, value in node.bound_inputs.items() if inner in plan.reads}
        nested = Nested(plan, wiring, bound, mapped, node.map_mode, results)
        writes = tuple(outer for _, outer in results)
        return Step(0, number, name, path, None, tuple((n, n) for n in reads), 0, writes, nested)

    def _wanted_inside(
        self, node: NestedNode, free: dict[str, str], consumed: dict[str, str]
    ) -> Sequence[str] | None:
        """Return the inner outputs to compute; None for whatever it has to show."""
        if self.outputs is not None:
            return tuple(consumed)
        everything = len(free) == len(node.visible_outputs)
        if everything and not consumed:
            return tuple(free) if node.output_mapping else None
        # with all consumed these are all; otherwise the rest is pruned
        return tuple(consumed or free)

    def _wired(self, node: NestedNode) -> dict[str, str]:
        """Return {inner: outer} of all that comes from outside, given outputs included."""
        if node.map_over:
            return node.wiring
        visible = node.visible_outputs.items()
        return {inner: outer for inner, outer in visible if outer in self.given} | node.wiring

    def _mapped(self, node: NestedNode) -> tuple[str, ...]:
        outer = node.wiring.values()
        for name in node.map_over:
            if name not in outer:
                msg = (
                    f"cannot map over {name!r} of {node.name!r}: it is bound in it; unbind it first"
                )
                raise PlanError(msg)
        return node.map_over

    def _has(self, name: str) -> bool:
        return name in self.available or name in self.graph.producers

    def _read(self, parameter: Parameter) -> bool:
        """Note that a step reads a value; say whether there will be one."""
        name = parameter.name
        if name in self.available:
            self.reads.add(name)
            return True
        if name in self.graph.producers:
            self.needed.add(name)
            return True
        if parameter.required:
            self.missing.add(name)
        return False

    def _at(self, number: int, name: str) -> str:
        """Return the path of a node; nodes of one name are told apart by a number."""
        segment = name if self.paths[name] == number else f"{name}#{number}"
        return f"{self.path}/{segment}" if self.path else segment


def _title(node: AnyNode) -> str:
    """Return what observers call *node*; an unnamed pipeline is called by its id."""
    return node.name or (node.pipeline.id if isinstance(node, NestedNode) else "")
