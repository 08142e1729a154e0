"""Facts about rows of tables that are carried out where they lie."""

from __future__ import annotations

import pickle

import pytest

from hypernodes import MemoryCache, Pipeline, node
from hypernodes.execution import RowEngine, map_pipeline, show_row


def _engine(cache: MemoryCache | None = None) -> RowEngine:
    return RowEngine(cache, strict=False, salt="", check_mutation="auto")


def test_rows_are_those_of_a_map() -> None:
    """Every row is an item, in order."""
    pipeline = Pipeline([node(lambda x: x + 1, output_name="y")])
    assert map_pipeline(_engine(), pipeline, {"x": [1, 2]}, ["x"]) == [{"y": 2}, {"y": 3}]


def test_a_failure_tells_its_row_and_no_number() -> None:
    """What stood in the row is in a note; where it lay in its partition is not."""
    pipeline = Pipeline([node(lambda x: 1 / x, output_name="y")])
    with pytest.raises(ZeroDivisionError) as caught:
        map_pipeline(_engine(), pipeline, {"x": [1, 0]}, ["x"])
    expected = ["in node '<lambda>' at <lambda>", "in the row where x=0"]
    assert caught.value.__notes__ == expected


def test_it_travels() -> None:
    """What carries rows out is pickled with its settings."""
    assert pickle.loads(pickle.dumps(_engine())) == _engine()


def test_long_values_are_cut() -> None:
    """A row in words is short."""
    assert show_row({"x": 1, "text": "a" * 100}) == "x=1, text='" + "a" * 56 + "..."
