"""What `map_iter` promises: the rows of a map, in bounded memory, as they are asked for."""

from __future__ import annotations

import itertools
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from hypernodes import (
    AsyncEngine,
    DualNode,
    MemoryCache,
    Pipeline,
    PipelineCallback,
    Recorder,
    SeqEngine,
    node,
)
from hypernodes.errors import MapLengthError, PlanError


@node(output_name="y")
def negate(x: int, k: int = 1) -> int:
    """Negate."""
    return -x * k


@pytest.fixture
def pipeline() -> Pipeline:
    """Return x -> y."""
    return Pipeline(nodes=[negate])


class Tap:
    """An endless iterator that counts what was taken, and is closed."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Tap:
        return self

    def __next__(self) -> int:
        self.taken += 1
        return self.taken - 1


@pytest.mark.parametrize("engine", [SeqEngine(), AsyncEngine()], ids=repr)
@pytest.mark.parametrize("size", [None, 1, 7, 5000])
@pytest.mark.parametrize("count", [0, 1, 999, 2500])
def test_rows_are_those_of_a_map(pipeline: Pipeline, engine: Any, size: Any, count: int) -> None:
    """Whatever the number of items and the size of chunks."""
    stream = pipeline.map_iter({"x": iter(range(count))}, "x", engine=engine, chunk_items=size)
    assert list(stream) == [{"y": -x} for x in range(count)]


@pytest.mark.parametrize(
    "items",
    [[1, 2], (1, 2), range(1, 3), iter([1, 2]), {1: 0, 2: 0}.keys()],
    ids=lambda items: type(items).__name__,
)
def test_any_iterable_holds_items(pipeline: Pipeline, items: Any) -> None:
    """Sized or not."""
    assert list(pipeline.map_iter({"x": items}, map_over="x")) == [{"y": -1}, {"y": -2}]


@pytest.mark.parametrize("items", ["text", {"a": 1}, {1, 2}, 3], ids=repr)
def test_what_holds_no_items_in_order_is_refused_at_once(pipeline: Pipeline, items: Any) -> None:
    """The request is checked before a result is asked for."""
    with pytest.raises(PlanError, match="cannot map over 'x'"):
        pipeline.map_iter({"x": items}, map_over="x")


def test_nothing_is_taken_or_called_before_it_is_asked_for(pipeline: Pipeline) -> None:
    """A stream that nobody reads does nothing."""
    tap = Tap()
    stream = pipeline.map_iter({"x": tap}, map_over="x")
    before = tap.taken
    next(stream)
    assert (before, tap.taken) == (0, 1)


def test_the_first_rows_of_slow_functions_come_soon() -> None:
    """Nobody waits for a thousand items to see the first."""
    tap, calls = Tap(), list[int]()
    pipeline = Pipeline([node(output_name="y")(calls.append)])
    stream = pipeline.map_iter({"object": tap}, "object")
    next(stream)
    assert (tap.taken, len(calls)) == (1, 1)


def test_endless_streams_take_bounded_memory(pipeline: Pipeline) -> None:
    """Neither items nor results of what was read are held."""
    items = (bytes(10_000) for _ in itertools.count())
    stream = Pipeline([node(output_name="y")(lambda x: x + b"!")]).map_iter(
        {"x": items}, map_over="x", chunk_items=10
    )
    next(stream)
    tracemalloc.start()
    try:
        for _ in range(2_000):
            next(stream)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # two thousand items and results would be forty megabytes
    assert most < 1_500_000


@pytest.mark.parametrize("size", [None, 10])
def test_streams_end_together(size: int | None) -> None:
    """Where one ends before another, all whole items come first, then the error names it."""
    pipeline = Pipeline([node(output_name="s")(lambda x, z: x + z)])
    asked = {"x": iter(range(100)), "z": iter(range(37))}
    stream = pipeline.map_iter(asked, map_over=["x", "z"], chunk_items=size)
    seen = list(itertools.islice(stream, 37))
    with pytest.raises(MapLengthError, match="z ended after 37 items and x did not"):
        next(stream)
    assert seen == [{"s": 2 * n} for n in range(37)]


def test_unread_streams_count_the_items_all_the_same() -> None:
    """A mapped input that the selection does not need is walked, and not handed over."""
    pipeline = Pipeline([negate, node(output_name="w")(lambda z: z)])
    stream = pipeline.map_iter({"x": 2, "z": iter(range(30))}, "z", output_name="y")
    assert list(stream) == [{"y": -2}] * 30


@pytest.mark.parametrize("engine", [SeqEngine, AsyncEngine])
def test_stopping_half_way_ends_the_run(pipeline: Pipeline, engine: Any) -> None:
    """Observers hear of the end, nothing more is taken, and the source can be read on."""
    closed: list[bool] = []

    class Watch(PipelineCallback):
        def on_map_progress(self, *args: Any) -> None:
            """Do nothing."""

        def close(self, ctx: Any) -> None:
            closed.append(True)

    tap = Tap()
    stream: Any = pipeline.map_iter(
        {"x": tap}, "x", engine=engine(callbacks=[Watch()]), chunk_items=5
    )
    seen = list(itertools.islice(stream, 7))
    stream.close()
    assert (len(seen), closed, tap.taken, next(tap)) == (7, [True], 10, 10)


def test_a_source_that_raises_ends_the_stream(pipeline: Pipeline) -> None:
    """Its exception reaches the reader, after what was finished before."""

    def source() -> Iterator[int]:
        yield from range(5)
        raise OSError(5)

    stream = pipeline.map_iter({"x": source()}, map_over="x", chunk_items=1)
    seen = list(itertools.islice(stream, 5))
    with pytest.raises(OSError, match="5"):
        next(stream)
    assert seen == [{"y": -n} for n in range(5)]


@pytest.mark.parametrize("engine", [SeqEngine(), AsyncEngine()], ids=["seq", "async"])
def test_items_before_a_source_raises_are_not_lost(pipeline: Pipeline, engine: Any) -> None:
    """What was taken from it cannot be taken again, so its rows come first, however many."""

    def source() -> Iterator[int]:
        yield from range(37)
        raise OSError(37)

    seen: list[Any] = []
    with pytest.raises(OSError, match="37"):
        seen.extend(pipeline.map_iter({"x": source()}, map_over="x", engine=engine))
    assert seen == [{"y": -n} for n in range(37)]


def test_a_failing_item_counts_before_a_source_that_raises_behind_it() -> None:
    """The one that comes first is told."""

    def source() -> Iterator[int]:
        yield from range(20)
        raise OSError(20)

    pipeline = Pipeline([node(output_name="y")(lambda x: 1 // (x - 17))])
    seen: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        seen.extend(pipeline.map_iter({"x": source()}, map_over="x"))
    assert len(seen) == 17


def test_rows_of_a_slow_source_do_not_wait_for_each_other(pipeline: Pipeline) -> None:
    """However quick the functions are, a source that takes its time holds nothing back for long."""
    taken: list[int] = []

    def source() -> Iterator[int]:
        for number in range(60):
            time.sleep(0.02 if number > 20 else 0)
            taken.append(number)
            yield number

    stream = pipeline.map_iter({"x": source()}, map_over="x")
    ahead = [len(taken) + row["y"] for row in stream]
    # a tenth of a second is worth five items; a chunk as long as quick functions ask for, all
    assert max(ahead[30:]) < 12


def test_iterators_that_share_a_source_stay_in_step() -> None:
    """Items are taken row by row, as ``zip`` takes them."""
    pipeline = Pipeline([node(output_name="s")(lambda x, z: (x, z))])
    source = iter(range(40))
    rows = list(pipeline.map_iter({"x": source, "z": source}, map_over=["x", "z"]))
    assert [row["s"] for row in rows] == [(n, n + 1) for n in range(0, 40, 2)]


def test_rows_before_a_failing_item_come_first() -> None:
    """Then its exception is raised, with its number in the whole stream."""
    pipeline = Pipeline([node(output_name="y")(lambda x: 1 // (x - 23))])
    stream = pipeline.map_iter({"x": itertools.count()}, map_over="x", chunk_items=10)
    seen = list(itertools.islice(stream, 23))
    with pytest.raises(ZeroDivisionError) as caught:
        next(stream)
    assert (len(seen), caught.value.__notes__) == (
        23,
        ["in node '<lambda>' at <lambda>, item 23"],
    )


def test_collected_failures_are_yielded_in_their_places() -> None:
    """The stream goes on behind them."""
    pipeline = Pipeline([node(output_name="y")(lambda x: 1 // (x - 23))])
    stream = pipeline.map_iter({"x": itertools.count()}, "x", on_error="collect", chunk_items=10)
    seen = list(itertools.islice(stream, 30))
    assert ([(seen[23].item, seen[23].inputs)], seen[24]) == ([(23, {"x": 23})], {"y": 1})


def test_streams_share_their_cache_with_maps(pipeline: Pipeline) -> None:
    """What a map stored is a hit in a stream, and the other way round."""
    recorder = Recorder()
    engine = SeqEngine(cache=MemoryCache(), callbacks=[recorder])
    pipeline.map({"x": range(5)}, map_over="x", engine=engine)
    list(pipeline.map_iter({"x": iter(range(8))}, map_over="x", engine=engine))
    pipeline.run({"x": 7}, engine=engine)
    assert (len(recorder.executed), len(recorder.cached)) == (8, 6)


def test_batches_of_a_stream_have_the_size_that_was_asked_for() -> None:
    """A batch function gets so many items at once, by default a thousand."""
    pytest.importorskip("pyarrow")
    sizes: list[int] = []

    def batch(x: Any) -> Any:
        sizes.append(len(x))
        return x

    pipeline = Pipeline([DualNode("y", lambda x: x, batch)])
    for asked in (10, None):
        list(pipeline.map_iter({"x": iter(range(25))}, map_over="x", chunk_items=asked))
    assert sizes == [10, 10, 5, 25]


@pytest.mark.parametrize("size", [0, -3, 1.5, True, "5"])
def test_chunks_of_no_items_are_refused(pipeline: Pipeline, size: Any) -> None:
    """Before anything is taken."""
    with pytest.raises(PlanError, match="at least one item"):
        pipeline.map_iter({"x": iter([1])}, map_over="x", chunk_items=size)


def test_a_map_of_an_iterator_points_to_streams(pipeline: Pipeline) -> None:
    """An unsized input of ``map`` is refused with the remedy."""
    with pytest.raises(PlanError, match="map_iter"):
        pipeline.map({"x": iter([1])}, map_over="x")


def test_a_stream_may_feed_a_stream(pipeline: Pipeline) -> None:
    """Two pipelines in a row, each only as far ahead as it must be."""
    tap = Tap()
    first = (row["y"] for row in pipeline.map_iter({"x": tap}, map_over="x", chunk_items=5))
    second = pipeline.map_iter({"x": first}, map_over="x", chunk_items=3)
    assert [row["y"] for row in itertools.islice(second, 4)] == [0, 1, 2, 3]
    assert tap.taken == 10
