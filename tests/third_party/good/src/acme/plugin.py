"""What acme registers; imports nothing but the hooks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hypernodes.hookspecs import (
    CacheSpec,
    CallbackSpec,
    EngineSpec,
    FingerprintSpec,
    SerializerSpec,
    VisualizerSpec,
    hookimpl,
)

if TYPE_CHECKING:
    from hypernodes.events import Outcome, Run


@hookimpl
def hypernodes_register_engines() -> list[EngineSpec]:
    """Name the engine that carries out the last chunk first."""
    return [EngineSpec("acme", "acme.engine:AcmeEngine", "the last chunk first")]


@hookimpl
def hypernodes_register_caches() -> list[CacheSpec]:
    """Claim ``acme://``."""
    return [CacheSpec("acme", "acme.parts:open_acme_cache", "a folder, by its URL")]


@hookimpl
def hypernodes_register_serializers() -> list[SerializerSpec]:
    """Name the format of `acme.Opaque`."""
    return [SerializerSpec("acme-opaque", "acme.parts:opaque_serializer", 700)]


@hookimpl
def hypernodes_register_callbacks() -> list[CallbackSpec]:
    """Name the callback that prints."""
    return [CallbackSpec("acme", "acme.parts:AcmeCallback", "prints")]


@hookimpl
def hypernodes_register_fingerprints() -> list[FingerprintSpec]:
    """Teach `acme.Opaque`."""
    return [FingerprintSpec("acme.Opaque", "acme.parts:opaque_state")]


@hookimpl
def hypernodes_register_visualizers() -> list[VisualizerSpec]:
    """Name the renderer of nothing."""
    return [VisualizerSpec("acme", "acme.parts:render_nothing")]


@hookimpl
def hypernodes_run_finished(run: Run, outcome: Outcome) -> None:
    """Write a line per finished run into the file that ``ACME_LOG`` names."""
    if "ACME_LOG" in os.environ:
        with Path(os.environ["ACME_LOG"]).open("a", encoding="utf-8") as log:
            log.write(f"{run.engine} {outcome.kind.value}\n")
