"""What an observer looks like, and what it may remember during a run.

This module fixes the names and the arguments of the calls.  When they are
made, in which order, and what happens when one of them raises, is decided in
`_dispatch`; nothing here knows about engines, caches or events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from hypernodes.events import Event


class CallbackContext:
    """Remember things during one run; nested pipelines share it.

    Every call receives the context of its run, so one callback object can
    serve many runs at once by keeping its state here instead of on itself.

    Args:
        values: What is remembered from the beginning; not copied.

    Example:
        >>> ctx = CallbackContext()
        >>> ctx.set("seen", 3)
        >>> ctx.get("seen"), ctx.get("unknown", 0)
        (3, 0)
        >>> ctx.push_pipeline("outer")
        >>> ctx.push_pipeline("inner")
        >>> ctx.depth, ctx.hierarchy_path
        (1, ['outer', 'inner'])
    """

    def __init__(self, values: dict[Hashable, Any] | None = None) -> None:
        self._values: dict[Hashable, Any] = {} if values is None else values
        self._path: list[str] = []
        self._metadata: dict[str, dict[str, Any]] = {}

    def set(self, key: Hashable, value: Any) -> None:
        """Remember *value* under *key* until the run ends."""
        self._values[key] = value

    def get(self, key: Hashable, default: Any = None) -> Any:
        """Return what was remembered under *key*, else *default*."""
        return self._values.get(key, default)

    @property
    def depth(self) -> int:
        """How many pipelines are around the current one; 0 at the root."""
        return len(self._path) - 1 if self._path else 0

    @property
    def current_pipeline_id(self) -> str | None:
        """The id of the pipeline that is running; None outside of a run."""
        return self._path[-1] if self._path else None

    @property
    def parent_pipeline_id(self) -> str | None:
        """The id of the pipeline around the current one; None at the root."""
        return self._path[-2] if len(self._path) > 1 else None

    @property
    def hierarchy_path(self) -> list[str]:
        """The ids of the running pipelines, outermost first; a new list."""
        return list(self._path)

    def push_pipeline(self, pipeline_id: str) -> None:
        """Enter the pipeline *pipeline_id*; the dispatcher does this."""
        self._path.append(pipeline_id)

    def pop_pipeline(self) -> str:
        """Leave the current pipeline and return its id.

        Raises:
            IndexError: No pipeline was entered.
        """
        if not self._path:
            msg = "no pipeline to leave; every pop_pipeline needs a push_pipeline before it"
            raise IndexError(msg)
        return self._path.pop()

    def set_pipeline_metadata(self, pipeline_id: str, metadata: Mapping[str, Any]) -> None:
        """Describe the pipeline *pipeline_id*, replacing what was said before."""
        self._metadata[pipeline_id] = dict(metadata)

    def get_pipeline_metadata(self, pipeline_id: str) -> dict[str, Any]:
        """Return the description of *pipeline_id*; empty for an unknown one.

        A pipeline that has started has ``total_nodes``, ``pipeline_name`` and
        ``node_ids`` (in execution order).
        """
        return dict(self._metadata.get(pipeline_id, {}))


class PipelineCallback:
    """Observe runs: override the methods of interest, the others do nothing.

    Arguments are passed by position and the calls are made on the driver, one
    after the other, in the order in which the callbacks are listed.  A method
    that raises becomes one `CallbackWarning`; the run goes on.

    A run gives ``pipeline_start``, then per node ``node_start`` and
    ``node_end`` or only ``node_cached``, then ``pipeline_end``.  A map gives
    ``map_start``, per item ``map_item_start``, the calls of a run and
    ``map_item_end``, then ``map_end``.  A nested pipeline adds
    ``nested_pipeline_start`` and ``nested_pipeline_end`` around its own calls,
    between ``node_start`` and ``node_end`` of its node.

    Example:
        >>> class Slow(PipelineCallback):
        ...     def on_node_end(self, node_id, outputs, duration, ctx):
        ...         if duration > 1.0:
        ...             print(node_id, "took", duration)
        >>> Slow().on_node_end("train", {"model": 1}, 2.5, CallbackContext())
        train took 2.5
    """

    @property
    def supported_engines(self) -> Sequence[str] | None:
        """The class names of the engines it works with; None for all."""
        return None

    def on_pipeline_start(
        self, pipeline_id: str, inputs: Mapping[str, Any], ctx: CallbackContext
    ) -> None:
        """Observe that a pipeline begins, or one item of a map."""

    def on_pipeline_end(
        self, pipeline_id: str, outputs: Mapping[str, Any], duration: float, ctx: CallbackContext
    ) -> None:
        """Observe that a pipeline has succeeded, or one item of a map."""

    def on_node_start(self, node_id: str, inputs: Mapping[str, Any], ctx: CallbackContext) -> None:
        """Observe that a node is about to be executed; not called for a hit."""

    def on_node_end(
        self, node_id: str, outputs: Mapping[str, Any], duration: float, ctx: CallbackContext
    ) -> None:
        """Observe that a node was executed; *outputs* is by output name."""

    def on_node_cached(self, node_id: str, signature: str, ctx: CallbackContext) -> None:
        """Observe that a node was a hit, so that its function was not called."""

    def on_error(self, node_id: str, error: BaseException, ctx: CallbackContext) -> None:
        """Observe that a node has failed; inner nodes first, then what wraps them."""

    def on_nested_pipeline_start(
        self, parent_id: str, child_pipeline_id: str, ctx: CallbackContext
    ) -> None:
        """Observe that a nested pipeline begins; the context is still the parent's."""

    def on_nested_pipeline_end(
        self, parent_id: str, child_pipeline_id: str, duration: float, ctx: CallbackContext
    ) -> None:
        """Observe that a nested pipeline has succeeded; the context is the parent's again."""

    def on_map_start(self, total_items: int | None, ctx: CallbackContext) -> None:
        """Observe that a map over *total_items* items begins; None for a stream."""

    def on_map_item_start(self, item_index: int, ctx: CallbackContext) -> None:
        """Observe that an item of a map begins."""

    def on_map_item_end(self, item_index: int, duration: float, ctx: CallbackContext) -> None:
        """Observe that an item of a map has succeeded."""

    def on_map_item_cached(self, item_index: int, signature: str, ctx: CallbackContext) -> None:
        """Observe that an item was wholly a hit; ``on_map_item_end`` follows."""

    def on_map_end(self, total_duration: float, ctx: CallbackContext) -> None:
        """Observe that a map is through."""

    def on_map_progress(
        self, done: int, hits: int, failed: int, total: int | None, ctx: CallbackContext
    ) -> None:
        """Observe how far a map is; live on every engine, ahead of the item calls.

        *done* counts every item that has ended, so *hits* and *failed* are
        parts of it.  *total* is None for a stream.
        """

    def on_event(self, event: Event, ctx: CallbackContext) -> None:
        """Observe any event as the record that it is, ahead of the calls that it stands for.

        For observers that need what the calls leave out: paths, reasons,
        signatures, failed items and runs.  The records are those of
        `hypernodes.events`, in the order that is promised there.
        """

    def close(self, ctx: CallbackContext) -> None:
        """Release what was opened for this run.

        Called exactly once per run, after its last call, however it ended:
        also after a failure or an interrupt, where the ``end`` calls are
        missing.
        """
