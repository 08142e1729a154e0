"""The contract of dual nodes, sentence by sentence, on `SeqEngine` (api.md, section 8)."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from hypernodes import (
    DiskCache,
    DualNode,
    MemoryCache,
    Pipeline,
    Recorder,
    SeqEngine,
    node,
    stateful,
)

np = pytest.importorskip("numpy")
pa = pytest.importorskip("pyarrow")


class Calls(list[Any]):
    """Notes calls; what it holds does not count in keys."""

    def __cache_key__(self) -> str:
        return "calls"


@pytest.fixture
def calls() -> Calls:
    """What each body was called with, in order."""
    return Calls()


@pytest.fixture
def double(calls: Calls) -> DualNode:
    """A dual node that notes the calls of its bodies: x -> y."""

    def double_one(x: int) -> int:
        calls.append(x)
        return 2 * x

    def double_many(x: pa.Array) -> list[int]:
        calls.append(x.to_pylist())
        return [2 * each for each in x.to_pylist()]

    return DualNode("y", double_one, double_many)


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A new cache of each kind."""
    return MemoryCache() if request.param == "memory" else DiskCache(tmp_path / "cache")


def mapped(dual: DualNode, *others: Any, **inputs: Any) -> list[dict[str, Any]]:
    """Map over ``x`` and return the rows."""
    return Pipeline(nodes=[dual, *others]).map(inputs, map_over="x")


def test_attributes() -> None:
    """A dual node offers what it was given, and the parameters of *singular*."""

    def one(x: int, y: int = 2) -> int:
        return x

    def many(x: pa.Array, y: int = 2) -> pa.Array:
        return x

    dual = DualNode("out", one, many)
    found = (dual.output_name, dual.singular, dual.batch, dual.root_args, dual.cache)
    assert found == ("out", one, many, ("x", "y"), True)


@pytest.mark.parametrize("suffix", ["_singular", "_one", "_single", "_many", ""])
def test_name_is_that_of_singular_without_suffix(suffix: str) -> None:
    """A trailing ``_singular``, ``_one`` or ``_single`` is left out of the name."""

    def one(x: int) -> int:
        return x

    one.__name__ = f"embed{suffix}"
    expected = "embed_many" if suffix == "_many" else "embed"
    assert DualNode("y", one, lambda x: x).name == expected


def test_code_hash_covers_both_bodies() -> None:
    """Another *singular* or another *batch* is another code hash of 64 hex digits."""

    def one(x: int) -> int:
        return x

    hashes = {
        DualNode("y", one, lambda x: x).code_hash,
        DualNode("y", one, lambda x: x.take([0])).code_hash,
        DualNode("y", lambda x: x, lambda x: x).code_hash,
    }
    assert ({len(each) for each in hashes}, len(hashes)) == ({64}, 3)


def test_run_calls_singular_once(double: DualNode, calls: Calls) -> None:
    """``run`` calls *singular* once with the plain value and never *batch*."""
    assert (Pipeline(nodes=[double]).run({"x": 3}), calls) == ({"y": 6}, [3])


def test_map_calls_batch_once(double: DualNode, calls: Calls) -> None:
    """``map`` calls *batch* exactly once with all items and never *singular*."""
    assert mapped(double, x=[1, 2, 2]) == [{"y": 2}, {"y": 4}, {"y": 4}]
    assert calls == [[1, 2, 2]]


def test_map_of_one_item_calls_batch(double: DualNode, calls: Calls) -> None:
    """A map of one item is a batch of one."""
    assert (mapped(double, x=[5]), calls) == ([{"y": 10}], [[5]])


def test_map_of_a_thousand_items_is_one_call(double: DualNode, calls: Calls) -> None:
    """Up to 1,000 items travel in one batch."""
    mapped(double, x=list(range(1000)))
    assert len(calls) == 1


