"""The settings of a `TelemetryCallback`: frozen, and checked when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from hypernodes.events import Run


def _check_limit(_options: object, attribute: attrs.Attribute[int], value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        msg = f"{attribute.name} must be a whole number, got {type(value).__name__}"
        raise TypeError(msg)
    if value < 1:
        msg = f"{attribute.name} must be at least 1, got {value}; trace_map_items=False traces none"
        raise ValueError(msg)


@attrs.frozen
class TelemetryOptions:
    """What becomes a span.

    Attributes:
        trace_map_items: Whether items of a map, and what happens in them,
            have spans of their own.
        max_traced_items: How many items of one map have; of a larger map
            every n-th one, and every one that fails.

    Raises:
        TypeError: A setting is of the wrong type.
        ValueError: A limit is below 1.
    """

    trace_map_items: bool = attrs.field(default=True, validator=attrs.validators.instance_of(bool))
    max_traced_items: int = attrs.field(default=1000, validator=_check_limit)

    def is_sampled(self, item: int, total: int | None) -> bool:
        """Say whether item number *item* of a map over *total* has a span.

        Of a stream, whose length nobody knows, the first ones have.

        Every process decides alike, because only the two numbers count.
        """
        if not self.trace_map_items:
            return False
        if total is None:
            return item < self.max_traced_items
        every = -(-total // self.max_traced_items)
        return every < 2 or item % every == 0

    def is_traced(self, run: Run, item: int | None) -> bool:
        """Say whether *item* of *run* has spans, judged by all the maps around it."""
        around: Run | None = run
        while around is not None:
            is_item = around.is_map and item is not None
            if is_item and not self.is_sampled(item or 0, around.total):
                return False
            item = around.parent_item
            around = around.parent
        return True

    def nearest_traced(self, run: Run) -> Run:
        """Return the innermost run around *run*, itself included, that has a span."""
        while run.parent is not None and not self.is_traced(run, None):
            run = run.parent
        return run
