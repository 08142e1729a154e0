"""The page to explore in a real browser: clicks, keys, text, and no word on the console."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hypernodes import Node, Pipeline, node
from hypernodes.viz import make_drawing

RUN = {
    "load": {"runs": 1, "seconds": 0.2},
    "prepare/clean": {"runs": 80, "hits": 20, "seconds": 1.2},
    "prepare/encode": {"runs": 100, "seconds": 7.0, "errors": 2},
}


@node(output_name="passages")
def load(path: str, limit: int = 100) -> list[str]:
    """Read the passages of a file."""
    return [path] * limit


@node(output_name="cleaned")
def clean(passage: str) -> str:
    return passage.strip()


@node(output_name="vector")
def encode(cleaned: str, model: str) -> float:
    return float(len(cleaned + model))


@node(output_name=("index", "size"))
def build(vectors: list[float]) -> tuple[list[float], int]:
    return vectors, len(vectors)


@node(output_name="report")
def report(size: int) -> str:
    return f"{size} vectors"


def _search() -> Pipeline:
    """``load``, ``prepare`` (clean -> encode) mapped over passages, ``build``, ``report``."""
    prepare = Pipeline([clean, encode], name="prepare").as_node(
        input_mapping={"passages": "passage"},
        output_mapping={"vector": "vectors"},
        map_over="passages",
    )
    return Pipeline([load, prepare, build, report], name="search").bind(model="mini")


def _shown(page: Any) -> list[str]:
    """Return the ids of the boxes that are drawn, sorted."""
    found: list[str] = page.eval_on_selector_all(
        "[data-id]", "all => all.map(each => each.dataset.id).sort()"
    )
    return found


def _closed() -> list[str]:
    return sorted(box.id for box in make_drawing(_search(), 1, group_inputs=False).boxes)


def test_a_page_shows_the_pipeline(open_page: Callable[..., Any]) -> None:
    """Functions, inputs and labels are there as text."""
    page = open_page(_search())
    assert _closed() == _shown(page)
    text = page.text_content("#world")
    expected = ["load", "passages", "prepare", "each passages -> passage", "size", "model"]
    assert [] == [part for part in expected if part not in text]


def test_a_double_click_opens_and_closes_a_pipeline(open_page: Callable[..., Any]) -> None:
    """What is inside appears, and goes away again."""
    page = open_page(_search())
    page.dblclick("[data-id='prepare']")
    assert {"prepare/clean", "prepare/encode"} <= set(_shown(page))
    assert "vector -> vectors" in page.text_content("#world")
    page.dblclick("[data-id='prepare']", position={"x": 8, "y": 60})
    assert _closed() == _shown(page)


def test_all_pipelines_open_and_close_at_once(open_page: Callable[..., Any]) -> None:
    """Two buttons do it."""
    page = open_page(Pipeline([Pipeline([_search()], name="outer")]))
    page.click("#open-all")
    assert "outer/search/prepare/clean" in _shown(page)
    page.click("#close-all")
    assert not [each for each in _shown(page) if "/" in each]


def test_depth_says_what_is_open_at_first(open_page: Callable[..., Any]) -> None:
    """A page that starts at depth 2 shows one level."""
    assert "prepare/clean" in _shown(open_page(_search(), depth=2))


def test_a_click_shows_details(open_page: Callable[..., Any]) -> None:
    """Code, docstring, types, defaults, and what a run measured."""
    page = open_page(_search(), run=RUN)
    page.click("[data-id='load']")
    details = page.inner_text("#details")
    expected = ["Read the passages of a file.", "def load(path", "list[str]", "= 100", "200 ms"]
    assert [] == [part for part in expected if part not in details]
    page.keyboard.press("Escape")
    assert not page.is_visible("#details")


def test_a_closed_pipeline_sums_up_what_is_in_it(open_page: Callable[..., Any]) -> None:
    """Counts of a pipeline that was not measured itself are those inside."""
    page = open_page(_search(), run=RUN)
    page.click("[data-id='prepare']")
    tiles = page.eval_on_selector_all(".tiles b", "all => all.map(each => each.textContent)")
    assert ["180", "20", "2", "8.20 s"] == tiles


@pytest.mark.parametrize(
    ("heat", "badges"),
    [("seconds", ["200 ms", "1.20 s", "7.00 s"]), ("hits", ["0 %", "20 %"]), ("errors", ["2"])],
)
def test_boxes_are_coloured_by_what_was_measured(
    open_page: Callable[..., Any], heat: str, badges: list[str]
) -> None:
    """Each measured function carries its number; the one with most is not like one with least."""
    page = open_page(_search(), depth=None, run=RUN)
    page.select_option("#heat", heat)
    found = page.eval_on_selector_all(".badge", "all => all.map(each => each.textContent)")
    assert set(badges) <= set(found)
    fills = page.eval_on_selector_all(
        ".heated rect:first-child", "all => all.map(each => getComputedStyle(each).fill)"
    )
    assert len(set(fills)) > 1
    page.select_option("#heat", "")
    assert 0 == page.locator(".badge").count()


def test_without_a_run_there_is_nothing_to_colour_by(open_page: Callable[..., Any]) -> None:
    """The choice is not offered."""
    assert not open_page(_search()).is_visible("#heat")


def test_search_finds_what_is_closed(open_page: Callable[..., Any]) -> None:
    """A function inside of a closed pipeline is found, opened, chosen and focused."""
    page = open_page(_search())
    page.keyboard.press("/")
    page.keyboard.type("encod")
    assert "encode" in page.inner_text("#found")
    page.keyboard.press("Enter")
    assert "encode" == page.inner_text("#details h2")
    focused = page.evaluate("document.activeElement.dataset.id")
    assert ("prepare/encode", "") == (focused, page.input_value("#search"))


def test_search_dims_the_rest(open_page: Callable[..., Any]) -> None:
    """Boxes that do not match step back until the search is over."""
    page = open_page(_search())
    page.fill("#search", "report")
    assert 1 == page.locator("[data-id]:not(.dim)").count()
    page.fill("#search", "no such thing")
    assert "Nothing found" in page.inner_text("#found")
    page.fill("#search", "")
    assert 0 == page.locator(".dim").count()


def test_keys_walk_along_the_graph(open_page: Callable[..., Any]) -> None:
    """Tab reaches one box; arrows go on; Enter shows; Space opens."""
    page = open_page(_search())
    page.evaluate("focusBox('load')")
    page.keyboard.press("ArrowDown")
    assert "prepare" == page.evaluate("document.activeElement.dataset.id")
    page.keyboard.press("Space")
    assert "prepare/clean" in _shown(page)
    assert "prepare opened" == page.text_content("#status")
    page.keyboard.press("Enter")
    assert "prepare" == page.inner_text("#details h2")
    assert 1 == page.locator("[data-id][tabindex='0']").count()


def test_every_box_says_what_it_is(open_page: Callable[..., Any]) -> None:
    """Screen readers hear kind, name and outputs, and whether a pipeline is open."""
    page = open_page(_search())
    label = page.get_attribute("[data-id='load']", "aria-label")
    assert "function load, gives passages: list[str]" == label
    assert "false" == page.get_attribute("[data-id='prepare']", "aria-expanded")
    assert 0 == page.locator("[data-id]:not([aria-label])").count()


def test_the_wheel_zooms_where_the_pointer_is(open_page: Callable[..., Any]) -> None:
    """The box under the pointer stays under it."""
    page = open_page(_search())
    box = page.locator("[data-id='build']").bounding_box()
    at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*at)
    page.mouse.wheel(0, -400)
    page.wait_for_function("view.scale > 1.5")
    after = page.locator("[data-id='build']").bounding_box()
    assert after["width"] > box["width"]
    assert after["x"] < at[0] < after["x"] + after["width"]


def test_dragging_moves_and_does_not_choose(open_page: Callable[..., Any]) -> None:
    """A drag that begins on a box moves the picture."""
    page = open_page(_search())
    box = page.locator("[data-id='build']").bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 110, box["y"] + 60, steps=5)
    page.mouse.up()
    after = page.locator("[data-id='build']").bounding_box()
    assert (after["x"] - box["x"], after["y"] - box["y"]) == pytest.approx((100, 50), abs=1)
    assert not page.is_visible("#details")


@pytest.mark.parametrize(
    ("scheme", "mode", "is_dark"),
    [
        ("light", "auto", False),
        ("dark", "auto", True),
        ("light", "dark", True),
        ("dark", "light", False),
    ],
)
def test_a_page_is_light_or_dark(
    open_page: Callable[..., Any], scheme: str, mode: str, is_dark: bool
) -> None:
    """It follows the system unless it is told; the button turns it round."""
    page = open_page(_search(), scheme=scheme, mode=mode)

    def shows_dark() -> bool:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour[4:-1].split(",")) < 200

    assert is_dark == shows_dark()
    page.click("#mode")
    assert is_dark != shows_dark()


@pytest.mark.parametrize("orient", ["TB", "LR", "BT", "RL"])
@pytest.mark.parametrize("depth", [1, None])
def test_boxes_lie_in_the_window_and_not_on_each_other(
    open_page: Callable[..., Any], orient: str, depth: int | None
) -> None:
    """In every direction, open or closed, each box has its own place."""
    page = open_page(_search(), orient=orient, depth=depth)
    boxes = page.evaluate("Object.entries(scene.places).map(([id, p]) => ({id, ...p}))")
    boxes = [box for box in boxes if box["id"] != "prepare" or depth == 1]
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = (
                one["x"] + one["width"] <= other["x"]
                or other["x"] + other["width"] <= one["x"]
                or one["y"] + one["height"] <= other["y"]
                or other["y"] + other["height"] <= one["y"]
            )
            assert apart, (one, other)
    first, last = (next(box for box in boxes if box["id"] == name) for name in ("load", "report"))
    ahead = {"TB": ("y", 1), "BT": ("y", -1), "LR": ("x", 1), "RL": ("x", -1)}
    axis, sign = ahead[orient]
    assert (last[axis] - first[axis]) * sign > 0


@pytest.mark.parametrize("opened", [(), ("outer",), ("outer", "outer/search"), None])
def test_a_page_closes_as_the_library_does(
    open_page: Callable[..., Any], opened: tuple[str, ...] | None
) -> None:
    """Boxes, arrows and the names along them are those of `make_drawing` at that depth."""
    pipeline = Pipeline([Pipeline([_search()], name="outer")])
    page = open_page(pipeline)
    depth = None if opened is None else len(opened) + 1
    drawing = make_drawing(pipeline, depth, group_inputs=True)
    if opened is None:
        opened = tuple(box.id for box in drawing.boxes if box.kind == "group")
    found = json.loads(
        page.evaluate(
            """opened => JSON.stringify(foldDrawing(drawing, new Set(opened)).arrows.map(
                (arrow) => [arrow.source, arrow.target, arrow.wires.map((w) => w.names).sort()]
            ).sort())""",
            list(opened),
        )
    )
    expected = sorted(
        [arrow.source, arrow.target, sorted(list(wire.names) for wire in arrow.wires)]
        for arrow in drawing.arrows
    )
    # the page groups inputs once, by what they lead to with everything open
    assert {(each[0], each[1]) for each in found} >= {
        (source, target) for source, target, _ in expected if not source.startswith("input:")
    }
    inner = [each for each in found if not each[0].startswith("input:")]
    assert [each for each in expected if not each[0].startswith("input:")] == sorted(inner)


def test_a_thousand_nodes_stay_fluid(open_page: Callable[..., Any]) -> None:
    """They are laid out in seconds at most, and moving them takes a fraction of one."""
    nodes = [Node(eval(f"lambda v{max(n - 7, 0)}, v{n}: 0"), f"v{n + 1}") for n in range(1, 1000)]
    page = open_page(Pipeline(nodes))
    drawn = page.evaluate(
        "(() => { const t = performance.now(); redraw(); return performance.now() - t })()"
    )
    frame = page.evaluate(
        """async () => {
            const times = [];
            for (let i = 0; i < 15; i++) {
                const start = performance.now();
                view.x += 5;
                look();
                await new Promise(requestAnimationFrame);
                times.push(performance.now() - start);
            }
            return times.sort((a, b) => a - b)[7];
        }"""
    )
    assert (drawn < 5000, frame < 250) == (True, True), (drawn, frame)


def test_a_narrow_window_still_shows_everything(open_page: Callable[..., Any]) -> None:
    """On a telephone the details lie over the drawing, and can be closed."""
    page = open_page(_search(), width=380)
    page.evaluate("choose('load')")
    assert page.is_visible("#details h2")
    page.click("#details .close")
    assert not page.is_visible("#details")


@pytest.mark.parametrize("orient", ["TB", "LR", "BT", "RL"])
def test_a_large_picture_begins_where_the_flow_begins(
    open_page: Callable[..., Any], orient: str
) -> None:
    """What does not fit is shown large enough to read, the first box in the window."""
    nodes = [Node(eval(f"lambda v{n}: 0"), f"v{n + 1}") for n in range(60)]
    page = open_page(Pipeline(nodes), orient=orient)
    box = page.locator("[data-id='input:v0']").bounding_box()
    assert 0 <= box["x"] <= 1200 - box["width"]
    assert 0 <= box["y"] <= 800 - box["height"]
    assert box["width"] > 20


def test_an_empty_pipeline_has_a_page(open_page: Callable[..., Any]) -> None:
    """Nothing to draw is no error in the browser, either."""
    assert [] == _shown(open_page(Pipeline([])))


def test_names_are_text_and_never_markup(open_page: Callable[..., Any]) -> None:
    """What looks like a tag in a name, a docstring or code does nothing."""

    def shown(x: int) -> str:
        """<img src=x onerror=console.error(1)>."""
        return "</script><b>"

    page = open_page(Pipeline([Node(shown, "y")], name="<b>bold</b>"))
    page.click("[data-id='shown']")
    assert "<b>bold</b>" == page.inner_text("h1")
    assert "<img" in page.inner_text("#details")
    assert 0 == page.locator("#details img, h1 b").count()
