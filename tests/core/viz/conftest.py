"""Pipelines to draw."""

import pytest

from hypernodes import Pipeline, node


@node(output_name="cleaned")
def clean(passage: str) -> str:
    return passage.strip()


@node(output_name=("tokens", "count"))
def split(cleaned: str, lower: bool = True) -> tuple[list[str], int]:
    return cleaned.split(), len(cleaned)


@node(output_name="index", cache=False)
async def build(all_tokens: list[list[str]], model: object) -> int:
    return len(all_tokens)


@pytest.fixture
def search() -> Pipeline:
    """``prepare`` (clean -> split) mapped over a corpus, then ``build``; *model* is bound."""
    prepare = Pipeline(nodes=[clean, split], name="prepare").bind(lower=False)
    mapped = prepare.as_node(
        input_mapping={"corpus": "passage"},
        output_mapping={"tokens": "all_tokens"},
        map_over="corpus",
    )
    return Pipeline(nodes=[mapped, build], name="search").bind(model=3)
