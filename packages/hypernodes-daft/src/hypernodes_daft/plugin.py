"""What this distribution registers; imports nothing heavy."""

from __future__ import annotations

from hypernodes.hookspecs import EngineSpec, hookimpl


@hookimpl
def hypernodes_register_engines() -> list[EngineSpec]:
    """Name the Daft engine."""
    return [
        EngineSpec(
            "daft",
            "hypernodes_daft.engine:DaftEngine",
            "chunks of a map through Daft, in this process or on its cluster",
            transforms=("daft",),
        ),
    ]
