"""Engines by object or by name; what else engines take is read in `execution`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypernodes.execution import read_cache, read_callbacks, read_check_mutation
from hypernodes.plugins import get_engine

if TYPE_CHECKING:
    from hypernodes.protocols import Engine

__all__ = ["read_cache", "read_callbacks", "read_check_mutation", "read_engine"]


def read_engine(engine: Engine | str | None) -> Engine | None:
    """Return *engine*, made where it is a name.

    Raises:
        TypeError: It is not an engine.
    """
    if isinstance(engine, str):
        return get_engine(engine)
    if isinstance(engine, type):
        name = engine.__name__
        msg = f"engine must be an engine, got the class {name}; make one: {name}()"
        raise TypeError(msg)
    if engine is None or callable(getattr(engine, "run", None)):
        return engine
    msg = f"engine must be an engine or the name of one, got {type(engine).__name__}"
    raise TypeError(msg)
