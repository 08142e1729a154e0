"""Names to engine classes, as attributes of `hypernodes.engines`.

Decides which attribute names can be engines at all, and what a missing one
raises.  Everything else is the registry's decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypernodes.errors import UnknownPluginError
from hypernodes.plugins import get_engine, get_engine_class

if TYPE_CHECKING:
    from hypernodes.protocols import Engine

__all__ = ["engine_attribute", "get_engine"]


def engine_attribute(module: str, name: str) -> type[Engine]:
    """Return the engine class called *name* for the ``__getattr__`` of *module*.

    Names that do not begin with a capital letter load no plugin: the import
    system and inspecting tools ask modules for many of those.

    Args:
        module: Whose attribute is asked for.
        name: The class name, such as ``"DaftEngine"``.

    Raises:
        AttributeError: No plugin has an engine class of that name.
        EngineNotInstalledError: Its distribution is not installed; an
            `ImportError` that holds the install line.
        PluginLoadError: Its plugin or its module cannot be imported.
        PluginConflictError: Several plugins claim the name.
    """
    msg = f"module {module!r} has no attribute {name!r}"
    if not name[:1].isupper():
        raise AttributeError(msg)
    try:
        return get_engine_class(name)
    except UnknownPluginError as error:
        msg = f"{msg}: {error}"
        raise AttributeError(msg) from None
