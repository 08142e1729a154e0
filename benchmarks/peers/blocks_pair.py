"""What Hamilton needs to map the functions of `work_pair`: a block that opens and ends."""

from hamilton.htypes import Collect, Parallelizable


def v0(items: list) -> Parallelizable[int]:
    """Open the block: one task for each item."""
    yield from items


def found(v2: Collect[int]) -> list:
    """End it: all results in order."""
    return list(v2)