def test_map_of_more_items_keeps_the_order(double: DualNode, calls: Calls) -> None:
    """More than 1,000 items come back in order, each handed over once."""
    rows = mapped(double, x=list(range(2500)))
    assert [row["y"] for row in rows] == list(range(0, 5000, 2))
    assert [x for call in calls for x in call] == list(range(2500))


def test_map_of_nothing_calls_nothing(double: DualNode, calls: Calls) -> None:
    """An empty map makes no batch."""
    assert (mapped(double, x=[]), calls) == ([], [])


def test_with_a_cache_only_missing_items_go_to_batch(
    cache: Any, double: DualNode, calls: Calls
) -> None:
    """Items that hit are left out of the batch; results stay in item order."""
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(cache))
    pipeline.map({"x": [1, 3]}, map_over="x")
    rows = pipeline.map({"x": [1, 2, 3, 4]}, map_over="x")
    pipeline.map({"x": [4, 3, 2, 1]}, map_over="x")
    assert (calls, [row["y"] for row in rows]) == ([[1, 3], [2, 4]], [2, 4, 6, 8])


def test_run_and_map_share_entries(cache: Any, double: DualNode, calls: Calls) -> None:
    """What *singular* has stored hits in a map, and the other way round."""
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(cache))
    pipeline.run({"x": 1})
    pipeline.map({"x": [1, 2]}, map_over="x")
    pipeline.run({"x": 2})
    assert calls == [1, [2]]


def test_equal_items_travel_once_with_a_cache(cache: Any, double: DualNode, calls: Calls) -> None:
    """With a cache, duplicates within one batch are handed over once."""
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(cache))
    rows = pipeline.map({"x": [7, 8, 7]}, map_over="x")
    assert (calls, [row["y"] for row in rows]) == ([[7, 8]], [14, 16, 14])


def test_cache_off_hands_over_everything(cache: Any, double: DualNode, calls: Calls) -> None:
    """A dual node with ``cache`` off gets every item every time."""
    double.cache = False
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(cache))
    for _ in range(2):
        pipeline.map({"x": [1, 1]}, map_over="x")
    assert calls == [[1, 1], [1, 1]]


def test_events_come_per_item_after_the_batch(double: DualNode) -> None:
    """Each item has its own node events, in item order, with an equal share of the time."""
    recorder = Recorder()
    last = node(output_name="z")(lambda y: y + 1)
    pipeline = Pipeline(nodes=[double, last], engine=SeqEngine(callbacks=[recorder]))
    pipeline.map({"x": [1, 2]}, map_over="x")
    names = [name for name in recorder.names if name != "map_progress"]
    item = [
        "map_item_start", "pipeline_start", "node_start", "node_end", "node_start", "node_end",
        "pipeline_end", "map_item_end",
    ]  # fmt: skip
    assert names == ["map_start", *item, *item, "map_end"]
    ends = [args for name, args in recorder.events if name == "node_end" and args[0] == "double"]
    assert [outputs for _, outputs, _ in ends] == [{"y": 2}, {"y": 4}]
    assert len({seconds for _, _, seconds in ends}) == 1


def test_events_of_hits_come_in_item_order(double: DualNode) -> None:
    """In a partly cached map each item reports for itself: cached, or start and end."""
    recorder = Recorder()
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(MemoryCache(), [recorder]))
    pipeline.map({"x": [2]}, map_over="x")
    recorder.clear()
    pipeline.map({"x": [1, 2, 3]}, map_over="x")
    kept = [name for name in recorder.names if name.startswith("node") or name == "map_item_cached"]
    assert kept == [
        "node_start", "node_end", "node_cached", "map_item_cached", "node_start", "node_end",
    ]  # fmt: skip


def test_mapped_parameters_arrive_as_arrow() -> None:
    """A mapped parameter is one `pyarrow.Array` of all items."""
    seen: list[Any] = []
    dual = DualNode("y", lambda x: x, lambda x: seen.append(x) or x)
    mapped(dual, x=["a", None])
    assert isinstance(seen[0], pa.Array)
    assert seen[0].equals(pa.array(["a", None]))


