"""A callback that keeps a record of every run in a file of its own.

Decides what is kept: everything that happened, when, why and where, but of
users' values only words, and in full only the inputs of calls that failed,
so that they can be made again.  The format is described in `_run_file`.
"""

from __future__ import annotations

import base64
import os
import platform
import reprlib
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final, Literal

import attrs

from hypernodes.cache import describe_value, hide_key
from hypernodes.callbacks._base import CallbackContext, PipelineCallback
from hypernodes.callbacks._failures import failing_function, user_traceback
from hypernodes.callbacks._run_file import SCHEMA, create_run_file, runs_folder, write_line
from hypernodes.events import (
    Event,
    ItemFinished,
    ItemStarted,
    Outcome,
    OutcomeKind,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)
from hypernodes.values import is_stateful

_FLUSH_SECONDS: Final = 0.5
_MOST_PICKLED: Final = 100
_MOST_BYTES: Final = 1_000_000
_short: Final = reprlib.Repr()
_short.maxother = _short.maxstring = 120


@attrs.define
class _Log:
    """The open file of one outermost run."""

    file: IO[str]
    flushed: float
    started: dict[tuple[str, int | None, str], tuple[float, Mapping[str, Any]]] = attrs.field(
        factory=dict
    )
    items: dict[tuple[str, int], float] = attrs.field(factory=dict)
    began: dict[str, float] = attrs.field(factory=dict)
    shapes: set[str] = attrs.field(factory=set)
    failed: set[int] = attrs.field(factory=set)
    pickled: int = 0

    def write(self, line: Mapping[str, Any], now: float) -> None:
        """Append *line*; what was written half a second ago is on disk."""
        write_line(self.file, line)
        if now - self.flushed > _FLUSH_SECONDS:
            self.file.flush()
            self.flushed = now


class RunRecord(PipelineCallback):
    """Keep what ran, hit and failed, why, when and where, in one file per run.

    The files are for `hypernodes runs`, `report` and `repro`, and for anybody
    who reads JSON lines.  They hold words about inputs, never outputs; the
    inputs of a call that failed are kept in full, up to a megabyte each, so
    that ``hypernodes repro`` can make the call again.

    A file is only appended to, and written at least twice a second, so a
    process that dies leaves what it did until then.  Cost: some fifty
    microseconds an item, on top of what it costs to be told of steps.

    Args:
        folder: Where files go; by default what ``HYPERNODES_RUNS`` names, else
            ``.hypernodes/runs``.  Made where it is missing.
        target: How the command line names the pipeline, for those who read
            the record.
    """

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, *, target: str | None = None
    ) -> None:
        self.folder: Path = runs_folder(folder)
        self._target = target
        self._key = ("hypernodes.record", id(self))

    def on_event(self, event: Event, ctx: CallbackContext) -> None:
        """Append what *event* tells."""
        now = time.time()
        log: _Log | Literal[False] | None = ctx.get(self._key)
        if log is False:
            return
        if log is None:
            # where no file can be made that is said once, and not tried again
            ctx.set(self._key, False)
            stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + f".{now % 1 * 1000:03.0f}"
            log = _Log(create_run_file(self.folder, event.run.id, stamp), now)
            ctx.set(self._key, log)
        match event:
            case RunStarted(run=run):
                log.write(self._begin(event, now, is_first=not log.shapes), now)
                log.shapes.add("")
                log.began[run.id] = now
            case ItemStarted(run=run, item=item):
                log.items[run.id, item] = now
            case StepStarted(run=run, item=item, step=step, inputs=inputs):
                log.started[run.id, item, step.path] = (now, inputs)
            case StepFinished():
                _write_step(log, event, now)
            case ItemFinished(run=run, item=item, outcome=outcome):
                at = _started(outcome, log.items.pop((run.id, item), now), now)
                line = {"event": "item", "run": run.id, "item": item, **_end(outcome, at, now)}
                log.write(line, now)
            case RunFinished(run=run, outcome=outcome):
                at = log.began.pop(run.id, now)
                line = {"event": "end", "run": run.id, **_end(outcome, at, now)}
                log.write(line, now)

    def close(self, ctx: CallbackContext) -> None:
        """Close the file."""
        log: _Log | None = ctx.get(self._key)
        if log:
            ctx.set(self._key, None)
            log.file.close()

    def _begin(self, event: RunStarted, now: float, *, is_first: bool) -> dict[str, Any]:
        run = event.run
        line: dict[str, Any] = {
            "event": "begin",
            "run": run.id,
            "parent": None if run.parent is None else run.parent.id,
            "parent_step": run.parent_step,
            "pipeline": run.pipeline_name,
            "pipeline_id": run.pipeline_id,
            "path": run.path,
            "engine": run.engine,
            "items": run.total,
            "nodes": run.node_ids,
            "inputs": _words(event.inputs),
            "at": now,
        }
        return {**line, **self._surroundings()} if is_first else line

    def _surroundings(self) -> dict[str, Any]:
        # deferred: reading metadata costs more than the rest of the record
        from importlib.metadata import version

        return {
            "schema": SCHEMA,
            "host": platform.node(),
            "pid": os.getpid(),
            "python": platform.python_version(),
            "version": version("hypernodes"),
            "command": [hide_key(argument) for argument in sys.argv],
            "folder": str(Path.cwd()),
            "target": self._target,
        }


