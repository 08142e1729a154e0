"""Tables to engines: which engine applies a pipeline to the rows of a table of another library.

Decides by the modules that the type of the data and its bases come from, so
that asking imports no engine but the one that is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypernodes.errors import UnknownPluginError
from hypernodes.plugins._manager import manager
from hypernodes.plugins._missing import EXTRAS
from hypernodes.plugins._registry import ENGINE

if TYPE_CHECKING:
    from hypernodes.hookspecs import EngineSpec


def find_transform_engine(data: object) -> type[Any]:
    """Return the engine class whose ``transform`` takes *data*.

    The modules that engines registered in ``EngineSpec.transforms`` choose
    the candidates; each then says itself whether it ``claims`` the data.

    Raises:
        UnknownPluginError: No engine claims it; a `ValueError`.
        EngineNotInstalledError: The engine for its library is one of ours, in
            a distribution that is not installed.
        PluginLoadError: A plugin or the module of an engine cannot be imported.
    """
    modules = [each.__module__ for each in type(data).__mro__]
    registrations = manager().registrations(ENGINE)
    for registration in registrations.values():
        spec: EngineSpec = registration.spec  # type: ignore[assignment]  # specs of engines are such
        if any(_lies_in(module, each) for module in modules for each in spec.transforms):
            found: type[Any] = registration.resolve()
            if found.claims(data):
                return found
    library = modules[0].partition(".")[0]
    if library in {each.name for each in EXTRAS[ENGINE]} - registrations.keys():
        # raises what there is to do about it
        manager().find(ENGINE, library)
    claimed = sorted({each for r in registrations.values() for each in r.spec.transforms})  # type: ignore[union-attr]  # likewise
    msg = (
        f"no engine transforms a {type(data).__module__}.{type(data).__qualname__}; give it "
        f"tables of {', '.join(claimed) or 'a library whose engine is installed'}, "
        "or use map for items"
    )
    raise UnknownPluginError(msg)


def _lies_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