def test_upstream_results_arrive_as_arrow() -> None:
    """What another node has made per item is one `pyarrow.Array` too."""
    seen: list[Any] = []
    dual = DualNode("z", lambda y: y, lambda y: seen.append(y) or y)
    mapped(dual, node(output_name="y")(lambda x: x * 10), x=[1, 2])
    assert [each.to_pylist() for each in seen if isinstance(each, pa.Array)] == [[10, 20]]


def test_constants_arrive_as_themselves() -> None:
    """A broadcast input, a bound one and a default are handed over unchanged."""
    constant, bound = object(), object()
    seen: list[Any] = []

    def one(x: int, model: Any, extra: Any, step: int = 3) -> int:
        return x

    def many(x: pa.Array, model: Any, extra: Any, step: int = 3) -> pa.Array:
        seen.extend((model, extra, step))
        return x

    inputs = {"x": [1, 2], "model": constant}
    Pipeline(nodes=[DualNode("y", one, many)]).bind(extra=bound).map(inputs, map_over="x")
    assert (seen[0] is constant, seen[1] is bound, seen[2]) == (True, True, 3)


@pytest.mark.parametrize(
    "convert",
    [list, pa.array, np.array, lambda values: pa.chunked_array([values[:1], values[1:]])],
    ids=["list", "arrow", "numpy", "chunked"],
)
def test_results_are_plain_python_values(convert: Any) -> None:
    """A list, an Arrow array and a numpy array all give Python values."""
    dual = DualNode("y", lambda x: x, lambda x: convert([2 * each for each in x.to_pylist()]))
    rows = mapped(dual, x=[1, 2, 3])
    assert [(row["y"], type(row["y"])) for row in rows] == [(2, int), (4, int), (6, int)]


def test_several_outputs_are_a_tuple_of_columns() -> None:
    """A dual node with several outputs returns one column each, of any kind."""

    def many(x: pa.Array) -> tuple[Any, ...]:
        return x, np.array([0.5, 1.5]), ["a", None]

    dual = DualNode(("a", "b", "c"), lambda x: (x, x, x), many)
    assert mapped(dual, x=[1, 2]) == [{"a": 1, "b": 0.5, "c": "a"}, {"a": 2, "b": 1.5, "c": None}]


def test_bound_methods_work() -> None:
    """Bodies may be methods of a plain object."""

    class Model:
        def __init__(self, factor: int) -> None:
            self.factor = factor

        def predict(self, x: int) -> int:
            return x * self.factor

        def predict_many(self, x: pa.Array) -> list[int]:
            return [each * self.factor for each in x.to_pylist()]

    model = Model(3)
    dual = DualNode("y", model.predict, model.predict_many)
    assert Pipeline(nodes=[dual]).run({"x": 2}) == {"y": 6}
    assert mapped(dual, x=[1, 2]) == [{"y": 3}, {"y": 6}]


loaded: list[int] = []


@stateful
class Scaler:
    def __init__(self, factor: int) -> None:
        loaded.append(factor)
        self.factor = factor

    def predict(self, x: int) -> int:
        return x * self.factor

    def predict_many(self, x: pa.Array) -> list[int]:
        return [each * self.factor for each in x.to_pylist()]


def test_bound_methods_of_stateful_objects_work(cache: Any) -> None:
    """Bodies may be methods of a stateful object, which is built at most once."""
    model = Scaler(5)
    pipeline = Pipeline(
        nodes=[DualNode("y", model.predict, model.predict_many)], engine=SeqEngine(cache)
    )
    loaded.clear()
    for _ in range(2):
        assert pipeline.map({"x": [1, 2]}, map_over="x") == [{"y": 5}, {"y": 10}]
    assert loaded == [5]


