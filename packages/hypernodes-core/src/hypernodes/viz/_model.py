"""Boxes and arrows: what a picture shows, before anybody draws it.

Decides which nodes, inputs and edges appear at which depth; knows nothing of
formats.  Ids are made from paths and names, so that the same pipeline always
gives the same picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

import attrs

from hypernodes.graph import DualNode, NestedNode, NestedPipeline, Node, input_types, output_types

Kind = Literal["function", "dual", "nested", "group", "input", "bound"]


@attrs.frozen
class Box:
    """One node or input of a picture.

    Attributes:
        id: Unique in its picture and the same in every process.
        label: What is written on it.
        kind: What it stands for; a ``"group"`` is an opened nested pipeline.
        outputs: What it gives, with types.
        remarks: What is special about it, in words.
        group: The id of the group it lies in; None at the outside.
    """

    id: str
    label: str
    kind: Kind
    outputs: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    group: str | None = None


@attrs.frozen
class Arrow:
    """One edge, from the box that has a value to the box that reads it."""

    source: str
    target: str
    label: str


@attrs.frozen
class Drawing:
    """A whole picture, ready to be rendered.

    Attributes:
        title: The pipeline's name, or an empty text.
        boxes: Groups before what lies in them, nodes in execution order.
        arrows: All edges.
    """

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def make_drawing(
    pipeline: NestedPipeline, depth: int | None = 1, show_types: bool = True
) -> Drawing:
    """Return the picture of *pipeline*.

    Args:
        pipeline: What to draw.
        depth: How many levels are opened: 1 shows nested pipelines closed,
            None opens them all.
        show_types: Write annotations beside inputs and outputs.
    """
    sketch = _Sketch(show_types)
    sources = sketch.inputs(pipeline)
    sketch.nodes(pipeline, sources, None, "", depth)
    return Drawing(pipeline.name or "", tuple(sketch.boxes), tuple(sketch.arrows))


@attrs.define
class _Sketch:
    """A picture in the making."""

    show_types: bool
    boxes: list[Box] = attrs.field(factory=list)
    arrows: list[Arrow] = attrs.field(factory=list)

    def inputs(self, pipeline: NestedPipeline) -> dict[str, str]:
        """Add a box per input; return {input name: box id}."""
        types = _input_types(pipeline)
        bound = pipeline.bound_inputs
        sources: dict[str, str] = {}
        for name in pipeline.graph.root_args:
            remark = "" if name in pipeline.graph.required_args or name in bound else " (optional)"
            kind: Kind = "bound" if name in bound else "input"
            label = f"{name}{self._type(types.get(name, Any))}{remark}"
            self.boxes.append(Box(f"input_{name}", label, kind))
            sources[name] = f"input_{name}"
        return sources

    def nodes(
        self,
        pipeline: NestedPipeline,
        sources: dict[str, str],
        group: str | None,
        path: str,
        depth: int | None,
    ) -> None:
        """Add the boxes and arrows of all nodes; *sources* gains their outputs."""
        for number, node in enumerate(pipeline.graph.execution_order):
            name = node.name or f"pipeline {number + 1}"
            place = f"{path}/{number}" if path else f"{number}"
            if isinstance(node, NestedNode) and (depth is None or depth > 1):
                self._opened(node, name, sources, group, place, depth)
            else:
                self._closed(node, name, sources, group, place)

    def _closed(
        self, node: Any, name: str, sources: dict[str, str], group: str | None, place: str
    ) -> None:
        outputs = tuple(self._outputs(node))
        box = Box(f"node_{place}", name, _kind(node), outputs, tuple(_remarks(node)), group)
        self.boxes.append(box)
        for argument in node.root_args:
            if argument in sources:
                self.arrows.append(Arrow(sources[argument], box.id, _edge_label(node, argument)))
        sources.update(dict.fromkeys(node.outputs, box.id))

    def _opened(
        self,
        node: NestedNode,
        name: str,
        sources: dict[str, str],
        group: str | None,
        place: str,
        depth: int | None,
    ) -> None:
        remarks = tuple(_remarks(node))
        self.boxes.append(Box(f"group_{place}", name, "group", (), remarks, group))
        inside = {inner: sources[outer] for inner, outer in node.wiring.items() if outer in sources}
        for bound in node.pipeline.bound_inputs:
            if bound in node.pipeline.graph.root_args:
                box = Box(f"bound_{place}_{bound}", bound, "bound", group=f"group_{place}")
                self.boxes.append(box)
                inside[bound] = box.id
        deeper = None if depth is None else depth - 1
        self.nodes(node.pipeline, inside, f"group_{place}", place, deeper)
        sources.update({outer: inside[inner] for inner, outer in node.visible_outputs.items()})

    def _outputs(self, node: Any) -> Iterator[str]:
        types = output_types(node)
        for name in node.outputs:
            yield f"{name}{self._type(types.get(name, Any))}"

    def _type(self, hint: Any) -> str:
        if not self.show_types or hint is Any:
            return ""
        plain = isinstance(hint, type) and not get_args(hint)
        return f": {hint.__name__ if plain else str(hint).replace('typing.', '')}"


def _kind(node: Any) -> Kind:
    if isinstance(node, NestedNode):
        return "nested"
    return "dual" if isinstance(node, DualNode) else "function"


def _remarks(node: Node[..., Any] | DualNode | NestedNode) -> Iterator[str]:
    """Say in words what is special about a node."""
    if isinstance(node, NestedNode) and node.map_over:
        yield f"mapped over {', '.join(node.map_over)}"
    if node.is_async:
        yield "async"
    if not node.cache:
        yield "not cached"


def _edge_label(node: Any, argument: str) -> str:
    """Return the name on an edge; a renamed one shows both ends."""
    if isinstance(node, NestedNode):
        inner = next(inner for inner, outer in node.wiring.items() if outer == argument)
        return argument if inner == argument else f"{argument} -> {inner}"
    return argument


def _input_types(pipeline: NestedPipeline) -> dict[str, Any]:
    types: dict[str, Any] = {}
    for node in pipeline.graph.nodes:
        for name, hint in input_types(node).items():
            types.setdefault(name, hint)
    return types
