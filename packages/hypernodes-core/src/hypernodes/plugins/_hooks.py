"""Who answers a hook: what the dispatcher and the workers ask of plugins.

Decides the order of implementations and what is kept between questions.
Refuses to call observers: telling them safely is the callbacks' business.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from hypernodes.errors import CallbackWarning
from hypernodes.plugins._manager import manager
from hypernodes.plugins._records import Implementation

T = TypeVar("T")

OBSERVING = (
    "hypernodes_run_started",
    "hypernodes_item_started",
    "hypernodes_step_started",
    "hypernodes_step_finished",
    "hypernodes_item_finished",
    "hypernodes_run_finished",
)


def observing_hooks() -> Mapping[str, list[Implementation]]:
    """Return who observes runs: hook name to implementations, in call order.

    Empty where nobody observes.  The first call in a process lists the
    installed plugins, and loads them if there are any; later calls return the
    same mapping until a plugin comes or goes.
    """
    return manager().remember("observing", _observing)


def hook_implementations(name: str) -> list[Implementation]:
    """Return who implements hook *name*, in call order, wrappers included.

    Asked per run, so the answer is kept until a plugin comes or goes.
    """
    plugins = manager()
    return list(plugins.remember(f"hook {name}", lambda: plugins.implementations(name)))


def call_hook(name: str, default: Callable[[], T], /, **arguments: Any) -> T:
    """Return the first answer to hook *name*, else what *default* returns.

    Wrappers go around *default* too.  Without an implementation this is a
    call of *default* and two look-ups.

    Args:
        name: A hook whose first result counts.
        default: What HyperNodes does itself; must not return None.
        arguments: Every argument of the hook.
    """
    plugins = manager()
    caller = plugins.remember(f"caller {name}", lambda: plugins.hook(name))
    if caller is None:
        return default()
    plain = [
        each
        for each in reversed(caller.get_hookimpls())
        if not (each.wrapper or each.hookwrapper or each.tryfirst)
    ]

    def last() -> T:
        for each in plain:
            answer = each.function(**{key: arguments[key] for key in each.argnames})
            if answer is not None:
                return cast("T", answer)
        return default()

    # pluggy calls an extra method before the plain ones, so it stands for all of them
    return cast("T", caller.call_extra([last], arguments))


def notify(name: str, /, **arguments: Any) -> None:
    """Tell everybody who implements hook *name*; one who raises costs a warning."""
    for plugin, function, names in hook_implementations(name):
        try:
            function(**{each: arguments[each] for each in names})
        except Exception as error:
            msg = f"plugin {plugin!r} raised in {name}: {error!r}; the run goes on without it"
            warnings.warn(msg, CallbackWarning, stacklevel=2)


def _observing() -> Mapping[str, list[Implementation]]:
    plugins = manager()
    found = {hook: list(plugins.implementations(hook)) for hook in OBSERVING}
    return {hook: implementations for hook, implementations in found.items() if implementations}
