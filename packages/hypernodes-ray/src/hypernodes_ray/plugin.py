"""What this distribution registers; imports nothing heavy."""

from __future__ import annotations

from hypernodes.hookspecs import EngineSpec, hookimpl


@hookimpl
def hypernodes_register_engines() -> list[EngineSpec]:
    """Name the Ray engine."""
    return [
        EngineSpec(
            "ray",
            "hypernodes_ray.engine:RayEngine",
            "chunks of a map as Ray tasks, here or on a cluster",
            transforms=("ray.data",),
        ),
    ]
