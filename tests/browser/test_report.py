"""The report of a run in a real browser: it shows what it should, and fetches nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import MemoryCache, Pipeline, SeqEngine, node
from hypernodes.callbacks import RunRecord, read_runs
from hypernodes.cli.report import render_report

if TYPE_CHECKING:
    from collections.abc import Iterator

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@node(output_name="vector")
def embed(text: str) -> int:
    return len(text)


@node(output_name="index")
def build(vectors: list[int]) -> int:
    return sum(vectors)


@node(output_name="answer")
def answer(index: int, question: str) -> str:
    if question == "<i>crash</i>":
        raise RuntimeError(question)
    return question


def _pipeline() -> Pipeline:
    encode = Pipeline([embed], name="encode").as_node(
        input_mapping={"texts": "text"}, output_mapping={"vector": "vectors"}, map_over="texts"
    )
    return Pipeline([encode, build, answer], name="retrieval")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a map that ended with a failing item."""
    folder = tmp_path_factory.mktemp("report")
    engine = SeqEngine(cache=MemoryCache(), callbacks=[RunRecord(folder)])
    inputs = {"texts": ["a", "bc"], "question": ["x", "x", "y", "<i>crash</i>", "z"]}
    with pytest.raises(RuntimeError):
        _pipeline().map(inputs=inputs, map_over="question", engine=engine)
    page = folder / "report.html"
    page.write_text(render_report(read_runs(folder, 1)[0]), "utf-8")
    return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Give a browser."""
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    """Give the page, opened at the width of a laptop."""
    opened = browser.new_page(viewport={"width": 1120, "height": 800}, color_scheme="light")
    opened.goto(report.as_uri())
    yield opened
    opened.close()


def test_the_page_names_the_run(page: Any) -> None:
    """Title, outcome and counts are at the top."""
    assert page.locator("h1").inner_text().split() == ["retrieval", "failed"]
    assert page.locator(".tile", has_text="items").locator("b").inner_text() == "3 of 5"


def test_every_node_is_drawn(page: Any) -> None:
    """Boxes carry the names of the functions; the nested pipeline is a frame."""
    assert page.locator(".flow .label").all_text_contents() == [
        "encode",
        "embed",
        "build",
        "answer",
    ]
    assert page.locator(".flow .node.failed").count() == 1
    assert page.locator(".flow .group").count() == 1


def test_boxes_do_not_overlap(page: Any) -> None:
    """Each box of a function has its own place."""
    boxes = [each.bounding_box() for each in page.locator(".flow .node").all()]
    overlaps = [
        (a, b)
        for place, a in enumerate(boxes)
        for b in boxes[place + 1 :]
        if a["x"] < b["x"] + b["width"]
        and b["x"] < a["x"] + a["width"]
        and a["y"] < b["y"] + b["height"]
        and b["y"] < a["y"] + a["height"]
    ]
    assert overlaps == []


def test_no_arrow_crosses_a_box(browser: Any, tmp_path: Path) -> None:
    """Neither those past a wide neighbour in the same column, nor those over a column."""

    @node(output_name="title")
    def load(question: str) -> str:
        return question

    @node(output_name="page")
    def write(title: str, answer: str, vectors: list[int]) -> str:
        return f"{title}: {answer} {len(vectors)}"

    pipeline = Pipeline([*_pipeline().nodes, load, write], name="wide")
    inputs = {"texts": ["a"], "question": "x"}
    pipeline.run(inputs=inputs, engine=SeqEngine().record(tmp_path))
    (tmp_path / "report.html").write_text(render_report(read_runs(tmp_path, 1)[0]), "utf-8")
    opened = browser.new_page()
    opened.goto((tmp_path / "report.html").as_uri())
    crossed = opened.evaluate(
        """() => {
            const boxes = [...document.querySelectorAll('.flow .node')].map(box => box.getBBox());
            const inside = ({x, y}) => boxes.some(box =>
                box.x + 1 < x && x < box.x + box.width - 1 &&
                box.y + 1 < y && y < box.y + box.height - 1);
            return [...document.querySelectorAll('.flow .arrow')].filter(arrow => {
                const steps = [...Array(60).keys()].map(n => n / 60 * arrow.getTotalLength());
                return steps.some(at => inside(arrow.getPointAtLength(at)));
            }).length;
        }"""
    )
    opened.close()
    assert crossed == 0


def test_texts_fit_into_their_boxes(page: Any) -> None:
    """No name runs over the edge of its box."""
    too_wide = page.evaluate(
        """() => [...document.querySelectorAll('.flow g')].filter(g => {
            const box = g.querySelector('rect').getBBox();
            return [...g.querySelectorAll(':scope > text')].some(
                text => text.getBBox().x + text.getBBox().width > box.x + box.width);
        }).length"""
    )
    assert too_wide == 0


def test_the_failure_is_shown_with_its_inputs(page: Any) -> None:
    """What a value says stays text, and the traceback opens."""
    failure = page.locator(".failure")
    assert failure.locator(".message").inner_text() == "RuntimeError: <i>crash</i>"
    assert failure.locator(".inputs tr").all_inner_texts()[-1].split("\t") == [
        "question",
        "'<i>crash</i>'",
    ]
    failure.locator("summary").click()
    assert "raise RuntimeError(question)" in failure.locator("pre").inner_text()


def test_items_are_a_mosaic(page: Any) -> None:
    """One square per item, coloured by how it ended."""
    kinds = [each.get_attribute("class") for each in page.locator(".mosaic i").all()]
    assert kinds == ["is-executed", "is-hit", "is-executed", "is-failed", "is-open"]


def test_lanes_lie_within_the_page(page: Any) -> None:
    """Each step has a lane, and every bar lies inside of it."""
    assert page.locator(".lane-name").all_inner_texts() == ["encode", "embed", "build", "answer"]
    outside = page.evaluate(
        """() => [...document.querySelectorAll('.bars')].filter(lane => {
            const room = lane.getBoundingClientRect();
            return [...lane.children].some(bar => bar.getBoundingClientRect().left < room.left - 1
                || bar.getBoundingClientRect().left > room.right);
        }).length"""
    )
    assert outside == 0


def test_nothing_is_fetched_and_nothing_is_wrong(browser: Any, report: Path) -> None:
    """The one request is for the page itself, and the console stays empty."""
    opened = browser.new_page()
    requests: list[str] = []
    said: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(report.as_uri())
    opened.close()
    assert (requests, said) == ([report.as_uri()], [])


@pytest.mark.parametrize(("scheme", "is_light"), [("light", True), ("dark", False)])
def test_the_page_follows_the_system(
    browser: Any, report: Path, scheme: str, is_light: bool
) -> None:
    """Background and text swap with the colour scheme."""
    opened = browser.new_page(color_scheme=scheme)
    opened.goto(report.as_uri())
    brightness = opened.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    opened.close()
    assert (sum(brightness) > 3 * 128) == is_light


def test_the_button_swaps_the_colours(page: Any) -> None:
    """One click is dark, another one light."""
    found = []
    for _ in range(2):
        page.locator("#theme").click()
        found.append(page.evaluate("document.documentElement.dataset.theme"))
    assert found == ["dark", "light"]


def test_a_narrow_page_does_not_scroll_sideways(browser: Any, report: Path) -> None:
    """Wide things scroll by themselves."""
    opened = browser.new_page(viewport={"width": 390, "height": 800})
    opened.goto(report.as_uri())
    width = opened.evaluate("document.documentElement.scrollWidth")
    opened.close()
    assert width == 390
