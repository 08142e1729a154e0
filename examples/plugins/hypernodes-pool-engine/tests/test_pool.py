"""What this engine promises beyond the contract."""

from __future__ import annotations

import os

import pytest

from hypernodes import Pipeline, node
from hypernodes.engines import get_engine
from hypernodes.errors import WorkerLostError


def test_it_is_found_by_name() -> None:
    """The entry point leads to the class."""
    assert type(get_engine("pool")).__name__ == "PoolEngine"


def test_a_process_that_dies_is_told_and_replaced() -> None:
    """The map it was part of ends, and the next one has a new pool."""

    def half(x: int) -> int:
        return x // 2 if x else os._exit(1)

    engine = get_engine("pool", workers=2)
    pipeline = Pipeline(nodes=[node(half, output_name="half")], engine=engine)
    with pytest.raises(WorkerLostError, match="'half'"):
        pipeline.map(inputs={"x": [2, 0]}, map_over="x")
    assert pipeline.map(inputs={"x": [2, 4]}, map_over="x") == [{"half": 1}, {"half": 2}]
