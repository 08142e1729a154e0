"""What this distribution registers; imported in every process, so it imports nothing heavy."""

from __future__ import annotations

from hypernodes.hookspecs import CacheSpec, hookimpl


@hookimpl
def hypernodes_register_caches() -> list[CacheSpec]:
    """Claim ``globex://``."""
    return [CacheSpec("globex", "hypernodes_globex_cache.store:open_store", "drawers of Globex")]
