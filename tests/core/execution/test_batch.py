"""Facts about one step for a whole batch."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from hypernodes import DualNode, MemoryCache, Node, Pipeline, Recorder, SeqEngine, node, stateful
from hypernodes.errors import CacheWarning

np = pytest.importorskip("numpy")
pa = pytest.importorskip("pyarrow")


class Calls(list[Any]):
    """Notes calls; what it holds does not count in keys."""

    def __cache_key__(self) -> str:
        return "calls"


@pytest.fixture
def calls() -> Calls:
    """What batches were called with."""
    return Calls()


def dual(batch: Any, output_name: Any = "y") -> DualNode:
    """Return a dual node over ``x`` with this batch function."""
    return DualNode(output_name, lambda x: x, batch)


def notes(error: BaseException) -> list[str]:
    """Return the notes of an exception."""
    return list(getattr(error, "__notes__", []))


def test_parameters_are_matched_by_name(calls: Calls) -> None:
    """Where both bodies name their parameters alike, the order does not matter."""

    def many(b: pa.Array, a: pa.Array) -> list[str]:
        return [f"{x}{y}" for x, y in zip(a.to_pylist(), b.to_pylist(), strict=True)]

    pair = DualNode("p", lambda a, b: f"{a}{b}", many)
    rows = Pipeline(nodes=[pair]).map({"a": ["x", "y"], "b": [1, 2]}, map_over=["a", "b"])
    assert [row["p"] for row in rows] == ["x1", "y2"]


def test_parameters_of_other_names_are_matched_by_position() -> None:
    """A batch function may call its columns differently."""

    def many(texts: pa.Array, suffix: str) -> list[str]:
        return [text + suffix for text in texts.to_pylist()]

    pair = DualNode("p", lambda text, end: text + end, many)
    rows = Pipeline(nodes=[pair]).map({"text": ["a", "b"], "end": "!"}, map_over="text")
    assert [row["p"] for row in rows] == ["a!", "b!"]


def test_a_failing_batch_names_its_first_item() -> None:
    """The exception keeps its type; notes name the node, the first item and the batch."""

    def many(x: pa.Array) -> Any:
        msg = "too hot"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="too hot") as caught:
        Pipeline(nodes=[dual(many)]).map({"x": [1, 2, 3]}, map_over="x")
    assert notes(caught.value) == [
        "in node '<lambda>' at <lambda>, item 0",
        "in a batch of 3 items",
    ]


def test_a_failing_batch_keeps_the_hits_before_it() -> None:
    """The item that is blamed is the first one that was in the batch, not one that hit."""
    recorder, is_broken = Recorder(), [1]

    def many(x: pa.Array) -> pa.Array:
        if 0 in x.to_pylist() and is_broken:
            msg = "zero"
            raise ValueError(msg)
        return x

    pipeline = Pipeline(nodes=[dual(many)], engine=SeqEngine(MemoryCache(), [recorder]))
    pipeline.map({"x": [1, 2]}, map_over="x")
    recorder.clear()
    with pytest.raises(ValueError, match="zero") as caught:
        pipeline.map({"x": [1, 2, 0, 3]}, map_over="x")
    kinds = [name for name in recorder.names if name in ("map_item_cached", "node_start", "error")]
    assert kinds == ["map_item_cached"] * 2 + ["node_start", "error"]
    assert "item 2" in notes(caught.value)[0]


def test_steps_before_a_failing_batch_are_kept(calls: Calls) -> None:
    """After a failing batch, the upstream results of all items hit."""
    first = node(output_name="x")(lambda n: calls.append(n) or n)
    attempts: list[int] = []

    def many(x: pa.Array) -> pa.Array:
        attempts.append(1)
        if len(attempts) == 1:
            msg = "first"
            raise ValueError(msg)
        return x

    pipeline = Pipeline(nodes=[first, dual(many)], engine=SeqEngine(MemoryCache()))
    with pytest.raises(ValueError, match="first"):
        pipeline.map({"n": [1, 2]}, map_over="n")
    pipeline.map({"n": [1, 2]}, map_over="n")
    assert (calls, len(attempts)) == ([1, 2], 2)


def test_an_item_that_fails_before_the_batch_ends_the_map() -> None:
    """Items before the failing one still go through the batch; the failure is raised."""
    seen: list[Any] = []
    divide = node(output_name="x")(lambda n: 1 / n)
    batch = dual(lambda x: seen.append(x.to_pylist()) or x)
    with pytest.raises(ZeroDivisionError) as caught:
        Pipeline(nodes=[divide, batch]).map({"n": [1, 2, 0, 4]}, map_over="n")
    assert (seen, "item 2" in notes(caught.value)[0]) == ([[1.0, 0.5]], True)


def test_results_that_cannot_be_stored_are_returned() -> None:
    """Unpicklable results of a batch warn once, and equal items are handed over once."""
    seen: list[Any] = []
    batch = dual(lambda x: seen.append(len(x)) or [(lambda: 0) for _ in x])
    pipeline = Pipeline(nodes=[batch], engine=SeqEngine(MemoryCache()))
    with pytest.warns(CacheWarning, match="not cached") as caught:
        rows = pipeline.map({"x": [1, 1, 2]}, map_over="x")
    assert (len(rows), seen, len(caught)) == (3, [2], 1)


def test_an_unhashable_constant_runs_the_batch_uncached() -> None:
    """With a constant that has no fingerprint, everything is handed over, with one warning."""
    seen: list[Any] = []

    def many(x: pa.Array, extra: Any) -> pa.Array:
        seen.append(len(x))
        return x

    pipeline = Pipeline(
        nodes=[DualNode("y", lambda x, extra: x, many)], engine=SeqEngine(MemoryCache())
    )
    for _ in range(2):
        with pytest.warns(CacheWarning, match="runs uncached") as caught:
            pipeline.map({"x": [1, 1], "extra": (i for i in ())}, map_over="x")
        assert len(caught) == 1
    assert seen == [2, 2]


def test_a_cache_in_a_nested_pipeline_leaves_hits_out(calls: Calls) -> None:
    """Inside nested pipelines, unmapped and mapped, only missing items go to the batch."""
    batch = dual(lambda x: calls.append(x.to_pylist()) or x)
    inner = Pipeline(nodes=[batch])
    engine = SeqEngine(MemoryCache())
    Pipeline(nodes=[inner], engine=engine).map({"x": [1, 2]}, map_over="x")
    Pipeline(nodes=[inner], engine=engine).map({"x": [3, 2, 1]}, map_over="x")
    mapped = Pipeline(nodes=[inner.as_node({"xs": "x"}, map_over="xs")], engine=engine)
    assert mapped.run({"xs": [4, 3, 1]}) == {"y": [4, 3, 1]}
    assert calls == [[1, 2], [3], [4]]


def test_the_list_of_a_nested_map_is_an_upstream_result() -> None:
    """What a nested map has made per item arrives as an array of lists."""
    seen: list[Any] = []
    inner = Pipeline(nodes=[node(output_name="ys")(lambda n: n * 2)])
    wrapper = inner.as_node({"ns": "n"}, map_over="ns")
    total = DualNode(
        "t", lambda ys: sum(ys, 0), lambda ys: seen.append(ys) or [sum(y) for y in ys.to_pylist()]
    )
    rows = Pipeline(nodes=[wrapper, total]).map({"ns": [[1, 2], [3], []]}, map_over="ns")
    assert ([row["t"] for row in rows], seen[0].to_pylist()) == ([6, 6, 0], [[2, 4], [6], []])


def test_what_is_given_per_outer_item_is_a_constant_inside() -> None:
    """Inside a nested map, a value of the outer item is the same for all inner items."""
    seen: list[Any] = []

    def many(x: pa.Array, label: str) -> list[str]:
        seen.append(label)
        return [f"{label}{each}" for each in x.to_pylist()]

    inner = Pipeline(nodes=[DualNode("y", lambda x, label: f"{label}{x}", many)])
    outer = Pipeline(nodes=[inner.as_node({"xs": "x"}, map_over="xs")])
    rows = outer.map({"xs": [[1], [2]], "label": ["a", "b"]}, map_over=["xs", "label"])
    assert (rows, seen) == ([{"y": ["a1"]}, {"y": ["b2"]}], ["a", "b"])


@pytest.mark.parametrize(
    "column",
    [
        np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[s]"),
        np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[ns]"),
        pa.array([dt.datetime(2020, 1, 1), dt.datetime(2021, 1, 1)]),
        [dt.datetime(2020, 1, 1), dt.datetime(2021, 1, 1)],
    ],
    ids=["seconds", "nanoseconds", "arrow", "list"],
)
def test_times_come_back_as_times(column: Any) -> None:
    """A column of times gives times, whatever its resolution; never bare numbers."""
    rows = Pipeline(nodes=[dual(lambda x: column)]).map({"x": [1, 2]}, map_over="x")
    assert [row["y"] for row in rows] == [dt.datetime(2020, 1, 1), dt.datetime(2021, 1, 1)]


def test_a_table_of_numbers_gives_a_list_per_item() -> None:
    """A numpy array with several dimensions gives one list per item."""
    rows = Pipeline(nodes=[dual(lambda x: np.eye(2))]).map({"x": [1, 2]}, map_over="x")
    assert [row["y"] for row in rows] == [[1.0, 0.0], [0.0, 1.0]]


def test_vectors_travel_as_arrays_of_lists() -> None:
    """Lists and numpy vectors upstream become an array of lists."""
    embed = node(output_name="x")(lambda n: np.array([n, n + 0.5]))
    norm = dual(lambda x: [sum(each) for each in x.to_pylist()])
    rows = Pipeline(nodes=[embed, norm]).map({"n": [0, 1]}, map_over="n")
    assert [row["y"] for row in rows] == [0.5, 2.5]


def test_two_dual_nodes_in_a_row_are_two_calls(calls: Calls) -> None:
    """The plain values of one batch are the array of the next."""
    first = dual(lambda x: calls.append("first") or [each + 1 for each in x.to_pylist()])
    second = DualNode("z", lambda y: y, lambda y: calls.append("second") or y)
    rows = Pipeline(nodes=[second, first]).map({"x": [1, 2]}, map_over="x")
    assert (rows, calls) == ([{"y": 2, "z": 2}, {"y": 3, "z": 3}], ["first", "second"])


def test_a_resource_made_upstream_reaches_a_batch_as_itself() -> None:
    """A stateful object that all items share is no column."""

    @stateful
    class Scale:
        def __init__(self, factor: int) -> None:
            self.factor = factor

    make = Node(lambda: Scale(3), "scale", cache=False)
    times = DualNode(
        "y",
        singular=lambda x, scale: x * scale.factor,
        batch=lambda x, scale: [each * scale.factor for each in x.to_pylist()],
    )
    assert Pipeline([make, times]).map({"x": [1, 2]}, map_over="x", output_name="y") == [
        {"y": 3},
        {"y": 6},
    ]
