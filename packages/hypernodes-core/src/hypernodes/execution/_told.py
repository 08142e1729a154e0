"""A written loop that calls observers itself.

For maps of plain functions that nothing caches: what `_program` writes, with
the calls of callbacks and of the hooks of plugins between the lines, in the
order and with the arguments that the dispatcher would give them.  Only what
somebody implements is written at all, and records are made only for who takes
them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

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
from hypernodes.execution._source import DONE, Writer, dict_of
from hypernodes.plan import Plan, Step

#: Who hears how an item ended, with its outputs.
_ITEM_ENDS: Final = ("on_event", "on_pipeline_end", "hypernodes_item_finished")


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
        self._ear.remembered[self._ear.item_key] = item
        outcome = Outcome(OutcomeKind.FAILED, error=failure.error, started=time.time())
        if step is not None:
            tell(StepFinished(self._run, item, step_info(step), outcome))
        tell(ItemFinished(self._run, item, outcome))
        self._context.count(failed=1)


class _ToldWriter(Writer):
    """Writes the calls of observers around items and steps."""

    def __init__(self, ear: Ear, run: Run, counts: list[int]) -> None:
        super().__init__()
        self._listeners = ear.listeners
        self._hooks = ear.hooks
        self._item_key = repr(ear.item_key)
        self._pipeline = repr(run.pipeline_id)
        self.scope.update(
            ctx=ear.context,
            remembered=ear.remembered,
            complain=ear.complain,
            complain_of_plugin=ear.complain_of_plugin,
            counts=counts,
            clock=time.perf_counter,
            run=run,
            total=run.total,
            executed=OutcomeKind.EXECUTED,
            now=time.time,
            ItemStarted=ItemStarted,
            StepStarted=StepStarted,
            StepFinished=StepFinished,
            ItemFinished=ItemFinished,
            MapProgress=MapProgress,
            Outcome=Outcome,
        )

    def begin_items(self) -> None:
        self.line(f"item = first + len({DONE}) - 1")

    def begin_item(self, inputs: str) -> None:
        self.line("item += 1")
        self.line(f"remembered[{self._item_key}] = item")
        if self._hears("on_event", "on_pipeline_start"):
            self.line(f"given = {inputs}")
        self._tell("on_event", "ItemStarted(run, item, given)")
        self._tell("on_map_item_start", "item")
        self._tell("on_pipeline_start", f"{self._pipeline}, given")
        self._observe("hypernodes_item_started", run="run", item="item")
        if self._hears(*_ITEM_ENDS, "on_map_item_end"):
            self.line("began = clock()")

    def end_item(self, outputs: str) -> None:
        is_recorded = self._hears("on_event") or self._asks("hypernodes_item_finished", "outcome")
        is_made = is_recorded or self._hears("on_pipeline_end")
        self.line(f"row = {outputs}")
        if is_made or self._hears("on_map_item_end"):
            self.line("took = clock() - began")
        if is_made:
            self.line("made = dict(row)")
        if is_recorded:
            self.line("outcome = Outcome(executed, made, took, started=now() - took)")
        self._tell("on_event", "ItemFinished(run, item, outcome)")
        self._tell("on_pipeline_end", f"{self._pipeline}, made, took")
        self._tell("on_map_item_end", "item, took")
        self._observe("hypernodes_item_finished", run="run", item="item", outcome="outcome")
        self.line(f"{DONE}.append(row)")
        if self._hears("on_event", "on_map_progress"):
            self.line("counts[0] += 1")
        self._tell("on_event", "MapProgress(run, *counts)")
        self._tell("on_map_progress", "*counts, total")

    def call(self, step: Step, found: dict[str, str]) -> None:
        which = {"run": "run", "item": "item", "step": ""}
        if self._hears("on_event", "hypernodes_step_started", "hypernodes_step_finished"):
            which["step"] = self.name("s", step_info(step))
        self._begin_step(step, which, {name: found[read] for name, read in step.arguments})
        is_recorded = self._hears("on_event") or self._asks("hypernodes_step_finished", "outcome")
        is_timed = is_recorded or self._hears("on_node_end")
        if is_timed:
            self.line("start = clock()")
        super().call(step, found)
        if is_timed:
            self.line("end = clock() - start")
            names = [name for name in step.writes if name is not None]
            self.line(f"made = {dict_of(found, names)}")
        if is_recorded:
            self.line("outcome = Outcome(executed, made, end, started=now() - end)")
        self._tell("on_event", f"StepFinished(run, item, {which['step']}, outcome)")
        self._tell("on_node_end", f"{step.name!r}, made, end")
        self._observe("hypernodes_step_finished", **which, outcome="outcome")

    def _begin_step(self, step: Step, which: Mapping[str, str], inputs: dict[str, str]) -> None:
        """Write what comes before the call of *step*; *inputs* are variables by parameter."""
        is_given = self._hears("on_event", "on_node_start")
        if is_given or self._asks("hypernodes_step_started", "inputs"):
            self.line(f"given = {dict_of(inputs, list(inputs))}")
        self._tell("on_event", f"StepStarted(run, item, {which['step']}, given)")
        self._tell("on_node_start", f"{step.name!r}, given")
        self._observe("hypernodes_step_started", **which, inputs="given")

    def _hears(self, *names: str) -> bool:
        """Say whether somebody has one of these methods or hooks."""
        return any(self._listeners.get(name) or self._hooks.get(name) for name in names)

    def _asks(self, hook: str, name: str) -> bool:
        """Say whether some plugin takes *name* in *hook*; what nobody takes is not made."""
        return any(name in names for _, _, names in self._hooks.get(hook, ()))

    def _tell(self, method: str, arguments: str) -> None:
        """Write the call of *method* of everybody who has it; none of them can stop the loop."""
        if method == "on_event" and self._hears(method):
            self.line(f"told = {arguments}")
            arguments = "told"
        for owner, call in self._listeners[method]:
            name, who = self.name("l", call), self.name("o", owner)
            self.line(f"try: {name}({arguments}, ctx)")
            self.line(f"except Exception as error: complain({who}, {method!r}, error)")

    def _observe(self, hook: str, **available: str) -> None:
        """Write the call of *hook* of every plugin that has it, with what each asks for."""
        for plugin, call, names in self._hooks.get(hook, ()):
            given = ", ".join(f"{name}={available[name]}" for name in names)
            self.line(f"try: {self.name('h', call)}({given})")
            self.line(f"except Exception as error: complain_of_plugin({plugin!r}, {hook!r}, error)")


def make_told(plan: Plan, context: Context) -> Program | None:
    """Return the loop for a map of *plan* with observers; None where it holds pipelines.

    Args:
        plan: Functions only, of which none is cached.
        context: The run, which has begun.
    """
    run, listen = context.run, context.listen
    if run is None or listen is None or any(step.nested is not None for step in plan.steps):
        return None
    return ToldProgram(plan, context, run, listen(run))
