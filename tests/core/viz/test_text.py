from hypernodes import Pipeline
from hypernodes.viz import make_drawing, render_text


def test_a_pipeline_becomes_a_tree(search: Pipeline) -> None:
    """Nodes are indented under their pipeline, with what they read and give."""
    expected = """search
inputs: corpus
bound: model: object
├─ prepare  (mapped over corpus)
│  ├─ clean(passage) -> cleaned: str
│  └─ split(cleaned, lower) -> tokens: list[str], count: int
└─ build(all_tokens, model) -> index: int  (async; not cached)
"""
    assert expected == render_text(make_drawing(search, depth=2))


def test_types_can_be_left_out(search: Pipeline) -> None:
    """Without types only names are shown."""
    assert "str" not in render_text(make_drawing(search, depth=2, show_types=False))
