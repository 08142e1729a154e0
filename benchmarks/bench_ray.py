"""`RayEngine` against Ray by hand: ``nox -s bench -- benchmarks/bench_ray.py``."""

from __future__ import annotations

import logging
import os
from typing import Any

from timing import Row, compare, print_table

from hypernodes import Pipeline, node
from hypernodes.engines import RayEngine

ITEMS = list(range(10_000))
#: One task per item is slow, so fewer items stand for all.
_FEW = 1000


@node(output_name="a")
def add(x: int) -> int:
    """Return one more."""
    return x + 1


@node(output_name="b")
def double(a: int) -> int:
    """Return twice as much."""
    return a * 2


@node(output_name="c")
def subtract(b: int) -> int:
    """Return three less."""
    return b - 3


CHAIN = Pipeline([add, double, subtract])
_CALLS = (add.func, double.func, subtract.func)


def by_hand(items: list[int]) -> list[dict[str, int]]:
    """Return what the chain gives for a chunk of items."""
    one, two, three = _CALLS
    rows = []
    for x in items:
        a = one(x)
        b = two(a)
        rows.append({"a": a, "b": b, "c": three(b)})
    return rows


def mapping(ray: Any) -> list[Row]:
    """Compare with tasks of 1,000 items, and with a task per item."""
    task = ray.remote(by_hand)
    engine = RayEngine()

    def tasks(size: int, count: int) -> list[dict[str, int]]:
        parts = [task.remote(ITEMS[start : start + size]) for start in range(0, count, size)]
        return [row for part in ray.get(parts) for row in part]

    def ours(count: int = len(ITEMS)) -> list[Any]:
        return engine.map(CHAIN, {"x": ITEMS[:count]}, "x")

    assert ours() == tasks(1000, len(ITEMS))
    many = compare(
        "10k x 3 vs tasks of 1,000 items",
        ours,
        lambda: tasks(1000, len(ITEMS)),
        target=1.5,
        units=len(ITEMS),
    )
    single = compare(
        "per item, 10k x 3 vs a task per item",
        ours,
        lambda: tasks(1, _FEW),
        units=len(ITEMS),
        repeats=5,
    )
    # the yardstick did a tenth of the items
    share = single.ratio * _FEW / len(ITEMS)
    return [many, Row(single.what, single.measured, share, 0.05)]


def main() -> None:
    """Run all comparisons on a Ray of two processors."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    # deferred: the variables come first
    import ray

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _node_ip_address="127.0.0.1",
    )
    print_table("Ray", mapping(ray))


if __name__ == "__main__":
    main()
