from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from hypernodes import Node, Pipeline
from hypernodes.viz import GraphvizTheme, make_drawing
from hypernodes.viz._arrange import arrange
from hypernodes.viz._layout import Layout, Rect
from hypernodes.viz._svg import draw_shapes

ORIENTS = ("TB", "LR", "BT", "RL")


def _layout(pipeline: Pipeline, depth: int | None, orient: str) -> Layout:
    theme, drawing = GraphvizTheme(), make_drawing(pipeline, depth)
    return arrange(drawing, draw_shapes(drawing, theme), theme, orient)


def _is_within(inner: Rect, outer: Rect) -> bool:
    return (
        outer.x <= inner.x + 1e-6
        and outer.y <= inner.y + 1e-6
        and inner.x + inner.width <= outer.x + outer.width + 1e-6
        and inner.y + inner.height <= outer.y + outer.height + 1e-6
    )


@pytest.mark.parametrize("orient", ORIENTS)
def test_everything_lies_in_its_group_and_in_the_picture(search: Pipeline, orient: str) -> None:
    """Boxes are inside of the frame of their pipeline, frames inside of the picture."""
    layout = _layout(search, None, orient)
    whole = Rect(0, 0, layout.width, layout.height)
    for box in make_drawing(search, None).boxes:
        around = whole if box.group is None else layout.places[box.group]
        assert _is_within(layout.places[box.id], around)


@pytest.mark.parametrize("orient", ORIENTS)
@pytest.mark.parametrize("depth", [1, None])
def test_arrows_lead_from_box_to_box(search: Pipeline, orient: str, depth: int | None) -> None:
    """Each begins on the border of its source and points at that of its target."""
    drawing, layout = make_drawing(search, depth), _layout(search, depth, orient)
    for arrow, route in zip(drawing.arrows, layout.routes, strict=True):
        for point, name in ((route.curve[0], arrow.source), (route.tip, arrow.target)):
            assert _is_within(Rect(*point, 0, 0), layout.places[name])
        assert 1 == len(route.curve) % 3


def test_directions_are_turns_of_each_other(search: Pipeline) -> None:
    """Upward is downward turned over."""
    down, up = (_layout(search, 1, orient).places["build"] for orient in ("TB", "BT"))
    height = _layout(search, 1, "TB").height
    assert (down.x, height) == pytest.approx((up.x, down.y + up.y + up.height))


def test_the_engine_layers_gives_svg(search: Pipeline) -> None:
    """The picture has the same boxes and arrows as any other."""
    picture = search.visualize(engine="layers", depth=2, show_legend=True)
    assert "svg" == picture.format
    groups = ET.fromstring(str(picture)).iter("{http://www.w3.org/2000/svg}g")
    classes = [group.get("class", "").split(" ")[0] for group in groups]
    assert (6, 5, 1) == tuple(classes.count(name) for name in ("node", "edge", "cluster"))


def test_the_engine_layers_writes_svg_and_nothing_else(search: Pipeline, tmp_path: object) -> None:
    """A PNG is painted from what Graphviz laid out."""
    with pytest.raises(ValueError, match=re.escape("ends in '.svg'")):
        search.visualize(filename=f"{tmp_path}/picture.png", engine="layers")
    search.visualize(filename=f"{tmp_path}/picture.svg", engine="layers")


def test_a_thousand_functions_in_a_row_are_no_recursion() -> None:
    """Depth costs no stack."""
    nodes = [Node(eval(f"lambda v{n}: 0"), f"v{n + 1}") for n in range(1500)]
    assert 1501 == len(_layout(Pipeline(nodes), 1, "TB").places)
