"""How progress is put into words: numbers, units, and one line per pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypernodes.callbacks._progress_board import Board, Row

_SHORTEST = 0.001
_TENTHS_BELOW = 10
_RATE_TENTHS_BELOW = 100
_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def format_seconds(seconds: float, *, is_running: bool = False) -> str:
    """Return *seconds* in the unit a person would use.

    A running time never shows milliseconds, so that it ticks calmly.

    Example:
        >>> [format_seconds(s) for s in (0.0004, 0.41, 3.21, 42.4, 185, 7800, 100_000)]
        ['<1 ms', '410 ms', '3.2 s', '42 s', '3 min 05 s', '2 h 10 min', '1 d 03 h']
        >>> format_seconds(0.41, is_running=True)
        '0.4 s'
    """
    if seconds < 1 and not is_running:
        return "<1 ms" if seconds < _SHORTEST else f"{seconds * 1000:.0f} ms"
    if seconds < _TENTHS_BELOW:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR:02d} h"


def format_rate(rate: float) -> str:
    """Return items per second, or seconds per item where that reads better.

    Example:
        >>> format_rate(1234.5), format_rate(12.34), format_rate(0.25)
        ('1,234/s', '12.3/s', '4.0 s each')
    """
    if rate >= _RATE_TENTHS_BELOW:
        return f"{rate:,.0f}/s"
    if rate >= 1:
        return f"{rate:.1f}/s"
    return f"{format_seconds(1 / rate)} each"


def counted(row: Row) -> tuple[int, int, int, int]:
    """Return how many are done, of how many, how many hits and how many failed.

    A map counts its items, a node in a map its uses, and a pipeline that runs
    once its nodes.
    """
    items = row.items
    if items is not None and not row.hits:
        return items.done, max(row.rounds, items.done), items.hits, items.failed
    if row.children and row.expected == 1 and not row.hits:
        nodes = list(row.children.values())
        ended = sum(min(node.done, node.shares) for node in nodes)
        hits, failed = sum(n.hits for n in nodes), sum(n.failed for n in nodes)
        return ended, sum(node.shares for node in nodes), hits, failed
    return row.done, row.expected, row.hits, row.failed


def seconds_left(row: Row) -> float | None:
    """Return the time a map still needs at its present pace, if that is known."""
    rate, (done, total, _, _) = pace(row), counted(row)
    return None if rate is None or done >= total else (total - done) / rate


def pace(row: Row) -> float | None:
    """Return how many items a running map ends in a second, if that is known and of use."""
    if row.items is None or row.running_since is None or row.is_inside_map:
        return None
    is_through = counted(row)[0] >= counted(row)[1] and not row.is_endless
    return None if is_through else row.items.pace.rate


def describe_start(row: Row) -> str:
    """Return the line that announces a pipeline."""
    if row.items is not None:
        what = "a stream" if row.items.is_stream else _number(row.items.announced, "item")
        return f"{row.path}: map over {what}"
    return f"{row.path}: {_number(counted(row)[1], 'node')}"


def describe_progress(row: Row, now: float) -> str:
    """Return the line that says how far a pipeline is."""
    parts = [_how_far(row), *_extras(row), format_seconds(row.elapsed(now))]
    left, rate = seconds_left(row), pace(row)
    if rate is not None:
        parts.insert(-1, format_rate(rate))
    if left is not None:
        parts.append(f"{format_seconds(left, is_running=True)} left")
    return f"{row.path}: {', '.join(parts)}"


def describe_end(row: Row, now: float) -> str:
    """Return the line that says that a pipeline has succeeded."""
    done, _, _, _ = counted(row)
    what = _number(done, "node" if row.items is None else "item")
    parts = [f"done in {format_seconds(row.elapsed(now))}", what, *_extras(row)]
    return f"{row.path}: {', '.join(parts)}"


def describe_stop(row: Row, board: Board, now: float) -> str:
    """Return the line that says why a pipeline has not succeeded, and how far it came."""
    took, so_far = format_seconds(row.elapsed(now)), ", ".join([_how_far(row), *_extras(row)])
    if board.error is None:
        return f"{row.path}: stopped after {took} at {so_far}"
    node_id, error = board.error
    return f"{row.path}: failed after {took} at {so_far}: {type(error).__name__} in node {node_id}"


def _how_far(row: Row) -> str:
    done, total, _, _ = counted(row)
    unit = "nodes" if row.items is None else "items"
    if row.items is not None and row.items.is_stream:
        return _number(done, "item")
    share = f" ({100 * done // total} %)" if row.items is not None and total else ""
    return f"{done:,}/{total:,} {unit}{share}"


def _extras(row: Row) -> list[str]:
    _, _, hits, failed = counted(row)
    return [
        *([_number(hits, "hit")] if hits else []),
        *([f"{failed:,} failed"] if failed else []),
    ]


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
