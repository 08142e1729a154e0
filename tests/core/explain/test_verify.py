"""Facts about computing hits again."""

from __future__ import annotations

import itertools

import pytest

from hypernodes import MemoryCache, Node, Pipeline, SeqEngine, node
from hypernodes.errors import PlanError

numbers = itertools.count()


def pure(x: int) -> int:
    return x + 1


def impure(y: int) -> int:
    return y + next(numbers)


def ignoring() -> Pipeline:
    """``pure -> impure``, with the counter left out of the key."""
    counted = node(output_name="z", ignore=["numbers"])(impure)
    return Pipeline([Node(pure, "y"), counted], engine=SeqEngine(MemoryCache()))


def test_an_impure_node_is_named() -> None:
    """A function whose result differs is named; the others are not."""
    pipeline = ignoring()
    pipeline.map({"x": [1, 2, 3]}, map_over="x")
    found = pipeline.verify({"x": [1, 2, 3]}, map_over="x", sample=1.0)
    assert (found.impure, bool(found)) == (("impure",), False)
    assert "impure gave another result" in str(found)


def test_a_sample_has_at_least_one_hit_of_each_function() -> None:
    """A tiny share still looks at every function once."""
    pipeline = ignoring()
    pipeline.map({"x": list(range(20))}, map_over="x")
    checked = pipeline.verify({"x": list(range(20))}, map_over="x", sample=0.0001).checked
    assert sorted(each.path for each in checked) == ["impure", "pure"]


def test_pure_pipelines_pass() -> None:
    """Where everything comes out the same, the outcome is true."""
    pipeline = Pipeline([Node(pure, "y")], engine=SeqEngine(MemoryCache()))
    pipeline.run({"x": 1})
    assert str(pipeline.verify({"x": 1})) == "1 recorded results computed again: all the same"


def test_nothing_recorded_is_nothing_to_check() -> None:
    """Without hits nothing is computed."""
    pipeline = Pipeline([Node(pure, "y")], engine=SeqEngine(MemoryCache()))
    assert pipeline.verify({"x": 1}).checked == ()


class Unknown:
    """Can be stored, and has no fingerprint."""

    def __cache_key__(self) -> str:
        raise ValueError


def test_results_without_a_fingerprint_are_left_out() -> None:
    """They cannot be compared; what reads them is."""
    nodes = [Node(lambda x: Unknown(), "made"), Node(lambda made: 1, "read")]
    pipeline = Pipeline(nodes, engine=SeqEngine(MemoryCache()))
    pipeline.run({"x": 1})
    assert [each.is_same for each in pipeline.verify({"x": 1}, sample=1.0).checked] == [True]


@pytest.mark.parametrize("sample", [0, -1, 1.5])
def test_a_sample_is_a_share(sample: float) -> None:
    """A sample outside (0, 1] is refused."""
    with pytest.raises(PlanError, match="sample"):
        Pipeline([Node(pure, "y")]).verify({"x": 1}, sample=sample)
