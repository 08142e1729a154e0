"""The contract of caching, sentence by sentence, through pipelines (api.md, section 6)."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, Recorder, SeqEngine, node
from hypernodes.errors import CacheWarning

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Calls(list[Any]):
    """Notes calls; what it holds does not count in keys."""

    def __cache_key__(self) -> str:
        return "calls"


@pytest.fixture
def calls() -> Calls:
    """The arguments of every call, in order."""
    return Calls()


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A new cache of each kind."""
    return MemoryCache() if request.param == "memory" else DiskCache(tmp_path / "cache")


@pytest.fixture
def double(calls: Calls) -> Any:
    """A node that notes its calls: x -> doubled."""

    @node(output_name="doubled")
    def double(x: int) -> int:
        calls.append(x)
        return 2 * x

    return double


def executed(cache: Any, nodes: Sequence[Any], inputs: dict[str, Any], **options: Any) -> list[str]:
    """Run *nodes* with *cache* and return the names of those that were executed."""
    recorder = Recorder()
    pipeline = Pipeline(nodes=list(nodes), engine=SeqEngine(cache, [recorder]))
    pipeline.map(inputs, **options) if options else pipeline.run(inputs)
    return recorder.executed


def test_nothing_is_cached_without_a_cache(double: Any, calls: Calls) -> None:
    """An engine without a cache calls functions every time."""
    for _ in range(2):
        Pipeline(nodes=[double]).run({"x": 1})
    assert calls == [1, 1]


def test_nothing_is_cached_where_the_node_says_no(cache: Any, calls: Calls) -> None:
    """A node with ``cache=False`` is called every time."""
    plain = node(output_name="y", cache=False)(lambda x: calls.append(x) or x)
    for _ in range(2):
        executed(cache, [plain], {"x": 1})
    assert calls == [1, 1]


def test_an_uncached_node_in_the_middle_keeps_its_neighbours_cached(
    cache: Any, double: Any
) -> None:
    """Around a ``cache=False`` node, what comes before and after still hits."""
    middle = node(output_name="same", cache=False)(lambda doubled: doubled)
    last = node(output_name="end")(lambda same: same + 1)
    nodes = [double, middle, last]
    executed(cache, nodes, {"x": 1})
    assert executed(cache, nodes, {"x": 1}) == [middle.name]


def test_node_cache_is_read_when_a_run_starts(cache: Any, double: Any, calls: Calls) -> None:
    """Toggling ``node.cache`` counts from the next run on, and keeps what was stored."""
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(cache))
    for is_cached in (True, False, True):
        double.cache = is_cached
        pipeline.run({"x": 1})
    assert calls == [1, 1]


def test_a_hit_does_not_call_the_function(cache: Any, double: Any, calls: Calls) -> None:
    """Same code, same inputs: the second run calls nothing and returns the same."""
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(cache))
    assert [pipeline.run({"x": 3}), pipeline.run({"x": 3}), calls] == [
        {"doubled": 6},
        {"doubled": 6},
        [3],
    ]


def test_earlier_entries_stay(cache: Any, double: Any, calls: Calls) -> None:
    """Going back to an earlier input hits."""
    for x in (1, 2, 1, 2):
        executed(cache, [double], {"x": x})
    assert calls == [1, 2]


def test_other_upstream_misses(cache: Any, double: Any) -> None:
    """A node runs again when what it gets from upstream differs."""
    last = node(output_name="end")(lambda doubled: doubled + 1)
    executed(cache, [double, last], {"x": 1})
    assert executed(cache, [double, last], {"x": 2}) == ["double", last.name]


def test_an_equal_upstream_result_cuts_off(cache: Any) -> None:
    """Where another input gives the same result upstream, everything below hits."""
    size = node(output_name="size")(lambda text: len(text) * 10)
    last = node(output_name="end")(lambda size: size + 1)
    executed(cache, [size, last], {"text": "abc"})
    assert executed(cache, [size, last], {"text": "xyz"}) == [size.name]


def test_a_value_given_for_an_intermediate_hits_below(cache: Any, double: Any) -> None:
    """A value in the place of its producer shares the entries of those that read it."""
    last = node(output_name="end")(lambda doubled: doubled + 1)
    executed(cache, [double, last], {"x": 2})
    assert executed(cache, [double, last], {"doubled": 4}) == []


def test_each_item_is_cached_by_itself(cache: Any, double: Any, calls: Calls) -> None:
    """A longer map, or one in another order, runs only the new items."""
    executed(cache, [double], {"x": [1, 2, 3]}, map_over="x")
    executed(cache, [double], {"x": [3, 4, 1]}, map_over="x")
    assert calls == [1, 2, 3, 4]


