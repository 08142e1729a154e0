"""The Daft engine of HyperNodes; Daft itself is imported at its first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypernodes_daft.engine import DaftEngine

__all__ = ["DaftEngine"]


def __getattr__(name: str) -> Any:
    if name == "DaftEngine":
        # deferred: the plugin is loaded in every process, the engine in few
        from hypernodes_daft.engine import DaftEngine

        return DaftEngine
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
