"""What this distribution registers; imported in every process, so it imports nothing heavy."""

from __future__ import annotations

from hypernodes.hookspecs import EngineSpec, hookimpl


@hookimpl
def hypernodes_register_engines() -> list[EngineSpec]:
    """Name the engine."""
    return [EngineSpec("pool", "hypernodes_pool_engine.engine:PoolEngine", "processes, kept")]
