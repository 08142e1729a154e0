"""A plan whose nodes ask for different workers: cut, carried out, and joined again."""

from __future__ import annotations

import os
from typing import Any

import pytest

from hypernodes import MemoryCache, Pipeline, Recorder, SeqEngine, node
from hypernodes.execution import Chunk, run_chunk

pytest.importorskip("daft")
DaftEngine = pytest.importorskip("hypernodes_daft").DaftEngine
segments = pytest.importorskip("hypernodes_daft.segments")
Workplace = pytest.importorskip("hypernodes_daft.workplace").Workplace

before = node(output_name="a")(lambda x: x + 1)
heavy = node(output_name="b", gpus=1)(lambda a, k=3: a * k)
after = node(output_name="c")(lambda b, x: 1 / (b - 12) if x else b)
PIPELINE = Pipeline([before, heavy, after])


class InPlace(DaftEngine):  # type: ignore[misc, valid-type]  # found while the tests are collected
    """Carries out every segment in this thread, whatever its nodes ask for."""

    def _carry(self, plan: Any, chunks: Any, context: Any, workplace: Any) -> Any:
        for chunk in chunks:
            assert set(chunk.columns) <= plan.reads
            yield run_chunk(plan, chunk, context)


def events(make: Any) -> list[tuple[str, Any]]:
    """Return the events of three maps with a cache, without what they took."""
    recorder, cache = Recorder(), MemoryCache()
    for xs in ([1, 2], [1, 2, 4], [4]):
        engine = make(cache=cache, callbacks=[recorder])
        PIPELINE.map({"x": xs}, map_over="x", engine=engine)
    timed = {"map_end", "map_progress"}
    return [(name, args[0]) for name, args in recorder.events if name not in timed]


def test_a_plan_is_cut_only_where_workers_differ() -> None:
    """Neighbours that ask for the same stay together; each part gives what later ones read."""
    plan = PIPELINE.compiled(None, {"x"})
    found = segments.cut(plan)
    assert [each.plan.node_ids for each in found] == [("<lambda>",)] * 3
    assert [each.workplace for each in found] == [Workplace(), Workplace(gpus=1), Workplace()]
    assert [sorted(each.plan.reads) for each in found] == [["x"], ["a"], ["b", "x"]]
    assert [each.plan.outputs for each in found] == [("a",), ("b",), ("c",)]
    alike = Pipeline([before, node(output_name="b")(lambda a: a)]).compiled(None, {"x"})
    assert [each.plan for each in segments.cut(alike)] == [alike]


def test_only_what_is_asked_for_comes_back() -> None:
    """What only segments hand to each other is not part of the result."""
    rows = PIPELINE.map({"x": [1, 2]}, "x", output_name="c", engine=InPlace())
    assert rows == [{"c": 1 / (6 - 12)}, {"c": 1 / (9 - 12)}]


def test_results_keys_and_events_are_those_of_the_sequential_engine() -> None:
    """Observers see one item, not its parts; keys are shared."""
    assert events(InPlace) == events(SeqEngine)
    cache, recorder = MemoryCache(), Recorder()
    expected = PIPELINE.map({"x": [1, 2]}, "x", engine=SeqEngine(cache=cache))
    engine = InPlace(cache=cache, callbacks=[recorder])
    assert PIPELINE.map({"x": [1, 2]}, "x", engine=engine) == expected
    assert recorder.executed == []


def test_the_lowest_failure_of_all_segments_counts() -> None:
    """An item that fails early does not hide an earlier one that fails late."""

    def strict(x: int) -> int:
        if x > 4:
            message = "early"
            raise ValueError(message)
        return x + 1

    pipeline = Pipeline([node(strict, output_name="a"), heavy, after])
    with pytest.raises(ZeroDivisionError):
        pipeline.map({"x": [1, 3, 5]}, "x", engine=InPlace())
    with pytest.raises(ValueError, match="early"):
        pipeline.map({"x": [1, 5, 3]}, "x", engine=InPlace())


def test_failures_of_all_segments_are_collected() -> None:
    """Each failed item stays in its place; the others go on."""
    found: Any = PIPELINE.map({"x": [1, "a", 3, 2]}, "x", engine=InPlace(), on_error="collect")
    assert [(each.item, type(each.error)) for each in found.failed] == [
        (1, TypeError),
        (2, ZeroDivisionError),
    ]
    assert [row["a"] for row in found.finished] == [2, 3]


@pytest.mark.usefixtures("closed_pipes")
def test_each_segment_is_carried_out_by_its_workers() -> None:
    """Nodes that ask for nothing stay here, others go to processes of their own."""
    here = node(output_name="here")(lambda x: os.getpid())
    there = node(output_name="there", use_process=True)(lambda here: (here, os.getpid()))
    back = node(output_name="back")(lambda there: (*there, os.getpid()))
    engine = DaftEngine(num_workers=1, default_daft_config={"batch_size": 3})
    rows = Pipeline([here, there, back]).map({"x": list(range(6))}, "x", engine=engine)
    own = os.getpid()
    assert all(row["back"][0] == row["back"][2] == own != row["back"][1] for row in rows)


def test_an_empty_chunk_goes_through() -> None:
    """Where nothing of a chunk is left, the next segments have nothing to do."""
    plan = PIPELINE.compiled(None, {"x"})
    journey = segments.Journey(plan, Chunk(0, 0, 1, {"x": ["a"]}, {}))
    part = segments.cut(plan)[0].plan
    result = run_chunk(part, Chunk(0, 0, 1, {"x": ["a"]}, {}), None)
    assert journey.take(result).size == 0
    assert isinstance(journey.result().failure.error, TypeError)
