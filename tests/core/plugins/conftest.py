"""Plugins made in the test, in place of installed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.hookspecs import hookimpl
from hypernodes.plugins import Plugins, reset_plugins
from hypernodes.plugins._discovery import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable


class MadePlugin:
    """An object with hook implementations; no two are equal."""

    def __init__(self, functions: dict[str, Callable[..., Any]]) -> None:
        vars(self).update(functions)


@pytest.fixture
def make_plugin() -> Callable[..., MadePlugin]:
    """Return a plugin whose hook implementations are the given functions."""

    def make(**functions: Callable[..., Any]) -> MadePlugin:
        return MadePlugin({name: hookimpl(each) for name, each in functions.items()})

    return make


@pytest.fixture
def install() -> Callable[..., Plugins]:
    """Make the given plugins the installed ones: name to object, or to what loading raises."""

    def install(**plugins: object) -> Plugins:
        def load(plugin: object) -> object:
            if isinstance(plugin, BaseException):
                raise plugin
            return plugin

        candidates = [
            Candidate(name, f"{name}-dist", "1.0", lambda plugin=plugin: load(plugin))
            for name, plugin in plugins.items()
        ]
        installed = Plugins(lambda: candidates)
        reset_plugins(installed)
        return installed

    return install
