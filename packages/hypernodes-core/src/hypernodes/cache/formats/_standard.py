"""What values of the standard library are made of, and how they are made again.

Exact types only: a subclass may hold more.  Each kind is short, because it is
written beside every such value, and never changes its meaning.
"""

from __future__ import annotations

import datetime as dt
import pathlib
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from hypernodes.cache.formats._refusal import NotDataError
from hypernodes.errors import SerializationError

Parts = tuple[Any, ...]

_PATHS: Final[dict[str, type[pathlib.PurePath]]] = {
    kind.__name__: kind
    for kind in (
        pathlib.PosixPath,
        pathlib.WindowsPath,
        pathlib.PurePosixPath,
        pathlib.PureWindowsPath,
    )
}
_FACTORIES: Final[dict[str, type]] = {
    kind.__name__: kind
    for kind in (bool, bytes, dict, float, frozenset, int, list, set, str, tuple)
}


def _reduce_time(value: dt.time) -> Parts:
    clock = (value.hour, value.minute, value.second, value.microsecond)
    return "time", *clock, value.tzinfo, value.fold


def _rebuild_time(
    hour: int, minute: int, second: int, micro: int, zone: dt.tzinfo | None, fold: int
) -> dt.time:
    return dt.time(hour, minute, second, micro, zone, fold=fold)


def _reduce_datetime(value: dt.datetime) -> Parts:
    return "datetime", value.toordinal(), *_reduce_time(value.timetz())[1:]


def _rebuild_datetime(day: int, *clock: Any) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromordinal(day), _rebuild_time(*clock))


def _reduce_timezone(value: dt.timezone) -> Parts:
    if value is dt.UTC:
        return ("utc",)
    offset = value.utcoffset(None)
    # an unnamed one is named after its offset
    name = value.tzname(None)
    return "timezone", offset, None if dt.timezone(offset).tzname(None) == name else name


def _rebuild_timezone(offset: dt.timedelta, name: str | None) -> dt.timezone:
    return dt.timezone(offset) if name is None else dt.timezone(offset, name)


def _reduce_zone(value: zoneinfo.ZoneInfo) -> Parts:
    if value.key is None or zoneinfo.ZoneInfo(value.key) is not value:
        msg = "a time zone was read from a file or kept out of the cache of zones"
        raise NotDataError(msg)
    return "zone", value.key


def _reduce_uuid(value: uuid.UUID) -> Parts:
    return "uuid", value.bytes, value.is_safe.value


def _rebuild_uuid(data: bytes, is_safe: int | None) -> uuid.UUID:
    return uuid.UUID(bytes=data, is_safe=uuid.SafeUUID(is_safe))


def _reduce_path(value: pathlib.PurePath) -> Parts:
    return "path", type(value).__name__, str(value)


def _rebuild_path(kind: str, text: str) -> pathlib.PurePath:
    return _PATHS[kind](text)


def _reduce_deque(value: deque[Any]) -> Parts:
    return "deque", list(value), value.maxlen


def _reduce_defaults(value: defaultdict[Any, Any]) -> Parts:
    factory = value.default_factory
    if factory is None:
        return "defaultdict", None, dict(value)
    name = getattr(factory, "__name__", "")
    if _FACTORIES.get(name) is not factory:
        msg = f"the factory of a defaultdict is {factory!r}"
        raise NotDataError(msg)
    return "defaultdict", name, dict(value)


def _rebuild_defaults(name: str | None, values: dict[Any, Any]) -> defaultdict[Any, Any]:
    return defaultdict(None if name is None else _FACTORIES[name], values)


def _rebuild_counter(values: dict[Any, int]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    dict.update(found, values)
    return found


def _rebuild_range(*bounds: int) -> range:
    # a subclass of int would be kept as it is
    if not all(type(bound) is int for bound in bounds):
        msg = "the bounds of a range are not whole numbers"
        raise SerializationError(msg)
    return range(*bounds)


def _ordered(items: Iterable[tuple[Any, Any]]) -> OrderedDict[Any, Any]:
    return OrderedDict(items)


REDUCERS: Final[dict[type, Callable[[Any], Parts]]] = {
    Counter: lambda v: ("counter", dict(v)),
    Decimal: lambda v: ("decimal", str(v)),
    Fraction: lambda v: ("fraction", v.numerator, v.denominator),
    OrderedDict: lambda v: ("ordereddict", list(v.items())),
    complex: lambda v: ("complex", v.real, v.imag),
    defaultdict: _reduce_defaults,
    deque: _reduce_deque,
    dt.date: lambda v: ("date", v.toordinal()),
    dt.datetime: _reduce_datetime,
    dt.time: _reduce_time,
    dt.timedelta: lambda v: ("timedelta", v.days, v.seconds, v.microseconds),
    dt.timezone: _reduce_timezone,
    range: lambda v: ("range", v.start, v.stop, v.step),
    slice: lambda v: ("slice", v.start, v.stop, v.step),
    type(...): lambda v: ("...",),
    type(NotImplemented): lambda v: ("NotImplemented",),
    uuid.UUID: _reduce_uuid,
    zoneinfo.ZoneInfo: _reduce_zone,
    **dict.fromkeys(_PATHS.values(), _reduce_path),
}
REBUILDERS: Final[dict[str, Callable[..., Any]]] = {
    "...": lambda: ...,
    "NotImplemented": lambda: NotImplemented,
    "complex": complex,
    "counter": _rebuild_counter,
    "date": dt.date.fromordinal,
    "datetime": _rebuild_datetime,
    "decimal": Decimal,
    "defaultdict": _rebuild_defaults,
    "deque": deque,
    "fraction": Fraction,
    "ordereddict": _ordered,
    "path": _rebuild_path,
    "range": _rebuild_range,
    "slice": slice,
    "time": _rebuild_time,
    "timedelta": dt.timedelta,
    "timezone": _rebuild_timezone,
    "utc": lambda: dt.UTC,
    "uuid": _rebuild_uuid,
    "zone": zoneinfo.ZoneInfo,
}
