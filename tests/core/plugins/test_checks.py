"""Mistakes in hook implementations that would otherwise go unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hypernodes.hookspecs import EngineSpec, hookimpl
from hypernodes.plugins import Plugins, list_plugins

Make = Callable[..., Any]
Install = Callable[..., Plugins]


pytestmark = pytest.mark.filterwarnings("ignore::hypernodes.errors.PluginWarning")


def engines(*names: str) -> Callable[[], list[EngineSpec]]:
    """Return an implementation that registers engines under *names*."""
    return lambda: [EngineSpec(name, "acme.engine:StarEngine") for name in names]


def acme() -> tuple[str, str]:
    """Return the status and the cause that the listing shows for the plugin `acme`."""
    info = next(info for info in list_plugins() if info.name == "acme")
    return info.status, str(info.cause)


@pytest.mark.parametrize(
    ("functions", "expected"),
    [
        (
            {"hypernodes_register_engine": engines("star")},
            "unknown hook 'hypernodes_register_engine'; did you mean 'hypernodes_register_engines'",
        ),
        (
            {"hypernodes_run_started": lambda pipeline: None},
            "'pipeline'",
        ),
        (
            {"hypernodes_register_engines": lambda: ["star"]},
            "hypernodes_register_engines must return EngineSpec objects, not 'star'",
        ),
        (
            {"hypernodes_register_engines": lambda: [EngineSpec("", "a:b")]},
            "name must be a non-empty text",
        ),
        (
            {"hypernodes_register_engines": lambda: [EngineSpec("star", "acme.engine.Star")]},
            "target must read 'module:name'",
        ),
        (
            {"hypernodes_register_engines": engines("star", "star")},
            "returned engine 'star' twice",
        ),
    ],
)
def test_a_mistake_in_a_hook_breaks_the_plugin(
    make_plugin: Make, install: Install, functions: dict[str, Any], expected: str
) -> None:
    """Mistakes that would go unnoticed, a hook never called, are found while loading."""
    install(acme=make_plugin(**functions))
    status, cause = acme()
    assert status == "broken"
    assert expected in cause


def test_a_hook_without_its_mark_breaks_the_plugin(make_plugin: Make, install: Install) -> None:
    """A function named like a hook but not decorated would silently never be called."""
    plugin = make_plugin()
    plugin.hypernodes_register_engines = engines("star")
    install(acme=plugin)
    assert "decorate it with @hookimpl" in acme()[1]


def test_an_observing_hook_cannot_be_a_wrapper(make_plugin: Make, install: Install) -> None:
    """Observers are called one by one, so there is nothing that one could wrap."""

    def wrap(run: object) -> Any:
        return (yield)

    plugin = make_plugin()
    plugin.hypernodes_run_started = hookimpl(wrap, wrapper=True)
    install(acme=plugin)
    assert "cannot be wrapped" in acme()[1]


def test_an_optional_unknown_hook_is_no_mistake(make_plugin: Make, install: Install) -> None:
    """A plugin may implement a hook of a later version by marking it optional."""
    plugin = make_plugin()
    plugin.hypernodes_of_the_future = hookimpl(lambda: None, optionalhook=True)
    install(acme=plugin)
    assert acme() == ("ok", "None")
