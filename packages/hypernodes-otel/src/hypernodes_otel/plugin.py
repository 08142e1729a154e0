"""What this distribution registers; imports nothing heavy."""

from __future__ import annotations

from hypernodes.hookspecs import CallbackSpec, hookimpl


@hookimpl
def hypernodes_register_callbacks() -> list[CallbackSpec]:
    """Name the callback that sends spans."""
    return [
        CallbackSpec(
            "otel", "hypernodes_otel.callback:TelemetryCallback", "spans by OpenTelemetry"
        ),
    ]
