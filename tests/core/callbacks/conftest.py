"""Hand-made event streams, and screens to look at: an executor is not needed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from hypernodes.callbacks import Dispatcher, ProgressCallback
from hypernodes.callbacks._progress_render import BoardView
from hypernodes.events import (
    ItemFinished,
    ItemStarted,
    MapProgress,
    Outcome,
    OutcomeKind,
    Run,
    RunFinished,
    RunStarted,
    StepFinished,
    StepInfo,
    StepStarted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Screen:
    """A progress callback, what it writes, and the clock it reads."""

    def __init__(self, *, is_terminal: bool = False, width: int = 100) -> None:
        self.clock = Clock()
        self.console = Console(
            file=io.StringIO(),
            force_terminal=is_terminal,
            force_interactive=is_terminal,
            width=width,
            height=25,
            color_system=None,
            legacy_windows=False,
            _environ={},
        )
        self.callback = ProgressCallback(console=self.console, clock=self.clock)

    @property
    def text(self) -> str:
        """Everything that was written."""
        return self.console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO

    @property
    def lines(self) -> list[str]:
        """What was written, by line."""
        return self.text.splitlines()

    def draw(self, context: Any, width: int = 100, limit: int = 25) -> list[str]:
        """Return the lines of the board of a run, as it is now."""
        watch = context.get(f"hypernodes.progress.{id(self.callback)}")
        console = Console(file=io.StringIO(), width=width, color_system=None)
        console.print(BoardView(watch.board, self.clock.now, limit))
        return [line.rstrip() for line in console.file.getvalue().splitlines()]


class Stream:
    """Emits the events of runs to a dispatcher, one short call each."""

    def __init__(self, callbacks: Sequence[Any], **options: Any) -> None:
        self.dispatcher = Dispatcher(callbacks, **options)
        self._ids = 0

    def run(
        self,
        name: str | None,
        nodes: Sequence[str] = (),
        *,
        total: int | None = None,
        is_stream: bool = False,
        parent: Run | None = None,
        inputs: dict[str, Any] | None = None,
    ) -> Run:
        """Start a run; its pipeline has the id ``"<name>-id"``."""
        self._ids += 1
        run = Run(
            id=f"run{self._ids}",
            pipeline_id=f"{name}-id",
            pipeline_name=name,
            path="" if parent is None else name or "",
            engine="SeqEngine",
            total=total,
            node_ids=tuple(nodes),
            parent=parent,
            is_stream=is_stream,
        )
        self.dispatcher.emit(RunStarted(run, inputs or {}))
        return run

    def item(self, run: Run, index: int, inputs: dict[str, Any] | None = None) -> None:
        """Start an item."""
        self.dispatcher.emit(ItemStarted(run, index, inputs or {}))

    def start(self, run: Run, node: str, item: int | None = None) -> None:
        """Start a step."""
        self.dispatcher.emit(StepStarted(run, item, StepInfo(node, node, (node,)), {"x": 1}))

    def finish(
        self, run: Run, node: str, kind: OutcomeKind, item: int | None = None, **fields: Any
    ) -> None:
        """Finish a step."""
        step = StepInfo(node, node, (node,))
        self.dispatcher.emit(StepFinished(run, item, step, Outcome(kind, **fields)))

    def execute(self, run: Run, node: str, item: int | None = None, seconds: float = 0.5) -> None:
        """Start and finish a step that gives 2."""
        self.start(run, node, item)
        self.finish(run, node, OutcomeKind.EXECUTED, item, outputs={node: 2}, seconds=seconds)

    def hit(self, run: Run, node: str, item: int | None = None) -> None:
        """Finish a step that is a hit."""
        self.finish(run, node, OutcomeKind.HIT, item, outputs={node: 2}, signature=f"sig-{node}")

    def fail(self, run: Run, node: str, error: BaseException, item: int | None = None) -> None:
        """Finish a step that has failed."""
        self.finish(run, node, OutcomeKind.FAILED, item, error=error)

    def end_item(
        self, run: Run, index: int, kind: OutcomeKind = OutcomeKind.EXECUTED, **fields: Any
    ) -> None:
        """Finish an item."""
        self.dispatcher.emit(ItemFinished(run, index, Outcome(kind, **fields)))

    def progress(self, run: Run, done: int, hits: int = 0, failed: int = 0) -> None:
        """Say how far a map is."""
        self.dispatcher.emit(MapProgress(run, done, hits, failed))

    def end(self, run: Run, kind: OutcomeKind = OutcomeKind.EXECUTED, **fields: Any) -> None:
        """Finish a run."""
        self.dispatcher.emit(RunFinished(run, Outcome(kind, **fields)))

    def map_items(self, run: Run, count: int, clock: Clock, *, hits: int = 0) -> None:
        """Go through the items of a map over ``n``; all but hits take half a second."""
        for index in range(count):
            self.item(run, index)
            if index < hits:
                self.hit(run, "n", index)
                self.end_item(run, index, OutcomeKind.HIT)
            else:
                clock.now += 0.5
                self.execute(run, "n", index, seconds=0.5)
                self.end_item(run, index)
            self.progress(run, index + 1, min(index + 1, hits))


@pytest.fixture
def stream() -> Callable[..., Stream]:
    """Make a `Stream` for callbacks."""
    return Stream


@pytest.fixture
def screen() -> Screen:
    """A screen that is no terminal."""
    return Screen()


@pytest.fixture
def terminal() -> Callable[[], Screen]:
    """Make screens that are terminals."""
    return lambda: Screen(is_terminal=True)
