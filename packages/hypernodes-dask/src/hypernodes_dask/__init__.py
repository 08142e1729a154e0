"""The Dask engine of HyperNodes; Dask itself is imported at its first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypernodes_dask.engine import DaskEngine

__all__ = ["DaskEngine"]


def __getattr__(name: str) -> Any:
    if name == "DaskEngine":
        # deferred: the plugin is loaded in every process, the engine in few
        from hypernodes_dask.engine import DaskEngine

        return DaskEngine
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
