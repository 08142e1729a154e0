"""What is known of a run, by path: for pages that show times and hits.

Takes what there is: the calls that a `Recorder` kept, the preview that
``Pipeline.plan`` gives, or counts by path from anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs


@attrs.define
class Measured:
    """What happened at one path.

    Attributes:
        runs: How often it was executed.
        hits: How often the cache answered.
        errors: How often it failed.
        seconds: How long the executions took together; None if nobody knows.
        reasons: Why it was executed.
    """

    runs: int = 0
    hits: int = 0
    errors: int = 0
    seconds: float | None = 0.0
    reasons: tuple[str, ...] = ()


def read_run(run: Any) -> dict[str, Measured]:
    """Return {path: what happened there} of *run*.

    Args:
        run: A `Recorder`, a preview, or {path: counts}, where counts are a
            `Measured`, or a mapping with some of its names as keys.

    Raises:
        TypeError: It is nothing of that.
    """
    if isinstance(run, Mapping):
        return {path: _read_counts(path, counts) for path, counts in run.items()}
    if hasattr(run, "events"):
        return _replay(run.events)
    if hasattr(run, "steps"):
        return {
            step.path: Measured(step.runs, step.hits, 0, step.seconds, tuple(step.reasons))
            for step in run.steps
        }
    msg = (
        f"cannot show a run as {type(run).__name__}; give a Recorder, the result of "
        "pipeline.plan(), or {path: {'runs': 1, 'hits': 0, 'errors': 0, 'seconds': 0.5}}"
    )
    raise TypeError(msg)


def _read_counts(path: str, counts: Any) -> Measured:
    if isinstance(counts, Measured):
        return counts
    names = [field.name for field in attrs.fields(Measured)]
    unknown = sorted(set(counts) - set(names)) if isinstance(counts, Mapping) else [repr(counts)]
    if unknown:
        msg = f"unknown counts of {path!r}: {', '.join(unknown)}; use {', '.join(names)}"
        raise TypeError(msg)
    return Measured(**counts)


def _replay(events: Iterable[tuple[str, tuple[Any, ...]]]) -> dict[str, Measured]:
    """Return what the calls add up to: what started and has not ended is around the rest."""
    started: list[str] = []
    found: dict[str, Measured] = {}
    for name, arguments in events:
        if name == "node_start":
            started.append(arguments[0])
        elif name in {"node_end", "node_cached", "error"}:
            has_started = bool(started) and started[-1] == arguments[0] and name != "node_cached"
            path = [*started] if has_started else [*started, arguments[0]]
            _count(found.setdefault("/".join(path), Measured()), name, arguments)
            if has_started:
                started.pop()
    return found


def _count(measured: Measured, name: str, arguments: tuple[Any, ...]) -> None:
    if name == "node_cached":
        measured.hits += 1
    elif name == "error":
        measured.errors += 1
        measured.reasons = (*measured.reasons, f"{type(arguments[1]).__name__}: {arguments[1]}")[:5]
    else:
        measured.runs += 1
        measured.seconds = (measured.seconds or 0.0) + arguments[2]
