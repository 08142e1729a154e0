"""A callback that writes runs to the standard logging.

It decides which call has which level and which fields a record carries; where
records go and how they look is the business of the logging configuration.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hypernodes.callbacks._base import CallbackContext, PipelineCallback

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROGRESS_STEPS = 10


class LoggingCallback(PipelineCallback):
    """Write what happens in a run to a logger, with structured fields.

    Pipelines, maps and nodes are logged at *level*; what happens inside the
    items of a map at ``DEBUG``, so that a long map stays readable; failures
    at ``ERROR``, without the traceback, which the exception itself carries.
    A map says how far it is ten times at most, a stream whenever twice as many
    items are done.

    Each record carries ``hypernodes_event`` and ``depth``, and where they
    apply ``pipeline``, ``node``, ``item``, ``seconds``, ``signature``,
    ``error``, ``done``, ``hits``, ``failed`` and ``total``.

    Args:
        logger: The name of a logger, or a logger.
        level: The level of everything outside of map items.

    Example:
        >>> import logging, sys
        >>> logger = logging.Logger("demo")
        >>> logger.addHandler(logging.StreamHandler(sys.stdout))
        >>> callback = LoggingCallback(logger)
        >>> callback.on_node_end("train", {"model": 1}, 2.5, CallbackContext())
        node train executed in 2.500 s
    """

    def __init__(
        self, logger: str | logging.Logger = "hypernodes", level: int = logging.INFO
    ) -> None:
        self._logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self._level = level

    def on_pipeline_start(
        self, pipeline_id: str, inputs: Mapping[str, Any], ctx: CallbackContext
    ) -> None:
        """Log the name of the pipeline."""
        self._log(ctx, "pipeline_start", "pipeline %s started", _name(pipeline_id, ctx))

    def on_pipeline_end(
        self, pipeline_id: str, outputs: Mapping[str, Any], duration: float, ctx: CallbackContext
    ) -> None:
        """Log the time it took."""
        text = "pipeline %s ended after %.3f s"
        name = _name(pipeline_id, ctx)
        self._log(ctx, "pipeline_end", text, name, duration, seconds=duration)

    def on_node_start(self, node_id: str, inputs: Mapping[str, Any], ctx: CallbackContext) -> None:
        """Log the node, one level below its end."""
        self._log(ctx, "node_start", "node %s started", node_id, level=logging.DEBUG, node=node_id)

    def on_node_end(
        self, node_id: str, outputs: Mapping[str, Any], duration: float, ctx: CallbackContext
    ) -> None:
        """Log the node and the time it took."""
        text = "node %s executed in %.3f s"
        self._log(ctx, "node_end", text, node_id, duration, node=node_id, seconds=duration)

    def on_node_cached(self, node_id: str, signature: str, ctx: CallbackContext) -> None:
        """Log the node and its signature."""
        text = "node %s was a hit"
        self._log(ctx, "node_cached", text, node_id, node=node_id, signature=signature)

    def on_error(self, node_id: str, error: BaseException, ctx: CallbackContext) -> None:
        """Log the failure as an error, also inside of a map."""
        text = "node %s failed: %s: %s"
        args = (node_id, type(error).__name__, error)
        level = logging.ERROR
        self._log(ctx, "error", text, *args, level=level, node=node_id, error=repr(error))

    def on_map_start(self, total_items: int | None, ctx: CallbackContext) -> None:
        """Log the number of items."""
        name = _name(ctx.current_pipeline_id, ctx)
        noun = "item" if total_items == 1 else "items"
        what = "a stream" if total_items is None else f"{total_items} {noun}"
        self._log(ctx, "map_start", "map of %s over %s started", name, what, total=total_items)

    def on_map_item_cached(self, item_index: int, signature: str, ctx: CallbackContext) -> None:
        """Log the item and its signature."""
        text = "item %d was a hit"
        self._log(ctx, "map_item_cached", text, item_index, item=item_index, signature=signature)

    def on_map_item_end(self, item_index: int, duration: float, ctx: CallbackContext) -> None:
        """Log the item and the time it took."""
        text = "item %d ended after %.3f s"
        self._log(
            ctx, "map_item_end", text, item_index, duration, item=item_index, seconds=duration
        )

    def on_map_progress(
        self, done: int, hits: int, failed: int, total: int | None, ctx: CallbackContext
    ) -> None:
        """Log the counts at each tenth of the map; of a stream, when there are twice as many."""
        key = ("hypernodes.logging.progress", id(self), ctx.depth)
        reached = done.bit_length() if total is None else done * _PROGRESS_STEPS // max(total, 1)
        if reached == ctx.get(key, 0):
            return
        ctx.set(key, reached)
        of = "" if total is None else f" of {total}"
        text = "%d%s items done, %d hits, %d failed"
        counts = {"done": done, "total": total, "hits": hits, "failed": failed}
        self._log(ctx, "map_progress", text, done, of, hits, failed, **counts)

    def on_map_end(self, total_duration: float, ctx: CallbackContext) -> None:
        """Log the time the map took."""
        name = _name(ctx.current_pipeline_id, ctx)
        text = "map of %s ended after %.3f s"
        self._log(ctx, "map_end", text, name, total_duration, seconds=total_duration)

    def _log(
        self,
        ctx: CallbackContext,
        event: str,
        text: str,
        *args: object,
        level: int | None = None,
        **fields: object,
    ) -> None:
        in_map = ctx.get("_in_map", False)
        if level is None:
            level = logging.DEBUG if in_map else self._level
        if not self._logger.isEnabledFor(level):
            return
        extra = {
            "hypernodes_event": event,
            "depth": ctx.depth,
            "pipeline": _name(ctx.current_pipeline_id, ctx),
            **({"item": ctx.get("_map_item")} if in_map else {}),
            **fields,
        }
        self._logger.log(level, text, *args, extra=extra)


def _name(pipeline_id: str | None, ctx: CallbackContext) -> str | None:
    """Return the pipeline's name, or its id where it has none."""
    if pipeline_id is None:
        return None
    return ctx.get_pipeline_metadata(pipeline_id).get("pipeline_name") or pipeline_id
