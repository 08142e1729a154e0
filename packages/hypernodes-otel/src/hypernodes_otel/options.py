"""The settings of a `TelemetryCallback`: frozen, and checked when it is made."""

from __future__ import annotations

import attrs


@attrs.frozen
class TelemetryOptions:
    """What becomes a span.

    Attributes:
        trace_map_items: Whether each item of a map has a span of its own.

    Raises:
        TypeError: A setting is of the wrong type.
    """

    trace_map_items: bool = attrs.field(default=True, validator=attrs.validators.instance_of(bool))
