"""One function for the inner items, one for each list of their results."""

from typing import Any


def v1(v0: int) -> int:
    """Return one more."""
    return v0 + 1


def total(values: Any) -> int:
    """Return the sum."""
    return int(sum(values))
