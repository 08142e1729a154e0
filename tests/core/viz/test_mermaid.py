from hypernodes import Pipeline, node
from hypernodes.viz import make_drawing, render_mermaid


def test_a_pipeline_becomes_a_flowchart(search: Pipeline) -> None:
    """The text is what Mermaid reads, the same every time."""
    expected = """---
title: search
---
flowchart LR
    input_corpus(["corpus"])
    input_model(["model: object"]):::bound
    node_0[["prepare<br/>all_tokens: list[list[str]]<br/>mapped over corpus"]]
    node_1["build<br/>index: int<br/>async<br/>not cached"]
    input_corpus -- "corpus -#gt; passage" --> node_0
    node_0 -- "all_tokens" --> node_1
    input_model -- "model" --> node_1
    classDef bound opacity:0.6
"""
    assert expected == render_mermaid(make_drawing(search), orient="LR")


def test_an_opened_pipeline_is_a_subgraph(search: Pipeline) -> None:
    """A group becomes a subgraph that ends."""
    lines = render_mermaid(make_drawing(search, depth=2)).splitlines()
    assert '    subgraph group_0 ["prepare<br/>mapped over corpus"]' in lines
    assert "    end" in lines


def test_syntax_in_names_is_escaped() -> None:
    """A lambda's angle brackets do not become tags."""
    pipeline = Pipeline([node(output_name="y")(lambda x: x)])
    assert "#lt;lambda#gt;" in render_mermaid(make_drawing(pipeline))
