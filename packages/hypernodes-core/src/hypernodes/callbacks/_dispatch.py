"""From the stream of events to the calls of observers.

This module decides who is called, in which order, with which arguments, and
that no observer can stop a run or another observer.  It refuses to know how
events come about: the executor makes them, and emits them in the order that
`hypernodes.events` promises.

One dispatcher serves one run, on the driver, on one thread.  Per event it
costs one dictionary lookup plus the calls themselves; methods that a callback
inherits from `PipelineCallback` unchanged are never called.
"""

from __future__ import annotations

import traceback
import warnings
from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import attrs

from hypernodes.callbacks._base import CallbackContext, PipelineCallback
from hypernodes.callbacks._ear import Ear
from hypernodes.callbacks._listeners import Listeners, ObserverHook, has_observers, listen_to
from hypernodes.errors import CallbackWarning
from hypernodes.events import (
    Event,
    ItemFinished,
    ItemStarted,
    MapProgress,
    Outcome,
    OutcomeKind,
    Run,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

_SUCCEEDED = frozenset({OutcomeKind.EXECUTED, OutcomeKind.HIT})
_IN_MAP = "_in_map"
_MAP_ITEM = "_map_item"


@attrs.define
class _Frame:
    """A run that has started and not ended."""

    run: Run
    listeners: Listeners
    level: int
    around: tuple[Any, Any] | None = None


class Dispatcher:
    """Tell the callbacks and the observing hooks of one run what happens in it.

    Create one per call of ``run`` or ``map``, emit every event of it and of
    its nested runs, and call `finish` at the end.  Callbacks come before
    hooks; both are called one by one.

    Args:
        root_callbacks: The callbacks of the outermost run, in call order.
        callbacks_for: Asked once per nested run for its callbacks; without
            it nested runs have those of the root.
        hooks: The observing hooks of plugins, by hook name.

    Attributes:
        context: What the callbacks share during this run.

    Example:
        >>> from hypernodes.callbacks import Recorder
        >>> recorder = Recorder()
        >>> dispatcher = Dispatcher([recorder])
        >>> run = Run("r1", "p1", "demo", "", "SeqEngine", None, ())
        >>> dispatcher.emit(RunStarted(run, {"x": 1}))
        >>> dispatcher.emit(RunFinished(run, Outcome(OutcomeKind.EXECUTED, {"y": 2})))
        >>> recorder.events
        [('pipeline_start', ('p1', {'x': 1})), ('pipeline_end', ('p1', {'y': 2}, 0.0))]
    """

    def __init__(
        self,
        root_callbacks: Sequence[PipelineCallback],
        *,
        callbacks_for: Callable[[Run], Sequence[PipelineCallback]] | None = None,
        hooks: Mapping[str, Sequence[ObserverHook]] | None = None,
    ) -> None:
        self._remembered: dict[Hashable, Any] = {}
        self.context: CallbackContext = CallbackContext(self._remembered)
        self._root_callbacks = tuple(root_callbacks)
        self._callbacks_for = callbacks_for
        self._hooks = {name: tuple(found) for name, found in (hooks or {}).items() if found}
        self._open: dict[str, _Frame] = {}
        self._listeners: dict[tuple[int, ...], Listeners] = {}
        # The objects are kept beside their ids, so that no id is used twice.
        self._took_part: dict[int, PipelineCallback] = {}
        self._warned: set[tuple[int | str, str]] = set()
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            RunStarted: self._run_started,
            ItemStarted: self._item_started,
            StepStarted: self._step_started,
            StepFinished: self._step_finished,
            ItemFinished: self._item_finished,
            MapProgress: self._map_progress,
            RunFinished: self._run_finished,
        }

    @property
    def is_idle(self) -> bool:
        """Whether nobody can be listening, so that events need not be made."""
        return self._callbacks_for is None and not has_observers(self._root_callbacks, self._hooks)

    def emit(self, event: Event) -> None:
        """Make every call that *event* stands for.

        Cost grows with the observers that implement a method for it, not with
        those that are listed.

        Raises:
            KeyError: The event belongs to a run that has not started.
        """
        frame = self._open.get(event.run.id)
        if frame is not None and frame.listeners["on_event"]:
            self._tell(frame, "on_event", event)
        self._handlers[type(event)](event)

    def ear(self, run: Run) -> Ear:
        """Return who listens to the items and steps of *run*.

        Raises:
            KeyError: *run* has not started.
        """
        frame = self._open[run.id]
        return Ear(
            listeners=frame.listeners,
            hooks=self._hooks,
            context=self.context,
            remembered=self._remembered,
            item_key=_MAP_ITEM,
            enter=partial(self._enter, frame),
            complain=self._complain,
            complain_of_plugin=self._complain_of_plugin,
        )

    def finish(self, error: BaseException | None = None) -> None:
        """End every run that is still open, innermost first, as failed by *error*.

        Does nothing after a run that ended by itself, so that it can be called
        however the run went.
        """
        with ExitStack() as last_first:
            for frame in self._open.values():
                ended = RunFinished(frame.run, Outcome(OutcomeKind.FAILED, error=error))
                last_first.callback(self.emit, ended)

    def _run_started(self, event: RunStarted) -> None:
        run, ctx = event.run, self.context
        ctx.set_pipeline_metadata(
            run.pipeline_id,
            {
                "total_nodes": len(run.node_ids),
                "pipeline_name": run.pipeline_name,
                "node_ids": list(run.node_ids),
            },
        )
        around = self._open.get(run.parent.id) if run.parent is not None else None
        if around is not None:
            self._tell(around, "on_nested_pipeline_start", around.run.pipeline_id, run.pipeline_id)
        frame = _Frame(run, self._listeners_of(run), len(ctx.hierarchy_path))
        self._open[run.id] = frame
        ctx.push_pipeline(run.pipeline_id)
        self._tell(frame, "on_event", event)
        if run.is_map:
            self._tell(frame, "on_map_start", run.total)
        else:
            self._tell(frame, "on_pipeline_start", run.pipeline_id, event.inputs)
        self._observe("hypernodes_run_started", run=run, inputs=event.inputs)

    def _item_started(self, event: ItemStarted) -> None:
        frame = self._open[event.run.id]
        self._enter(frame, event.item)
        self._tell(frame, "on_map_item_start", event.item)
        self._tell(frame, "on_pipeline_start", event.run.pipeline_id, event.inputs)
        self._observe("hypernodes_item_started", run=event.run, item=event.item)

    def _enter(self, frame: _Frame, item: int) -> None:
        ctx = self.context
        if frame.around is None:
            frame.around = (ctx.get(_IN_MAP, False), ctx.get(_MAP_ITEM))
        ctx.set(_IN_MAP, True)
        ctx.set(_MAP_ITEM, item)

    def _step_started(self, event: StepStarted) -> None:
        self._tell(self._open[event.run.id], "on_node_start", event.step.id, event.inputs)
        self._observe(
            "hypernodes_step_started",
            run=event.run,
            item=event.item,
            step=event.step,
            inputs=event.inputs,
        )

    def _step_finished(self, event: StepFinished) -> None:
        frame, node_id, outcome = self._open[event.run.id], event.step.id, event.outcome
        if outcome.kind is OutcomeKind.EXECUTED:
            self._tell(frame, "on_node_end", node_id, outcome.outputs, outcome.seconds)
        elif outcome.kind is OutcomeKind.HIT:
            self._tell(frame, "on_node_cached", node_id, outcome.signature or "")
        elif outcome.kind is OutcomeKind.FAILED:
            self._tell(frame, "on_error", node_id, outcome.error)
        self._observe(
            "hypernodes_step_finished",
            run=event.run,
            item=event.item,
            step=event.step,
            outcome=outcome,
        )

    def _item_finished(self, event: ItemFinished) -> None:
        frame, outcome = self._open[event.run.id], event.outcome
        if outcome.kind in _SUCCEEDED:
            pipeline_id = event.run.pipeline_id
            self._tell(frame, "on_pipeline_end", pipeline_id, outcome.outputs, outcome.seconds)
            if outcome.kind is OutcomeKind.HIT:
                self._tell(frame, "on_map_item_cached", event.item, outcome.signature or "")
            self._tell(frame, "on_map_item_end", event.item, outcome.seconds)
        self._observe("hypernodes_item_finished", run=event.run, item=event.item, outcome=outcome)

    def _map_progress(self, event: MapProgress) -> None:
        # Progress is live and can overtake the events around it: late is too late.
        frame = self._open.get(event.run.id)
        if frame is not None:
            counts = (event.done, event.hits, event.failed, event.run.total)
            self._tell(frame, "on_map_progress", *counts)

    def _run_finished(self, event: RunFinished) -> None:
        run, outcome = event.run, event.outcome
        frame = self._open.pop(run.id)
        around = self._open.get(run.parent.id) if run.parent is not None else None
        # What must happen even where an interrupt hits the calls; last comes first.
        with ExitStack() as ending:
            if not self._open:
                ending.callback(self._close)
            ending.callback(self._observe, "hypernodes_run_finished", run=run, outcome=outcome)
            ending.callback(self._leave, frame)
            if outcome.kind in _SUCCEEDED:
                self._tell_end(frame, outcome)
        if around is not None and outcome.kind in _SUCCEEDED:
            ids = (around.run.pipeline_id, run.pipeline_id)
            self._tell(around, "on_nested_pipeline_end", *ids, outcome.seconds)

    def _tell_end(self, frame: _Frame, outcome: Outcome) -> None:
        if frame.around is not None:
            self._restore_item(frame.around)
        if frame.run.is_map:
            self._tell(frame, "on_map_end", outcome.seconds)
        else:
            ends = (frame.run.pipeline_id, outcome.outputs, outcome.seconds)
            self._tell(frame, "on_pipeline_end", *ends)

    def _leave(self, frame: _Frame) -> None:
        if frame.around is not None:
            self._restore_item(frame.around)
        while len(self.context.hierarchy_path) > frame.level:
            self.context.pop_pipeline()

    def _restore_item(self, around: tuple[Any, Any]) -> None:
        self.context.set(_IN_MAP, around[0])
        self.context.set(_MAP_ITEM, around[1])

    def _close(self) -> None:
        callbacks = list(self._took_part.values())
        self._took_part.clear()
        with ExitStack() as in_order:
            for callback in reversed(callbacks):
                listeners = listen_to([callback])["close"]
                in_order.callback(self._call_all, listeners, "close", (self.context,))

    def _listeners_of(self, run: Run) -> Listeners:
        if run.parent is None or self._callbacks_for is None:
            callbacks = self._root_callbacks
        else:
            callbacks = tuple(self._callbacks_for(run))
        for callback in callbacks:
            self._took_part.setdefault(id(callback), callback)
        key = tuple(map(id, callbacks))
        if key not in self._listeners:
            self._listeners[key] = listen_to(callbacks)
        return self._listeners[key]

    def _tell(self, frame: _Frame, method: str, *args: object) -> None:
        for owner, call in frame.listeners[method]:
            try:
                call(*args, self.context)
            except Exception as error:
                self._complain(owner, method, error)

    def _call_all(
        self,
        listeners: Iterable[tuple[object, Callable[..., object]]],
        method: str,
        args: tuple[object, ...],
    ) -> None:
        for owner, call in listeners:
            try:
                call(*args)
            except Exception as error:
                self._warn(id(owner), f"callback {type(owner).__name__}", method, error)

    def _observe(self, hook: str, **available: object) -> None:
        if not self._hooks:
            return
        for plugin, call, names in self._hooks.get(hook, ()):
            try:
                call(**{name: available[name] for name in names})
            except Exception as error:
                self._complain_of_plugin(plugin, hook, error)

    def _complain_of_plugin(self, plugin: str, hook: str, error: Exception) -> None:
        self._warn(plugin, f"plugin {plugin!r}", hook, error)

    def _complain(self, owner: object, method: str, error: Exception) -> None:
        self._warn(id(owner), f"callback {type(owner).__name__}", method, error)

    def _warn(self, key: int | str, who: str, method: str, error: Exception) -> None:
        """Warn once per observer and method, pointing at the line that raised."""
        if (key, method) in self._warned:
            return
        self._warned.add((key, method))
        # Formatted by traceback, because the text of a foreign error can raise too.
        said = traceback.format_exception_only(error)[0].strip()
        msg = f"{who} raised in {method}: {said}; the run goes on without it"
        # The first frame is ours, the second is the observer's own code.
        *_, (frame, line) = islice(traceback.walk_tb(error.__traceback__), 2)
        warnings.warn_explicit(msg, CallbackWarning, frame.f_code.co_filename, line)
