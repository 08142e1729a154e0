"""HyperNodes: pipelines from plain functions, cached intelligently, run anywhere.

Everything public is here; what costs time to import is imported at first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypernodes.cache import BackendCache, DiskCache, FsspecCache, MemoryCache, TieredCache
    from hypernodes.callbacks import CallbackContext, LoggingCallback, PipelineCallback, Recorder
    from hypernodes.engines import AsyncEngine, SeqEngine, get_engine
    from hypernodes.engines import DaftEngine as DaftEngine
    from hypernodes.engines import DaskEngine as DaskEngine
    from hypernodes.engines import RayEngine as RayEngine
    from hypernodes.errors import (
        CacheError,
        CycleError,
        DependencyError,
        ExecutionError,
        FingerprintError,
        HyperNodesError,
        PluginError,
    )
    from hypernodes.graph import DualNode, Node, RateLimit, Retry, node
    from hypernodes.pipeline import Pipeline
    from hypernodes.plugins import open_cache
    from hypernodes.protocols import HyperNode
    from hypernodes.values import MISSING, UNSET, File, stateful
    from hypernodes.viz import DESIGN_STYLES, GraphvizTheme, visualize

_HOMES = {
    "hypernodes.cache": (
        "BackendCache",
        "DiskCache",
        "FsspecCache",
        "MemoryCache",
        "TieredCache",
    ),
    "hypernodes.callbacks": ("CallbackContext", "LoggingCallback", "PipelineCallback", "Recorder"),
    "hypernodes.engines": ("AsyncEngine", "SeqEngine", "get_engine"),
    "hypernodes.errors": (
        "CacheError",
        "CycleError",
        "DependencyError",
        "ExecutionError",
        "FingerprintError",
        "HyperNodesError",
        "PluginError",
    ),
    "hypernodes.graph": ("DualNode", "Node", "RateLimit", "Retry", "node"),
    "hypernodes.pipeline": ("Pipeline",),
    "hypernodes.plugins": ("open_cache",),
    "hypernodes.protocols": ("HyperNode",),
    "hypernodes.values": ("MISSING", "UNSET", "File", "stateful"),
    "hypernodes.viz": ("DESIGN_STYLES", "GraphvizTheme", "visualize"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_EXTENSION_ENGINES = frozenset({"DaftEngine", "DaskEngine", "RayEngine"})

__all__ = [
    "DESIGN_STYLES",
    "MISSING",
    "UNSET",
    "AsyncEngine",
    "BackendCache",
    "CacheError",
    "CallbackContext",
    "CycleError",
    "DependencyError",
    "DiskCache",
    "DualNode",
    "ExecutionError",
    "File",
    "FingerprintError",
    "FsspecCache",
    "GraphvizTheme",
    "HyperNode",
    "HyperNodesError",
    "LoggingCallback",
    "MemoryCache",
    "Node",
    "Pipeline",
    "PipelineCallback",
    "PluginError",
    "RateLimit",
    "Recorder",
    "Retry",
    "SeqEngine",
    "TieredCache",
    "get_engine",
    "node",
    "open_cache",
    "stateful",
    "visualize",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        # deferred: reading metadata costs more than the rest of the import
        from importlib.metadata import version

        return version("hypernodes")
    if name in _HOME_OF:
        # plugins teach the floors below them, whatever is asked for first
        importlib.import_module("hypernodes.plugins")
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value
    if name in _EXTENSION_ENGINES:
        return getattr(importlib.import_module("hypernodes.engines"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
