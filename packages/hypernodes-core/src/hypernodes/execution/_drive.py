"""One call of ``run`` or ``map``, seen from the driver.

Checks the request, makes the plan, opens the run for observers, has the
chunks carried out by the engine, and puts what comes back in order.  Engines
call these two functions from their ``run`` and ``map``.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hypernodes.callbacks import Dispatcher, check_supported, has_observers
from hypernodes.events import MapProgress, Outcome, OutcomeKind, RunFinished, RunStarted
from hypernodes.execution._chunk import run_chunk
from hypernodes.execution._context import Context, engine_option, new_run
from hypernodes.execution._direct import keep_shortcut
from hypernodes.execution._nested import CHUNK_ITEMS
from hypernodes.execution._records import ChunkResult
from hypernodes.execution._request import Request, request_map, request_run
from hypernodes.graph import MapMode
from hypernodes.plan import Plan, Settings, all_callbacks, resolve_settings
from hypernodes.plugins import environment_callbacks, hook_implementations, observing_hooks
from hypernodes.protocols import Engine

_STEP_HOOKS = ("hypernodes_execute_step", "hypernodes_choose_serializer")


def run_pipeline(
    engine: Engine,
    pipeline: Any,
    inputs: Mapping[str, Any] | None = None,
    output_name: str | Sequence[str] | None = None,
) -> dict[str, Any]:
    """Run *pipeline* once, here, with the cache and callbacks of *engine*.

    Args:
        engine: Whose settings count.
        pipeline: The pipeline; what it has bound takes part.
        inputs: Values by name; they win over bound ones.
        output_name: The wanted outputs; None for all.

    Returns:
        The outputs by name, in execution order.

    Raises:
        PlanError: An input is missing, or an output unknown; nothing has run.
        ValueError: A callback does not support the engine; nothing has run.
        Exception: Whatever a node raised, with a note where it happened.
    """
    shortcut = pipeline.shortcuts.get(output_name) if type(output_name) is not list else None
    if shortcut is not None:
        values = shortcut.read(engine, inputs)
        if values is not None:
            return shortcut.run(values)
    request = request_run(pipeline, inputs, output_name)
    with _OpenRun(engine, pipeline, request) as context:
        started = time.perf_counter()
        result = run_chunk(request.plan, request.whole(), context, live=True)
        if result.failure is not None:
            raise result.failure.error
        outputs = result.rows[0]
        _tell_finished(context, outputs, time.perf_counter() - started)
    keep_shortcut(context, pipeline, request, output_name)
    return outputs


def map_pipeline(
    engine: Engine,
    pipeline: Any,
    inputs: Mapping[str, Any] | None,
    map_over: str | Sequence[str],
    map_mode: MapMode = "zip",
    output_name: str | Sequence[str] | None = None,
    *,
    chunk_items: int = CHUNK_ITEMS,
) -> list[dict[str, Any]]:
    """Run *pipeline* once per item; *engine* carries the chunks.

    Args:
        engine: Carries out the chunks through its ``submit``.
        pipeline: The pipeline; what it has bound takes part.
        inputs: Values by name; those in *map_over* hold the items.
        map_over: The names that vary from item to item.
        map_mode: ``"zip"``, or ``"product"`` for all combinations, the last
            name in *map_over* varying fastest.
        output_name: The wanted outputs; None for all.
        chunk_items: How many items travel together.

    Returns:
        The outputs of each item by name, in item order.

    Raises:
        PlanError: The request cannot be answered; nothing has run.
        ValueError: A callback does not support the engine; nothing has run.
        Exception: What the lowest failing item raised, with a note where;
            finished work is in the cache.
    """
    request = request_map(pipeline, inputs, map_over, map_mode, output_name)
    chunks = request.chunks(chunk_items)
    with _OpenRun(engine, pipeline, request) as context:
        started = time.perf_counter()
        rows = _gather(engine.submit(request.plan, chunks, context), context)
        _tell_finished(context, {}, time.perf_counter() - started)
    return rows


class _OpenRun:
    """The circumstances of one run; observers hear of its end, however it ends.

    A class, because a generator would set attributes of the user's exception.
    """

    def __init__(self, engine: Engine, pipeline: Any, request: Request) -> None:
        around = Settings(engine, None, tuple(environment_callbacks()), (), {})
        settings = resolve_settings(request.plan, pipeline.graph, engine, around)
        for each, callbacks in all_callbacks(settings):
            check_supported(callbacks, type(each).__name__)
        self._inputs = request.inputs
        self._dispatcher = _make_dispatcher(request.plan, settings)
        run = tell = None
        if self._dispatcher is not None:
            run = new_run(uuid.uuid4().hex, request.plan, engine, request.count, None, None)
            tell = self._dispatcher.emit
        strict = bool(engine_option(engine, "strict", False))
        salt = str(engine_option(engine, "salt", ""))
        check = str(engine_option(engine, "check_mutation", "auto"))
        hooks = frozenset(name for name in _STEP_HOOKS if hook_implementations(name))
        self._context = Context(settings, run, tell, strict, salt, check, hooks)

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


def _tell_finished(context: Context, outputs: Mapping[str, Any], seconds: float) -> None:
    if context.run is not None and context.tell is not None:
        context.tell(RunFinished(context.run, Outcome(OutcomeKind.EXECUTED, outputs, seconds)))


def _gather(results: Iterator[ChunkResult], context: Context) -> list[dict[str, Any]]:
    """Return all rows in item order; events are told once all earlier chunks are through."""
    rows: list[dict[str, Any]] = []
    waiting: dict[int, ChunkResult] = {}
    through = done = hits = 0
    with contextlib.ExitStack() as ending:
        # an engine cancels what is still on its way when its generator is closed
        ending.callback(getattr(results, "close", lambda: None))
        for result in results:
            done, hits = done + len(result.rows), hits + result.hits
            _tell_progress(context, result, done, hits)
            waiting[result.index] = result
            while through in waiting:
                ready = waiting.pop(through)
                through += 1
                _tell_events(context, ready)
                if ready.failure is not None:
                    raise ready.failure.error
                rows.extend(ready.rows)
    return rows


def _tell_progress(context: Context, result: ChunkResult, done: int, hits: int) -> None:
    if context.run is not None and context.tell is not None and not result.is_told:
        context.tell(MapProgress(context.run, done, hits, int(result.failure is not None)))


def _tell_events(context: Context, result: ChunkResult) -> None:
    if context.tell is not None:
        for event in result.events:
            context.tell(event)
