"""What a progress display knows: rows of plain counters, one tree per run.

A *row* stands for a node or a pipeline.  Inside a map there is one row per
node, not one per item: the row counts its uses.  A row that is a map has
`Items` besides.  Updating costs a few additions; everything that has to be
derived (totals, rates, what is left) is derived when somebody draws.

How rows look, and when they are drawn, is none of this module's business.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypernodes.callbacks._base import CallbackContext

_PACE_SAMPLES = 60
_PACE_SPACING = 0.5


class Pace:
    """How fast items end, judged by the last samples.

    Counting begins anew when the first item was executed, so hits that came
    before it do not make the rest look fast.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=_PACE_SAMPLES)
        self._has_executed = False

    def sample(self, now: float, done: int, hits: int) -> None:
        """Take note of *done* items, *hits* among them."""
        samples = self._samples
        if not self._has_executed and done > hits:
            self._has_executed = True
            samples.clear()
        if not self._is_known or now - samples[-2][0] >= _PACE_SPACING:
            samples.append((now, done))
        else:
            # The newest sample moves with the clock until it is far enough away.
            samples[-1] = (now, done)

    @property
    def _is_known(self) -> bool:
        return len(self._samples) > 1

    @property
    def rate(self) -> float | None:
        """Items per second; None as long as it is unknown."""
        if not self._is_known:
            return None
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return (after - before) / (end - start) if end > start and after > before else None


class Items:
    """The items of a map, added up over all uses of it inside an outer map."""

    def __init__(self) -> None:
        self.announced = 0
        self.is_stream = False
        self.maps = 0
        self.done = 0
        self.hits = 0
        self.failed = 0
        self.pace = Pace()
        self._before = (0, 0, 0)
        self._seen = [0, 0, 0]
        self._is_open = False

    def start_map(self, total: int | None) -> None:
        """Expect *total* items more; None where nobody knows how many."""
        self.announced += total or 0
        self.is_stream = self.is_stream or total is None
        self.maps += 1
        self._before = (self.done, self.hits, self.failed)
        self._seen = [0, 0, 0]
        self._is_open = False

    def start_item(self) -> None:
        """Count the item before as failed where its end never came."""
        if self._is_open:
            self.end_item(failed=True)
        self._is_open = True

    def end_item(self, *, failed: bool = False) -> None:
        """Count an item, unless live progress has already counted it."""
        self._is_open = False
        self._seen[0] += 1
        self._seen[2] += failed
        self.report(*self._seen)

    def note_hit(self) -> None:
        """Count the item that is about to end as a hit."""
        self._seen[1] += 1

    def report(self, done: int, hits: int, failed: int) -> None:
        """Take over the counts of the current map; older ones change nothing."""
        before = self._before
        if before[0] + done >= self.done:
            self.done = before[0] + done
            self.hits = max(self.hits, before[1] + hits)
            self.failed = max(self.failed, before[2] + failed)


