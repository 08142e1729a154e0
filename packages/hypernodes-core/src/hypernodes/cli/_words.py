"""Numbers and times, as people say them."""

from __future__ import annotations

import time
from typing import Final

_UNITS: Final = ("B", "KB", "MB", "GB", "TB", "PB")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def seconds(value: float) -> str:
    """Return a duration in the unit a person would use.

    Example:
        >>> [seconds(each) for each in (0, 0.00004, 0.0412, 3.21, 42.4, 185, 7800)]
        ['0 s', '<0.1 ms', '41 ms', '3.2 s', '42 s', '3 min 05 s', '2 h 10 min']
    """
    if value < 1:
        small = "0 s" if value == 0 else "<0.1 ms"
        return small if value < 0.0001 else f"{value * 1000:.{int(value < 0.01)}f} ms"
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR:02d} h"


def size(value: float) -> str:
    """Return a number of bytes in the unit a person would use.

    Example:
        >>> [size(each) for each in (0, 999, 1536, 3_000_000)]
        ['0 B', '999 B', '1.5 KB', '3.0 MB']
    """
    unit = 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return (
        f"{value:.0f} {_UNITS[unit]}"
        if unit == 0 or value >= 100
        else f"{value:.1f} {_UNITS[unit]}"
    )


def moment(value: float) -> str:
    """Return a time of today by the clock, another with its date."""
    then, now = time.localtime(value), time.localtime()
    is_today = then[:3] == now[:3]
    return time.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M", then)


def count(number: int, noun: str) -> str:
    """Return a number with its noun.

    Example:
        >>> count(1, "item"), count(1200, "item")
        ('1 item', '1,200 items')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
