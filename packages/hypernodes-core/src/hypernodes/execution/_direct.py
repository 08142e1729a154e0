"""When a plan may be carried out by its program, and the short way to one run.

A program (`_program`) calls functions and does nothing else, so it stands for
a plan only where nothing else is asked for: no cache, no observers, no plugin
that carries out steps, no coroutines, no batches, and no nested pipeline whose
items travel.  Everything else takes the way through `_items`; both give the
same results, notes and order of calls.
"""

from __future__ import annotations

import operator
import os
import weakref
from collections.abc import Callable, Mapping, Sized
from typing import TYPE_CHECKING, Any, Final, Literal

from hypernodes.execution._program import Program
from hypernodes.execution._source import MOST_LOOPS
from hypernodes.execution._told import make_told
from hypernodes.graph import DualNode, Graph
from hypernodes.plan import Plan, Settings
from hypernodes.plugins import on_change
from hypernodes.values import UNSET

if TYPE_CHECKING:
    from hypernodes.execution._context import Context
    from hypernodes.execution._request import Request

#: Writing a program costs about as much as so many steps on the other way.
_PAYS_STEPS: Final = 8

#: The environment variables; the dict behind them, where there is one, is counted faster.
_environment: Final[Sized] = getattr(os.environ, "_data", os.environ)
#: Whether it is for maps, and whether it may wait: one program does not serve for another.
_Kind = tuple[bool, bool]
#: True where the next run is the second one, None where a program cannot stand for the plan.
_Programs = dict[_Kind, Program | Literal[True] | None]
_programs: weakref.WeakKeyDictionary[Plan, _Programs] = weakref.WeakKeyDictionary()


def find_program(
    context: Context, plan: Plan, items: int | None, is_awaited: bool = False
) -> Program | None:
    """Return the program that may stand for *plan*; None where none may, or it would not pay.

    Args:
        context: The circumstances of the run.
        plan: What is to be done.
        items: The number of items; None for a single run, whose first one
            goes the other way: most pipelines are run once.
        is_awaited: Whether its functions may be coroutine functions, awaited
            one after another.
    """
    if (
        context.hears_steps
        or context.rules.hooks
        or _is_special(context.settings, context.settings)
    ):
        return None
    known, kind = _programs.setdefault(plan, {}), (items is not None, is_awaited)
    if kind not in known and (items is None or items < _PAYS_STEPS):
        # the second time it is worth writing
        known[kind] = True
        return None
    program = known.get(kind, True)
    if program is True:
        is_plain = _can_be_written(plan, in_map=items is not None, may_wait=is_awaited)
        program = known[kind] = Program(plan) if is_plain else None
    return program


def find_told(plan: Plan, context: Context) -> Program | None:
    """Return the loop that calls observers of a map itself; None where there can be none.

    Made once per run, for the observers of that run.
    """
    if context.rules.hooks or _is_special(context.settings, context.settings):
        return None
    if context.told is None or context.told[0] is not plan:
        may = _can_be_written(plan, in_map=True, may_wait=False)
        context.told = plan, make_told(plan, context) if may else None
    found: Program | None = context.told[1]
    return found


def _is_special(settings: Settings, around: Settings) -> bool:
    """Say whether something is cached, or some nested pipeline has an engine of its own."""
    if any(settings.cached):
        return True
    engine = settings.engine
    travels = engine is not around.engine and not getattr(engine, "is_inline", False)
    return travels or any(_is_special(child, settings) for child in settings.nested.values())


def _can_be_written(plan: Plan, in_map: bool, may_wait: bool, loops: int = 0) -> bool:
    """Say whether every step is a plain call, or a nested pipeline of such.

    What could overlap while it waits is no plain call: branches, and items of
    a map inside.
    """
    if loops > MOST_LOOPS or (plan.is_async and (not may_wait or plan.has_async_branches)):
        return False
    for step in plan.steps:
        if step.nested is not None:
            mapped = bool(step.nested.map_over)
            waits = may_wait and not mapped
            if not _can_be_written(step.nested.plan, in_map or mapped, waits, loops + mapped):
                return False
        elif in_map and isinstance(step.node, DualNode):
            return False
    return True


