"""Observers that take the records themselves."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from hypernodes import CallbackContext, MemoryCache, Pipeline, PipelineCallback, SeqEngine, node
from hypernodes.errors import CallbackWarning
from hypernodes.events import Event, StepFinished
from hypernodes.hookspecs import hookimpl
from hypernodes.plugins import manager


@node(output_name="y")
def invert(x: int) -> float:
    return 1 / x


class Events(PipelineCallback):
    """Keeps every record, and the names of the calls between them."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def on_event(self, event: Event, ctx: CallbackContext) -> None:
        self.kept.append(event)

    def on_node_end(self, node_id: str, outputs: Any, duration: float, ctx: Any) -> None:
        self.kept.append("node_end")

    def close(self, ctx: CallbackContext) -> None:
        self.kept.append("close")

    @property
    def names(self) -> list[str]:
        return [each if isinstance(each, str) else type(each).__name__ for each in self.kept]

    @property
    def shapes(self) -> list[Any]:
        """What is the same in every run: no ids, no times, errors by type."""
        return [_shape(each) for each in self.kept]


def _shape(event: Any) -> Any:
    if isinstance(event, str):
        return event
    parts = attrs.asdict(event, recurse=False)
    parts["run"] = event.run.total
    outcome = parts.pop("outcome", None)
    if outcome is not None:
        parts |= attrs.asdict(outcome, recurse=False)
        parts["seconds"], parts["error"] = parts["seconds"] >= 0, type(outcome.error)
        parts["started"] = parts["started"] is not None
    return type(event).__name__, parts


def test_every_event_of_a_run_arrives() -> None:
    """Records come ahead of their calls, and nothing comes after ``close``."""
    events = Events()
    Pipeline([invert]).run(inputs={"x": 1}, engine=SeqEngine(callbacks=[events]))
    expected = ["RunStarted", "StepStarted", "StepFinished", "node_end", "RunFinished", "close"]
    assert expected == events.names


def test_every_event_of_a_map_arrives() -> None:
    """Items have records of their own; progress may come between."""
    events = Events()
    Pipeline([invert]).map(inputs={"x": [1]}, map_over="x", engine=SeqEngine(callbacks=[events]))
    expected = [
        *["RunStarted", "ItemStarted", "StepStarted", "StepFinished", "node_end"],
        *["ItemFinished", "RunFinished", "close"],
    ]
    assert expected == [name for name in events.names if name != "MapProgress"]


def test_records_are_the_same_whether_plugins_observe_or_not() -> None:
    """A map that tells its callbacks itself makes the records that the dispatcher hands on."""

    class Plugin:
        @hookimpl
        def hypernodes_item_started(self, run: Any, item: int) -> None:
            pass

    first, second = Events(), Events()
    pipeline = Pipeline([invert, node(lambda y: (y, -y), output_name=("a", "b"))])
    with pytest.raises(ZeroDivisionError):
        pipeline.map({"x": [1, 2, 0]}, map_over="x", engine=SeqEngine(callbacks=[first]))
    manager().register(Plugin(), "plugin")
    try:
        with pytest.raises(ZeroDivisionError):
            pipeline.map({"x": [1, 2, 0]}, map_over="x", engine=SeqEngine(callbacks=[second]))
    finally:
        manager().unregister("plugin")
    assert first.shapes == second.shapes


def test_failed_items_and_runs_are_told() -> None:
    """What the calls leave out after a failure, the records hold."""
    events = Events()
    with pytest.raises(ZeroDivisionError):
        Pipeline([invert]).run(inputs={"x": 0}, engine=SeqEngine(callbacks=[events]))
    assert events.names == ["RunStarted", "StepStarted", "StepFinished", "RunFinished", "close"]
    assert isinstance(events.kept[-2].outcome.error, ZeroDivisionError)


def test_records_hold_paths_and_reasons() -> None:
    """A nested step is known by its path, and a miss by its reason."""
    events = Events()
    outer = Pipeline([Pipeline([invert], name="inner").as_node()])
    outer.run(inputs={"x": 1}, engine=SeqEngine(cache=MemoryCache(), callbacks=[events]))
    inner = next(each for each in events.kept if isinstance(each, StepFinished))
    assert inner.step.path == "inner/invert"
    assert inner.outcome.reason == "invert runs: nothing is known of it"


def test_an_observer_of_records_that_raises_is_one_warning() -> None:
    """It is named, once, and the run goes on."""

    class Broken(PipelineCallback):
        def on_event(self, event: Event, ctx: CallbackContext) -> None:
            raise RuntimeError

    pipeline = Pipeline([invert])
    with pytest.warns(CallbackWarning, match="callback Broken raised in on_event") as caught:
        outputs = pipeline.run(inputs={"x": 1}, engine=SeqEngine(callbacks=[Broken()]))
    assert (outputs, len(caught)) == ({"y": 1.0}, 1)
