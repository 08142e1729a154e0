"""The callback that writes to the standard logging."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.callbacks import LoggingCallback
from hypernodes.events import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable


class Memory(logging.Handler):
    """Keeps records."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)


@pytest.fixture
def memory() -> Memory:
    """A handler that keeps records."""
    return Memory()


@pytest.fixture
def logger(memory: Memory) -> logging.Logger:
    """A logger of this test alone."""
    logger = logging.Logger("test", logging.DEBUG)
    logger.addHandler(memory)
    return logger


def _said(memory: Memory) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in memory.records]


def test_a_run_is_logged(
    stream: Callable[..., Any], logger: logging.Logger, memory: Memory
) -> None:
    """Pipelines and ended nodes are logged at the level, beginnings of nodes below it."""
    events = stream([LoggingCallback(logger)])
    run = events.run("main", ["a", "b"])
    events.execute(run, "a", seconds=0.5)
    events.hit(run, "b")
    events.end(run, seconds=1.5)
    assert _said(memory) == [
        ("INFO", "pipeline main started"),
        ("DEBUG", "node a started"),
        ("INFO", "node a executed in 0.500 s"),
        ("INFO", "node b was a hit"),
        ("INFO", "pipeline main ended after 1.500 s"),
    ]


def test_inside_of_a_map_everything_is_debug(
    stream: Callable[..., Any], logger: logging.Logger, memory: Memory
) -> None:
    """Only the map itself is logged at the level."""
    events = stream([LoggingCallback(logger)])
    run = events.run("main", ["n"], total=1)
    events.item(run, 0)
    events.execute(run, "n", 0)
    events.end_item(run, 0, OutcomeKind.HIT)
    events.end(run, seconds=2.0)
    above = [message for level, message in _said(memory) if level != "DEBUG"]
    assert above == ["map of main over 1 item started", "map of main ended after 2.000 s"]


def test_a_failure_is_an_error_also_inside_of_a_map(
    stream: Callable[..., Any], logger: logging.Logger, memory: Memory
) -> None:
    """The record of a failure names the node, the item and the exception."""
    events = stream([LoggingCallback(logger)])
    run = events.run("main", ["n"], total=5)
    events.item(run, 4)
    events.fail(run, "n", ValueError("boom"), 4)
    record = memory.records[-1]
    assert (record.levelname, record.getMessage()) == ("ERROR", "node n failed: ValueError: boom")
    assert (vars(record)["node"], vars(record)["item"]) == ("n", 4)


def test_records_carry_structured_fields(
    stream: Callable[..., Any], logger: logging.Logger, memory: Memory
) -> None:
    """What the text says is there as fields too."""
    events = stream([LoggingCallback(logger)])
    run = events.run("main", ["n"])
    events.execute(run, "n", seconds=0.5)
    fields = vars(memory.records[-1])
    names = ("hypernodes_event", "depth", "pipeline", "node", "seconds")
    assert [fields[name] for name in names] == ["node_end", 0, "main", "n", 0.5]


def test_progress_is_logged_ten_times_at_most(
    stream: Callable[..., Any], logger: logging.Logger, memory: Memory
) -> None:
    """Only a new tenth is news."""
    events = stream([LoggingCallback(logger)])
    run = events.run("main", total=1000)
    for done in range(1, 1001):
        events.progress(run, done)
    progress = [text for _, text in _said(memory) if "items done" in text]
    assert (len(progress), progress[0]) == (10, "100 of 1000 items done, 0 hits, 0 failed")


def test_a_logger_may_be_given_by_name(
    stream: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The default logger is the one of the project."""
    with caplog.at_level(logging.WARNING, logger="hypernodes"):
        stream([LoggingCallback(level=logging.WARNING)]).run("main")
    assert [(record.name, record.levelname) for record in caplog.records] == [
        ("hypernodes", "WARNING")
    ]


def test_an_unnamed_pipeline_is_logged_by_its_id(
    stream: Callable[..., Any], logger: logging.Logger, memory: Memory
) -> None:
    """Without a name the id stands for the pipeline."""
    stream([LoggingCallback(logger)]).run(None)
    assert _said(memory) == [("INFO", "pipeline None-id started")]


def test_a_stream_is_logged_as_it_grows(
    stream: Callable[..., Any], logger: logging.Logger, memory: Memory
) -> None:
    """Nobody knows of how many items, so a line comes when there are twice as many."""
    events = stream([LoggingCallback(logger)])
    run = events.run("main", ["a"], is_stream=True)
    for done in range(1, 10):
        events.progress(run, done)
    assert [text for _, text in _said(memory)] == [
        "map of main over a stream started",
        *(f"{done} items done, 0 hits, 0 failed" for done in (1, 2, 4, 8)),
    ]
