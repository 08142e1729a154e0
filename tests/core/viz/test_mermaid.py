from __future__ import annotations

from hypernodes import Pipeline, node
from hypernodes.viz import GraphvizTheme, make_drawing, render_mermaid


def test_a_pipeline_becomes_a_flowchart(search: Pipeline) -> None:
    """The text is what Mermaid reads, the same every time."""
    expected = """---
title: "search"
---
flowchart LR
    n0(["corpus"])
    n1(["model: object"])
    n2[["<b>prepare</b><br/>all_tokens: list[list[str]]<br/><i>mapped over corpus</i>"]]
    n3["<b>build</b><br/>index: int<br/><i>async</i><br/><i>not cached</i>"]
    n0 ==>|"each corpus -#gt; passage"| n2
    n2 --> n3
    n1 --> n3
    classDef bound opacity:0.6
    class n1 bound
"""
    assert expected == render_mermaid(make_drawing(search), orient="LR")


def test_an_opened_pipeline_is_a_subgraph(search: Pipeline) -> None:
    """A group becomes a subgraph that ends."""
    lines = render_mermaid(make_drawing(search, depth=2)).splitlines()
    assert '    subgraph n2 ["<b>prepare</b><br/><i>mapped over corpus</i>"]' in lines
    assert "    end" in lines


def test_a_theme_colours_the_boxes(search: Pipeline) -> None:
    """With a theme every kind has its light colours."""
    text = render_mermaid(make_drawing(search), theme=GraphvizTheme(function_fill="#123456"))
    assert "    classDef function fill:#123456,stroke:#a3b9e2,color:#1c2330" in text


def test_syntax_in_names_is_escaped() -> None:
    """A lambda's angle brackets do not become tags."""
    pipeline = Pipeline([node(output_name="y")(lambda x: x)])
    assert "#lt;lambda#gt;" in render_mermaid(make_drawing(pipeline))
