"""What this distribution registers; imports nothing heavy."""

from __future__ import annotations

from hypernodes.hookspecs import EngineSpec, hookimpl


@hookimpl
def hypernodes_register_engines() -> list[EngineSpec]:
    """Name the Dask engine."""
    return [
        EngineSpec(
            "dask",
            "hypernodes_dask.engine:DaskEngine",
            "chunks of a map on Dask threads, processes or a cluster",
            transforms=("dask.bag", "dask.dataframe"),
        ),
    ]