def test_run_and_map_share(cache: Any, double: Any, calls: Calls) -> None:
    """A run and a map item with equal inputs are one entry, both ways."""
    executed(cache, [double], {"x": 1})
    executed(cache, [double], {"x": [1, 2]}, map_over="x")
    executed(cache, [double], {"x": 2})
    assert calls == [1, 2]


def test_items_of_a_mapped_wrapper_share(cache: Any, double: Any, calls: Calls) -> None:
    """Inner items of a mapped wrapper hit what runs and maps have stored, and each other."""
    wrapper = Pipeline(nodes=[double]).as_node(input_mapping={"xs": "x"}, map_over="xs")
    executed(cache, [double], {"x": 1})
    executed(cache, [wrapper], {"xs": [1, 2]})
    executed(cache, [wrapper], {"xs": [[2, 3], [1]]}, map_over="xs")
    assert calls == [1, 2, 3]


def test_mappings_of_a_wrapper_do_not_hide_entries(cache: Any, double: Any, calls: Calls) -> None:
    """A nested pipeline hits what the same node has stored under other outer names."""
    wrapper = Pipeline(nodes=[double]).as_node({"n": "x"}, {"doubled": "m"})
    executed(cache, [double], {"x": 1})
    executed(cache, [wrapper], {"n": 1})
    assert calls == [1]


def test_a_wrapper_with_cache_off_caches_nothing_inside(cache: Any, double: Any) -> None:
    """``as_node(cache=False)`` turns caching off for everything in it."""
    wrapper = Pipeline(nodes=[double]).as_node(cache=False, name="w")
    for _ in range(2):
        assert executed(cache, [wrapper], {"x": 1}) == ["double", "w"]


def test_cache_none_turns_caching_off_inside(cache: Any, double: Any) -> None:
    """An explicit ``cache=None`` of a child's engine is not overridden by the parent."""
    child = Pipeline(nodes=[double], engine=SeqEngine(cache=None), name="child")
    last = node(output_name="end")(lambda doubled: doubled)
    executed(cache, [child, last], {"x": 1})
    assert executed(cache, [child, last], {"x": 1}) == ["double", "child"]


def test_a_child_inherits_the_cache(cache: Any, double: Any, calls: Calls) -> None:
    """A child whose engine leaves the cache unset uses the parent's."""
    child = Pipeline(nodes=[double], engine=SeqEngine())
    for _ in range(2):
        executed(cache, [child], {"x": 1})
    assert calls == [1]


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", [], (), {}, set(), b""], ids=repr)
def test_none_and_empty_values_are_cached(cache: Any, value: Any, calls: Calls) -> None:
    """``None``, ``False``, ``0`` and empty values hit like any other."""

    @node(output_name="y")
    def give(x: int) -> Any:
        calls.append(x)
        return value

    pipeline = Pipeline(nodes=[give], engine=SeqEngine(cache))
    found = [pipeline.run({"x": 1})["y"] for _ in range(2)]
    assert (found, type(found[1]), calls) == ([value, value], type(value), [1])


def test_several_outputs_are_cached_together(cache: Any, calls: Calls) -> None:
    """A node with several outputs is one entry; each output comes back."""

    @node(output_name=("low", "high"))
    def split(x: int) -> list[int | None]:
        calls.append(x)
        return [None, x]

    pipeline = Pipeline(nodes=[split], engine=SeqEngine(cache))
    pipeline.run({"x": 1})
    assert (pipeline.run({"x": 1}), pipeline.run({"x": 1}, "high")) == (
        {"low": None, "high": 1},
        {"high": 1},
    )
    assert calls == [1]


def test_a_result_that_cannot_be_stored_warns_once(cache: Any) -> None:
    """An unpicklable result is one warning for the node, and every item is returned."""
    pipeline = Pipeline(nodes=[node(output_name="f")(lambda x: lambda: x)], engine=SeqEngine(cache))
    with pytest.warns(CacheWarning, match="not cached") as caught:
        rows = pipeline.map({"x": [1, 2, 3]}, map_over="x")
    assert [row["f"]() for row in rows] == [1, 2, 3]
    assert len(caught) == 1


def test_warnings_of_many_items_are_one(cache: Any) -> None:
    """Results of one node that fail to store for differently worded reasons are one warning."""
    pipeline = Pipeline(nodes=[node(output_name="y")(Unpicklable)], engine=SeqEngine(cache))
    with pytest.warns(CacheWarning) as caught:
        pipeline.map({"x": [1, 2, 3]}, map_over="x")
    assert len(caught) == 1


class Unpicklable:
    """Says its own number when it refuses to be pickled, as addresses do."""

    def __init__(self, x: int) -> None:
        self.x = x

    def __reduce__(self) -> Any:
        msg = f"cannot pickle number {self.x}"
        raise TypeError(msg)


