"""Pydantic models are values like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, Recorder, SeqEngine, node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pydantic = pytest.importorskip("pydantic")


class Color(pydantic.BaseModel):
    """A model."""

    name: str
    parts: list[int]


@pytest.mark.parametrize("make_cache", [lambda _: MemoryCache(), DiskCache])
def test_models_hit_equal_in_value_and_type(
    make_cache: Callable[[Path], Any], tmp_path: Path
) -> None:
    """A model is cached by its fields, and comes back as the model it was."""
    recorder = Recorder()
    engine = SeqEngine(make_cache(tmp_path / "cache"), [recorder])
    pipeline = Pipeline([node(output_name="same")(lambda color: color)], engine=engine)
    results = [pipeline.run({"color": Color(name="red", parts=[1])})["same"] for _ in range(2)]
    assert results == [Color(name="red", parts=[1])] * 2
    assert [type(result) for result in results] == [Color, Color]
    assert (len(recorder.executed), len(recorder.cached)) == (1, 1)
