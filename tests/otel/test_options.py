"""Settings, and which items of a map are sampled."""

from __future__ import annotations

import pytest

from hypernodes_otel.options import TelemetryOptions


@pytest.mark.parametrize(("total", "count"), [(0, 0), (1, 1), (10, 10), (11, 6), (100, 10)])
def test_at_most_the_limit_is_sampled(total: int, count: int) -> None:
    """Of a map that is larger than the limit every n-th item is taken."""
    options = TelemetryOptions(max_traced_items=10)
    assert sum(options.is_sampled(item, total) for item in range(total)) == count


def test_of_a_stream_the_first_items_are_sampled() -> None:
    """Nobody knows how many will come."""
    options = TelemetryOptions(max_traced_items=10)
    assert [item for item in range(30) if options.is_sampled(item, None)] == list(range(10))


def test_nothing_is_sampled_where_items_are_not_traced() -> None:
    """``trace_map_items=False`` wins over the limit."""
    assert not TelemetryOptions(trace_map_items=False).is_sampled(0, 1)


@pytest.mark.parametrize("limit", ["10", 2.5, True])
def test_a_limit_is_a_whole_number(limit: object) -> None:
    """Another type is refused when the callback is made."""
    with pytest.raises(TypeError, match="max_traced_items must be a whole number"):
        TelemetryOptions(max_traced_items=limit)


def test_a_limit_is_above_zero() -> None:
    """The message names the switch that turns items off."""
    with pytest.raises(ValueError, match="trace_map_items=False traces none"):
        TelemetryOptions(max_traced_items=0)
