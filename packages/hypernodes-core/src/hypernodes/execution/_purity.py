"""Did a function change what it was given?  Then its item is no longer cached.

A result is stored under the fingerprints that its arguments had when the call
began.  Where a call leaves an argument changed, the first run goes on with
the changed value and a run of hits would not, so nothing that is computed for
that item from then on is stored, and a recorded value is read back for later
nodes and for the caller.  Without a cache this is plain Python: nothing is
checked.

Small arguments are looked at after every call; large ones after the first
call of a step in a run, because who changes an array mostly changes it each
time, and after every call beside which looking costs little.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from hypernodes.errors import FingerprintError
from hypernodes.execution._context import Level
from hypernodes.execution._rows import Linked, Row, outward
from hypernodes.hashing import fingerprint, is_of_value
from hypernodes.plan import Step
from hypernodes.values import is_stateful

_SMALL_BYTES: Final = 1 << 20
#: About what fingerprints manage, and how much of a call they may add to it.
_BYTES_A_SECOND: Final = 1e9
_SHARE: Final = 0.05
_IMMUTABLE: Final = (str, bytes, int, float, complex, type(None), type)


def fingerprint_arguments(level: Level, step: Step, row: Row) -> dict[str, bytes]:
    """Return, before a call of *step*, the fingerprints of what it could change."""
    if level.cache is None or row.keys.get(step.index) is None or row.is_tainted:
        return {}
    if level.context.rules.check_mutation == "never":
        return {}
    found: dict[str, bytes] = {}
    for _, name in step.arguments:
        value = row.values[name]
        if isinstance(value, _IMMUTABLE) or is_stateful(value):
            continue
        known = row.digest(name)
        if isinstance(known, bytes):
            # a list from a nested map is known by its items, not by itself
            found[name] = known if is_of_value(known) else _fingerprint(value)
    return found


def check_arguments(
    level: Level, step: Step, row: Row, before: dict[str, bytes], seconds: float
) -> None:
    """Look, after a call of *step*, for arguments that are not what they were *before*.

    Warns once per parameter.

    Args:
        level: The pipeline.
        step: What was called.
        row: For which item.
        before: What `fingerprint_arguments` returned.
        seconds: What the call took.

    Raises:
        CacheError: Instead of the warning, where the engine is strict.
    """
    if not before:
        return
    everything = level.note_call(step) or level.context.rules.check_mutation == "always"
    for parameter, name in step.arguments:
        if name not in before or not (everything or _is_worth_it(row.values[name], seconds)):
            continue
        if _fingerprint(row.values[name]) != before[name]:
            _taint(row, name)
            if level.cache is not None:
                level.cache.warn(
                    f"node {step.path!r} changed its input {parameter!r}, so nothing computed "
                    "from it is cached; work on a copy, or return the changed value",
                    topic=f"mutation {step.path} {parameter}",
                )


def _is_worth_it(value: Any, seconds: float) -> bool:
    """Say whether looking at *value* costs little beside the call that could have changed it."""
    size = _size(value)
    return size <= _SMALL_BYTES or size / _BYTES_A_SECOND <= _SHARE * seconds


def _fingerprint(value: Any) -> bytes:
    try:
        return fingerprint(value)
    except FingerprintError:
        return b""


def _size(value: Any) -> int:
    """Return about how many bytes *value* holds, without walking through it."""
    size: Any = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return size
    try:
        return sys.getsizeof(value)
    except TypeError:
        return 0


def _taint(row: Row, name: str) -> None:
    """Store nothing more for *row* and the rows around it; have the value read back."""
    for each in outward(row):
        each.is_tainted = True
    holder: Row | None = row
    while holder is not None:
        source = holder.sources.get(name)
        if source is not None:
            # read again where it is needed: from the cache, or through the link
            holder.values.pop(name, None)
        if not isinstance(source, Linked) or source.is_column:
            return
        holder, name = source.targets[0]
