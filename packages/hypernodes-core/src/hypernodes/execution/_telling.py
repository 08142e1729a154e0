"""What observers hear of one step for one item, and of how anything ended."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from hypernodes.callbacks import user_traceback
from hypernodes.events import Outcome, OutcomeKind, StepFinished, StepStarted
from hypernodes.execution._context import Level
from hypernodes.execution._rows import Row
from hypernodes.plan import Step


def tell_started(level: Level, step: Step, row: Row, inputs: dict[str, Any]) -> None:
    """Tell observers that *step* is about to be executed."""
    if row.tell is not None and row.run is not None:
        row.tell(StepStarted(row.run, row.item, level.infos[step.index], inputs))


def tell_executed(
    level: Level,
    step: Step,
    row: Row,
    outputs: Sequence[Any],
    seconds: float,
    at: float,
    reason: str | None,
    size: int | None,
) -> None:
    """Tell observers that *step* was executed."""
    if row.tell is not None and row.run is not None:
        named = {name: v for name, v in zip(step.writes, outputs, strict=True) if name is not None}
        key = row.keys.get(step.index)
        signature = str(key) if key else None
        outcome = executed(level, named, seconds, at, signature, reason, size)
        row.tell(StepFinished(row.run, row.item, level.infos[step.index], outcome))


def tell_hit(level: Level, step: Step, row: Row) -> None:
    """Tell observers that *step* was answered by the cache."""
    if row.tell is not None and row.run is not None:
        entry = row.found[step.index]
        outcome = Outcome(OutcomeKind.HIT, signature=str(entry.signature), saved=entry.seconds)
        row.tell(StepFinished(row.run, row.item, level.infos[step.index], outcome))


def tell_failed(
    level: Level,
    step: Step,
    row: Row,
    error: BaseException,
    seconds: float = 0.0,
    at: float | None = None,
) -> None:
    """Tell observers that *step* failed, *seconds* after it began *at* some time."""
    if row.tell is not None and row.run is not None:
        outcome = failed(level, error, seconds, at)
        row.tell(StepFinished(row.run, row.item, level.infos[step.index], outcome))


def executed(
    level: Level,
    outputs: Mapping[str, Any],
    seconds: float,
    at: float,
    signature: str | None = None,
    reason: str | None = None,
    size: int | None = None,
) -> Outcome:
    """Return how something ended that was executed, *at* some time."""
    kind, worker = OutcomeKind.EXECUTED, level.context.worker
    return Outcome(
        kind,
        outputs,
        seconds,
        signature,
        reason=reason,
        started=at,
        worker=worker,
        bytes=size,
    )


def failed(
    level: Level, error: BaseException, seconds: float = 0.0, at: float | None = None
) -> Outcome:
    """Return how something ended that failed *seconds* after it began *at* some time."""
    worker = level.context.worker
    return Outcome(
        OutcomeKind.FAILED,
        seconds=seconds,
        error=error,
        started=time.time() - seconds if at is None else at,
        worker=worker,
        # an exception that travels leaves its frames behind
        traceback=None if worker is None else user_traceback(error),
    )
