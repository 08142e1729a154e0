"""Who answers a hook, in which order, and what it costs when nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.hookspecs import hookimpl
from hypernodes.plugins import Plugins, call_hook, hook_implementations, manager, observing_hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Make = Callable[..., Any]
    Install = Callable[..., Plugins]

STEP = {"run": "r", "item": None, "step": "s", "inputs": {}}


def test_nobody_observes_by_default(install: Install) -> None:
    """Without plugins the answer is empty, and hooks are not even loaded."""
    plugins = install()
    assert observing_hooks() == {}
    assert plugins._hooks is None  # that nothing is loaded shows nowhere else


def test_observers_come_with_the_arguments_they_take(make_plugin: Make, install: Install) -> None:
    """An implementation is offered with its plugin's name and the arguments it names."""

    def watch(outcome: object, run: object) -> None: ...

    install(acme=make_plugin(hypernodes_run_finished=watch))
    [(plugin, function, arguments)] = observing_hooks()["hypernodes_run_finished"]
    assert (plugin, function, arguments) == ("acme", watch, ("outcome", "run"))


def test_a_method_is_offered_without_self(install: Install) -> None:
    """A plugin may be an object with methods; `self` is no argument of the hook."""

    class Watcher:
        @hookimpl
        def hypernodes_run_started(self, run: object) -> None: ...

    install(acme=Watcher())
    assert observing_hooks()["hypernodes_run_started"][0].arguments == ("run",)


def test_the_last_plugin_is_first_unless_marked(make_plugin: Make, install: Install) -> None:
    """Call order is that of pluggy: last registered first, `tryfirst` before, `trylast` after."""
    early, late = make_plugin(), make_plugin()
    early.hypernodes_run_started = hookimpl(lambda run: None, tryfirst=True)
    late.hypernodes_run_started = hookimpl(lambda run: None, trylast=True)
    plain = {"hypernodes_run_started": lambda run: None}
    install(a=early, b=make_plugin(**plain), c=make_plugin(**plain), d=late)
    found = [each.plugin for each in observing_hooks()["hypernodes_run_started"]]
    assert found == ["a", "c", "b", "d"]


def test_observers_are_one_mapping_until_plugins_change(
    make_plugin: Make, install: Install
) -> None:
    """A run asks once; the mapping is kept, and renewed when a plugin joins."""
    install()
    before = observing_hooks()
    assert observing_hooks() is before
    manager().register(make_plugin(hypernodes_run_started=lambda run: None), "notebook")
    assert list(observing_hooks()) == ["hypernodes_run_started"]


def test_hypernodes_choose_serializer_takes_the_first_answer(
    make_plugin: Make, install: Install
) -> None:
    """A plugin that answers None leaves the choice to the next, and at last to us."""
    install(
        acme=make_plugin(
            hypernodes_choose_serializer=lambda output: "arrow" if output == "t" else None
        ),
        zeta=make_plugin(hypernodes_choose_serializer=lambda value: None),
    )
    found = [
        call_hook("hypernodes_choose_serializer", lambda: "ours", step="s", output=out, value=1)
        for out in ("t", "u")
    ]
    assert found == ["arrow", "ours"]


def test_hypernodes_execute_step_replaces_the_step(make_plugin: Make, install: Install) -> None:
    """The first plugin that returns outputs carries out the step; ours is not called."""
    install(acme=make_plugin(hypernodes_execute_step=lambda step: {step: 1}))
    found = call_hook("hypernodes_execute_step", lambda: pytest.fail("not called"), **STEP)
    assert found == {"s": 1}


def test_hypernodes_execute_step_wraps_the_step(make_plugin: Make, install: Install) -> None:
    """A wrapper goes around the step that HyperNodes itself carries out."""

    def wrap(step: str) -> Generator[None, dict[str, Any], dict[str, Any]]:
        return {**(yield), "wrapped": step}

    plugin = make_plugin()
    plugin.hypernodes_execute_step = hookimpl(wrap, wrapper=True)
    install(acme=plugin, zeta=make_plugin(hypernodes_execute_step=lambda: None))

    found = call_hook("hypernodes_execute_step", lambda: {"out": 1}, **STEP)

    assert found == {"out": 1, "wrapped": "s"}


def test_a_hook_that_declines_is_asked_once(make_plugin: Make, install: Install) -> None:
    """An implementation that leaves a step to others is not asked twice."""
    asked: list[str] = []
    first = make_plugin()
    first.hypernodes_execute_step = hookimpl(lambda: asked.append("first"), tryfirst=True)
    install(acme=first, zeta=make_plugin(hypernodes_execute_step=lambda: asked.append("plain")))
    call_hook("hypernodes_execute_step", dict, **STEP)
    assert asked == ["first", "plain"]


def test_the_exception_of_a_step_goes_through_unchanged(
    make_plugin: Make, install: Install
) -> None:
    """What the step raises is the user's own exception, wrapped or not."""
    plugin = make_plugin()
    plugin.hypernodes_execute_step = hookimpl(_passing, wrapper=True)
    install(acme=plugin)
    failure = KeyError("mine")

    def fail() -> dict[str, Any]:
        raise failure

    with pytest.raises(KeyError) as caught:
        call_hook("hypernodes_execute_step", fail, **STEP)
    assert caught.value is failure


def test_without_implementations_a_hook_is_our_own_way(install: Install) -> None:
    """A hook that nobody implements is the default, and the list is empty."""
    install()
    assert call_hook("hypernodes_execute_step", lambda: {"out": 1}, **STEP) == {"out": 1}
    assert hook_implementations("hypernodes_execute_step") == []


def _passing() -> Generator[None, object, object]:
    return (yield)
