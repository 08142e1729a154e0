"""Facts about one call of run or map, seen from the driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import MemoryCache, Pipeline, Recorder, SeqEngine, node
from hypernodes.errors import MissingInputError, PlanError, UnknownOutputError
from hypernodes.execution import map_pipeline, run_chunk, run_pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hypernodes.execution import Chunk, ChunkResult, Context
    from hypernodes.plan import Plan


class Shuffled(SeqEngine):
    """Carries out chunks of two items, not live, and hands them back in reverse."""

    is_inline = False  # type: ignore[misc]  # another kind of engine

    def __init__(self, *args: Any, order: int = -1, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order = order
        self.closed: list[bool] = []

    def map(self, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        """Map in small chunks."""
        return map_pipeline(self, *args, **kwargs, pace=2)

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Yield the results in another order."""
        try:
            yield from [run_chunk(plan, chunk, context) for chunk in chunks][:: self.order]
        finally:
            self.closed.append(True)


@node(output_name="y")
def invert(x: int) -> float:
    """Divide."""
    return 1 / x


@pytest.fixture
def pipeline() -> Pipeline:
    """Return x -> y."""
    return Pipeline(nodes=[invert])


def test_results_are_put_in_item_order(pipeline: Pipeline) -> None:
    """Chunks may arrive in any order; rows come in item order."""
    rows = Shuffled().map(pipeline, {"x": [1, 2, 4, 5, 8]}, "x")
    assert [row["y"] for row in rows] == [1, 0.5, 0.25, 0.2, 0.125]


def test_events_are_told_in_item_order(pipeline: Pipeline) -> None:
    """Events of an item come once all earlier ones are through, as if it were sequential."""
    live, late = Recorder(), Recorder()
    for engine in (SeqEngine(callbacks=[live]), Shuffled(callbacks=[late])):
        engine.map(pipeline, {"x": [1, 2, 3, 4, 5]}, "x")
    sequences = [
        [(name, args[0]) for name, args in each.events if name not in ("map_progress", "map_end")]
        for each in (live, late)
    ]
    assert sequences[0] == sequences[1]


def test_progress_is_told_as_chunks_arrive(pipeline: Pipeline) -> None:
    """Progress counts what has arrived, ahead of the events of the items."""
    recorder = Recorder()
    Shuffled(callbacks=[recorder]).map(pipeline, {"x": [1, 2, 3, 4, 5]}, "x")
    progress = [args[0] for name, args in recorder.events if name == "map_progress"]
    first_item = recorder.names.index("map_item_start")
    assert (progress, recorder.names[:first_item].count("map_progress")) == ([1, 3, 5], 3)


def test_the_lowest_failing_item_is_raised(pipeline: Pipeline) -> None:
    """Of several failing chunks the first one in item order is raised."""
    with pytest.raises(ZeroDivisionError) as caught:
        Shuffled().map(pipeline, {"x": [1, 2, 3, 0, 5, 0]}, "x")
    assert caught.value.__notes__ == ["in node 'invert' at invert, item 3"]


def test_the_engine_is_told_when_a_failure_ends_the_map(pipeline: Pipeline) -> None:
    """The engine's generator is closed, so that it can cancel what is on its way."""
    engine = Shuffled(order=1)
    with pytest.raises(ZeroDivisionError):
        engine.map(pipeline, {"x": [0, 1, 1, 1]}, "x")
    assert engine.closed == [True]


def test_an_empty_map_asks_for_no_work(pipeline: Pipeline) -> None:
    """Without items there are no chunks."""
    assert Shuffled().map(pipeline, {"x": []}, "x") == []


def test_chunks_have_the_size_that_was_asked_for(pipeline: Pipeline) -> None:
    """The last chunk may be smaller; chunk numbers and first items count up."""
    seen: list[tuple[int, int | None, int]] = []

    class Watch(SeqEngine):
        def submit(self, plan: Plan, chunks: Iterable[Chunk], context: Context) -> Any:
            for chunk in chunks:
                seen.append((chunk.index, chunk.first, chunk.size))
                yield run_chunk(plan, chunk, context, live=True)

    map_pipeline(Watch(), pipeline, {"x": [1] * 5}, "x", pace=2)
    assert seen == [(0, 0, 2), (1, 2, 2), (2, 4, 1)]


