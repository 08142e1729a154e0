"""A callback that keeps every call, for tests and reports.

It decides nothing about the calls: they are kept as they came.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from hypernodes.callbacks._base import CallbackContext, PipelineCallback

if TYPE_CHECKING:
    from collections.abc import Mapping


class Recorder(PipelineCallback):
    """Keep every call in order, as ``(name, arguments)``.

    The name is the method's without ``on_``; the arguments are those of the
    call without the context, by reference, so recorded values stay alive as
    long as the recorder.  One recorder can watch many runs, one after the
    other or at once; their calls end up in one list.

    Attributes:
        events: Every call so far.

    Example:
        >>> recorder = Recorder()
        >>> ctx = CallbackContext()
        >>> recorder.on_node_cached("load", "sig", ctx)
        >>> recorder.on_node_end("train", {"model": 1}, 0.5, ctx)
        >>> recorder.events
        [('node_cached', ('load', 'sig')), ('node_end', ('train', {'model': 1}, 0.5))]
        >>> recorder.executed, recorder.cached
        (['train'], ['load'])
    """

    def __init__(self) -> None:
        self.events: list[tuple[str, tuple[Any, ...]]] = []

    @property
    def names(self) -> list[str]:
        """The names of the calls, in order."""
        return [name for name, _ in self.events]

    @property
    def counts(self) -> dict[str, int]:
        """How often each call was made, by name."""
        return dict(Counter(self.names))

    @property
    def executed(self) -> list[str]:
        """The ids of the nodes that were executed, in the order they ended."""
        return self._nodes("node_end")

    @property
    def cached(self) -> list[str]:
        """The ids of the nodes that were hits, in order."""
        return self._nodes("node_cached")

    @property
    def errors(self) -> list[str]:
        """The ids of the nodes that failed, inner ones before their wrappers."""
        return self._nodes("error")

    def clear(self) -> None:
        """Forget every call."""
        self.events.clear()

    def on_pipeline_start(
        self, pipeline_id: str, inputs: Mapping[str, Any], ctx: CallbackContext
    ) -> None:
        """Keep the call."""
        self._keep("pipeline_start", pipeline_id, inputs)

    def on_pipeline_end(
        self, pipeline_id: str, outputs: Mapping[str, Any], duration: float, ctx: CallbackContext
    ) -> None:
        """Keep the call."""
        self._keep("pipeline_end", pipeline_id, outputs, duration)

    def on_node_start(self, node_id: str, inputs: Mapping[str, Any], ctx: CallbackContext) -> None:
        """Keep the call."""
        self._keep("node_start", node_id, inputs)

    def on_node_end(
        self, node_id: str, outputs: Mapping[str, Any], duration: float, ctx: CallbackContext
    ) -> None:
        """Keep the call."""
        self._keep("node_end", node_id, outputs, duration)

    def on_node_cached(self, node_id: str, signature: str, ctx: CallbackContext) -> None:
        """Keep the call."""
        self._keep("node_cached", node_id, signature)

    def on_error(self, node_id: str, error: BaseException, ctx: CallbackContext) -> None:
        """Keep the call."""
        self._keep("error", node_id, error)

    def on_nested_pipeline_start(
        self, parent_id: str, child_pipeline_id: str, ctx: CallbackContext
    ) -> None:
        """Keep the call."""
        self._keep("nested_pipeline_start", parent_id, child_pipeline_id)

    def on_nested_pipeline_end(
        self, parent_id: str, child_pipeline_id: str, duration: float, ctx: CallbackContext
    ) -> None:
        """Keep the call."""
        self._keep("nested_pipeline_end", parent_id, child_pipeline_id, duration)

    def on_map_start(self, total_items: int | None, ctx: CallbackContext) -> None:
        """Keep the call."""
        self._keep("map_start", total_items)

    def on_map_item_start(self, item_index: int, ctx: CallbackContext) -> None:
        """Keep the call."""
        self._keep("map_item_start", item_index)

    def on_map_item_end(self, item_index: int, duration: float, ctx: CallbackContext) -> None:
        """Keep the call."""
        self._keep("map_item_end", item_index, duration)

    def on_map_item_cached(self, item_index: int, signature: str, ctx: CallbackContext) -> None:
        """Keep the call."""
        self._keep("map_item_cached", item_index, signature)

    def on_map_end(self, total_duration: float, ctx: CallbackContext) -> None:
        """Keep the call."""
        self._keep("map_end", total_duration)

    def on_map_progress(
        self, done: int, hits: int, failed: int, total: int | None, ctx: CallbackContext
    ) -> None:
        """Keep the call."""
        self._keep("map_progress", done, hits, failed, total)

    def _keep(self, name: str, *args: object) -> None:
        self.events.append((name, args))

    def _nodes(self, name: str) -> list[str]:
        return [args[0] for found, args in self.events if found == name]
