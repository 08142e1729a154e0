"""What a plugin must be before anybody relies on it.

Decides which mistakes in hook implementations make a plugin broken: the ones
that `pluggy` would pass over in silence, where a hook is simply never called.
"""

from __future__ import annotations

import difflib
import inspect
from typing import TYPE_CHECKING

from hypernodes.errors import PluginLoadError
from hypernodes.plugins._registry import KINDS, Registration, check_spec

if TYPE_CHECKING:
    from pluggy import HookImpl, PluginManager

# these may be wrapped; all other hooks are called one implementation at a time
WRAPPABLE = frozenset(
    {"hypernodes_choose_serializer", "hypernodes_execute_batch", "hypernodes_execute_step"}
)


def check_hooks(hooks: PluginManager, plugin: object) -> tuple[str, ...]:
    """Return the names of the hooks that *plugin* implements, all of them known.

    Raises:
        PluginLoadError: A hook does not exist, lacks its ``@hookimpl``, or is
            a wrapper where wrapping has no meaning.
    """
    known = [name for name in vars(hooks.hook) if hooks.hook.__dict__[name].has_spec()]
    callers = hooks.get_hookcallers(plugin) or []
    for caller in callers:
        implementation = next(each for each in caller.get_hookimpls() if each.plugin is plugin)
        if caller.has_spec():
            _check_wrapping(caller.name, implementation)
        elif not implementation.optionalhook:
            raise PluginLoadError(_unknown_hook(caller.name, known))
    implemented = {caller.name for caller in callers if caller.has_spec()}
    _check_marks(plugin, known, implemented)
    return tuple(sorted(implemented))


def gather(
    hooks: PluginManager, plugin: object, stamp: tuple[str, str], into: list[Registration]
) -> None:
    """Append what *plugin* registers to *into*; what came before a failure stays there.

    Args:
        hooks: Where *plugin* is registered.
        plugin: Asked once per kind.
        stamp: The plugin's name, and its distribution with version.
        into: Receives the registrations.

    Raises:
        PluginLoadError: A spec is malformed, or a name is registered twice.
    """
    for kind in KINDS:
        for implementation in getattr(hooks.hook, kind.hook).get_hookimpls():
            if implementation.plugin is not plugin:
                continue
            for spec in implementation.function() or ():
                check_spec(kind, spec)
                registration = Registration(kind, spec, *stamp)
                if any(each.kind == kind and each.name == registration.name for each in into):
                    msg = f"{kind.hook} returned {kind.label} {registration.name!r} twice"
                    raise PluginLoadError(msg)
                into.append(registration)


def _check_wrapping(name: str, implementation: HookImpl) -> None:
    is_wrapper = implementation.wrapper or implementation.hookwrapper
    if is_wrapper and name not in WRAPPABLE:
        msg = f"hook {name!r} cannot be wrapped; only {', '.join(sorted(WRAPPABLE))} can"
        raise PluginLoadError(msg)


def _check_marks(plugin: object, known: list[str], implemented: set[str]) -> None:
    for name in known:
        function = inspect.getattr_static(plugin, name, None)
        if name not in implemented and inspect.isfunction(function):
            msg = f"{name} is named like a hook but never called; decorate it with @hookimpl"
            raise PluginLoadError(msg)


def _unknown_hook(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    guess = f"; did you mean {close[0]!r}?" if close else f"; hooks are: {', '.join(known)}"
    return f"unknown hook {name!r}{guess}"
