"""Facts about functions that change what they are given."""

from __future__ import annotations

import time
import warnings
from typing import Any

import pytest

from hypernodes import CacheError, MemoryCache, Node, Pipeline, Recorder, SeqEngine, stateful
from hypernodes.errors import CacheWarning


def make(x: int) -> list[int]:
    return [x]


def grow(made: list[int]) -> list[int]:
    made.append(99)
    return list(made)


def read(made: list[int], grown: list[int]) -> tuple[list[int], list[int]]:
    return list(made), grown


def growing(recorder: Recorder, **options: Any) -> Pipeline:
    """``make -> grow (changes it) -> read`` with a cache."""
    nodes = [Node(make, "made"), Node(grow, "grown"), Node(read, "seen")]
    return Pipeline(nodes, engine=SeqEngine(MemoryCache(), [recorder], **options))


def test_a_changed_input_is_one_warning() -> None:
    """The warning names the node and the parameter."""
    pipeline = growing(Recorder())
    with pytest.warns(CacheWarning, match="'grow' changed its input 'made'") as caught:
        pipeline.map({"x": [1, 2, 3]}, map_over="x")
    assert len(caught) == 1


def test_every_run_gives_what_the_first_gave() -> None:
    """The changed result is read back, for later nodes and for the caller."""
    pipeline = growing(Recorder())
    with pytest.warns(CacheWarning):
        results = [pipeline.run({"x": 1}) for _ in range(3)]
    expected = {"made": [1], "grown": [1, 99], "seen": ([1], [1, 99])}
    assert results == [expected] * 3


def test_nothing_computed_from_there_on_is_stored() -> None:
    """The node that changed its input, and what comes after it, run each time."""
    recorder = Recorder()
    pipeline = growing(recorder)
    with pytest.warns(CacheWarning):
        pipeline.run({"x": 1})
    recorder.clear()
    with pytest.warns(CacheWarning):
        pipeline.run({"x": 1})
    assert (recorder.cached, recorder.executed) == (["make"], ["grow", "read"])


def test_other_items_of_the_map_are_stored() -> None:
    """Only the items whose inputs were changed run again."""

    def grow_some(made: list[int]) -> int:
        if made[0] == 2:
            made.append(0)
        return made[0]

    recorder = Recorder()
    nodes = [Node(make, "made"), Node(grow_some, "some")]
    pipeline = Pipeline(nodes, engine=SeqEngine(MemoryCache(), [recorder]))
    with pytest.warns(CacheWarning):
        pipeline.map({"x": [1, 2, 3]}, map_over="x")
    recorder.clear()
    with pytest.warns(CacheWarning):
        pipeline.map({"x": [1, 2, 3]}, map_over="x")
    assert recorder.executed == ["grow_some"]


def test_a_list_from_a_nested_map_is_looked_at_too() -> None:
    """Sorting in place what a nested map gave is noticed."""

    def sort(doubled: list[int]) -> int:
        doubled.sort(reverse=True)
        return doubled[0]

    double = Pipeline([Node(lambda x: 2 * x, "doubled")]).as_node({"xs": "x"}, map_over="xs")
    pipeline = Pipeline([double, Node(sort, "top")], engine=SeqEngine(MemoryCache()))
    with pytest.warns(CacheWarning, match="'sort' changed its input 'doubled'"):
        result = pipeline.run({"xs": [1, 2]})
    assert result == {"doubled": [2, 4], "top": 4}


def test_a_change_inside_a_nested_pipeline_reaches_outward() -> None:
    """What a nested node changed is read back outside."""
    inner = Pipeline([Node(grow, "grown")])
    nodes = [Node(make, "made"), inner, Node(read, "seen")]
    pipeline = Pipeline(nodes, engine=SeqEngine(MemoryCache()))
    with pytest.warns(CacheWarning):
        result = pipeline.run({"x": 1})
    assert (result["made"], result["seen"]) == ([1], ([1], [1, 99]))


def test_strict_engines_raise() -> None:
    """With ``strict=True`` the warning is an error."""
    with pytest.raises(CacheError, match="changed its input"):
        growing(Recorder(), strict=True).run({"x": 1})


def test_large_arguments_of_slow_calls_are_looked_at_each_time() -> None:
    """Beside a slow call, looking costs little, so a late change is noticed too."""

    def scale(data: bytearray, n: int) -> int:
        time.sleep(0.2)
        if n == 2:
            data[0] = 1
        return n

    pipeline = Pipeline([Node(scale, "scaled")], engine=SeqEngine(MemoryCache()))
    with pytest.warns(CacheWarning, match="'scale' changed its input 'data'"):
        pipeline.map({"data": bytearray(3 << 20), "n": [1, 2]}, map_over="n")


def test_large_arguments_are_looked_at_after_the_first_call() -> None:
    """An array over a MiB is checked once per run; "always" checks each call."""
    np = pytest.importorskip("numpy")

    def zero_later(big: Any, x: int) -> int:
        if x:
            big[0] = x
        return x

    big = np.zeros(1 << 18)
    for mode, expected in (("auto", 0), ("always", 1)):
        engine = SeqEngine(MemoryCache(), check_mutation=mode)
        pipeline = Pipeline([Node(zero_later, "y")], engine=engine)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pipeline.map({"big": big.copy(), "x": [0, 1]}, map_over="x")
        assert len(caught) == expected


def test_checking_can_be_turned_off() -> None:
    """With "never" nothing is looked at, and nothing is said."""
    result = growing(Recorder(), check_mutation="never").run({"x": 1})
    assert result["made"] == [1, 99]


def test_without_a_cache_this_is_plain_python() -> None:
    """A change is visible to everybody, and nothing is said."""
    nodes = [Node(make, "made"), Node(grow, "grown")]
    assert Pipeline(nodes).run({"x": 1})["made"] == [1, 99]


def test_stateful_objects_may_change() -> None:
    """What a resource does to itself is its own business."""

    @stateful
    class Counter:
        def __init__(self) -> None:
            self.count = 0

        def next(self) -> int:
            self.count += 1
            return self.count

    pipeline = Pipeline(
        [Node(lambda x, counter: counter.next() and x, "y")], engine=SeqEngine(MemoryCache())
    )
    assert pipeline.map({"x": [1, 2], "counter": Counter()}, map_over="x") == [{"y": 1}, {"y": 2}]


def test_unknown_modes_are_refused() -> None:
    """The choices are named when the engine is made."""
    with pytest.raises(ValueError, match="'auto', 'always' or 'never'"):
        SeqEngine(check_mutation="sometimes")
