"""From a pipeline to a drawing of all that would run in it.

The drawing follows the plan of a run that is given every input: what that
run would leave out (outputs that nobody consumes, a producer whose output is
bound) is not drawn.  All levels are open here; `_fold` closes them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from hypernodes.graph import AnyNode, DualNode, NestedNode, NestedPipeline, input_types
from hypernodes.plan import Nested, Plan, Step, compile_plan
from hypernodes.viz._annotations import describe_inputs, describe_outputs, read_hints
from hypernodes.viz._model import Arrow, Box, Drawing, Field, Kind, State, Wire


@attrs.frozen
class Origin:
    """Where a value comes from, and its names from there to here."""

    box: str
    names: tuple[str, ...]
    mapped: tuple[bool, ...] = ()

    def crossing(self, name: str, is_mapped: bool = False) -> Origin:
        """Return it behind one more border, where it is called *name*."""
        return Origin(self.box, (*self.names, name), (*self.mapped, is_mapped))


def build_drawing(pipeline: NestedPipeline, show_types: bool = True) -> Drawing:
    """Return the drawing of *pipeline* with every nested pipeline opened.

    Raises:
        PlanError: A nested pipeline is mapped over an input that is bound in it.
    """
    plan = whole_plan(pipeline)
    sketch = _Sketch(show_types)
    origins = sketch.inputs(pipeline, plan)
    sketch.steps(pipeline, plan, origins, None)
    return Drawing(one_line(pipeline.name or ""), tuple(sketch.boxes), tuple(sketch.arrows))


def whole_plan(pipeline: NestedPipeline) -> Plan:
    """Return the plan of a run of *pipeline* that is given all its inputs."""
    return compile_plan(pipeline, None, {*pipeline.graph.root_args, *pipeline.bound_inputs})


@attrs.define
class _Sketch:
    """A drawing in the making."""

    show_types: bool
    boxes: list[Box] = attrs.field(factory=list)
    arrows: list[Arrow] = attrs.field(factory=list)

    def inputs(self, pipeline: NestedPipeline, plan: Plan) -> dict[str, Origin]:
        """Add a box per input that the plan reads; return where each comes from."""
        bound = pipeline.bound_inputs
        required = pipeline.graph.required_args
        types = _input_types(pipeline)
        origins: dict[str, Origin] = {}
        for name in sorted(plan.reads):
            state: State = "bound" if name in bound else "" if name in required else "optional"
            box = self._input(f"input:{name}", name, types, state, bound.get(name), None)
            origins[name] = Origin(box, (name,))
        return origins

    def steps(
        self, pipeline: NestedPipeline, plan: Plan, origins: dict[str, Origin], group: str | None
    ) -> None:
        """Add the boxes and arrows of all steps; *origins* gains their outputs."""
        for step in plan.steps:
            node = pipeline.graph.nodes[step.position]
            if isinstance(node, NestedNode) and step.nested is not None:
                self._nested(node, step, step.nested, origins, group)
                continue
            self._add(node, step, "dual" if isinstance(node, DualNode) else "function", group)
            for argument in step.reads:
                self._arrow(origins[argument], step.path)
            for name in filter(None, step.writes):
                origins[name] = Origin(step.path, (name,))

    def _nested(
        self,
        node: NestedNode,
        step: Step,
        nested: Nested,
        origins: dict[str, Origin],
        group: str | None,
    ) -> None:
        self._add(node, step, "group", group)
        inside = {
            inner: origins[outer].crossing(inner, outer in nested.map_over)
            for inner, outer in nested.wiring
        }
        types = _input_types(node.pipeline)
        for name, value in sorted(nested.bound.items(), key=lambda pair: pair[0]):
            box = self._input(f"input:{step.path}/{name}", name, types, "bound", value, step.path)
            inside[name] = Origin(box, (name,))
        for outer in nested.map_over:
            # its length counts, though nothing that is drawn reads its items
            if outer not in {name for _, name in nested.wiring}:
                self._arrow(origins[outer].crossing(outer, is_mapped=True), step.path)
        self.steps(node.pipeline, nested.plan, inside, step.path)
        for inner, outer in nested.results:
            origins[outer] = inside[inner].crossing(outer)

    def _add(self, node: AnyNode, step: Step, kind: Kind, group: str | None) -> None:
        types = describe_outputs(node) if self.show_types else {}
        written = [name for name in step.writes if name is not None]
        fields = tuple(Field(name, types.get(name, "")) for name in written)
        label = one_line(node.name or "pipeline")
        is_mapped = step.nested is not None and bool(step.nested.map_over)
        box = Box(
            step.path, kind, label, fields, tuple(_remarks(node)), group, "", step.path, is_mapped
        )
        self.boxes.append(box)

    def _input(
        self,
        identity: str,
        name: str,
        types: Mapping[str, tuple[str, bool]],
        state: State,
        value: Any,
        group: str | None,
    ) -> str:
        text, is_stateful = types.get(name, ("", False))
        stateful = is_stateful or _is_stateful(type(value))
        field = Field(name, text if self.show_types else "", stateful)
        self.boxes.append(Box(identity, "input", "", (field,), (), group, state))
        return identity

    def _arrow(self, origin: Origin, target: str) -> None:
        wire = Wire(origin.names, origin.mapped)
        self.arrows.append(Arrow(origin.box, target, (wire,)))


def one_line(text: str) -> str:
    """Return *text* without line breaks and other signs that no font has."""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()


def _remarks(node: AnyNode) -> Iterator[str]:
    """Say in words what is special about a node."""
    if isinstance(node, NestedNode) and node.map_over:
        yield f"mapped over {(' × ' if node.map_mode == 'product' else ', ').join(node.map_over)}"
    if isinstance(node, DualNode):
        yield "dual"
    if _is_stateful(type(getattr(_body(node), "__self__", _body(node)))):
        yield "stateful"
    if node.is_async:
        yield "async"
    if not node.cache:
        yield "not cached"


def _body(node: AnyNode) -> Any:
    return getattr(node, "func", None) or getattr(node, "singular", None)


def _is_stateful(kind: type) -> bool:
    # the class is asked, never the object: a handle would be built by the question
    marks = ("__hypernode_stateful__", "__daft_stateful__")
    return any(getattr(kind, mark, False) is True for mark in marks)


def _input_types(pipeline: NestedPipeline) -> dict[str, tuple[str, bool]]:
    """Return {input name: (type as text, whether it is stateful)}; the first typed reader says."""
    found: dict[str, tuple[str, bool]] = {}
    for node in pipeline.graph.nodes:
        hints = read_hints(input_types, node)
        for name, text in describe_inputs(node).items():
            if not found.get(name, ("", False))[0]:
                hint = hints.get(name)
                found[name] = (text, isinstance(hint, type) and _is_stateful(hint))
    return found
