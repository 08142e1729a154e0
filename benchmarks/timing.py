"""Honest ratios: a candidate and its yardstick, in turn, in one process, medians."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable

import attrs


@attrs.frozen
class Row:
    """One line of a table.

    Attributes:
        what: What was measured.
        measured: The median of the candidate, in seconds per unit.
        ratio: The median ratio to the yardstick.
        target: What the ratio should not exceed; None where there is no target.
    """

    what: str
    measured: float
    ratio: float
    target: float | None = None


def compare(
    what: str,
    candidate: Callable[[], object],
    yardstick: Callable[[], object],
    *,
    target: float | None = None,
    units: int = 1,
    repeats: int = 7,
) -> Row:
    """Time both in turn and return the median ratio.

    Args:
        what: What is measured.
        candidate: Our code.
        yardstick: The same work by hand.
        target: What the ratio should not exceed.
        units: How many items one call stands for.
        repeats: How often each is called, after one call to warm up.
    """
    candidate()
    yardstick()
    times: list[float] = []
    ratios: list[float] = []
    for _ in range(repeats):
        base = _time(yardstick)
        times.append(_time(candidate))
        ratios.append(times[-1] / base)
    return Row(what, statistics.median(times) / units, statistics.median(ratios), target)


def _time(call: Callable[[], object]) -> float:
    gc.collect()
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def print_table(title: str, rows: Iterable[Row]) -> None:
    """Print *rows* as a Markdown table."""
    print(f"\n### {title}\n")
    print("| what | measured | ratio to yardstick | target |")
    print("|---|---|---|---|")
    for row in rows:
        target = "" if row.target is None else f"<= {row.target:g}"
        print(f"| {row.what} | {_show(row.measured)} | {row.ratio:.2f} | {target} |")


def _show(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
