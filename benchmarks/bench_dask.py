"""`DaskEngine` against Dask by hand: ``nox -s bench -- benchmarks/bench_dask.py``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from timing import Row, compare, print_table

from hypernodes import Pipeline, SeqEngine, node
from hypernodes.engines import DaskEngine

ITEMS = list(range(10_000))


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


@node(output_name="slept")
def sleep(x: int) -> int:
    """Wait for 50 ms."""
    time.sleep(0.05)
    return x


@node(output_name="burnt")
def burn(x: int) -> int:
    """Compute for about a millisecond."""
    total = 0
    for number in range(20_000):
        total += number ^ x
    return total


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


def chunks(size: int) -> list[list[int]]:
    """Return the items in chunks."""
    return [ITEMS[start : start + size] for start in range(0, len(ITEMS), size)]


def on_threads() -> list[Row]:
    """Compare threads with the loop, with a bag, and with waiting in turn."""
    # deferred, because only this part needs it
    import dask.bag

    engine = DaskEngine("threads", num_workers=2)
    waiting = DaskEngine("threads", num_workers=8)

    def bag() -> Any:
        items = dask.bag.from_sequence(ITEMS, npartitions=10)
        return items.map(lambda x: by_hand([x])[0]).compute(scheduler="threads")

    def loop() -> list[dict[str, int]]:
        return [row for chunk in chunks(1000) for row in by_hand(chunk)]

    def ours() -> object:
        return engine.map(CHAIN, {"x": ITEMS}, "x")

    assert ours() == loop() == bag()
    return [
        compare("threads, 10k x 3 vs the loop over chunks", ours, loop, target=1.3, units=10_000),
        compare("threads, 10k x 3 vs `bag.map`", ours, bag, target=0.5, units=10_000),
        compare(
            "8 x 50 ms asleep on 8 threads vs 100 ms",
            lambda: waiting.map(Pipeline([sleep]), {"x": list(range(8))}, "x"),
            lambda: time.sleep(0.1),
            target=1,
        ),
    ]


def on_processes() -> list[Row]:
    """Compare two processes with one, on work that computes."""
    engine = DaskEngine("processes", num_workers=2)
    inputs = {"x": list(range(2000))}
    try:
        return [
            compare(
                "2,000 x 1 ms computing, two processes vs SeqEngine",
                lambda: engine.map(Pipeline([burn]), inputs, "x"),
                lambda: SeqEngine().map(Pipeline([burn]), inputs, "x"),
                target=1 / 1.6,
                units=2000,
                repeats=3,
            )
        ]
    finally:
        engine.close()


def on_a_cluster() -> list[Row]:
    """Compare a local cluster with ``Client.map`` in chunks of 1,000."""
    # deferred: only the process that starts it needs it
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"
        ) as cluster,
        Client(cluster) as client,
    ):
        engine = DaskEngine(client=client)

        def mapped() -> list[dict[str, int]]:
            found: list[Any] = client.gather(client.map(by_hand, chunks(1000), pure=False))
            return [row for part in found for row in part]

        def ours() -> object:
            return engine.map(CHAIN, {"x": ITEMS}, "x")

        assert ours() == mapped()
        what = "distributed, 10k x 3 vs `Client.map` of 1,000 items"
        return [compare(what, ours, mapped, target=1.3, units=10_000)]


def main() -> None:
    """Run all comparisons."""
    parts: list[Callable[[], list[Row]]] = [on_threads, on_processes, on_a_cluster]
    print_table("Dask", [row for part in parts for row in part()])
    print(f"\n{os.cpu_count()} processors; the processes need both of them free")


if __name__ == "__main__":
    main()
