"""Observers that take the records themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
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
    if isinstance(event, str | tuple):
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


class Observing:
    """A plugin that keeps what its hooks are told, as shapes."""

    def __init__(self, kept: list[Any]) -> None:
        self.kept = kept

    @hookimpl
    def hypernodes_item_started(self, run: Any, item: int) -> None:
        self.kept.append(("item", run.total, item))

    @hookimpl
    def hypernodes_step_started(self, item: int, step: Any, inputs: Any) -> None:
        self.kept.append(("step", item, step, dict(inputs)))

    @hookimpl
    def hypernodes_step_finished(self, run: Any, item: int, step: Any, outcome: Any) -> None:
        self.kept.append(("made", item, step, outcome.kind, outcome.outputs, type(outcome.error)))

    @hookimpl
    def hypernodes_item_finished(self, item: int, outcome: Any) -> None:
        self.kept.append(("done", item, outcome.kind, outcome.outputs, type(outcome.error)))


class Around:
    """A plugin that could carry out steps, so that no loop is written."""

    @hookimpl
    def hypernodes_execute_step(self, step: Any) -> None:
        """Leave it to others."""


@contextlib.contextmanager
def registered(*plugins: object) -> Iterator[None]:
    """With plugins."""
    for number, plugin in enumerate(plugins):
        manager().register(plugin, f"plugin {number}")
    try:
        yield
    finally:
        for number in range(len(plugins)):
            manager().unregister(f"plugin {number}")


@pytest.mark.parametrize("on_error", ["raise", "collect"])
def test_a_written_loop_tells_what_the_dispatcher_tells(on_error: Any) -> None:
    """Records, calls and hooks of plugins: the same, in the same order, on both ways."""
    pipeline = Pipeline([invert, node(lambda y: (y, -y), output_name=("a", "b"))])
    heard = []
    for more in ([], [Around()]):
        events = Events()
        with registered(Observing(events.kept), *more), contextlib.suppress(ZeroDivisionError):
            engine = SeqEngine(callbacks=[events])
            pipeline.map({"x": [1, 2, 0, 3]}, map_over="x", engine=engine, on_error=on_error)
        heard.append(events.shapes)
    assert heard[0] == heard[1]
    assert len(heard[0]) > 30


def test_a_plugin_alone_is_told_the_same() -> None:
    """Without callbacks, too."""
    heard: list[list[Any]] = [[], []]
    for kept, more in zip(heard, ([], [Around()]), strict=True):
        with registered(Observing(kept), *more):
            Pipeline([invert]).map({"x": [1, 2]}, map_over="x")
    assert heard[0] == heard[1]
    assert len(heard[0]) == 8


def test_a_hook_that_raises_is_one_warning_however_many_items() -> None:
    """It names the plugin and the hook, and the map goes on."""

    class Broken:
        @hookimpl
        def hypernodes_step_finished(self, step: Any) -> None:
            raise RuntimeError

    with (
        registered(Broken()),
        pytest.warns(CallbackWarning, match="plugin 'plugin 0' raised in hyper") as caught,
    ):
        rows = Pipeline([invert]).map({"x": [1, 2]}, map_over="x")
    assert (rows, len(caught)) == ([{"y": 1.0}, {"y": 0.5}], 1)


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
