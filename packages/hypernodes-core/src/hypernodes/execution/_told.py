"""A written loop that calls observers itself.

For maps of plain functions that nothing caches: what `_program` writes, with
the calls of callbacks between the lines, in the order and with the arguments
that the dispatcher would give them.  Only methods that some callback
implements are written at all, and records are made only for who takes them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from hypernodes.callbacks import Ear
from hypernodes.events import (
    ItemFinished,
    ItemStarted,
    MapProgress,
    Outcome,
    OutcomeKind,
    Run,
    StepFinished,
    StepStarted,
)
from hypernodes.execution._context import Context, step_info
from hypernodes.execution._errors import Failure
from hypernodes.execution._program import Program
from hypernodes.execution._source import Writer, dict_of
from hypernodes.plan import Plan, Step


class ToldProgram(Program):
    """The loop of one run, for its observers.

    Args:
        plan: Functions only.
        context: The run.
        run: Its record.
        ear: Who listens to it.
    """

    def __init__(self, plan: Plan, context: Context, run: Run, ear: Ear) -> None:
        super().__init__(plan)
        self._context = context
        self._run = run
        self._ear = ear

    def map(
        self,
        columns: Mapping[str, Sequence[Any]],
        constants: Mapping[str, Any],
        count: int,
        first: int | None,
        collects: bool = False,
    ) -> tuple[list[Any], Failure | None]:
        """Return what `Program.map` does, and tell observers meanwhile."""
        if count:
            self._ear.enter(first or 0)
        return super().map(columns, constants, count, first, collects)

    def _writer(self) -> Writer:
        return _ToldWriter(self._ear, self._run, self._context.counts(self._run))

    def _note_failure(self, failure: Failure, step: Step | None) -> None:
        """Tell observers of a failure; it is rare, so records do."""
        tell, item = self._context.tell, failure.item
        if tell is None or item is None:
            return
        outcome = Outcome(OutcomeKind.FAILED, error=failure.error, started=time.time())
        if step is not None:
            tell(StepFinished(self._run, item, step_info(step), outcome))
        tell(ItemFinished(self._run, item, outcome))
        self._context.count(is_failed=True)


class _ToldWriter(Writer):
    """Writes the calls of observers around items and steps."""

    def __init__(self, ear: Ear, run: Run, counts: list[int]) -> None:
        super().__init__()
        self._listeners = ear.listeners
        self._pipeline = repr(run.pipeline_id)
        self._total = repr(run.total)
        self.scope.update(
            ctx=ear.context,
            note=ear.note,
            complain=ear.complain,
            counts=counts,
            clock=time.perf_counter,
            run=run,
            executed=OutcomeKind.EXECUTED,
            now=time.time,
            ItemStarted=ItemStarted,
            StepStarted=StepStarted,
            StepFinished=StepFinished,
            ItemFinished=ItemFinished,
            MapProgress=MapProgress,
            Outcome=Outcome,
        )

    def begin_item(self, inputs: str) -> None:
        self.line("item = first + len(done)")
        self.line("note(item)")
        if self._hears("on_event", "on_pipeline_start"):
            self.line(f"given = {inputs}")
        self._tell("on_event", "ItemStarted(run, item, given)")
        self._tell("on_map_item_start", "item")
        self._tell("on_pipeline_start", f"{self._pipeline}, given")
        if self._hears("on_event", "on_pipeline_end", "on_map_item_end"):
            self.line("began = clock()")

    def end_item(self, outputs: str) -> None:
        self.line(f"row = {outputs}")
        if self._hears("on_event", "on_pipeline_end", "on_map_item_end"):
            self.line("took = clock() - began")
        if self._hears("on_event", "on_pipeline_end"):
            self.line("made = dict(row)")
        ended = "Outcome(executed, made, took, started=now() - took)"
        self._tell("on_event", f"ItemFinished(run, item, {ended})")
        self._tell("on_pipeline_end", f"{self._pipeline}, made, took")
        self._tell("on_map_item_end", "item, took")
        self.line("append(row)")
        self.line("counts[0] += 1")
        self._tell("on_event", "MapProgress(run, *counts)")
        self._tell("on_map_progress", f"*counts, {self._total}")

    def call(self, step: Step, found: dict[str, str]) -> None:
        inputs = {parameter: found[name] for parameter, name in step.arguments}
        info = self.name("s", step_info(step)) if self._hears("on_event") else ""
        if self._hears("on_event", "on_node_start"):
            self.line(f"given = {dict_of(inputs, list(inputs))}")
        self._tell("on_event", f"StepStarted(run, item, {info}, given)")
        self._tell("on_node_start", f"{step.name!r}, given")
        if not self._hears("on_event", "on_node_end"):
            super().call(step, found)
            return
        self.line("start = clock()")
        super().call(step, found)
        self.line("end = clock() - start")
        names = [name for name in step.writes if name is not None]
        self.line(f"made = {dict_of(found, names)}")
        ended = "Outcome(executed, made, end, started=now() - end)"
        self._tell("on_event", f"StepFinished(run, item, {info}, {ended})")
        self._tell("on_node_end", f"{step.name!r}, made, end")

    def _hears(self, *methods: str) -> bool:
        return any(self._listeners[method] for method in methods)

    def _tell(self, method: str, arguments: str) -> None:
        """Write the call of *method* of everybody who has it; none of them can stop the loop."""
        if method == "on_event" and self._hears(method):
            self.line(f"told = {arguments}")
            arguments = "told"
        for owner, call in self._listeners[method]:
            name, who = self.name("l", call), self.name("o", owner)
            self.line(f"try: {name}({arguments}, ctx)")
            self.line(f"except Exception as error: complain({who}, {method!r}, error)")


def make_told(plan: Plan, context: Context) -> Program | None:
    """Return the loop for a map of *plan* with observers; None where plugins observe it.

    Args:
        plan: Functions only, of which none is cached.
        context: The run, which has begun.
    """
    run, listen = context.run, context.listen
    if run is None or listen is None or any(step.nested is not None for step in plan.steps):
        return None
    ear = listen(run)
    return None if ear is None else ToldProgram(plan, context, run, ear)
