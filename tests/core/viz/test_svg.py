from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from hypernodes import DESIGN_STYLES, GraphvizTheme, Node, Pipeline
from hypernodes.viz import make_drawing, render_svg

pytestmark = pytest.mark.usefixtures("graphviz")
NAMESPACE = "{http://www.w3.org/2000/svg}"


def _texts(svg: str) -> list[str]:
    """Return what can be read in the picture, one entry per text."""
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{NAMESPACE}text")]


def _classes(svg: str, name: str) -> list[ET.Element]:
    """Return the groups that have *name* among their classes."""
    found = ET.fromstring(svg).iter(f"{NAMESPACE}g")
    return [group for group in found if name in group.get("class", "").split()]


def test_names_types_and_remarks_can_be_read(search: Pipeline) -> None:
    """Each text of a box is one text of the picture."""
    texts = _texts(str(search.visualize()))
    expected = ["search", "corpus", "prepare", "all_tokens: list[list[str]]", "build", "async"]
    assert [] == [text for text in expected if text not in texts]
    assert "each corpus -> passage" in texts


def test_every_box_and_every_arrow_is_a_group(search: Pipeline) -> None:
    """The classes are those of Graphviz's own files, with a title each."""
    svg = str(search.visualize(depth=2))
    counts = [len(_classes(svg, name)) for name in ("node", "edge", "cluster")]
    assert [6, 5, 1] == counts
    titles = [edge.findtext(f"{NAMESPACE}title") for edge in _classes(svg, "edge")]
    assert "function:prepare/clean->function:prepare/split" in titles


def test_a_mapped_arrow_is_told_apart(search: Pipeline) -> None:
    """One arrow hands over items, and only that one."""
    assert 1 == len(_classes(str(search.visualize()), "mapped"))


def test_bound_and_optional_inputs_look_different() -> None:
    """Bound ones have lighter colours, optional ones dashes."""
    pipeline = Pipeline([Node(lambda a, b, c=1: a, "y")]).bind(b=2)
    svg = str(pipeline.visualize())
    boxes = ["input-box", "bound-box", "input-box optional"]
    assert [1, 1, 1] == [svg.count(f'class="{name}"') for name in boxes]


def test_the_bytes_are_the_same_in_another_process() -> None:
    """A script that draws twice, in two processes, gives one picture."""
    code = (
        "from hypernodes import Node, Pipeline\n"
        "inner = Pipeline([Node(lambda a, b=1: a, 'c')], name='inner')\n"
        "nodes = [inner.as_node(map_over='a'), Node(lambda c, d: c, 'e')]\n"
        "outer = Pipeline(nodes).bind(d=object())\n"
        "print(outer.visualize(depth=None, show_legend=True))"
    )
    seen = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
        for _ in range(2)
    }
    assert 1 == len(seen)


def test_there_are_no_object_ids(search: Pipeline) -> None:
    """No address of an object gets into a picture."""
    search.bind(model=object())
    assert None is re.search(r"0x[0-9a-f]{6,}", str(search.visualize(depth=None)))


@pytest.mark.parametrize("orient", ["TB", "LR", "BT", "RL"])
def test_the_flow_goes_where_it_is_told(orient: str) -> None:
    """The second node lies below, right of, above or left of the first one."""
    nodes = [Node(lambda x: x, "first"), Node(lambda first: first, "second")]
    svg = str(Pipeline(nodes).visualize(orient=orient))
    places = {}
    for group in _classes(svg, "node"):
        x, y = re.findall(r"-?[\d.]+", group.get("transform", ""))
        name = "".join(group.itertext())
        places["second" if "second" in name else "first"] = (float(x), float(y))
    (x1, y1), (x2, y2) = places["first"], places["second"]
    found = {"TB": y2 > y1, "BT": y2 < y1, "LR": x2 > x1, "RL": x2 < x1}
    assert found[orient]


@pytest.mark.parametrize("style", [*DESIGN_STYLES, GraphvizTheme(radius=0)])
def test_every_style_draws(search: Pipeline, style: str | GraphvizTheme) -> None:
    """Each style gives a picture with the same content."""
    drawn = str(search.visualize(style=style, depth=2, show_legend=True))
    assert "clean" in _texts(drawn)


def test_a_picture_follows_its_page(search: Pipeline) -> None:
    """``mode="auto"`` holds both palettes, a fixed mode one."""
    dark = GraphvizTheme().colour("background", "dark")
    found = [dark in str(search.visualize(mode=mode)) for mode in ("auto", "light", "dark")]
    assert [True, False, True] == found
    assert "prefers-color-scheme" not in str(search.visualize(mode="dark"))


def test_two_styles_on_one_page_do_not_mix(search: Pipeline) -> None:
    """The rules of a style are bound to its own class."""
    drawn = [str(search.visualize(style=style)) for style in DESIGN_STYLES]
    scopes = {re.findall(r'class="(hn-\w+)"', svg)[0] for svg in drawn}
    assert len(DESIGN_STYLES) == len(scopes)


def test_a_legend_explains_what_appears(search: Pipeline) -> None:
    """The legend names the kinds that are in the picture, and no others."""
    texts = _texts(str(search.visualize(show_legend=True)))
    shown = {"input", "bound input", "function", "runs once per item", "one item at a time"}
    assert shown <= set(texts)
    assert not {"input with a default", "stateful object"} & set(texts)


def test_names_are_escaped() -> None:
    """Angle brackets and ampersands of names stay text."""
    pipeline = Pipeline([Node(lambda x: x, "y")], name="a < b & c")
    assert {"a < b & c", "<lambda>"} <= set(_texts(str(pipeline.visualize())))


def test_an_empty_pipeline_has_a_picture() -> None:
    """Nothing to draw gives an empty one."""
    assert [] == _classes(str(Pipeline([]).visualize()), "node")


def test_boxes_do_not_overlap(search: Pipeline) -> None:
    """No two boxes of the same level share a pixel."""
    svg = ET.fromstring(str(search.visualize(depth=None)))
    rects = []
    for group in svg.iter(f"{NAMESPACE}g"):
        if "node" in group.get("class", "").split():
            x, y = map(float, re.findall(r"-?[\d.]+", group.get("transform", "")))
            rect = group.find(f"{NAMESPACE}rect")
            assert rect is not None
            rects.append((x, y, float(rect.get("width", 0)), float(rect.get("height", 0))))
    for i, (x, y, width, height) in enumerate(rects):
        for left, top, wide, high in rects[i + 1 :]:
            assert x + width <= left or left + wide <= x or y + height <= top or top + high <= y


def test_a_drawing_can_be_rendered_by_itself(search: Pipeline) -> None:
    """A renderer needs nothing but the drawing, as plugins get it."""
    from_drawing = render_svg(make_drawing(search))
    assert str(search.visualize()) == from_drawing
