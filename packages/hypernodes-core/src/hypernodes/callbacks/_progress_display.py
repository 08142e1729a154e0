"""Where progress is shown: a terminal, a notebook, or lines of text.

One run at a time has the terminal; the others write lines above its bars.
Whoever has it gives it back in ``close``, which is called however a run ends.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.live import Live

from hypernodes.callbacks._progress_render import BoardView
from hypernodes.callbacks._progress_text import (
    counted,
    describe_end,
    describe_progress,
    describe_start,
    describe_stop,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypernodes.callbacks._progress_board import Board, Row

_REFRESHES_PER_SECOND = 5
_NOTEBOOK_GAP = 0.25
_FINAL_LIMIT = 50
_LINE_GAP = 2.0
_LONG_LINE_GAP = 30.0
_LINE_SHARE = 0.1


class Display(Protocol):
    """Shows a board; told about every row that is a pipeline."""

    def began(self, row: Row, now: float) -> None:
        """Show that *row* begins."""

    def moved(self, row: Row, now: float) -> None:
        """Show, now or a little later, that something in *row* has ended."""

    def ended(self, row: Row, now: float) -> None:
        """Show that *row* has succeeded."""

    def close(self, now: float) -> None:
        """Show the last state, and leave."""


class _Terminal:
    """Who has the terminal."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.console: Console | None = None

    def claim(self, console: Console) -> bool:
        """Take the terminal for *console*, unless somebody has it."""
        if not self._lock.acquire(blocking=False):
            return False
        self.console = console
        return True

    def release(self) -> None:
        """Give the terminal back."""
        self.console = None
        self._lock.release()


_terminal = _Terminal()


def choose_display(board: Board, console: Console | None, clock: Callable[[], float]) -> Display:
    """Return the display that suits *console*, or stderr without one."""
    if console is None:
        # While bars are on the screen, lines have to go through their console.
        console = _terminal.console or Console(stderr=True)
        is_live = console.is_interactive and _is_terminal(sys.stderr) and not _is_ci()
    else:
        is_live = console.is_interactive
    if console.is_jupyter:
        return NotebookDisplay(board)
    if is_live and _terminal.claim(console):
        return LiveDisplay(board, console, clock)
    return LineDisplay(board, console)


class LiveDisplay:
    """Bars in a terminal, redrawn by a thread of rich, so that times tick.

    The counters are only read there; a run pays nothing for being drawn but
    the time that the thread takes.
    """

    def __init__(self, board: Board, console: Console, clock: Callable[[], float]) -> None:
        self._board = board
        self._console = console
        self._clock = clock
        self._is_last = False
        # Output of the run goes above the bars, but never from a pipe into the terminal.
        is_screen = _is_terminal(console.file)
        self._live = Live(
            console=console,
            get_renderable=self._view,
            refresh_per_second=_REFRESHES_PER_SECOND,
            redirect_stdout=is_screen and _is_terminal(sys.stdout),
            redirect_stderr=is_screen and _is_terminal(sys.stderr),
        )
        try:
            self._live.start()
        except BaseException:
            _terminal.release()
            raise

    def began(self, row: Row, now: float) -> None:
        """Leave it to the next refresh."""

    def moved(self, row: Row, now: float) -> None:
        """Leave it to the next refresh."""

    def ended(self, row: Row, now: float) -> None:
        """Leave it to the next refresh."""

    def close(self, now: float) -> None:
        """Draw the last state and restore the terminal."""
        self._is_last = True
        try:
            self._live.stop()
        finally:
            _terminal.release()

    def _view(self) -> BoardView:
        limit = _FINAL_LIMIT if self._is_last else self._console.height - 2
        return BoardView(self._board, self._clock(), limit)


class NotebookDisplay:
    """One output of a notebook cell, replaced now and then."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._handle: Any = None
        self._shown_at = float("-inf")

    def began(self, row: Row, now: float) -> None:
        """Show it, unless the output is new."""
        self.moved(row, now)

    def moved(self, row: Row, now: float) -> None:
        """Show it, unless the output is new."""
        if now - self._shown_at >= _NOTEBOOK_GAP:
            self._show(now)

    def ended(self, row: Row, now: float) -> None:
        """Show it, unless the output is new."""
        self.moved(row, now)

    def close(self, now: float) -> None:
        """Show the last state."""
        self._show(now)

    def _show(self, now: float) -> None:
        self._shown_at = now
        view = BoardView(self._board, now, _FINAL_LIMIT)
        if self._handle is None:
            # Only a notebook has it.
            show = importlib.import_module("IPython.display").display
            self._handle = show(view, display_id=True)
        else:
            self._handle.update(view)


class LineDisplay:
    """Lines of text: calm enough for a log of a run that takes hours.

    Only what is not inside of a map speaks, at most every two seconds, and
    then only after a tenth more was done (of a stream, twice as much) or half a
    minute has passed.
    """

    def __init__(self, board: Board, console: Console) -> None:
        self._board = board
        self._console = console
        self._said_at = float("-inf")
        self._shares: dict[Row, float] = {}

    def began(self, row: Row, now: float) -> None:
        """Announce it once, if it is a map or the outermost pipeline."""
        if row not in self._shares and self._speaks(row):
            self._shares[row] = 0.0
            self._say(describe_start(row), now)

    def moved(self, row: Row, now: float) -> None:
        """Say how far it is, if that is news."""
        if now - self._said_at < _LINE_GAP or row.is_inside_map:
            return
        done, total, _, _ = counted(row)
        said = self._shares.get(row, 0.0)
        if row.is_endless:
            share, is_news, is_last = float(done), done >= 2 * said, False
        else:
            # The last item is left to the closing line.
            share, is_last = done / total if total else 1.0, done >= total
            is_news = share - said >= _LINE_SHARE
        if not is_last and (is_news or now - self._said_at >= _LONG_LINE_GAP):
            self._shares[row] = share
            self._say(describe_progress(row, now), now)

    def ended(self, row: Row, now: float) -> None:
        """Close a nested map; the outermost pipeline is closed at the end."""
        if row.parent is not None and self._speaks(row):
            self._say(describe_end(row, now), now)

    def close(self, now: float) -> None:
        """Say how the outermost pipeline ended."""
        for row in self._board.roots.values():
            line = describe_end(row, now) if row.executed else describe_stop(row, self._board, now)
            self._say(line, now)

    def _speaks(self, row: Row) -> bool:
        return row.parent is None or (row.items is not None and not row.is_inside_map)

    def _say(self, line: str, now: float) -> None:
        self._said_at = now
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _is_ci() -> bool:
    """Say whether this is a machine that keeps what is printed, though it shows a terminal."""
    return os.environ.get("CI", "").strip().lower() not in {"", "0", "false", "no"}


def _is_terminal(stream: Any) -> bool:
    """Say whether *stream* is a screen; one that is closed or missing is not."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False
