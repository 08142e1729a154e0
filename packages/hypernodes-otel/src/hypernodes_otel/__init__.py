"""OpenTelemetry traces of HyperNodes; its libraries are imported at their first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypernodes_otel.callback import TelemetryCallback

__all__ = ["TelemetryCallback"]


def __getattr__(name: str) -> Any:
    if name == "TelemetryCallback":
        # deferred: the plugin is loaded in every process, the callback in few
        from hypernodes_otel.callback import TelemetryCallback

        return TelemetryCallback
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
