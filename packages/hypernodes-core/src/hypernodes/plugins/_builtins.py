"""What HyperNodes itself brings, registered through the door everybody uses.

This module is the plugin ``hypernodes``; it comes first and cannot be
disabled.  Decides the names of our own parts, and imports none of them.
"""

from __future__ import annotations

from hypernodes.hashing import BUILTIN_FINGERPRINTS
from hypernodes.hookspecs import (
    CacheSpec,
    CallbackSpec,
    EngineSpec,
    FingerprintSpec,
    SerializerSpec,
    VisualizerSpec,
    hookimpl,
)

_FSSPEC = "hypernodes.cache:open_fsspec_cache"
_REMOTE = {
    "abfs": "Azure storage",
    "az": "Azure storage",
    "file": "a folder that several machines share",
    "gcs": "Google Cloud Storage",
    "gs": "Google Cloud Storage",
    "hdfs": "a Hadoop cluster",
    "s3": "S3 and what speaks its language",
    "s3a": "S3 and what speaks its language",
    "sftp": "a folder behind SSH",
    "smb": "a Windows share",
}


@hookimpl
def hypernodes_register_engines() -> list[EngineSpec]:
    """Name the engines that need nothing but the core."""
    return [
        EngineSpec("async", "hypernodes.engines:AsyncEngine", "side by side, on one event loop"),
        EngineSpec("seq", "hypernodes.engines:SeqEngine", "one step after another, in this thread"),
    ]


@hookimpl
def hypernodes_register_caches() -> list[CacheSpec]:
    """Claim the schemes of the caches that need nothing but the core."""
    return [
        CacheSpec("disk", "hypernodes.cache:open_disk_cache", "a folder on this machine"),
        CacheSpec("memory", "hypernodes.cache:open_memory_cache", "this process, until it ends"),
        *(CacheSpec(scheme, _FSSPEC, summary) for scheme, summary in _REMOTE.items()),
    ]


@hookimpl
def hypernodes_register_serializers() -> list[SerializerSpec]:
    """Claim the names of the formats that every cache knows by itself."""
    return [
        SerializerSpec("npy", "hypernodes.cache:NpySerializer", 100, "numpy arrays"),
        SerializerSpec("data", "hypernodes.cache:DataSerializer", 50, "builtins, records, frames"),
        SerializerSpec("pickle", "hypernodes.cache:PickleSerializer", 0, "anything that pickles"),
    ]


@hookimpl
def hypernodes_register_callbacks() -> list[CallbackSpec]:
    """Name the callbacks that need nothing but the core."""
    return [
        CallbackSpec("progress", "hypernodes.callbacks:ProgressCallback", "bars on the terminal"),
        CallbackSpec("logging", "hypernodes.callbacks:LoggingCallback", "lines to `logging`"),
    ]


@hookimpl
def hypernodes_register_fingerprints() -> list[FingerprintSpec]:
    """Claim the types that hashing knows by itself."""
    return [FingerprintSpec(type_, target) for type_, target in BUILTIN_FINGERPRINTS.items()]


@hookimpl
def hypernodes_register_visualizers() -> list[VisualizerSpec]:
    """Name the renderers that need nothing but the core."""
    return [
        VisualizerSpec("mermaid", "hypernodes.viz:render_mermaid", "a Mermaid flowchart"),
        VisualizerSpec("text", "hypernodes.viz:render_text", "boxes in plain text"),
    ]
