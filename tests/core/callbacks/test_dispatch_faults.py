"""That observers cannot disturb a run, and that everything is closed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.callbacks import CallbackContext, PipelineCallback, Recorder
from hypernodes.errors import CallbackWarning
from hypernodes.events import MapProgress, OutcomeKind, Run

if TYPE_CHECKING:
    from collections.abc import Callable

HIT, FAILED = OutcomeKind.HIT, OutcomeKind.FAILED


class Watcher(Recorder):
    """Notes when it is closed."""

    def __init__(self, log: list[str] | None = None) -> None:
        super().__init__()
        self.log: list[str] = [] if log is None else log

    def close(self, ctx: CallbackContext) -> None:
        """Note it."""
        self.log.append("close")


class Raising(PipelineCallback):
    """Raises at every node."""

    def on_node_end(self, node_id: str, outputs: Any, duration: float, ctx: Any) -> None:
        """Raise."""
        msg = f"no {node_id}"
        raise LookupError(msg)


def _execute(events: Any, run: Run, *nodes: str) -> None:
    for node in nodes:
        events.execute(run, node)


def test_a_raising_callback_gives_one_warning(stream: Callable[..., Any]) -> None:
    """However often a method raises, one warning names class, method and error."""
    events = stream([Raising()])
    run = events.run("main", ["a", "b"])
    with pytest.warns(CallbackWarning) as caught:
        _execute(events, run, "a", "b")
    assert [str(warning.message) for warning in caught] == [
        "callback Raising raised in on_node_end: LookupError: no a; the run goes on without it"
    ]


def test_the_warning_points_at_the_line_that_raised(stream: Callable[..., Any]) -> None:
    """The place of the warning is the callback's own file."""
    events = stream([Raising()])
    run = events.run("main", ["a"])
    with pytest.warns(CallbackWarning) as caught:
        events.execute(run, "a")
    assert Path(caught[0].filename).name == Path(__file__).name


def test_the_others_are_told_although_one_raises(stream: Callable[..., Any]) -> None:
    """A callback behind a raising one misses nothing."""
    recorder = Recorder()
    events = stream([Raising(), recorder])
    run = events.run("main", ["a"])
    with pytest.warns(CallbackWarning):
        events.execute(run, "a")
    assert recorder.executed == ["a"]


def test_an_error_without_text_is_still_a_warning(stream: Callable[..., Any]) -> None:
    """An exception that cannot be printed does not stop the run either."""

    class SilentError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    class Callback(PipelineCallback):
        def on_pipeline_start(self, pipeline_id: str, inputs: Any, ctx: Any) -> None:
            raise SilentError

    with pytest.warns(CallbackWarning, match="SilentError"):
        stream([Callback()]).run("main")


def test_an_interrupt_in_a_callback_is_not_swallowed(stream: Callable[..., Any]) -> None:
    """KeyboardInterrupt reaches the caller, and finish still closes the others."""

    class Interrupted(PipelineCallback):
        def on_node_start(self, node_id: str, inputs: Any, ctx: Any) -> None:
            raise KeyboardInterrupt

    watcher = Watcher()
    events = stream([Interrupted(), watcher])
    run = events.run("main", ["n"])
    with pytest.raises(KeyboardInterrupt):
        events.start(run, "n")
    events.dispatcher.finish(KeyboardInterrupt())
    assert watcher.log == ["close"]


def test_finish_ends_open_runs_innermost_first(stream: Callable[..., Any]) -> None:
    """Each run that is open is finished once, as failed by the given error."""
    ended: list[Any] = []
    hooks = {
        "hypernodes_run_finished": [
            (
                "plugin",
                lambda run, outcome: ended.append((run.pipeline_name, outcome)),
                ("run", "outcome"),
            )
        ]
    }
    error = KeyboardInterrupt()
    events = stream([], hooks=hooks)
    outer = events.run("outer")
    events.run("inner", parent=outer)
    events.dispatcher.finish(error)
    events.dispatcher.finish(error)
    assert [(name, outcome.kind, outcome.error) for name, outcome in ended] == [
        ("inner", FAILED, error),
        ("outer", FAILED, error),
    ]


@pytest.mark.parametrize("kind", [OutcomeKind.EXECUTED, FAILED])
def test_every_callback_is_closed_once(stream: Callable[..., Any], kind: OutcomeKind) -> None:
    """Callbacks of the root and of nested runs are closed at the end, each once."""
    log: list[str] = []
    first, second = Watcher(log), Watcher(log)
    events = stream([first], callbacks_for=lambda run: [first, second])
    outer = events.run("outer")
    for _ in range(2):
        events.end(events.run("inner", parent=outer), kind)
    closed_before = list(log)
    events.end(outer, kind)
    events.dispatcher.finish()
    assert (closed_before, log) == ([], ["close", "close"])


@pytest.mark.filterwarnings("error")
def test_all_are_closed_where_warnings_are_errors(stream: Callable[..., Any]) -> None:
    """A failing close cannot keep another callback from closing, even in strict runs."""

    class BadClose(PipelineCallback):
        def close(self, ctx: CallbackContext) -> None:
            msg = "stuck"
            raise RuntimeError(msg)

    watcher = Watcher()
    events = stream([BadClose(), watcher])
    run = events.run("main")
    with pytest.raises(CallbackWarning, match="stuck"):
        events.end(run)
    assert watcher.log == ["close"]


def test_progress_of_a_run_that_is_not_open_is_dropped(stream: Callable[..., Any]) -> None:
    """Live progress that comes too late is nobody's business."""
    recorder = Recorder()
    events = stream([recorder])
    run = events.run("main", total=1)
    events.end(run)
    events.dispatcher.emit(MapProgress(run, 1, 0, 0))
    assert recorder.counts.get("map_progress") is None


def test_an_event_of_an_unknown_run_is_a_key_error(stream: Callable[..., Any]) -> None:
    """An executor that forgets RunStarted hears of it."""
    run = Run("r", "p", None, "", "SeqEngine", None, ())
    with pytest.raises(KeyError):
        stream([]).execute(run, "n")


def test_a_raising_hook_is_one_warning_and_stops_no_other(stream: Callable[..., Any]) -> None:
    """Hooks are guarded one by one; the warning names the plugin and the hook."""
    seen: list[str] = []

    def bad() -> None:
        msg = "boom"
        raise ValueError(msg)

    hooks = {"hypernodes_run_started": [("acme", bad, ()), ("b", lambda: seen.append("b"), ())]}
    with pytest.warns(CallbackWarning, match="plugin 'acme' raised in hypernodes_run_started"):
        stream([], hooks=hooks).run("main")
    assert seen == ["b"]