@attrs.define(eq=False)
class Row:
    """A node or a pipeline, and how often it was executed, hit or failed.

    Nodes of one name share a row; *shares* is how many there are.
    """

    label: str
    parent: Row | None = None
    children: dict[str, Row] = attrs.field(factory=dict)
    items: Items | None = None
    is_mapping: bool = False
    shares: int = 1
    starts: int = 0
    executed: int = 0
    hits: int = 0
    failed: int = 0
    seconds: float = 0.0
    running_since: float | None = None
    current: Row | None = None

    def child(self, label: str) -> Row:
        """Return the row of *label* beneath this one, made where it is missing."""
        row = self.children.get(label)
        if row is None:
            row = self.children[label] = Row(label, self)
        return row

    def walk(self) -> Iterator[Row]:
        """Yield this row and everything beneath it, also while rows are added."""
        yield self
        for child in list(self.children.values()):
            yield from child.walk()

    def start(self, now: float) -> None:
        """Begin one use."""
        self.starts += 1
        self.running_since = now

    def stop(self, seconds: float) -> None:
        """End one use that took *seconds*."""
        self.seconds += seconds
        self.running_since = None

    def elapsed(self, now: float) -> float:
        """Return the time spent in it so far."""
        running = 0.0 if self.running_since is None else now - self.running_since
        return self.seconds + running

    @property
    def done(self) -> int:
        """How many uses have ended."""
        return self.executed + self.hits + self.failed

    @property
    def expected(self) -> int:
        """How many uses there will be, as far as one can know."""
        if self.parent is None:
            return max(self.starts, 1)
        return max(self.parent.rounds * self.shares, self.done)

    @property
    def rounds(self) -> int:
        """How often each of its children will be used."""
        # A hit of the whole pipeline uses none of them.
        uses = self.expected - self.hits
        if self.items is None:
            return uses
        # Inside an outer map not every length is known yet: assume more of the same.
        maps = max(self.items.maps, 1)
        return round(self.items.announced * max(uses, maps) / maps)

    @property
    def is_endless(self) -> bool:
        """Whether nobody knows how many uses or items are still to come."""
        if self.items is not None and self.items.is_stream:
            return self.running_since is not None
        return self.parent is not None and self.parent.is_endless

    @property
    def is_finished(self) -> bool:
        """Whether no use of it is left."""
        is_through = self.running_since is None and self.done >= self.expected
        return is_through and not self.is_endless

    @property
    def is_active(self) -> bool:
        """Whether it has begun and is not finished."""
        return (self.running_since is not None or self.done > 0) and not self.is_finished

    @property
    def is_inside_map(self) -> bool:
        """Whether a row around it is a map."""
        row = self.parent
        while row is not None and row.items is None:
            row = row.parent
        return row is not None

    @property
    def path(self) -> str:
        """The labels from the outermost row to this one."""
        return self.label if self.parent is None else f"{self.parent.path}/{self.label}"


@attrs.define(eq=False)
class _Level:
    """A pipeline that is running, at its depth in the run."""

    depth: int
    pipeline_id: str
    row: Row


class Board:
    """The rows of one run, and which pipeline is running.

    Attributes:
        roots: The outermost rows; more than one only where the outermost
            pipeline itself is not observed.
        error: The innermost node that failed first, and its exception.
        is_over: Whether nothing will change any more.
    """

    def __init__(self) -> None:
        self.roots: dict[str, Row] = {}
        self.error: tuple[str, BaseException] | None = None
        self.is_over = False
        self._levels: list[_Level] = []

    def rows(self) -> list[Row]:
        """Return every row, each before its children."""
        return [row for root in list(self.roots.values()) for row in root.walk()]

    def end(self, now: float) -> None:
        """Stop every clock."""
        self.is_over = True
        for row in self.rows():
            if row.running_since is not None:
                row.stop(now - row.running_since)
                row.failed += row.parent is None and self.error is not None

    def current(self, ctx: CallbackContext) -> Row:
        """Return the row of the running pipeline.

        Pipelines that failed leave without a word, so deeper levels are
        dropped here.
        """
        levels, depth = self._levels, ctx.depth
        while levels and levels[-1].depth > depth:
            levels.pop()
        return levels[-1].row if levels else self.enter(ctx)

    def enter(self, ctx: CallbackContext) -> Row:
        """Return the row of the pipeline that begins, made where it is missing."""
        pipeline_id, depth = ctx.current_pipeline_id or "", ctx.depth
        while self._levels and self._levels[-1].depth > depth:
            self._levels.pop()
        if self._levels and self._levels[-1].depth == depth:
            if self._levels[-1].pipeline_id == pipeline_id:
                return self._levels[-1].row
            self._levels.pop()
        name = ctx.get_pipeline_metadata(pipeline_id).get("pipeline_name") or "pipeline"
        if self._levels:
            row = self._levels[-1].row.child(name)
        else:
            row = self.roots.setdefault(pipeline_id, Row(name))
        return self._descend(ctx, depth, pipeline_id, row)

    def enter_nested(self, child_pipeline_id: str, ctx: CallbackContext) -> Row:
        """Return the row of the nested pipeline that begins: that of its node."""
        around = self.current(ctx)
        name = ctx.get_pipeline_metadata(child_pipeline_id).get("pipeline_name")
        row = around.current or around.child(name or "pipeline")
        return self._descend(ctx, ctx.depth + 1, child_pipeline_id, row)

    def _descend(self, ctx: CallbackContext, depth: int, pipeline_id: str, row: Row) -> Row:
        if not row.children:
            names = ctx.get_pipeline_metadata(pipeline_id).get("node_ids", ())
            for name in names:
                row.child(name).shares = names.count(name)
        self._levels.append(_Level(depth, pipeline_id, row))
        return row