def test_one_unstorable_output_leaves_the_others_alone(cache: Any, double: Any) -> None:
    """Beside a result that cannot be stored, other nodes are cached."""
    lock = node(output_name="lock")(lambda x: threading.Lock())
    with pytest.warns(CacheWarning):
        executed(cache, [double, lock], {"x": 1})
    with pytest.warns(CacheWarning):
        assert executed(cache, [double, lock], {"x": 1}) == [lock.name]


def test_an_unhashable_input_warns_once(cache: Any) -> None:
    """A node with an input that has no fingerprint runs uncached, with one warning."""
    count = node(output_name="n")(lambda x, items: x)
    pipeline = Pipeline(nodes=[count], engine=SeqEngine(cache))
    with pytest.warns(CacheWarning, match=r"inputs\['items'\]\['a'\]") as caught:
        rows = pipeline.map({"x": [1, 2], "items": {"a": threading.Lock()}}, map_over="x")
    assert ([row["n"] for row in rows], len(caught)) == ([1, 2], 1)


def test_below_an_unhashable_input_what_was_returned_counts(cache: Any, double: Any) -> None:
    """A node below one that runs uncached hits by the value that it gets."""
    use = node(output_name="x")(lambda lock: 7)
    for expected in ([use.name, "double"], [use.name]):
        with pytest.warns(CacheWarning, match="runs uncached"):
            assert executed(cache, [use, double], {"lock": threading.Lock()}) == expected


def test_a_result_without_fingerprint_is_cached(cache: Any, calls: Calls) -> None:
    """A result that pickles but has no fingerprint is stored, and is an input like any other."""

    @node(output_name="odd")
    def make(x: int) -> Any:
        calls.append(x)
        return NoFingerprint(x)

    read = node(output_name="y")(lambda odd: odd.x)
    assert executed(cache, [make, read], {"x": 1}) == ["make", read.name]
    assert executed(cache, [make, read], {"x": 1}) == []
    assert executed(cache, [make, read], {"x": 2}) == ["make", read.name]


class NoFingerprint:
    """Pickles, and refuses to be fingerprinted."""

    def __init__(self, x: int) -> None:
        self.x = x

    def __cache_key__(self) -> str:
        msg = "no key"
        raise RuntimeError(msg)


def test_a_failed_map_keeps_what_it_finished(cache: Any, calls: Calls) -> None:
    """After a failure, a repeated map runs only what failed or was not reached."""
    is_broken = [True]

    @node(output_name="y")
    def work(x: int) -> int:
        calls.append(x)
        if x == 3 and is_broken:
            msg = "broken"
            raise ValueError(msg)
        return x

    pipeline = Pipeline(nodes=[work], engine=SeqEngine(cache))
    with pytest.raises(ValueError, match="broken"):
        pipeline.map({"x": [1, 2, 3, 4]}, map_over="x")
    is_broken.clear()
    pipeline.map({"x": [1, 2, 3, 4]}, map_over="x")
    assert calls == [1, 2, 3, 3, 4]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_map_keeps_what_it_finished(
    cache: Any, calls: Calls, interrupt: type[BaseException]
) -> None:
    """After an interrupt, a repeated map runs only the item that was cut and the rest."""
    pending = [interrupt]

    @node(output_name="y")
    def work(x: int) -> int:
        calls.append(x)
        if x == 3 and pending:
            raise pending.pop()
        return x

    pipeline = Pipeline(nodes=[work], engine=SeqEngine(cache))
    with pytest.raises(interrupt):
        pipeline.map({"x": [1, 2, 3, 4]}, map_over="x")
    pipeline.map({"x": [1, 2, 3, 4]}, map_over="x")
    assert calls == [1, 2, 3, 3, 4]


def test_steps_of_a_failed_item_are_kept(cache: Any, double: Any, calls: Calls) -> None:
    """What a failing item has finished before it failed hits when it is repeated."""

    @node(output_name="end")
    def fail(doubled: int) -> int:
        msg = "always"
        raise ValueError(msg)

    for _ in range(2):
        with pytest.raises(ValueError, match="always"):
            executed(cache, [double, fail], {"x": 1})
    assert calls == [1]


def test_a_cached_result_is_never_shared(cache: Any) -> None:
    """What a caller does to a result does not change what the next run gets."""
    pipeline = Pipeline(nodes=[node(output_name="y")(lambda x: [x])], engine=SeqEngine(cache))
    for _ in range(3):
        found = pipeline.run({"x": 1})["y"]
        assert found == [1]
        found.append("changed")


def test_no_warnings_without_a_reason(cache: Any, double: Any) -> None:
    """Cold and warm runs of ordinary values are silent."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            executed(cache, [double], {"x": [1, 2]}, map_over="x")
