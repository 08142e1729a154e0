"""What this distribution registers; imports nothing heavy."""

from __future__ import annotations

from hypernodes.hookspecs import EngineSpec, hookimpl


@hookimpl
def hypernodes_register_engines() -> list[EngineSpec]:
    """Name the engine."""
    return [EngineSpec("acme-engine", "acme_engine.engine:AcmeEngine", "chunk by chunk, here")]
