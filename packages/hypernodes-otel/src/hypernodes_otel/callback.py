"""The callback that makes spans of events.

This version checks its settings and refuses to be made.
"""

from __future__ import annotations

from hypernodes.errors import PluginError
from hypernodes_otel.options import TelemetryOptions


class TelemetryCallback:
    """Send runs, items and steps as OpenTelemetry spans.

    Args:
        trace_map_items: Whether each item of a map has a span of its own.

    Raises:
        PluginError: Always, in this version.
        TypeError: A setting is of the wrong type.
    """

    def __init__(self, trace_map_items: bool = True) -> None:
        self.options = TelemetryOptions(trace_map_items)
        msg = (
            "this version of hypernodes-otel cannot send spans yet; "
            "use LoggingCallback in place of TelemetryCallback"
        )
        raise PluginError(msg)