class Shortcut:
    """What one request of one pipeline comes to, so that the next run need not ask again.

    The pipeline forgets it when it changes; what is nested in it cannot tell
    and is looked at.

    Args:
        program: What answers it.
        others: Names that are not read; a value for one makes another request.
        bound: The values bound in the pipeline.
        graph: That of the pipeline.
    """

    __slots__ = ("_bound", "_era", "_is_one", "_nested", "_others", "_pick", "_run", "_variables")

    def __init__(
        self, program: Program, others: frozenset[str], bound: Mapping[str, Any], graph: Graph
    ) -> None:
        self._run = program.run
        self._pick: Callable[[Mapping[str, Any]], Any] = (
            operator.itemgetter(*program.reads) if program.reads else lambda _: ()
        )
        # of one name there is no tuple
        self._is_one = len(program.reads) == 1
        self._others = others
        self._bound = bound
        self._nested = [(node.pipeline, node.pipeline.state) for node in graph.nested_nodes]
        self._era = _era[0]
        self._variables = len(_environment)

    def run(self, engine: Any, inputs: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the outputs; None where the long way must be taken.

        The long way also says what is wrong with a request.

        Raises:
            Exception: Whatever a function raised, with a note where it happened.
        """
        # written out, because this is most of what a short run costs
        try:
            cache, callbacks, record = engine.cache, engine.callbacks, engine.run_record
        except AttributeError:
            cache, callbacks, record = _read_engine(engine)
        if self._era is not _era[0] or record is not None:
            return None
        if (cache is not None and cache is not UNSET) or (
            callbacks is not None and callbacks is not UNSET and callbacks != ()
        ):
            return None
        # a new variable may name observers, and the number tells of one at the least cost
        if len(_environment) != self._variables:
            return None
        if type(inputs) is not dict or not self._others.isdisjoint(inputs):
            return None
        for pipeline, state in self._nested:
            if pipeline.state != state:
                return None
        values = {**self._bound, **inputs} if self._bound else inputs
        try:
            found = self._pick(values)
        except KeyError:
            return None
        return self._run((found,) if self._is_one else found)


def _read_engine(engine: Any) -> tuple[Any, ...]:
    """Return the cache, callbacks and record of an engine of others, which needs none of them."""
    return tuple(getattr(engine, name, None) for name in ("cache", "callbacks", "run_record"))


def keep_shortcut(
    context: Context, pipeline: Any, request: Request, output_name: str | None, state: object
) -> None:
    """Let later runs of *pipeline* that ask for the same take the short way, if they may.

    Args:
        context: The run that took the long way; observers of later ones need it too.
        pipeline: The pipeline.
        request: What was asked for.
        output_name: The wanted output; None for all.
        state: That of the pipeline before the request was made.
    """
    graph, plan = pipeline.graph, request.plan
    # a value given for an output that nobody reads leaves no other trace
    is_whole = output_name is not None or len(plan.outputs) == len(graph.producers)
    if context.is_observed or not is_whole or not request.asks_plainly(graph):
        return
    program = None if _has_engines_inside(context.settings) else find_program(context, plan, None)
    if program is not None:
        others = _optional(plan, graph).union(graph.producers)
        pipeline.shortcuts[output_name] = Shortcut(program, others, pipeline.bound_inputs, graph)
        if pipeline.state != state:
            # a function, or another thread, changed the pipeline meanwhile
            pipeline.shortcuts.clear()


def _has_engines_inside(settings: Settings) -> bool:
    """Say whether some nested pipeline has an engine, which may be given a cache at any time."""
    inner = settings.nested.values()
    return any(each.engine is not settings.engine or _has_engines_inside(each) for each in inner)


def _optional(plan: Plan, graph: Graph) -> frozenset[str]:
    """Return the parameters that are left to their defaults."""
    nodes = [graph.nodes[step.position] for step in plan.steps]
    return frozenset(p.name for node in nodes for p in node.parameters).difference(plan.reads)


def _begin_era() -> None:
    """Plugins came or went: who observes must be asked again."""
    _era[0] = object()


_era: Final[list[object]] = [object()]
on_change(_begin_era)
