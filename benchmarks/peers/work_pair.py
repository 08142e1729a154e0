"""Two functions that do next to nothing."""


def v1(v0: int) -> int:
    """Return one more."""
    return v0 + 1


def v2(v1: int) -> int:
    """Return twice as much."""
    return v1 * 2
