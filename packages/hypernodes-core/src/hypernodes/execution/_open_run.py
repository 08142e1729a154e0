"""The circumstances of one run, made when it begins and closed when it ends.

Decides who observes it, and that they hear of its end however it ends.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from hypernodes.callbacks import (
    Dispatcher,
    check_supported,
    has_observers,
    has_step_observers,
    hears_reasons,
)
from hypernodes.events import Outcome, OutcomeKind, RunFinished, RunStarted
from hypernodes.execution._context import Context, Rules, engine_option, new_run
from hypernodes.execution._recording import observed_by, with_record
from hypernodes.execution._request import Request
from hypernodes.hashing import start_epoch
from hypernodes.plan import Plan, Settings, all_callbacks, resolve_settings
from hypernodes.plugins import environment_callbacks, hook_implementations, observing_hooks
from hypernodes.protocols import Engine

_STEP_HOOKS = (
    "hypernodes_execute_step",
    "hypernodes_execute_batch",
    "hypernodes_choose_serializer",
    "hypernodes_chunk_finished",
)


class OpenRun:
    """The circumstances of one run; observers hear of its end, however it ends.

    A class, because a generator would set attributes of the user's exception.
    """

    def __init__(
        self, engine: Engine, pipeline: Any, request: Request, collects: bool = False
    ) -> None:
        around = Settings(engine, None, (), (), {})
        settings = resolve_settings(request.plan, pipeline.graph, engine, around)
        settings = with_record(observed_by(settings, environment_callbacks()))
        for each, callbacks in all_callbacks(settings):
            check_supported(callbacks, type(each).__name__)
        self._inputs = request.inputs
        self._dispatcher = _make_dispatcher(request.plan, settings)
        run = tell = None
        if self._dispatcher is not None:
            run = new_run(uuid.uuid4().hex, request.plan, engine, request.count)
            run = attrs.evolve(run, is_stream=request.is_stream)
            tell = self._dispatcher.emit
        observers = [each for _, some in all_callbacks(settings) for each in some]
        rules = Rules(
            strict=bool(engine_option(engine, "strict", False)),
            salt=str(engine_option(engine, "salt", "")),
            check_mutation=str(engine_option(engine, "check_mutation", "auto")),
            hooks=frozenset(name for name in _STEP_HOOKS if _is_asked(name, observers)),
            collects=collects,
            explains=hears_reasons(observers, observing_hooks()),
        )
        # what names mean is looked at once per run
        start_epoch()
        self._context = Context(settings, run, tell, rules)
        if self._dispatcher is not None:
            self._context.listen = self._dispatcher.ear
        self._context.hears_steps = self._dispatcher is not None and (
            # maps inside a map have a progress of their own
            any(step.nested is not None for step in request.plan.steps)
            or has_step_observers(observers, observing_hooks())
        )

    def __enter__(self) -> Context:
        context = self._context
        if context.run is not None and context.tell is not None:
            context.tell(RunStarted(context.run, self._inputs))
        return context

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        try:
            if self._dispatcher is not None and error is not None:
                self._dispatcher.finish(error)
        finally:
            self._context.close()


def _is_asked(hook: str, observers: Sequence[object]) -> bool:
    """Say whether some plugin wants to be asked in a run with these *observers*.

    An implementation that has nothing to do without a callback of its own says
    so by an attribute ``only_for = "module:Class"``; asking costs every call.
    """
    targets = [getattr(each.function, "only_for", None) for each in hook_implementations(hook)]
    classes = {
        f"{base.__module__}:{base.__qualname__}"
        for each in observers
        for base in type(each).__mro__
    }
    return any(target is None or target in classes for target in targets)


def _make_dispatcher(plan: Plan, settings: Settings) -> Dispatcher | None:
    """Return what tells observers; None where nobody observes."""
    hooks = observing_hooks()
    levels = dict(_callbacks_by_path(plan, settings))
    if not any(map(has_observers, levels.values())) and not has_observers((), hooks):
        return None
    return Dispatcher(settings.callbacks, callbacks_for=lambda run: levels[run.path], hooks=hooks)


def _callbacks_by_path(plan: Plan, settings: Settings) -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield plan.path, settings.callbacks
    for step in plan.steps:
        if step.nested is not None:
            yield from _callbacks_by_path(step.nested.plan, settings.nested[step.index])


def tell_finished(context: Context, outputs: Mapping[str, Any], seconds: float) -> None:
    if context.run is not None and context.tell is not None:
        context.tell(RunFinished(context.run, Outcome(OutcomeKind.EXECUTED, outputs, seconds)))
