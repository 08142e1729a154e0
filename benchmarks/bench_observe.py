"""What watching costs: progress bars, records of runs and logs, on a map of short items.

Every callback is measured against the same map without one, in processor time,
the best of several runs each.  Run it with ``python benchmarks/bench_observe.py``.
"""

from __future__ import annotations

import io
import logging
import tempfile
import time
from collections.abc import Callable

from rich.console import Console

from hypernodes import LoggingCallback, Pipeline, SeqEngine, node
from hypernodes.callbacks import ProgressCallback, RunRecord

ITEMS = 2000
SECONDS = 0.001
ROUNDS = 3


@node(output_name="sum")
def work(x: int, loops: int) -> int:
    """Keep the processor busy, as real work does."""
    for number in range(loops):
        x += number
    return x


PIPELINE = Pipeline(nodes=[work], name="workers")


def calibrate() -> int:
    """Return the number of loops that take as long as an item should."""
    loops = 20_000
    started = time.process_time()
    for _ in range(20):
        work.func(0, loops)
    return round(loops * 20 * SECONDS / (time.process_time() - started))


LOOPS = calibrate()


def measure(engine: SeqEngine) -> float:
    """Return the processor seconds of one map."""
    started = time.process_time()
    PIPELINE.map(inputs={"x": range(ITEMS), "loops": LOOPS}, map_over="x", engine=engine)
    return time.process_time() - started


def terminal() -> ProgressCallback:
    """Return bars that are really drawn, 120 columns wide."""
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=40)
    return ProgressCallback(console=console)


def lines() -> ProgressCallback:
    """Return the progress of a pipe or a log."""
    return ProgressCallback(console=Console(file=io.StringIO(), width=120))


def log() -> LoggingCallback:
    """Return a callback that logs nothing per item, as is the default."""
    logger = logging.Logger("bench", logging.INFO)
    logger.addHandler(logging.NullHandler())
    return LoggingCallback(logger)


def record() -> RunRecord:
    """Return a callback that keeps everything."""
    return RunRecord(tempfile.mkdtemp())


def overhead(make: Callable[[], object], plain: float) -> float:
    """Return what *make*'s callback adds to a map that takes *plain* seconds, as a share."""
    # the best of several: whatever else the machine does can only add
    watched = min(measure(SeqEngine(callbacks=[make()])) for _ in range(ROUNDS))
    return watched / plain - 1


def main() -> None:
    """Print the overhead of every way of watching."""
    plain = min(measure(SeqEngine()) for _ in range(ROUNDS + 1))
    print(f"map of {ITEMS} items of {SECONDS * 1000:.0f} ms, processor time added by")
    for name, make in {
        "progress, terminal": terminal,
        "progress, lines": lines,
        "logging": log,
        "record of the run": record,
    }.items():
        print(f"  {name:<20} {100 * overhead(make, plain):5.1f} %")


if __name__ == "__main__":
    main()
