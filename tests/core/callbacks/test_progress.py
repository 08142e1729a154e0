"""The callback that shows how far runs are."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from hypernodes.callbacks import ProgressCallback
from hypernodes.events import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable

HIT, FAILED = OutcomeKind.HIT, OutcomeKind.FAILED


def test_a_run_gives_a_line_at_both_ends(stream: Callable[..., Any], screen: Any) -> None:
    """Without a terminal, a short run is two lines."""
    events = stream([screen.callback])
    run = events.run("corpus", ["a", "b"])
    events.hit(run, "a")
    events.execute(run, "b")
    events.end(run, seconds=3.2)
    assert screen.lines == ["corpus: 2 nodes", "corpus: done in 3.2 s, 2 nodes, 1 hit"]


def test_a_long_map_gives_few_lines(stream: Callable[..., Any], screen: Any) -> None:
    """Lines come with each tenth, hits apart, with rate and time left."""
    events = stream([screen.callback])
    run = events.run("corpus", ["n"], total=1000)
    events.map_items(run, 1000, screen.clock, hits=500)
    events.end(run, seconds=250.0)
    assert len(screen.lines) == 11
    assert screen.lines[:3] == [
        "corpus: map over 1,000 items",
        "corpus: 503/1,000 items (50 %), 500 hits, 2.0/s, 2.0 s, 4 min 08 s left",
        "corpus: 563/1,000 items (56 %), 500 hits, 2.0/s, 32 s, 3 min 38 s left",
    ]
    assert screen.lines[-1] == "corpus: done in 4 min 10 s, 1,000 items, 500 hits"


def test_fast_events_give_no_lines(stream: Callable[..., Any], screen: Any) -> None:
    """Within two seconds nothing is news."""
    events = stream([screen.callback])
    run = events.run("corpus", ["n"], total=100)
    for done in range(100):
        screen.clock.now += 0.01
        events.progress(run, done)
    assert screen.lines == ["corpus: map over 100 items"]


def test_a_slow_map_gives_a_line_each_half_minute(stream: Callable[..., Any], screen: Any) -> None:
    """Where a tenth takes long, time alone is news."""
    events = stream([screen.callback])
    run = events.run("corpus", ["n"], total=1000)
    for done in range(1, 7):
        screen.clock.now += 10.0
        events.progress(run, done)
    assert screen.lines[1:] == [
        "corpus: 3/1,000 items (0 %), 10 s each, 30 s, 2 h 46 min left",
        "corpus: 6/1,000 items (0 %), 10 s each, 1 min 00 s, 2 h 45 min left",
    ]


def test_a_stream_gives_a_line_when_it_has_doubled(stream: Callable[..., Any], screen: Any) -> None:
    """There is no tenth of what nobody knows the length of."""
    events = stream([screen.callback])
    run = events.run("corpus", ["n"], is_stream=True)
    events.map_items(run, 30, screen.clock)
    events.end(run, seconds=15.0)
    assert screen.lines == [
        "corpus: map over a stream",
        "corpus: 3 items, 2.0/s, 2.0 s",
        "corpus: 7 items, 2.0/s, 4.0 s",
        "corpus: 14 items, 2.0/s, 7.0 s",
        "corpus: 28 items, 2.0/s, 14 s",
        "corpus: done in 15 s, 30 items",
    ]


def test_a_nested_map_says_its_path(stream: Callable[..., Any], screen: Any) -> None:
    """Nested maps have lines of their own, nested in the path."""
    events = stream([screen.callback])
    outer = events.run("outer", ["encode"])
    events.start(outer, "encode")
    inner = events.run("inner", ["n"], parent=outer, total=2)
    events.map_items(inner, 2, screen.clock)
    events.end(inner, seconds=1.0)
    events.finish(outer, "encode", OutcomeKind.EXECUTED, seconds=1.0)
    events.end(outer, seconds=1.1)
    assert screen.lines == [
        "outer: 1 node",
        "outer/encode: map over 2 items",
        "outer/encode: done in 1.0 s, 2 items",
        "outer: done in 1.1 s, 1 node",
    ]


def test_inside_of_a_map_nothing_speaks(stream: Callable[..., Any], screen: Any) -> None:
    """A nested map inside of items gives no line per item."""
    events = stream([screen.callback])
    outer = events.run("outer", ["encode"], total=3)
    for index in range(3):
        events.item(outer, index)
        events.start(outer, "encode", index)
        inner = events.run("inner", ["n"], parent=outer, total=2)
        events.map_items(inner, 2, screen.clock)
        screen.clock.now = 0.0
        events.end(inner)
        events.finish(outer, "encode", OutcomeKind.EXECUTED, index)
        events.end_item(outer, index)
    events.end(outer, seconds=3.0)
    assert screen.lines == ["outer: map over 3 items", "outer: done in 3.0 s, 3 items"]


def test_a_failure_is_said_at_the_end(stream: Callable[..., Any], screen: Any) -> None:
    """The closing line names the innermost node and the type of the error."""
    error = ValueError("boom")
    events = stream([screen.callback])
    run = events.run("corpus", ["n"], total=4)
    events.map_items(run, 1, screen.clock)
    events.item(run, 1)
    events.start(run, "n", 1)
    events.fail(run, "n", error, 1)
    events.end(run, FAILED, error=error)
    assert screen.lines[-1] == (
        "corpus: failed after 500 ms at 1/4 items (25 %): ValueError in node n"
    )


def test_an_interrupt_is_said_at_the_end(stream: Callable[..., Any], screen: Any) -> None:
    """A run that nobody failed was stopped."""
    events = stream([screen.callback])
    run = events.run("corpus", ["n"], total=4)
    events.map_items(run, 2, screen.clock)
    events.dispatcher.finish(KeyboardInterrupt())
    assert screen.lines[-1] == "corpus: stopped after 1.0 s at 2/4 items (50 %)"


def test_the_terminal_shows_the_last_state_and_gets_its_cursor_back(
    stream: Callable[..., Any], terminal: Callable[[], Any]
) -> None:
    """After a run the final bars stay, and the cursor is visible again."""
    screen = terminal()
    events = stream([screen.callback])
    run = events.run("corpus", ["a"])
    events.execute(run, "a")
    events.end(run, seconds=3.2)
    assert "✓ corpus" in screen.text
    assert screen.text.rfind("\x1b[?25h") > screen.text.rfind("\x1b[?25l")


def test_an_interrupt_restores_the_terminal(
    stream: Callable[..., Any], terminal: Callable[[], Any]
) -> None:
    """Also a run that did not end gives the terminal back, streams and all."""
    screen, streams = terminal(), (sys.stdout, sys.stderr)
    events = stream([screen.callback])
    events.run("corpus", ["a"])
    events.dispatcher.finish(KeyboardInterrupt())
    assert screen.text.rstrip("\n").endswith("\x1b[?25h")
    assert (sys.stdout, sys.stderr) == streams


def test_only_one_run_has_the_terminal(
    stream: Callable[..., Any], terminal: Callable[[], Any]
) -> None:
    """A run that begins meanwhile writes lines; after it the terminal is free again."""
    first, second = terminal(), terminal()
    outer = stream([first.callback])
    outer_run = outer.run("outer", ["a"])
    inner = stream([second.callback])
    inner.end(inner.run("inner", ["a"]), seconds=1.0)
    outer.end(outer_run)
    third = terminal()
    events = stream([third.callback])
    events.end(events.run("third", ["a"]))
    assert second.lines == ["inner: 1 node", "inner: done in 1.0 s, 0 nodes"]
    assert "\x1b[?25l" in third.text


def test_one_callback_serves_runs_in_many_threads(stream: Callable[..., Any], screen: Any) -> None:
    """Runs at the same time do not share counts."""

    def run(name: str) -> None:
        events = stream([screen.callback])
        run = events.run(name, ["n"], total=50)
        for index in range(50):
            events.item(run, index)
            events.execute(run, "n", index)
            events.end_item(run, index)
        events.end(run, seconds=1.0)

    threads = [threading.Thread(target=run, args=(f"run{index}",)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ends = sorted(line for line in screen.lines if "done" in line)
    assert ends == [f"run{index}: done in 1.0 s, 50 items" for index in range(4)]


def test_a_child_with_its_own_progress_has_one_board(
    stream: Callable[..., Any], screen: Any
) -> None:
    """A nested pipeline that alone is observed, used many times, is one pair of lines."""
    events = stream([], callbacks_for=lambda run: [screen.callback])
    outer = events.run("outer", ["inner"], total=3)
    for index in range(3):
        events.item(outer, index)
        inner = events.run("inner", ["n"], parent=outer)
        events.execute(inner, "n")
        events.end(inner, seconds=0.5)
        events.end_item(outer, index)
    events.end(outer)
    assert screen.lines == ["inner: 1 node", "inner: done in 1.5 s, 3 nodes"]


def test_disabled_progress_shows_nothing(stream: Callable[..., Any]) -> None:
    """``enable=False`` writes nothing at all."""
    console = Console(file=io.StringIO())
    events = stream([ProgressCallback(enable=False, console=console)])
    run = events.run("corpus", ["a"])
    events.execute(run, "a")
    events.end(run)
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]  # a StringIO


def test_progress_goes_to_stderr(
    stream: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a console, stdout stays clean."""
    events = stream([ProgressCallback()])
    events.end(events.run("corpus", ["a"]), seconds=1.0)
    captured = capsys.readouterr()
    assert (captured.out, captured.err.splitlines()[0]) == ("", "corpus: 1 node")


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo terminal")
@pytest.mark.parametrize(("ci", "is_calm"), [("true", True), ("", False)])
def test_machines_that_keep_logs_get_lines(ci: str, is_calm: bool) -> None:
    """Where ``CI`` is set a terminal is none: nobody wants bars redrawn in a log."""
    code = (
        "from hypernodes import *; from hypernodes.telemetry import ProgressCallback; "
        "Pipeline([Node(lambda x: x, 'y')], name='corpus').map({'x': [1]}, 'x', "
        "engine=SeqEngine(callbacks=[ProgressCallback()]))"
    )
    ours, theirs = os.openpty()
    environment = {**os.environ, "CI": ci, "TERM": "xterm"}
    subprocess.run([sys.executable, "-c", code], stderr=theirs, env=environment, check=True)
    os.close(theirs)
    said = os.read(ours, 100_000).decode()
    os.close(ours)
    assert ("\x1b" not in said, "corpus: map over 1 item" in said) == (is_calm, is_calm)


def test_rich_is_imported_at_the_first_event() -> None:
    """Neither the package nor an unused callback loads rich."""
    code = (
        "import sys, hypernodes.callbacks as c; c.ProgressCallback(); "
        "print([m for m in ('rich', 'asyncio', 'sqlite3') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
