"""The observing hooks, from a plugin to the calls that its functions get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.callbacks import Dispatcher
from hypernodes.events import (
    Event,
    ItemFinished,
    ItemStarted,
    Outcome,
    OutcomeKind,
    Run,
    RunFinished,
    RunStarted,
    StepFinished,
    StepInfo,
    StepStarted,
)
from hypernodes.plugins import Plugins, observing_hooks

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]
    Install = Callable[..., Plugins]
    Observe = Callable[..., list[tuple[Any, ...]]]

RUN = Run("r1", "p1", "demo", "", "SeqEngine", 1, ("double",))
STEP = StepInfo("double", "double", ("twice",))
DONE = Outcome(OutcomeKind.EXECUTED, {"twice": 2})
EVENTS: list[Event] = [
    RunStarted(RUN, {"x": [1]}),
    ItemStarted(RUN, 0, {"x": 1}),
    StepStarted(RUN, 0, STEP, {"x": 1}),
    StepFinished(RUN, 0, STEP, DONE),
    ItemFinished(RUN, 0, DONE),
    RunFinished(RUN, DONE),
]


@pytest.fixture
def observe(make_plugin: Make, install: Install) -> Observe:
    """Return what an observer of one hook is called with while one map runs."""

    def observe(hook: str, watch: Callable[[list[Any]], Callable[..., None]]) -> list[Any]:
        seen: list[Any] = []
        install(acme=make_plugin(**{hook: watch(seen)}))
        dispatcher = Dispatcher([], hooks=observing_hooks())
        for event in EVENTS:
            dispatcher.emit(event)
        return seen

    return observe


def test_hypernodes_run_started_is_told_the_inputs(observe: Observe) -> None:
    """Once per run, with the columns of a map."""
    seen = observe(
        "hypernodes_run_started",
        lambda seen: lambda run, inputs: seen.append((run, inputs)),
    )
    assert seen == [(RUN, {"x": [1]})]


def test_hypernodes_item_started_is_told_the_item(observe: Observe) -> None:
    """Once per item of a map."""
    seen = observe(
        "hypernodes_item_started", lambda seen: lambda run, item: seen.append((run, item))
    )
    assert seen == [(RUN, 0)]


def test_hypernodes_step_started_is_told_the_arguments(observe: Observe) -> None:
    """Once per executed step, with what the function is called with."""
    seen = observe(
        "hypernodes_step_started",
        lambda seen: lambda run, item, step, inputs: seen.append((run, item, step, inputs)),
    )
    assert seen == [(RUN, 0, STEP, {"x": 1})]


def test_hypernodes_step_finished_is_told_the_outcome(observe: Observe) -> None:
    """Once per step, with what it made of it."""
    seen = observe(
        "hypernodes_step_finished",
        lambda seen: lambda run, item, step, outcome: seen.append((run, item, step, outcome)),
    )
    assert seen == [(RUN, 0, STEP, DONE)]


def test_hypernodes_item_finished_is_told_the_outcome(observe: Observe) -> None:
    """Once per item of a map."""
    seen = observe(
        "hypernodes_item_finished",
        lambda seen: lambda run, item, outcome: seen.append((run, item, outcome)),
    )
    assert seen == [(RUN, 0, DONE)]


def test_hypernodes_run_finished_is_told_the_outcome(observe: Observe) -> None:
    """Once per run."""
    seen = observe(
        "hypernodes_run_finished", lambda seen: lambda run, outcome: seen.append((run, outcome))
    )
    assert seen == [(RUN, DONE)]


def test_an_observer_gets_only_what_it_names(observe: Observe) -> None:
    """Leaving arguments out of an implementation is allowed, in any order."""
    seen = observe("hypernodes_step_finished", lambda seen: lambda step: seen.append(step.id))
    assert seen == ["double"]
