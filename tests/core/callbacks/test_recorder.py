"""The callback that keeps every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypernodes.callbacks import Recorder
from hypernodes.events import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable


def test_views_list_the_nodes_by_what_happened(stream: Callable[..., Any]) -> None:
    """Executed, cached and failed nodes are listed in order."""
    recorder = Recorder()
    events = stream([recorder])
    run = events.run("main", ["a", "b", "c"])
    events.execute(run, "a")
    events.hit(run, "b")
    events.start(run, "c")
    events.fail(run, "c", ValueError("boom"))
    events.end(run, OutcomeKind.FAILED)
    assert (recorder.executed, recorder.cached, recorder.errors) == (["a"], ["b"], ["c"])


def test_counts_say_how_often_each_call_came(stream: Callable[..., Any]) -> None:
    """Counts are by the name of the call."""
    recorder = Recorder()
    events = stream([recorder])
    run = events.run("main", ["a"])
    events.execute(run, "a")
    events.end(run)
    assert recorder.counts == {
        "pipeline_start": 1,
        "node_start": 1,
        "node_end": 1,
        "pipeline_end": 1,
    }


def test_clear_forgets_everything(stream: Callable[..., Any]) -> None:
    """A cleared recorder is like a new one."""
    recorder = Recorder()
    stream([recorder]).run("main")
    recorder.clear()
    assert recorder.events == []


def test_recorded_values_are_the_values_themselves(stream: Callable[..., Any]) -> None:
    """Arguments are kept by reference."""
    recorder, inputs = Recorder(), {"x": object()}
    stream([recorder]).run("main", inputs=inputs)
    assert recorder.events[0][1][1] is inputs
