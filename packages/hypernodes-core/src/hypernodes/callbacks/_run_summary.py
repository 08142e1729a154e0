"""What a run file says, added up: steps, items, failures, and what came when."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from hypernodes.callbacks._run_file import SHORT_ID, list_run_files, read_lines, runs_folder

_MOST_REASONS = 5
_INTERRUPTS = frozenset({"CancelledError", "GeneratorExit", "KeyboardInterrupt"})


@attrs.define
class StepSummary:
    """One step of a run, over all items.

    Attributes:
        path: Where it sits.
        name: What observers call it.
        nested: Whether it is a nested pipeline.
        reads: The names of the values that it takes, as far as they are known.
        writes: The names of its outputs.
        executed: How often it was executed.
        hits: How often the cache answered.
        failed: How often it raised.
        seconds: What the executions took together.
        saved: What the hits once took, as far as it is known.
        reasons: Why it was executed, and how often; the first few.
    """

    path: str
    name: str
    nested: bool = False
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    executed: int = 0
    hits: int = 0
    failed: int = 0
    seconds: float = 0.0
    saved: float = 0.0
    reasons: dict[str, int] = attrs.field(factory=dict)


@attrs.frozen
class Span:
    """One thing that took time.

    Attributes:
        run: The run that it belongs to.
        path: The path of the step.
        item: The item; None outside of maps.
        kind: Executed, hit or failed.
        at: When it began, in seconds since the beginning of the outermost run.
        seconds: How long it took.
        nested: Whether it is a nested pipeline.
        worker: Where it was, if that is known.
    """

    run: str
    path: str
    item: int | None
    kind: str
    at: float
    seconds: float
    nested: bool = False
    worker: str | None = None


@attrs.frozen
class FailureSummary:
    """One call that raised.

    Attributes:
        path: The path of the step.
        item: The item of the outermost map; None outside of maps.
        inner: The items of the maps inside that one, outermost first.
        error: The name of the exception's type.
        message: What it said.
        traceback: The user's frames.
        inputs: The arguments, in words.
        pickle: The arguments, base64 of a pickle; None where they were not kept.
        function: Module, name, file and line of the function, if they are known.
    """

    path: str
    item: int | None
    error: str
    message: str
    traceback: str = ""
    inputs: Mapping[str, str] = attrs.field(factory=dict)
    pickle: str | None = None
    function: Mapping[str, Any] | None = None
    inner: tuple[int, ...] = ()

    @property
    def items(self) -> str:
        """Which item it was, in words; empty outside of maps."""
        inner = [f"inner item {number}" for number in self.inner]
        return ", ".join([*([] if self.item is None else [f"item {self.item}"]), *inner])


@attrs.define
class RunSummary:
    """One outermost run, with everything inside it.

    Attributes:
        file: Where it is kept.
        about: The line of its beginning; see `hypernodes.callbacks._run_file`.
        outcome: ``"executed"``, ``"failed"``, ``"interrupted"``, or ``"unfinished"``.
        error: The name of the exception that ended it, if one did.
        seconds: How long it took, or until the last line.
        steps: {path: step}, each before what is inside it.
        spans: Everything that took time, in the order in which it ended.
        items: Per item of the outermost map, how it ended.
        failures: The calls that raised, the first one first.
    """

    file: Path
    about: Mapping[str, Any] = attrs.field(factory=dict)
    outcome: str = "unfinished"
    error: str | None = None
    seconds: float = 0.0
    steps: dict[str, StepSummary] = attrs.field(factory=dict)
    spans: list[Span] = attrs.field(factory=list)
    items: dict[int, str] = attrs.field(factory=dict)
    failures: list[FailureSummary] = attrs.field(factory=list)

    @property
    def id(self) -> str:
        """The beginning of its id, enough to find it again."""
        return str(self.about.get("run", ""))[:SHORT_ID]

    @property
    def at(self) -> float:
        """When it began, in seconds since the epoch."""
        return float(self.about.get("at", 0.0))

    @property
    def place(self) -> str:
        """The process that it was started in, ``"host:process"``, as workers are called."""
        return f"{self.about.get('host', '')}:{self.about.get('pid', '')}"

    @property
    def title(self) -> str:
        """The name of its pipeline, or ``"pipeline"``."""
        return str(self.about.get("pipeline") or "pipeline")

    @property
    def total(self) -> int | None:
        """The number of items of a map; None for a single run."""
        found: int | None = self.about.get("items")
        return found

    @property
    def functions(self) -> list[StepSummary]:
        """The steps that are functions."""
        return [step for step in self.steps.values() if not step.nested]

    @property
    def executed(self) -> int:
        """How many calls were made."""
        return sum(step.executed for step in self.functions)

    @property
    def hits(self) -> int:
        """How many results the cache answered."""
        return sum(step.hits for step in self.functions)

    @property
    def failed(self) -> int:
        """How many calls raised."""
        return sum(step.failed for step in self.functions)

    @property
    def saved(self) -> float:
        """What the hits once took, in seconds."""
        return sum(step.saved for step in self.functions)


def read_run(file: str | os.PathLike[str]) -> RunSummary:
    """Return what *file* holds, also of a run that has not ended.

    Raises:
        OSError: It cannot be read.
    """
    found = RunSummary(Path(file))
    readers = {"begin": _begin, "step": _step, "item": _item, "failure": _failure, "end": _end}
    for line in read_lines(found.file):
        reader = readers.get(line.get("event", ""))
        if reader is not None:
            reader(found, line)
            ended = line.get("at", found.at) - found.at + line.get("seconds", 0.0)
            found.seconds = max(found.seconds, ended)
    return found


def read_runs(
    folder: str | os.PathLike[str] | None = None, most: int | None = None
) -> list[RunSummary]:
    """Return the runs that are kept in *folder*, the latest first.

    Args:
        folder: By default what ``HYPERNODES_RUNS`` names, else ``.hypernodes/runs``.
        most: How many, at most.
    """
    return [read_run(path) for path in list_run_files(runs_folder(folder))[:most]]


def _begin(found: RunSummary, line: Mapping[str, Any]) -> None:
    if not found.about:
        found.about = line
    path = line.get("path") or ""
    for name in line.get("nodes", ()):
        _step_at(found, f"{path}/{name}" if path else name, name)
    # what is inside of a step stands behind it
    inside = {each: step for each, step in found.steps.items() if each.startswith(f"{path}/")}
    if path and inside:
        rest = {each: step for each, step in found.steps.items() if each not in inside}
        found.steps = {}
        for each, step in rest.items():
            found.steps[each] = step
            if each == path:
                found.steps |= inside


def _step_at(found: RunSummary, path: str, name: str) -> StepSummary:
    return found.steps.setdefault(path, StepSummary(path, name))


def _step(found: RunSummary, line: Mapping[str, Any]) -> None:
    path, kind = line["step"], line["kind"]
    step = _step_at(found, path, line.get("name", path.rpartition("/")[2]))
    step.nested = line.get("nested", step.nested)
    step.reads = tuple(line.get("reads", step.reads))
    step.writes = tuple(line.get("writes", step.writes))
    seconds = line.get("seconds", 0.0)
    step.executed += kind == "executed"
    step.hits += kind == "hit"
    step.failed += kind == "failed"
    step.seconds += seconds
    step.saved += line.get("saved", 0.0)
    reason = line.get("reason")
    if reason and (reason in step.reasons or len(step.reasons) < _MOST_REASONS):
        step.reasons[reason] = step.reasons.get(reason, 0) + 1
    at = line.get("at", found.at) - found.at
    worker, item = line.get("worker"), line.get("item")
    found.spans.append(Span(line["run"], path, item, kind, at, seconds, step.nested, worker))


def _item(found: RunSummary, line: Mapping[str, Any]) -> None:
    if line["run"] == found.about.get("run"):
        found.items[line["item"]] = line["kind"]


def _failure(found: RunSummary, line: Mapping[str, Any]) -> None:
    found.failures.append(
        FailureSummary(
            path=line["step"],
            item=line.get("item"),
            error=line.get("error", "Exception"),
            message=line.get("message", ""),
            traceback=line.get("traceback", ""),
            inputs=line.get("inputs", {}),
            pickle=line.get("pickle"),
            function=line.get("function"),
            inner=tuple(line.get("inner", ())),
        )
    )


def _end(found: RunSummary, line: Mapping[str, Any]) -> None:
    if line["run"] == found.about.get("run"):
        found.error = line.get("error")
        found.outcome = "interrupted" if found.error in _INTERRUPTS else line["kind"]
