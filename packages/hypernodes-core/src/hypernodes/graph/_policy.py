"""What a node asks for its calls: to be repeated, to end in time, to keep a pace.

Decides how these wishes are spelled, and refuses at once those that make no
sense.  How they are fulfilled is decided in `execution`: nothing here waits
or calls.  None of it enters a key, because it does not change a result.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Final

import attrs

from hypernodes.errors import NodeDefinitionError

_UNITS: Final = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
_RATE: Final = re.compile(
    rf"\s*(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)?\s*({'|'.join(_UNITS)})\s*", re.IGNORECASE
)


def _refuse(record: object, attribute: attrs.Attribute[Any], wanted: str, value: object) -> None:
    """Raise what says that an attribute of a record has a value that makes no sense."""
    msg = f"{attribute.name} of {type(record).__name__} must be {wanted}, got {value!r}"
    raise NodeDefinitionError(msg)


def _is_number(value: object, kind: Any = Real) -> bool:
    """Say whether *value* is a finite number; True and False are none."""
    return isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value)


def _positive(record: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not _is_number(value) or value <= 0:
        _refuse(record, attribute, "a number above 0", value)


def _whole(record: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not _is_number(value, Integral) or value < 1:
        _refuse(record, attribute, "a whole number of at least 1", value)


def _seconds(record: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not _is_number(value) or value < 0:
        _refuse(record, attribute, "a number of seconds, 0 or more", value)


def _growth(record: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not _is_number(value) or value < 1:
        _refuse(record, attribute, "a number of at least 1", value)


def _share(record: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not _is_number(value) or not 0 <= value <= 1:
        _refuse(record, attribute, "a share between 0 and 1", value)


def _end(record: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and (not _is_number(value) or value <= 0):
        msg = f"timeout of a node must be a number of seconds above 0, got {value!r}"
        raise NodeDefinitionError(msg)


def _exceptions(record: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not value or not all(_is_exception_type(each) for each in value):
        _refuse(record, attribute, "one or more subclasses of Exception", value)


def _is_exception_type(value: object) -> bool:
    # what only BaseException covers ends a program: interrupts, exits, cancellations
    return isinstance(value, type) and issubclass(value, Exception)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


@attrs.frozen
class Retry:
    """Call again after a failure, and wait longer each time.

    After the n-th failure the wait is ``wait * factor ** (n - 1)`` seconds,
    at most *max_wait*; chance shortens it by up to the share *jitter*, so
    that calls which failed together do not come back together.

    Attributes:
        attempts: The most calls, the first one included.
        on: The exception class, or classes, after which to call again;
            others are raised at once.
        wait: The seconds after the first failure.
        factor: How many times longer each wait is than the one before.
        max_wait: The longest wait, in seconds.
        jitter: The share of each wait that chance may take away, 0 to 1.

    Raises:
        NodeDefinitionError: A value makes no sense.

    Example:
        >>> patient = Retry(attempts=5, on=ConnectionError, wait=0.5)
        >>> [patient.seconds_after(failures) for failures in (1, 2, 3)]
        [0.5, 1.0, 2.0]
    """

    attempts: int = attrs.field(default=3, validator=_whole)
    on: tuple[type[Exception], ...] = attrs.field(
        default=(Exception,), converter=_as_tuple, validator=_exceptions
    )
    wait: float = attrs.field(default=0.1, validator=_seconds)
    factor: float = attrs.field(default=2.0, validator=_growth)
    max_wait: float = attrs.field(default=60.0, validator=_seconds)
    jitter: float = attrs.field(default=0.5, validator=_share)

    def __attrs_post_init__(self) -> None:
        if self.wait > self.max_wait:
            msg = (
                f"wait of Retry is {self.wait} seconds and its max_wait {self.max_wait}; "
                "raise max_wait"
            )
            raise NodeDefinitionError(msg)

    def seconds_after(self, failures: int) -> float:
        """Return the longest wait after so many failures, in seconds."""
        try:
            return min(float(self.wait * self.factor ** (failures - 1)), float(self.max_wait))
        except OverflowError:
            return float(self.max_wait)


@attrs.frozen
class RateLimit:
    """Start at most so many calls in a time, evenly spaced.

    A limit holds for one node in one process, over all its threads and event
    loops.  Where an engine has several worker processes each keeps the limit
    for itself: give it *calls* divided by the number of workers.

    Attributes:
        calls: How many calls.
        per_seconds: In how many seconds.
        burst: How many calls may start at once after a pause; 1 keeps them
            evenly spaced throughout.

    Raises:
        NodeDefinitionError: A value makes no sense.

    Example:
        >>> RateLimit(600, per_seconds=60).interval
        0.1
    """

    calls: float = attrs.field(validator=_positive)
    per_seconds: float = attrs.field(default=1.0, validator=_positive)
    burst: int = attrs.field(default=1, validator=_whole)

    @property
    def interval(self) -> float:
        """The seconds from one call to the next."""
        return self.per_seconds / self.calls


RetryOption = int | Retry | Mapping[type[Exception], int | Retry]
RateOption = str | float | RateLimit


def _new_id() -> str:
    return os.urandom(16).hex()


@attrs.frozen
class CallPolicy:
    """All that a node asks for its calls.

    Attributes:
        retries: What is called again after which exceptions.
        timeout: The seconds that one attempt may take; None for no end.
        rate_limit: How often calls may start.
        limit_id: What copies of one node share a limit by; it travels with
            them and takes no part in comparisons.
    """

    retries: tuple[Retry, ...] = ()
    timeout: float | None = attrs.field(default=None, validator=_end)
    rate_limit: RateLimit | None = None
    limit_id: str = attrs.field(factory=_new_id, eq=False, repr=False)

    def find_retry(self, error: BaseException) -> Retry | None:
        """Return what holds after *error*: of all rules the one for its most specific class."""
        for kind in type(error).__mro__:
            for retry in self.retries:
                if kind in retry.on:
                    return retry
        return None

    def renew(self) -> CallPolicy:
        """Return the same policy for another node, which has a limit of its own."""
        return attrs.evolve(self, limit_id=_new_id())


def read_policy(
    retry: RetryOption | None = None,
    timeout: float | None = None,
    rate_limit: RateOption | None = None,
) -> CallPolicy | None:
    """Return the policy that the options of a node spell; None where they ask for nothing.

    Args:
        retry: The most attempts, a `Retry`, or either for each of several
            exception classes: ``{ConnectionError: 5, TimeoutError: Retry(2)}``.
        timeout: The seconds that one attempt may take.
        rate_limit: ``"10/s"``, ``"600/min"``, a number of calls per second,
            or a `RateLimit`.

    Raises:
        NodeDefinitionError: An option makes no sense.

    Example:
        >>> read_policy(timeout=1.5, rate_limit="600/min").rate_limit
        RateLimit(calls=600.0, per_seconds=60.0, burst=1)
    """
    if retry is None and timeout is None and rate_limit is None:
        return None
    retries = () if retry is None else _read_retries(retry)
    return CallPolicy(retries, timeout, None if rate_limit is None else _read_rate(rate_limit))


def _read_retries(option: object) -> tuple[Retry, ...]:
    if isinstance(option, Mapping):
        if not option:
            msg = "retry of a node names no exception; give {exception class: attempts}"
            raise NodeDefinitionError(msg)
        return tuple(_read_rule(kind, each) for kind, each in option.items())
    return (_read_retry(option, "retry of a node"),)


def _read_rule(kind: Any, option: object) -> Retry:
    """Return the rule for one exception class."""
    if not _is_exception_type(kind):
        msg = f"retry of a node is given for {kind!r}, which is no subclass of Exception"
        raise NodeDefinitionError(msg)
    retry = _read_retry(option, f"retry of a node for {kind.__name__}")
    if retry.on not in {(Exception,), (kind,)}:
        msg = (
            f"retry of a node for {kind.__name__} holds a Retry with an on= of its own; "
            "leave on= out, the key says it"
        )
        raise NodeDefinitionError(msg)
    return attrs.evolve(retry, on=(kind,))


def _read_retry(option: Any, owner: str) -> Retry:
    if isinstance(option, Retry):
        return option
    if not _is_number(option, Integral) or option < 1:
        msg = (
            f"{owner} must be a number of attempts of at least 1, a Retry, or a dictionary "
            f"of either by exception class, got {option!r}"
        )
        raise NodeDefinitionError(msg)
    return Retry(option)


def _read_rate(option: Any) -> RateLimit:
    if isinstance(option, RateLimit):
        return option
    match = _RATE.fullmatch(option) if isinstance(option, str) else None
    if match is not None:
        return RateLimit(float(match[1]), float(match[2] or 1) * _UNITS[match[3].lower()])
    if not _is_number(option) or option <= 0:
        msg = (
            f"rate_limit of a node must be like '10/s' or '600/min', a number of calls per "
            f"second above 0, or a RateLimit, got {option!r}"
        )
        raise NodeDefinitionError(msg)
    return RateLimit(option)
