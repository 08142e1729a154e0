"""Who listens, and on which engines."""

from __future__ import annotations

from typing import Any

import pytest

from hypernodes.callbacks import (
    PipelineCallback,
    Recorder,
    check_supported,
    has_observers,
    has_step_observers,
)


class OnlyRay(PipelineCallback):
    """Works with one engine."""

    supported_engines = ("RayEngine",)


class MapLength(PipelineCallback):
    """Wants to know nothing about items."""

    def on_map_start(self, total_items: int, ctx: Any) -> None:
        """Listen."""


def test_an_unsupported_engine_is_a_value_error() -> None:
    """The message names the callback, the engine, and what would work."""
    with pytest.raises(ValueError, match="OnlyRay is not compatible with engine SeqEngine; it s"):
        check_supported([Recorder(), OnlyRay()], "SeqEngine")


def test_a_supported_engine_passes() -> None:
    """The engine's class name is looked up in the list."""
    assert check_supported([Recorder(), OnlyRay()], "RayEngine") is None


def test_one_engine_may_be_named_without_a_list() -> None:
    """A single name is not searched for parts of names."""
    only = type("Only", (Recorder,), {"supported_engines": "MySeqEngine"})()
    with pytest.raises(ValueError, match="it supports MySeqEngine"):
        check_supported([only], "SeqEngine")


@pytest.mark.parametrize(
    ("callbacks", "hooks", "anybody", "steps"),
    [
        ([], None, False, False),
        ([], {"hypernodes_step_started": []}, False, False),
        ([], {"hypernodes_step_started": [("p", print, ())]}, True, True),
        ([PipelineCallback()], None, True, False),
        ([MapLength()], None, True, False),
        ([Recorder()], None, True, True),
    ],
)
def test_observers_are_found(
    callbacks: list[Any], hooks: dict[str, Any] | None, anybody: bool, steps: bool
) -> None:
    """Inherited no-ops do not count as listening to steps."""
    assert (has_observers(callbacks, hooks), has_step_observers(callbacks, hooks)) == (
        anybody,
        steps,
    )