def _write_step(log: _Log, event: StepFinished, now: float) -> None:
    run, item, step, outcome = event.run, event.item, event.step, event.outcome
    began, inputs = log.started.pop((run.id, item, step.path), (now, {}))
    line: dict[str, Any] = {"event": "step", "run": run.id, "item": item, "step": step.path}
    if step.path not in log.shapes:
        log.shapes.add(step.path)
        line |= {"name": step.id, "nested": step.nested, "writes": step.outputs}
        line["reads"] = step.inputs
    log.write({**line, **_end(outcome, _started(outcome, began, now), now)}, now)
    if outcome.error is not None and id(outcome.error) not in log.failed:
        log.failed.add(id(outcome.error))
        log.write(_failure(log, event, inputs, outcome.error), now)
        log.file.flush()


def _started(outcome: Outcome, began: float, now: float) -> float:
    """Return when something began, in seconds since the epoch."""
    return began if outcome.started is None else outcome.started


def _end(outcome: Outcome, at: float, now: float) -> dict[str, Any]:
    error = outcome.error
    seconds = outcome.seconds or (0.0 if error is None else now - at)
    return {
        "kind": outcome.kind.value,
        "at": round(at, 6),
        "seconds": None if outcome.kind is OutcomeKind.HIT else round(seconds, 6),
        "reason": outcome.reason,
        "saved": outcome.saved,
        "worker": outcome.worker,
        "error": None if error is None else type(error).__name__,
    }


def _failure(
    log: _Log, event: StepFinished, inputs: Mapping[str, Any], error: BaseException
) -> dict[str, Any]:
    numbers = _items(event)
    return {
        "event": "failure",
        "run": event.run.id,
        "item": numbers[0] if numbers else None,
        "inner": numbers[1:] or None,
        "step": event.step.path,
        "error": type(error).__name__,
        "message": str(error),
        "traceback": event.outcome.traceback or user_traceback(error),
        "function": _find_function(event.step.function) or failing_function(error.__traceback__),
        "inputs": {name: _show(value) for name, value in inputs.items()},
        "pickle": _pickle(log, inputs),
    }


def _find_function(place: str | None) -> dict[str, Any] | None:
    """Return module, name and file of a function that can be imported; None for others."""
    module, _, name = (place or "").partition(":")
    file = getattr(sys.modules.get(module), "__file__", None)
    return {"module": module, "name": name, "file": file} if name.isidentifier() else None


def _items(event: StepFinished) -> list[int]:
    """Return the numbers of the items around a step, the outermost first."""
    found: list[int] = []
    run, item = event.run, event.item
    while True:
        if run.is_map and item is not None:
            found.insert(0, item)
        if run.parent is None:
            return found
        run, item = run.parent, run.parent_item


def _pickle(log: _Log, inputs: Mapping[str, Any]) -> str | None:
    """Return *inputs* as text; None where they are too large, too many or cannot be sent."""
    if not inputs or log.pickled >= _MOST_PICKLED:
        return None
    # deferred: only failures need it
    import cloudpickle

    try:
        data: bytes = cloudpickle.dumps(dict(inputs))
    except Exception:
        # whatever a user's reduction raises only means: not this way
        return None
    if len(data) > _MOST_BYTES:
        return None
    log.pickled += 1
    return base64.b64encode(data).decode()


def _show(value: object) -> str:
    """Return what somebody who looks for a cause wants to see of *value*, in short."""
    if is_stateful(value) or hasattr(value, "shape"):
        return describe_value(value)
    # text of a user's object that cannot be made becomes that of any object
    return _short.repr(value)


def _words(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: describe_value(value) for name, value in values.items()}
