"""How progress bars look, and how numbers are put into words."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from hypernodes.callbacks._progress_board import Board, Row
from hypernodes.callbacks._progress_render import BoardView, choose_rows
from hypernodes.callbacks._progress_text import format_rate, format_seconds
from hypernodes.events import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable

HIT, FAILED = OutcomeKind.HIT, OutcomeKind.FAILED


def test_bars_show_a_tree_of_nodes(stream: Callable[..., Any], screen: Any) -> None:
    """One row per pipeline and node, nested ones indented, hits marked."""
    events = stream([screen.callback])
    outer = events.run("corpus", ["load", "encode", "report"])
    events.hit(outer, "load")
    events.start(outer, "encode")
    inner = events.run("inner", ["n"], parent=outer, total=4)
    events.map_items(inner, 3, screen.clock, hits=1)
    drawn = screen.draw(events.dispatcher.context)
    bar = "━" * 28
    assert drawn == [
        f"▸ corpus     {bar}  1/3  1.0 s  1 hit",
        f"✓ ├─ load    {bar}              hit",
        f"▸ ├─ encode  {bar}  3/4  1.0 s  1 hit · 0.5 s left · 2.0/s",
        f"▸ │  └─ n    {bar}  3/4  1.0 s  1 hit",
        f"  └─ report  {bar}",
    ]


def test_a_stream_has_a_bar_that_moves(stream: Callable[..., Any], screen: Any) -> None:
    """It says how many are done, how fast, and nothing of an end that nobody knows."""
    events = stream([screen.callback])
    run = events.run("corpus", ["n"], is_stream=True)
    events.map_items(run, 4, screen.clock)
    first, second = (line.split() for line in screen.draw(events.dispatcher.context))
    assert (first[-4:], second[-3:]) == (["4", "2.0", "s", "2.0/s"], ["4", "2.0", "s"])


def test_nodes_of_one_name_share_a_row(stream: Callable[..., Any], screen: Any) -> None:
    """The row counts the uses of all of them, and knows how many there will be."""
    events = stream([screen.callback])
    run = events.run("corpus", ["<lambda>", "<lambda>"], total=10)
    events.item(run, 0)
    for _ in range(2):
        events.execute(run, "<lambda>", 0)
    events.end_item(run, 0)
    counts = [line.split("━ ")[1].split()[0] for line in screen.draw(events.dispatcher.context)]
    assert counts == ["1/10", "2/20"]


def test_nested_bars_add_up_over_items(stream: Callable[..., Any], screen: Any) -> None:
    """Inside a map there is one row per node, and lengths to come are estimated."""
    events = stream([screen.callback])
    outer = events.run("outer", ["encode"], total=10)
    for index in range(2):
        events.item(outer, index)
        events.start(outer, "encode", index)
        inner = events.run("inner", ["n"], parent=outer, total=3)
        events.map_items(inner, 3, screen.clock)
        events.end(inner, seconds=1.5)
        events.finish(outer, "encode", OutcomeKind.EXECUTED, index, seconds=1.5)
        events.end_item(outer, index)
    counts = [line.split("━ ")[1].split()[0] for line in screen.draw(events.dispatcher.context)]
    assert counts == ["2/10", "6/30", "6/30"]


def test_items_are_counted_without_live_progress(stream: Callable[..., Any], screen: Any) -> None:
    """Where no progress is reported, the calls for items count: hits and failures too."""
    events = stream([screen.callback])
    run = events.run("main", ["n"], total=4)
    events.item(run, 0)
    events.hit(run, "n", 0)
    events.end_item(run, 0, HIT)
    events.item(run, 1)
    events.fail(run, "n", ValueError("boom"), 1)
    events.end_item(run, 1, FAILED)
    events.item(run, 2)
    events.end_item(run, 2)
    assert screen.draw(events.dispatcher.context)[0].endswith("3/4  0.0 s  1 failed · 1 hit")


def test_a_failed_nested_pipeline_does_not_catch_later_nodes(
    stream: Callable[..., Any], screen: Any
) -> None:
    """After a nested failure in a collecting map, nodes go to the right rows."""
    error = ValueError("boom")
    events = stream([screen.callback])
    outer = events.run("outer", ["inner", "last"], total=2)
    events.item(outer, 0)
    events.start(outer, "inner", 0)
    inner = events.run("inner", ["n"], parent=outer)
    events.start(inner, "n")
    events.fail(inner, "n", error)
    events.end(inner, FAILED, error=error)
    events.fail(outer, "inner", error, 0)
    events.end_item(outer, 0, FAILED, error=error)
    events.item(outer, 1)
    events.execute(outer, "last", 1)
    labels = [line.split("━")[0].strip() for line in screen.draw(events.dispatcher.context)]
    assert labels == ["✗ outer", "✗ ├─ inner", "✗ │  └─ n", "▸ └─ last"]


@pytest.mark.parametrize("width", [30, 50, 70, 100])
def test_rows_fit_into_every_width(stream: Callable[..., Any], screen: Any, width: int) -> None:
    """No line is wider than the terminal, and none is wrapped."""
    events = stream([screen.callback])
    run = events.run("a_pipeline_with_a_rather_long_name", ["n"], total=1000)
    events.map_items(run, 30, screen.clock, hits=10)
    drawn = screen.draw(events.dispatcher.context, width)
    assert (len(drawn), max(map(len, drawn)) < width) == (2, True)


def test_a_long_list_is_cut_around_what_runs() -> None:
    """The rows nearest to the running one are kept, and the root."""
    root = Row("root")
    nodes = [root.child(f"n{index}") for index in range(100)]
    for node in nodes[:50]:
        node.executed = 1
    nodes[50].start(0.0)
    kept = [row.label for row in choose_rows([root, *nodes], 7)]
    assert kept == ["root", "n48", "n49", "n50", "n51", "n52"]


def test_a_cut_list_says_what_is_missing() -> None:
    """The last line counts the rows that are not shown."""
    board = Board()
    root = board.roots["p"] = Row("root")
    for index in range(100):
        root.child(f"n{index}").executed = index % 2
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(BoardView(board, 0.0, 10))
    assert console.file.getvalue().splitlines()[-1] == "  … and 92 more: 46 done, 46 waiting"


def test_an_ascii_terminal_gets_ascii(stream: Callable[..., Any], screen: Any) -> None:
    """Where the encoding has no boxes, the rows have none."""
    events = stream([screen.callback])
    run = events.run("main", ["a", "b"])
    events.execute(run, "a")
    events.hit(run, "b")
    watch = events.dispatcher.context.get(f"hypernodes.progress.{id(screen.callback)}")
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, "ascii"), width=100, color_system=None)
    console.print(BoardView(watch.board, 0.0, 25))
    console.file.flush()
    assert b"+ |- a" in raw.getvalue()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.0, "<1 ms"), (0.9, "900 ms"), (9.5, "9.5 s"), (59.7, "1 min 00 s"), (3600, "1 h 00 min")],
)
def test_seconds_come_in_readable_units(seconds: float, expected: str) -> None:
    """Milliseconds, seconds, minutes, hours."""
    assert format_seconds(seconds) == expected


def test_slow_rates_are_seconds_per_item() -> None:
    """Less than one item per second reads the other way round."""
    assert format_rate(0.5) == "2.0 s each"


def test_an_empty_board_is_drawn_as_nothing() -> None:
    """A refresh before the first row is no error."""
    console = Console(file=io.StringIO())
    console.print(BoardView(Board(), 0.0, 10))
    assert console.file.getvalue().strip() == ""  # type: ignore[attr-defined]  # a StringIO