def test_only_what_is_read_travels() -> None:
    """Inputs that the plan does not read are not put into chunks, mapped ones neither."""
    seen: list[tuple[set[str], set[str]]] = []

    class Watch(SeqEngine):
        def submit(self, plan: Plan, chunks: Iterable[Chunk], context: Context) -> Any:
            for chunk in chunks:
                seen.append((set(chunk.columns), set(chunk.constants)))
                yield run_chunk(plan, chunk, context)

    add = node(output_name="z")(lambda y, step=1: y + step)
    pipeline = Pipeline(nodes=[invert, add])
    inputs = {"x": [1, 2], "step": [5, 6], "huge": object()}
    map_pipeline(Watch(), pipeline, inputs, ["x", "step"], "zip", "y")
    assert seen == [({"x"}, set())]


def test_bound_values_take_part(pipeline: Pipeline) -> None:
    """Bound values are inputs, in a map as its items too; given ones win."""
    assert run_pipeline(SeqEngine(), pipeline.bind(x=2)) == {"y": 0.5}
    assert run_pipeline(SeqEngine(), pipeline, {"x": 4}) == {"y": 0.25}
    assert map_pipeline(SeqEngine(), pipeline.bind(x=[1, 2]), None, "x") == [{"y": 1}, {"y": 0.5}]


@pytest.mark.parametrize(
    ("inputs", "options", "error", "said"),
    [
        ({}, {}, MissingInputError, "Missing required input.*x"),
        ({"x": 1}, {"output_name": "why"}, UnknownOutputError, "not found"),
        ([1], {}, TypeError, "inputs must be a dict"),
    ],
)
def test_a_wrong_run_is_refused(
    pipeline: Pipeline, inputs: Any, options: Any, error: type[Exception], said: str
) -> None:
    """A request that cannot be answered raises before anybody hears of a run."""
    recorder = Recorder()
    with pytest.raises(error, match=said):
        run_pipeline(SeqEngine(callbacks=[recorder]), pipeline, inputs, **options)
    assert recorder.events == []


@pytest.mark.parametrize(
    ("map_over", "mode", "said"),
    [
        (None, "zip", "needs map_over"),
        ([], "zip", "needs map_over"),
        ("q", "zip", "'q': not an input"),
        ("x", "cross", "unknown map_mode 'cross'"),
        (["x", "x"], "zip", "twice"),
    ],
)
def test_a_wrong_map_is_refused(pipeline: Pipeline, map_over: Any, mode: Any, said: str) -> None:
    """A map that cannot be made raises before anybody hears of it."""
    recorder = Recorder()
    with pytest.raises(PlanError, match=said):
        map_pipeline(
            SeqEngine(callbacks=[recorder]), pipeline, {"x": [1], "q": [1]}, map_over, mode
        )
    assert recorder.events == []


def test_observers_hear_of_the_end_of_a_failed_run(pipeline: Pipeline) -> None:
    """However a run ends, observers are closed, and the next run is told as usual."""
    closed: list[int] = []

    class Watch(Recorder):
        def close(self, ctx: Any) -> None:
            closed.append(1)

    watch = Watch()
    engine = SeqEngine(callbacks=[watch])
    with pytest.raises(ZeroDivisionError):
        engine.run(pipeline, {"x": 0})
    engine.run(pipeline, {"x": 1})
    assert (closed, watch.names[-1]) == ([1, 1], "pipeline_end")


def test_a_cache_shared_by_chunks_answers_later_ones(pipeline: Pipeline) -> None:
    """What an earlier chunk has stored hits in a later one of the same map."""
    recorder = Recorder()
    engine = SeqEngine(MemoryCache(), [recorder])
    map_pipeline(engine, pipeline, {"x": [1, 2, 1, 2]}, "x", pace=2)
    assert (len(recorder.executed), len(recorder.cached)) == (2, 2)


def test_extra_inputs_are_ignored(pipeline: Pipeline) -> None:
    """Inputs that nobody reads do not matter, unhashable ones neither."""
    engine = SeqEngine(MemoryCache())
    assert engine.run(pipeline, {"x": 1, "extra": (i for i in ())}) == {"y": 1.0}
