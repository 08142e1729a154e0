"""Engines: where and how chunks of work travel.

`SeqEngine` and `AsyncEngine` are here; ``from hypernodes.engines import DaskEngine``, and every
other engine class that a plugin registers, is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypernodes.engines._async import AsyncEngine
from hypernodes.engines._lookup import engine_attribute, get_engine
from hypernodes.engines._options import read_engine
from hypernodes.engines._sequential import SeqEngine

if TYPE_CHECKING:
    # for type checkers, which cannot ask plugins; at run time no extension is known
    from hypernodes_daft import DaftEngine as DaftEngine
    from hypernodes_dask import DaskEngine as DaskEngine
    from hypernodes_ray import RayEngine as RayEngine

__all__ = ["AsyncEngine", "SeqEngine", "get_engine", "read_engine"]


def __getattr__(name: str) -> Any:
    return engine_attribute(__name__, name)
