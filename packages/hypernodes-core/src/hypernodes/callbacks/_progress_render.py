"""How a board looks: a tree of rows with a bar, counts and times each.

Drawing reads the counters and changes nothing, so it can happen at any time,
also on another thread.  A board with more rows than fit is drawn with the
rows that matter now; the last line says what was left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.jupyter import JupyterMixin
from rich.text import Text

from hypernodes.callbacks._progress_text import (
    counted,
    format_rate,
    format_seconds,
    pace,
    seconds_left,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from hypernodes.callbacks._progress_board import Board, Row

_GAP = "  "
_SWING_SECONDS = 2.0
_LABEL_WIDTH = 16
_BAR_WIDTHS = ((96, 28), (76, 18), (60, 10))
_HIT, _EXECUTED, _FAILED, _OPEN = "cyan", "green", "red", "grey30"


class BoardView(JupyterMixin):
    """A board as rich draws it.

    Args:
        board: What is drawn.
        now: The time it is drawn at.
        limit: The number of lines it may have.
    """

    def __init__(self, board: Board, now: float, limit: int) -> None:
        self._board = board
        self._now = now
        self._limit = max(limit, 3)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it as wide as *options* allow."""
        rows = self._board.rows()
        if not rows:
            return
        shown = choose_rows(rows, self._limit)
        yield from self._lines(shown, options.max_width, is_ascii=options.ascii_only)
        hidden = set(rows) - set(shown)
        if hidden:
            yield Text(_describe_hidden(hidden, is_ascii=options.ascii_only), style="dim")

    def _lines(self, shown: Sequence[Row], width: int, *, is_ascii: bool) -> Iterator[Text]:
        is_over = self._board.is_over
        guides = _guides(shown, is_ascii=is_ascii)
        columns = [
            _fit(
                [
                    _label(row, guide, is_ascii=is_ascii, is_over=is_over)
                    for row, guide in zip(shown, guides, strict=True)
                ],
                max(width * 2 // 5, _LABEL_WIDTH),
            ),
            [_bar(row, _bar_width(width), self._now, is_ascii=is_ascii) for row in shown],
            _fit([_count(row) for row in shown], width, is_right=True),
            _fit([_time(row, self._now, is_over=is_over) for row in shown], width, is_right=True),
        ]
        columns = [column for column in columns if column[0].cell_len]
        left = _room(columns, width)
        while left < 0 and len(columns) > 1:
            columns.pop()
            left = _room(columns, width)
        details = [_details(row, left, is_ascii=is_ascii) for row in shown]
        for cells in zip(*columns, details, strict=True):
            line = Text(_GAP, no_wrap=True, overflow="ellipsis").join(cells)
            line.rstrip()
            yield line


def choose_rows(rows: Sequence[Row], limit: int) -> list[Row]:
    """Return the at most *limit* rows that matter most, in their order.

    Pipelines, failures and what is running come first, then what is nearest
    to it.  Where rows are left out, one line is kept for saying so.
    """
    if len(rows) <= limit:
        return list(rows)
    active = [place for place, row in enumerate(rows) if row.is_active and not row.children]
    centre = active[0] if active else sum(row.is_finished for row in rows)

    def importance(place: int) -> tuple[int, int]:
        row = rows[place]
        matters = row.parent is None or row.failed > 0 or row.is_active
        return (0 if matters else 1, abs(place - centre))

    kept = sorted(range(len(rows)), key=importance)[: limit - 1]
    return [rows[place] for place in sorted(kept)]


def _guides(shown: Sequence[Row], *, is_ascii: bool) -> list[str]:
    """Return the branches in front of each row, drawn between visible rows."""
    tee, corner, bar = ("|- ", "`- ", "|  ") if is_ascii else ("├─ ", "└─ ", "│  ")
    last_of = {row.parent: row for row in shown if row.parent is not None}
    guides = []
    for row in shown:
        guide, step = "", row
        while step.parent is not None:
            is_last = last_of.get(step.parent) in (step, None)
            if step is row:
                guide = corner if is_last else tee
            else:
                guide = ("   " if is_last else bar) + guide
            step = step.parent
        guides.append(guide)
    return guides


def _fit(texts: list[Text], limit: int, *, is_right: bool = False) -> list[Text]:
    """Give *texts* one width, the smallest that fits them all within *limit*."""
    width = min(max(text.cell_len for text in texts), limit)
    for text in texts:
        text.truncate(width, overflow="ellipsis")
        text.align("right" if is_right else "left", width)
    return texts


def _room(columns: list[list[Text]], width: int) -> int:
    """Return what *columns* leave of *width*; the last cell of a terminal stays empty."""
    return width - 1 - sum(column[0].cell_len + len(_GAP) for column in columns)


def _bar_width(width: int) -> int:
    return next((bar for least, bar in _BAR_WIDTHS if width >= least), 0)


def _label(row: Row, guide: str, *, is_ascii: bool, is_over: bool) -> Text:
    done, active, failed = ("+", ">", "x") if is_ascii else ("✓", "▸", "✗")
    mark, style, name_style = " ", "", "dim"
    if row.failed or (row.items is not None and row.items.failed):
        mark, style, name_style = failed, _FAILED, ""
    elif row.is_finished:
        mark, style, name_style = done, _EXECUTED if row.executed else _HIT, ""
    elif row.is_active and not is_over:
        mark, style, name_style = active, "bold", "bold"
    return Text.assemble((mark, style), " ", (guide, "dim"), (row.label, name_style))


def _bar(row: Row, width: int, now: float, *, is_ascii: bool) -> Text:
    """Draw hits, executions, failures and what is left, one after the other."""
    done, total, hits, failed = counted(row)
    total = max(total, done, 1)
    full = "#" if is_ascii else "━"
    if row.is_endless:
        return _moving_bar(width, now, full, "-" if is_ascii else "━")
    parts = ((hits, _HIT), (done - hits - failed, _EXECUTED), (failed, _FAILED))
    text, so_far, drawn = Text(), 0, 0
    for count, style in parts:
        so_far += max(count, 0)
        until = width * so_far // total
        text.append(full * (until - drawn), style)
        drawn = until
    return text.append(("-" if is_ascii else "━") * (width - drawn), _OPEN)


def _moving_bar(width: int, now: float, full: str, empty: str) -> Text:
    """Draw a piece that goes to and fro: something is done, and nobody knows of how much."""
    piece = width // 4
    room = max(width - piece, 1)
    place = int(now * room / _SWING_SECONDS) % (2 * room)
    before = min(place, 2 * room - place)
    text = Text(empty * before, _OPEN).append(full * piece, _EXECUTED)
    return text.append(empty * (width - piece - before), _OPEN)


def _count(row: Row) -> Text:
    done, total, _, _ = counted(row)
    if total == 1 and row.items is None:
        return Text("")
    if row.is_endless or (row.items is not None and row.items.is_stream):
        return Text(f"{done:,}")
    return Text(f"{done:,}/{total:,}", style="" if done else "dim")


def _time(row: Row, now: float, *, is_over: bool) -> Text:
    if row.running_since is None and not row.executed and not row.seconds:
        return Text("")
    is_running = row.running_since is not None or (row.is_active and not is_over)
    return Text(format_seconds(row.elapsed(now), is_running=is_running))


def _details(row: Row, room: int, *, is_ascii: bool) -> Text:
    """Return what fits into *room*, the most important first."""
    comma, text = (", " if is_ascii else " · "), Text()
    for said, style in _remarks(row):
        if text.cell_len + len(comma) * bool(text) + len(said) > room:
            break
        if text:
            text.append(comma, "dim")
        text.append(said, style)
    return text


def _remarks(row: Row) -> Iterator[tuple[str, str]]:
    _, total, hits, failed = counted(row)
    is_single = total == 1 and row.items is None
    if failed:
        yield "failed" if is_single else f"{failed:,} failed", _FAILED
    if hits:
        yield "hit" if is_single else f"{hits:,} hit{'s' * (hits > 1)}", _HIT
    left, rate = seconds_left(row), pace(row)
    if left is not None:
        yield f"{format_seconds(left, is_running=True)} left", ""
    if rate is not None:
        yield format_rate(rate), "dim"


def _describe_hidden(hidden: set[Row], *, is_ascii: bool) -> str:
    done = sum(row.is_finished for row in hidden)
    active = sum(row.is_active for row in hidden)
    counts = {"done": done, "running": active, "waiting": len(hidden) - done - active}
    said = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    return f"  {'...' if is_ascii else '…'} and {len(hidden):,} more: {said}"
