"""A callback that shows how far runs are.

This module turns calls into counts on a `Board` and tells a display when a
pipeline begins, moves or ends.  What a display looks like, and whether it is
a terminal, a notebook or a log file, is decided in `_progress_display`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import attrs

from hypernodes.callbacks._base import CallbackContext, PipelineCallback
from hypernodes.callbacks._progress_board import Board, Items, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from hypernodes.callbacks._progress_display import Display


@attrs.frozen
class _Watch:
    """What is kept per run, in its context."""

    board: Board
    display: Display


class ProgressCallback(PipelineCallback):
    """Show progress bars: one for the pipeline, one for each node beneath it.

    Nested pipelines are drawn as a tree.  A map counts its items, hits apart
    from executions, with its rate and the time that is left; inside it every
    node has one bar for all items.

    In a terminal the bars are redrawn a few times a second, on stderr; in a
    notebook they are one output that changes.  Where there is neither (a pipe,
    a log, CI), and for runs that begin while another one has the terminal,
    plain lines say when a pipeline begins, how far it is (seldom), and how it
    ended.  One callback can watch many runs at once.

    Cost: a few additions per call, about two microseconds.  The package rich is
    imported at the first call.

    Args:
        enable: False shows nothing.
        console: The rich console to write to; stderr without it.
        clock: Where the time comes from.

    Example:
        >>> import io
        >>> from rich.console import Console
        >>> out = Console(file=io.StringIO())
        >>> callback, ctx = ProgressCallback(console=out, clock=lambda: 0.0), CallbackContext()
        >>> ctx.push_pipeline("p1")
        >>> callback.on_map_start(3, ctx)
        >>> callback.on_map_progress(3, 1, 0, 3, ctx)
        >>> callback.on_map_end(2.5, ctx)
        >>> callback.close(ctx)
        >>> print(out.file.getvalue().strip())
        pipeline: map over 3 items
        pipeline: done in 2.5 s, 3 items, 1 hit
    """

    def __init__(
        self,
        enable: bool = True,
        *,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._enable = enable
        self._console = console
        self._clock = clock
        self._key = f"hypernodes.progress.{id(self)}"

    def on_pipeline_start(
        self, pipeline_id: str, inputs: Mapping[str, Any], ctx: CallbackContext
    ) -> None:
        """Begin the bar of the pipeline; an item of a map has none of its own."""
        watch = self._watch(ctx)
        if watch is None:
            return
        row = watch.board.enter(ctx)
        if not row.is_mapping:
            self._begin(row, watch)

    def on_pipeline_end(
        self, pipeline_id: str, outputs: Mapping[str, Any], duration: float, ctx: CallbackContext
    ) -> None:
        """End the bar of the pipeline."""
        watch = self._watch(ctx)
        if watch is None:
            return
        row = watch.board.current(ctx)
        if not row.is_mapping:
            self._end(row, watch, duration)

    def on_map_start(self, total_items: int | None, ctx: CallbackContext) -> None:
        """Begin the bar of a map."""
        watch = self._watch(ctx)
        if watch is None:
            return
        row = watch.board.enter(ctx)
        row.items = row.items or Items()
        row.items.start_map(total_items)
        row.is_mapping = True
        self._begin(row, watch)

    def on_map_item_start(self, item_index: int, ctx: CallbackContext) -> None:
        """Take note that an item begins."""
        items = self._items(ctx)
        if items is not None:
            items.start_item()

    def on_map_item_cached(self, item_index: int, signature: str, ctx: CallbackContext) -> None:
        """Count the item as a hit."""
        items = self._items(ctx)
        if items is not None:
            items.note_hit()

    def on_map_item_end(self, item_index: int, duration: float, ctx: CallbackContext) -> None:
        """Count the item."""
        items = self._items(ctx)
        if items is not None:
            items.end_item()

    def on_map_progress(
        self, done: int, hits: int, failed: int, total: int | None, ctx: CallbackContext
    ) -> None:
        """Move the bar of the map."""
        watch = self._watch(ctx)
        if watch is None:
            return
        row, now = watch.board.current(ctx), self._clock()
        if row.items is not None:
            row.items.report(done, hits, failed)
            row.items.pace.sample(now, row.items.done, row.items.hits)
            watch.display.moved(row, now)

    def on_map_end(self, total_duration: float, ctx: CallbackContext) -> None:
        """End the bar of the map."""
        watch = self._watch(ctx)
        if watch is None:
            return
        row = watch.board.current(ctx)
        row.is_mapping = False
        self._end(row, watch, total_duration)

    def on_nested_pipeline_start(
        self, parent_id: str, child_pipeline_id: str, ctx: CallbackContext
    ) -> None:
        """Go one level deeper in the tree."""
        watch = self._watch(ctx)
        if watch is not None:
            watch.board.enter_nested(child_pipeline_id, ctx)

    def on_node_start(self, node_id: str, inputs: Mapping[str, Any], ctx: CallbackContext) -> None:
        """Begin the bar of the node."""
        watch = self._watch(ctx)
        if watch is None:
            return
        pipeline = watch.board.current(ctx)
        pipeline.current = node = pipeline.child(node_id)
        node.start(self._clock())

    def on_node_end(
        self, node_id: str, outputs: Mapping[str, Any], duration: float, ctx: CallbackContext
    ) -> None:
        """Move the bar of the node by one execution."""
        watch = self._watch(ctx)
        if watch is None:
            return
        pipeline = watch.board.current(ctx)
        node = pipeline.child(node_id)
        node.executed += 1
        node.stop(duration)
        watch.display.moved(pipeline, self._clock())

    def on_node_cached(self, node_id: str, signature: str, ctx: CallbackContext) -> None:
        """Move the bar of the node by one hit."""
        watch = self._watch(ctx)
        if watch is None:
            return
        pipeline = watch.board.current(ctx)
        pipeline.child(node_id).hits += 1
        watch.display.moved(pipeline, self._clock())

    def on_error(self, node_id: str, error: BaseException, ctx: CallbackContext) -> None:
        """Mark the bar of the node."""
        watch = self._watch(ctx)
        if watch is None:
            return
        board = watch.board
        node = board.current(ctx).child(node_id)
        node.failed += 1
        node.is_mapping = False
        now = self._clock()
        node.stop(node.elapsed(now) - node.seconds)
        board.error = board.error or (node_id, error)

    def close(self, ctx: CallbackContext) -> None:
        """Draw the last state and give the terminal back."""
        watch = ctx.get(self._key)
        if watch is not None:
            ctx.set(self._key, None)
            now = self._clock()
            watch.board.end(now)
            watch.display.close(now)

    def _watch(self, ctx: CallbackContext) -> _Watch | None:
        if not self._enable:
            return None
        watch: _Watch | None = ctx.get(self._key)
        if watch is None:
            # Deferred: it imports rich, which takes longer than many a run.
            from hypernodes.callbacks._progress_display import choose_display

            board = Board()
            watch = _Watch(board, choose_display(board, self._console, self._clock))
            ctx.set(self._key, watch)
        return watch

    def _items(self, ctx: CallbackContext) -> Items | None:
        watch = self._watch(ctx)
        return None if watch is None else watch.board.current(ctx).items

    def _begin(self, row: Row, watch: _Watch) -> None:
        now = self._clock()
        # A nested pipeline shares the row of its node, which has begun already.
        if row.parent is None or row.running_since is None:
            row.start(now)
        watch.display.began(row, now)

    def _end(self, row: Row, watch: _Watch, seconds: float) -> None:
        if row.parent is None:
            row.executed += 1
            row.stop(seconds)
        watch.display.ended(row, self._clock())
