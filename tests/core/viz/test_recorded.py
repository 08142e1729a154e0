from __future__ import annotations

import pytest

from hypernodes import MemoryCache, Node, Pipeline, Recorder, SeqEngine
from hypernodes.viz import Measured
from hypernodes.viz._recorded import read_run


def _fail(a: int) -> int:
    msg = "no"
    raise ValueError(msg)


def test_a_recorder_is_added_up_by_path() -> None:
    """Calls inside of a nested pipeline are found under its path."""
    recorder = Recorder()
    inner = Pipeline([Node(lambda a: a, "b")], name="inner")
    outer = Pipeline([inner.as_node(map_over="a")])
    outer.run(a=[1, 2, 3], engine=SeqEngine(callbacks=[recorder]))
    found = read_run(recorder)
    assert [1, 3] == [found[path].runs for path in ("inner", "inner/<lambda>")]


def test_hits_and_times_are_counted() -> None:
    """A second run of the same adds hits, and no time."""
    recorder = Recorder()
    engine = SeqEngine(cache=MemoryCache(), callbacks=[recorder])
    pipeline = Pipeline([Node(lambda a: a, "b")], engine=engine)
    for _ in range(3):
        pipeline.run(a=1)
    (found,) = read_run(recorder).values()
    assert (1, 2, 0) == (found.runs, found.hits, found.errors)
    assert found.seconds is not None
    assert found.seconds > 0


def test_errors_keep_their_path() -> None:
    """A failure inside is counted inside and at its wrapper, each under its own path."""
    recorder = Recorder()
    outer = Pipeline([Pipeline([Node(_fail, "b")], name="inner"), Node(lambda c: c, "d")])
    with pytest.raises(ValueError, match="no"):
        outer.run(a=1, c=1, engine=SeqEngine(callbacks=[recorder]))
    found = read_run(recorder)
    errors = {path: each.errors for path, each in found.items() if each.errors}
    assert {"inner/_fail": 1, "inner": 1} == errors
    assert ("ValueError: no",) == found["inner/_fail"].reasons


def test_a_preview_can_be_shown() -> None:
    """What would hit and run is shown like what did."""
    pipeline = Pipeline([Node(lambda a: a, "b")], engine=SeqEngine(cache=MemoryCache()))
    (found,) = read_run(pipeline.plan(a=1)).values()
    assert (1, 0) == (found.runs, found.hits)
    assert found.reasons


def test_counts_can_be_given() -> None:
    """Counts by path come from anywhere."""
    given = {"a": {"runs": 2, "seconds": 0.5}, "b": Measured(hits=1)}
    assert {"a": Measured(2, 0, 0, 0.5), "b": Measured(hits=1)} == read_run(given)


@pytest.mark.parametrize("run", [3, {"a": {"time": 1}}, {"a": 3}])
def test_anything_else_is_refused(run: object) -> None:
    """The error says what can be given."""
    with pytest.raises(TypeError, match="runs"):
        read_run(run)
