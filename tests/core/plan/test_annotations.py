"""Facts about what the outputs of a plan are annotated."""

from __future__ import annotations

from typing import Any

import pytest

from hypernodes import Pipeline, node
from hypernodes.plan import annotation_of, compile_plan


@node(output_name="words")
def split(text: str) -> list[str]:
    """Split."""
    return text.split()


@node(output_name=("first", "count"))
def look(words: list[str]) -> tuple[str, int]:
    """Look."""
    return words[0], len(words)


def _annotations(*nodes: Any) -> dict[str, Any]:
    pipeline = Pipeline(list(nodes))
    plan = compile_plan(pipeline, None, pipeline.graph.root_args)
    return {name: annotation_of(plan, name) for name in plan.outputs}


def test_each_output_has_its_own() -> None:
    """Of a tuple every output takes its part."""
    assert _annotations(split, look) == {"words": list[str], "first": str, "count": int}


def test_what_is_not_annotated_may_be_anything() -> None:
    """Where nothing is declared, the answer is ``Any``."""
    assert _annotations(node(lambda x: x, output_name="y")) == {"y": Any}


@pytest.mark.parametrize("over", [None, "texts"])
def test_a_mapped_pipeline_gives_lists(over: str | None) -> None:
    """Names are followed inside; what is mapped comes as a list of what its node declares."""
    inner = Pipeline([split, look]).as_node(
        input_mapping={"texts": "text"}, output_mapping={"count": "counts"}, map_over=over
    )
    assert _annotations(inner) == {"counts": list[int] if over else int}
