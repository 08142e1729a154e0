"""The Ray engine of HyperNodes; Ray itself is imported at its first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypernodes_ray.engine import RayEngine

__all__ = ["RayEngine"]


def __getattr__(name: str) -> Any:
    if name == "RayEngine":
        # deferred: the plugin is loaded in every process, the engine in few
        from hypernodes_ray.engine import RayEngine

        return RayEngine
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
