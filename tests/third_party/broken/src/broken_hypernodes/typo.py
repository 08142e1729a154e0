"""A plugin whose only hook is misspelled."""

from __future__ import annotations

from hypernodes.hookspecs import EngineSpec, hookimpl


@hookimpl
def hypernodes_register_engine() -> list[EngineSpec]:
    """Name an engine, in vain."""
    return [EngineSpec("typo", "broken_hypernodes.engine:TypoEngine")]
