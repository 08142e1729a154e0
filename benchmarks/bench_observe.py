"""What watching costs: progress bars, records of runs and logs, on a map of short items.

The items measure their own work, so that what is left is the cost of carrying
it out and of watching; the best of several maps counts, because whatever else
the machine does can only add.  Run it with ``python benchmarks/bench_observe.py``.
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

ITEMS = 1000
SECONDS = 0.001
ROUNDS = 5


@node(output_name="worked")
def work(x: int, seconds: float) -> float:
    """Keep the processor busy and return how long it really was."""
    started = time.process_time()
    while time.process_time() - started < seconds:
        pass
    return time.process_time() - started


PIPELINE = Pipeline(nodes=[work], name="workers")


def measure(make: Callable[[], object] | None) -> float:
    """Return the processor seconds per item of one map, beside its work."""
    engine = SeqEngine(callbacks=None if make is None else [make()])
    inputs = {"x": range(ITEMS), "seconds": SECONDS}
    started = time.process_time()
    rows = PIPELINE.map(inputs=inputs, map_over="x", engine=engine)
    return (time.process_time() - started - sum(row["worked"] for row in rows)) / ITEMS


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


def main() -> None:
    """Print the overhead of every way of watching."""
    plain = min(measure(None) for _ in range(ROUNDS))
    print(f"map of {ITEMS} items of {SECONDS * 1000:.0f} ms; added by watching, per item")
    for name, make in {
        "progress, terminal": terminal,
        "progress, lines": lines,
        "logging": log,
        "record of the run": record,
    }.items():
        added = min(measure(make) for _ in range(ROUNDS)) - plain
        print(f"  {name:<20} {added * 1e6:6.0f} us  {100 * added / SECONDS:5.1f} %")


if __name__ == "__main__":
    main()
