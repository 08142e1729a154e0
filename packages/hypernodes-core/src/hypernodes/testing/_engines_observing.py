"""What every engine tells observers about each step: when, where, and what a hit saved."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from hypernodes.cache import MemoryCache
from hypernodes.callbacks import CallbackContext, PipelineCallback, user_traceback
from hypernodes.events import Event, OutcomeKind, RunStarted, StepFinished
from hypernodes.graph import node
from hypernodes.pipeline import Pipeline

MakeEngine = Callable[..., Any]


class EngineObservingContract:
    """Tests of one engine's records for observers; see `EngineContract`."""

    runs_here: ClassVar[bool] = True

    def test_steps_say_when_they_began(self, engine: MakeEngine) -> None:
        """Executed steps lie within the map, at the times at which they were executed."""
        before = time.time()
        found = _watch(engine(), [1, 2])
        starts = [each.outcome.started or 0.0 for each in found]
        ends = [at + each.outcome.seconds for at, each in zip(starts, found, strict=True)]
        assert len(found) == 6
        # clocks may be set while a test runs, by very little
        assert before - 0.1 < min(starts)
        assert max(ends) < time.time() + 0.1

    def test_steps_say_where_they_were_executed(self, engine: MakeEngine) -> None:
        """In another process by its name, else by nothing."""
        found = {e.outcome.worker for e in _watch(engine(), [1, 2])}
        if self.runs_here:
            assert found == {None}
        else:
            assert all(":" in (worker or "") for worker in found)

    def test_hits_say_what_they_saved(self, engine: MakeEngine) -> None:
        """The time that the execution took is that of each later hit."""
        cache = MemoryCache()
        first, again = (_watch(engine(cache=cache), [1, 2]) for _ in range(2))
        took = {e.outcome.signature: e.outcome.seconds for e in first if not e.step.nested}
        saved = {e.outcome.signature: e.outcome.saved for e in again if not e.step.nested}
        assert saved == pytest.approx(took)
        assert {e.outcome.kind for e in again if not e.step.nested} == {OutcomeKind.HIT}

    def test_stored_results_say_how_large_they_are(self, engine: MakeEngine) -> None:
        """The bytes that went into the cache, wherever the result was made."""
        found = _watch(engine(cache=MemoryCache()), [1, 2])
        assert all((each.outcome.bytes or 0) > 0 for each in found if not each.step.nested)

    def test_steps_say_what_they_read_and_what_they_call(self, engine: MakeEngine) -> None:
        """The names of inputs are there whether or not a step is executed."""
        steps = {e.step.path: e.step for e in _watch(engine(), [1])}
        assert (steps["_slow"].inputs, steps["inside"].inputs) == (("x",), ("y",))
        assert steps["_slow"].function == f"{__name__}:_slow"

    def test_nested_runs_say_which_item_they_are_in(self, engine: MakeEngine) -> None:
        """Whoever hears of a nested run can tell whose it is."""
        found = _watch(engine(), [1, 2, 3])
        assert [e.run.parent_item for e in found if e.run.parent is not None] == [0, 1, 2]

    def test_failures_bring_the_frames_of_the_user(self, engine: MakeEngine) -> None:
        """Whoever hears of a failure can see the line that raised."""
        heard = Heard()
        with pytest.raises(statistics.StatisticsError):
            Pipeline([_average]).map({"xs": [[1], []]}, "xs", engine=engine(callbacks=[heard]))
        (outcome,) = [e.outcome for e in heard.steps if e.outcome.error is not None]
        assert outcome.error is not None
        said = outcome.traceback or user_traceback(outcome.error)
        assert "in mean" in said

    def test_what_observers_add_to_a_run_travels_with_it(self, engine: MakeEngine) -> None:
        """Every record of a run holds what was added when it began."""
        found = _watch(engine(), [1, 2], {"trace": "t-1"})
        outermost = [e.run if e.run.parent is None else e.run.parent for e in found]
        assert [run.carrier for run in outermost] == [{"trace": "t-1"}] * 6


class Heard(PipelineCallback):
    """Keeps how steps ended, and adds to what runs carry.

    Args:
        adds: What it adds.
    """

    def __init__(self, adds: Mapping[str, str] | None = None) -> None:
        self.steps: list[StepFinished] = []
        self._adds = adds or {}

    def on_event(self, event: Event, ctx: CallbackContext) -> None:
        """Keep *event*, if a step ended."""
        if isinstance(event, RunStarted) and event.run.parent is None:
            event.run.carrier.update(self._adds)
        elif isinstance(event, StepFinished):
            self.steps.append(event)


@node(output_name="y")
def _slow(x: int) -> int:
    time.sleep(0.001)
    return 2 * x


@node(output_name="z")
def _square(y: int) -> int:
    return y * y


@node(output_name="y")
def _average(xs: list[float]) -> float:
    return statistics.mean(xs)


def _watch(made: Any, xs: list[int], adds: Mapping[str, str] | None = None) -> list[StepFinished]:
    """Return how each step of a small map ended."""
    heard = Heard(adds)
    made.callbacks = (heard,)
    inside = Pipeline([_square], name="inside").as_node()
    Pipeline([_slow, inside], name="outside").map({"x": xs}, "x", engine=made)
    return heard.steps
