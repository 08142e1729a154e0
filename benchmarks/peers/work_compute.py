"""A function that takes some milliseconds of one processor."""


def v1(v0: int) -> int:
    """Return a sum that has to be added up."""
    return sum(number * number % 7 for number in range(40_000 + v0))
