"""What observers are told: frozen records, the same on every engine.

A *run* is one call of ``run`` or ``map``, or one use of a nested pipeline
inside it.  Its events come in this order::

    RunStarted
      [ItemStarted]             once per item, only where the run is a map
        StepStarted             not for a hit
        StepFinished            exactly once per step: executed, hit or failed
      [ItemFinished]
    RunFinished                 exactly once per started run, however it ends

A nested pipeline is a run of its own between the `StepStarted` and the
`StepFinished` of its step; `Run.parent` leads outward.  The records are
picklable: workers collect them, the driver hands them to observers.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs


class OutcomeKind(Enum):
    """How a step, an item or a run ended."""

    EXECUTED = "executed"
    HIT = "hit"
    SKIPPED = "skipped"
    FAILED = "failed"


@attrs.frozen
class Run:
    """One use of one pipeline, seen from outside.

    Attributes:
        id: Unique to this run; nested runs have their own.
        pipeline_id: The id of the pipeline, stable across processes.
        pipeline_name: Its name, or None.
        path: Where it sits, ``"outer/inner"``; empty at the root.
        engine: The class name of the engine.
        total: The number of items of a map; None for a single run, and for a
            map over a stream.
        node_ids: What its steps are called, in execution order.
        parent: The run around it; None at the root.
        parent_step: The id of the step of *parent* that it carries out.
        is_stream: Whether it is a map whose number of items is not known.
        parent_item: The item of *parent* that it belongs to; None outside of maps.
        carrier: Text by name that observers of the outermost run may add to when it
            begins, and that travels with it to wherever work is carried out.
    """

    id: str
    pipeline_id: str
    pipeline_name: str | None
    path: str
    engine: str
    total: int | None
    node_ids: tuple[str, ...]
    parent: Run | None = None
    parent_step: str | None = None
    is_stream: bool = False
    parent_item: int | None = None
    carrier: dict[str, str] = attrs.field(factory=dict, eq=False, repr=False)

    @property
    def is_map(self) -> bool:
        """Whether it has items."""
        return self.is_stream or self.total is not None

    @property
    def depth(self) -> int:
        """How many runs are around it; 0 at the root."""
        return 0 if self.parent is None else self.parent.depth + 1


@attrs.frozen
class StepInfo:
    """One step, as observers know it.

    Attributes:
        id: The function's name, a nested pipeline's name, or an id text.
        path: Where it sits, ``"outer/inner/node"``.
        outputs: The names of its outputs, by position.
        nested: Whether it is a nested pipeline.
        inputs: The names of the values that it takes.
        function: Where its function is defined, ``"module:name"``; None where it
            has no name of its own.
    """

    id: str
    path: str
    outputs: tuple[str, ...]
    nested: bool = False
    inputs: tuple[str, ...] = ()
    function: str | None = None


@attrs.frozen
class Outcome:
    """How a step, an item or a run ended.

    Attributes:
        kind: Executed, hit, skipped or failed.
        outputs: Output name to value; empty after a failure.
        seconds: Wall time it took; 0.0 for a hit, and where it is not known.
        signature: The cache key in text form, where there is one.
        error: The exception of a failure.
        reason: Why a step was executed though a cache was there, if known.
        started: When a call began, in seconds since the epoch; else None.
        saved: What a hit once took to compute; else None.
        bytes: How many bytes of a result went into the cache; None where that is
            not known.
        worker: Where it was executed, ``"host:process"``; None on the driver.
        traceback: What is printed of an error that was raised by a worker; None for
            one that was raised here, which holds its own.
    """

    kind: OutcomeKind
    outputs: Mapping[str, Any] = attrs.field(factory=dict)
    seconds: float = 0.0
    signature: str | None = None
    error: BaseException | None = None
    reason: str | None = None
    started: float | None = None
    saved: float | None = None
    worker: str | None = None
    traceback: str | None = None
    bytes: int | None = None


@attrs.frozen
class RunStarted:
    """A pipeline begins; *inputs* are its root values (a map: all columns)."""

    run: Run
    inputs: Mapping[str, Any]


@attrs.frozen
class ItemStarted:
    """Item *item* of a map begins; *inputs* are its root values."""

    run: Run
    item: int
    inputs: Mapping[str, Any]


@attrs.frozen
class StepStarted:
    """A step is about to be executed; *inputs* are its arguments by name."""

    run: Run
    item: int | None
    step: StepInfo
    inputs: Mapping[str, Any]


@attrs.frozen
class StepFinished:
    """A step ended; a hit comes without a `StepStarted`."""

    run: Run
    item: int | None
    step: StepInfo
    outcome: Outcome


@attrs.frozen
class ItemFinished:
    """Item *item* of a map ended; `hit` means that nothing was executed."""

    run: Run
    item: int
    outcome: Outcome


@attrs.frozen
class MapProgress:
    """How far a map is; live on every engine, ahead of the item events."""

    run: Run
    done: int
    hits: int
    failed: int


@attrs.frozen
class RunFinished:
    """A pipeline ended, however it ended."""

    run: Run
    outcome: Outcome


Event = (
    RunStarted | ItemStarted | StepStarted | StepFinished | ItemFinished | MapProgress | RunFinished
)