def test_async_bodies_work() -> None:
    """Both bodies may be coroutine functions."""

    async def one(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    async def many(x: pa.Array) -> list[int]:
        await asyncio.sleep(0)
        return [each + 1 for each in x.to_pylist()]

    dual = DualNode("y", one, many)
    assert Pipeline(nodes=[dual]).run({"x": 1}) == {"y": 2}
    assert mapped(dual, x=[1, 2]) == [{"y": 2}, {"y": 3}]


@pytest.mark.parametrize(
    "items", [[object(), object()], [1, "a"], [2**70, 1]], ids=["objects", "mixed", "large"]
)
def test_values_arrow_cannot_hold_are_refused(items: list[Any]) -> None:
    """Values that cannot become an Arrow array: `TypeError` that recommends a plain node."""
    dual = DualNode("y", lambda x: x, lambda x: x)
    with pytest.raises(TypeError, match="plain node"):
        mapped(dual, x=items)


@pytest.mark.parametrize("result", [[1, 2], [1, 2, 3, 4], []], ids=["short", "long", "empty"])
def test_a_wrong_length_names_both(result: list[int]) -> None:
    """A batch result of another length is an error that names both lengths."""
    dual = DualNode("y", lambda x: x, lambda x: pa.array(result, pa.int64()))
    with pytest.raises(ValueError, match=rf"3 items.*{len(result)}"):
        mapped(dual, x=[1, 2, 3])


def test_a_wrong_number_of_columns_is_refused() -> None:
    """Fewer columns than outputs: an error that names the node and the outputs."""
    dual = DualNode(("a", "b"), lambda x: (x, x), lambda x: (x,))
    with pytest.raises(ValueError, match=r"a, b"):
        mapped(dual, x=[1, 2])


@pytest.mark.parametrize("result", [None, 3, "abc", {"a": 1}], ids=repr)
def test_a_result_that_is_no_column_is_refused(result: Any) -> None:
    """What is neither array nor list is an error that says what is expected."""
    dual = DualNode("y", lambda x: x, lambda x: result)
    with pytest.raises(Exception, match=r"pyarrow\.Array, list or numpy array"):
        mapped(dual, x=[1, 2, 3])


def test_pyarrow_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow, constructing a dual node says how to install it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None)
    with pytest.raises(ImportError, match="DualNode batch execution requires 'pyarrow'"):
        DualNode("y", lambda x: x, lambda x: x)


def test_an_unmapped_nested_dual_node_takes_the_outer_batch(double: DualNode, calls: Calls) -> None:
    """In a nested pipeline the items of the map around it are one batch; a run is single."""
    outer = Pipeline(nodes=[Pipeline(nodes=[double])])
    outer.map({"x": [1, 2, 3]}, map_over="x")
    outer.run({"x": 4})
    assert calls == [[1, 2, 3], 4]


def test_a_mapped_nested_dual_node_takes_the_inner_items(double: DualNode, calls: Calls) -> None:
    """In a mapped wrapper the items of each inner map are one batch, in a run too."""
    wrapper = Pipeline(nodes=[double]).as_node({"xs": "x"}, map_over="xs")
    outer = Pipeline(nodes=[wrapper])
    assert outer.run({"xs": [1, 2]}) == {"y": [2, 4]}
    assert outer.map({"xs": [[3], [], [4, 5]]}, map_over="xs") == [
        {"y": [6]},
        {"y": []},
        {"y": [8, 10]},
    ]
    assert calls == [[1, 2], [3], [4, 5]]


def test_constants_of_a_nested_batch_arrive_as_themselves() -> None:
    """What is the same for all items stays itself inside a nested pipeline and its map."""
    constant = object()
    seen: list[Any] = []

    def many(x: pa.Array, model: Any) -> pa.Array:
        seen.append(model)
        return x

    inner = Pipeline(nodes=[DualNode("y", lambda x, model: x, many)])
    Pipeline(nodes=[inner]).map({"x": [1, 2], "model": constant}, map_over="x")
    wrapper = inner.as_node({"xs": "x"}, map_over="xs")
    Pipeline(nodes=[wrapper]).run({"xs": [1, 2], "model": constant})
    assert [each is constant for each in seen] == [True, True]
