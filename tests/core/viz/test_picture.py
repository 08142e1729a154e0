from __future__ import annotations

from typing import Any

import pytest

from hypernodes import Node, Pipeline
from hypernodes.viz import Picture


@pytest.mark.usefixtures("graphviz")
def test_a_pipeline_shows_itself_in_a_notebook(search: Pipeline) -> None:
    """The bundle holds an SVG that is part of the page, and the repr."""
    bundle = search._repr_mimebundle_(include=None, exclude=None)
    assert "<svg" in bundle["text/html"]
    assert '[data-jp-theme-light="false"]' in bundle["text/html"]
    assert bundle["image/svg+xml"] == str(search.visualize())
    assert repr(search) == bundle["text/plain"]


@pytest.mark.usefixtures("graphviz")
def test_ipython_finds_the_picture(search: Pipeline) -> None:
    """What formats the last expression of a cell asks for the bundle, and gets it."""
    formatters = pytest.importorskip("IPython.core.formatters")
    bundle, _ = formatters.DisplayFormatter().format(search)
    assert search._repr_mimebundle_() == bundle


def test_what_cannot_be_drawn_shows_its_repr() -> None:
    """A pipeline that is mapped over a bound input cannot run; its repr is shown."""
    inner = Pipeline([Node(lambda a: a, "b")])
    outer = Pipeline([inner.as_node(map_over="a")])
    inner.bind(a=1)
    assert {"text/plain": repr(outer)} == outer._repr_mimebundle_()


@pytest.mark.parametrize(
    ("data", "form", "mime", "part"),
    [
        ("<svg/>", "svg", "image/svg+xml", "<svg/>"),
        ("flowchart TB", "mermaid", "text/vnd.mermaid", "<pre"),
        ("digraph {}", "dot", "text/vnd.graphviz", "<pre"),
        ("a <b>", "text", "text/plain", "a &lt;b&gt;"),
        ("<html></html>", "html", "text/html", "<iframe"),
        (b"\x89PNG", "png", "text/html", "data:image/png;base64,iVBORw=="),
        ({"any": "object"}, "acme", "text/html", "any"),
    ],
)
def test_each_format_shows_itself(data: Any, form: str, mime: str, part: str) -> None:
    """Every picture has something for a page and something for a terminal."""
    bundle = Picture(data, form)._repr_mimebundle_()
    assert part in bundle["text/html"]
    assert {mime, "text/plain"} <= bundle.keys()


def test_a_page_in_a_notebook_keeps_to_itself() -> None:
    """Its quotes do not end the attribute that holds it."""
    html = Picture('<p title="a">', "html")._repr_html_()
    assert "&lt;p title=&quot;a&quot;&gt;" in html


def test_the_repr_is_short() -> None:
    """A picture at the prompt does not flood it."""
    assert "Picture(format='svg', 1000 characters)" == repr(Picture("x" * 1000, "svg"))
