"""The order of the calls, and what the context says meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.callbacks import CallbackContext, Dispatcher, PipelineCallback, Recorder
from hypernodes.events import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable

HIT, FAILED = OutcomeKind.HIT, OutcomeKind.FAILED


class Watcher(Recorder):
    """Records what the context says at some calls, and when it is closed."""

    def __init__(self, log: list[Any] | None = None) -> None:
        super().__init__()
        self.log: list[Any] = [] if log is None else log

    def _note(self, what: str, ctx: CallbackContext) -> None:
        self.log.append((what, ctx.depth, bool(ctx.get("_in_map"))))

    def on_pipeline_start(self, pipeline_id: str, inputs: Any, ctx: CallbackContext) -> None:
        """Note the context."""
        self._note(f"start {pipeline_id}", ctx)

    def on_nested_pipeline_start(
        self, parent_id: str, child_pipeline_id: str, ctx: CallbackContext
    ) -> None:
        """Note the context."""
        self._note(f"nested {child_pipeline_id}", ctx)

    def on_nested_pipeline_end(
        self, parent_id: str, child_pipeline_id: str, duration: float, ctx: CallbackContext
    ) -> None:
        """Note the context."""
        self._note(f"left {child_pipeline_id}", ctx)

    def on_map_start(self, total_items: int, ctx: CallbackContext) -> None:
        """Note the context."""
        self._note("map_start", ctx)

    def on_map_item_start(self, item_index: int, ctx: CallbackContext) -> None:
        """Note the context."""
        self._note(f"item {item_index}", ctx)

    def on_map_item_end(self, item_index: int, duration: float, ctx: CallbackContext) -> None:
        """Note the context."""
        self._note(f"item end {item_index}", ctx)

    def on_map_end(self, total_duration: float, ctx: CallbackContext) -> None:
        """Note the context."""
        self._note("map_end", ctx)

    def close(self, ctx: CallbackContext) -> None:
        """Note the context."""
        self._note("close", ctx)


def test_a_run_is_told_in_order(stream: Callable[..., Any]) -> None:
    """A run gives start, the calls of its nodes, and end, with their arguments."""
    recorder = Recorder()
    events = stream([recorder])
    run = events.run("main", ["load", "train"], inputs={"path": "p"})
    events.hit(run, "load")
    events.execute(run, "train", seconds=0.5)
    events.end(run, outputs={"train": 2}, seconds=1.5)
    assert recorder.events == [
        ("pipeline_start", ("main-id", {"path": "p"})),
        ("node_cached", ("load", "sig-load")),
        ("node_start", ("train", {"x": 1})),
        ("node_end", ("train", {"train": 2}, 0.5)),
        ("pipeline_end", ("main-id", {"train": 2}, 1.5)),
    ]


def test_a_map_is_told_in_order(stream: Callable[..., Any]) -> None:
    """Each item of a map gives the calls of a run between its own two."""
    recorder = Recorder()
    events = stream([recorder])
    run = events.run("main", ["n"], total=2)
    events.item(run, 0, {"x": 1})
    events.execute(run, "n", 0)
    events.end_item(run, 0, outputs={"n": 2}, seconds=0.7)
    events.progress(run, 1)
    events.item(run, 1, {"x": 2})
    events.hit(run, "n", 1)
    events.end_item(run, 1, HIT, outputs={"n": 2}, signature="sig")
    events.end(run, seconds=1.5)
    assert recorder.events == [
        ("map_start", (2,)),
        ("map_item_start", (0,)),
        ("pipeline_start", ("main-id", {"x": 1})),
        ("node_start", ("n", {"x": 1})),
        ("node_end", ("n", {"n": 2}, 0.5)),
        ("pipeline_end", ("main-id", {"n": 2}, 0.7)),
        ("map_item_end", (0, 0.7)),
        ("map_progress", (1, 0, 0, 2)),
        ("map_item_start", (1,)),
        ("pipeline_start", ("main-id", {"x": 2})),
        ("node_cached", ("n", "sig-n")),
        ("pipeline_end", ("main-id", {"n": 2}, 0.0)),
        ("map_item_cached", (1, "sig")),
        ("map_item_end", (1, 0.0)),
        ("map_end", (1.5,)),
    ]


def test_a_nested_run_is_told_inside_of_its_node(stream: Callable[..., Any]) -> None:
    """The calls of a nested pipeline lie between node_start and node_end of its wrapper."""
    recorder = Recorder()
    events = stream([recorder])
    outer = events.run("outer", ["inner"])
    events.start(outer, "inner")
    inner = events.run("inner", ["n"], parent=outer)
    events.execute(inner, "n")
    events.end(inner, seconds=0.6)
    events.finish(outer, "inner", OutcomeKind.EXECUTED, seconds=0.7)
    events.end(outer)
    assert recorder.names == [
        "pipeline_start",
        "node_start",
        "nested_pipeline_start",
        "pipeline_start",
        "node_start",
        "node_end",
        "pipeline_end",
        "nested_pipeline_end",
        "node_end",
        "pipeline_end",
    ]
    assert recorder.events[2] == ("nested_pipeline_start", ("outer-id", "inner-id"))
    assert recorder.events[7] == ("nested_pipeline_end", ("outer-id", "inner-id", 0.6))


def test_nested_calls_come_at_the_depth_of_the_parent(stream: Callable[..., Any]) -> None:
    """nested_pipeline_start and _end see the parent's context, the calls between the child's."""
    watcher = Watcher()
    events = stream([watcher])
    outer = events.run("outer")
    inner = events.run("inner", parent=outer)
    events.end(inner)
    events.end(outer)
    assert [note[:2] for note in watcher.log] == [
        ("start outer-id", 0),
        ("nested inner-id", 0),
        ("start inner-id", 1),
        ("left inner-id", 0),
        ("close", 0),
    ]


def test_in_map_holds_from_the_first_item_to_the_last(stream: Callable[..., Any]) -> None:
    """``_in_map`` is true during items, and not at the start and the end of the map."""
    watcher = Watcher()
    events = stream([watcher])
    run = events.run("main", total=1)
    events.item(run, 0)
    events.end_item(run, 0)
    events.end(run)
    assert [(note[0], note[2]) for note in watcher.log] == [
        ("map_start", False),
        ("item 0", True),
        ("start main-id", True),
        ("item end 0", True),
        ("map_end", False),
        ("close", False),
    ]


def test_in_map_survives_a_nested_map(stream: Callable[..., Any]) -> None:
    """After a nested map inside an item, the outer item is still in a map."""
    watcher = Watcher()
    events = stream([watcher])
    outer = events.run("outer", total=1)
    events.item(outer, 0)
    inner = events.run("inner", total=1, parent=outer)
    events.item(inner, 0)
    events.end_item(inner, 0)
    events.end(inner)
    in_map = events.dispatcher.context.get("_in_map")
    events.end_item(outer, 0)
    events.end(outer)
    assert (in_map, events.dispatcher.context.get("_in_map")) == (True, False)


def test_a_nested_run_is_told_to_its_own_callbacks(stream: Callable[..., Any]) -> None:
    """The parent's callbacks hear of the nested pipeline, the child's hear its calls."""
    parents, childs = Recorder(), Recorder()
    events = stream([parents], callbacks_for=lambda run: [childs])
    outer = events.run("outer", ["inner"])
    events.start(outer, "inner")
    inner = events.run("inner", ["n"], parent=outer)
    events.execute(inner, "n")
    events.end(inner)
    events.finish(outer, "inner", OutcomeKind.EXECUTED)
    events.end(outer)
    assert parents.names == [
        "pipeline_start",
        "node_start",
        "nested_pipeline_start",
        "nested_pipeline_end",
        "node_end",
        "pipeline_end",
    ]
    assert childs.names == ["pipeline_start", "node_start", "node_end", "pipeline_end"]


def test_an_error_is_told_inner_node_first(stream: Callable[..., Any]) -> None:
    """A failure gives on_error for the node and for what wraps it, and no end."""
    recorder, error = Recorder(), ValueError("boom")
    events = stream([recorder])
    outer = events.run("outer", ["inner"])
    events.start(outer, "inner")
    inner = events.run("inner", ["n"], parent=outer)
    events.start(inner, "n")
    events.fail(inner, "n", error)
    events.end(inner, FAILED, error=error)
    events.fail(outer, "inner", error)
    events.end(outer, FAILED, error=error)
    assert recorder.events[-2:] == [("error", ("n", error)), ("error", ("inner", error))]
    assert recorder.counts.get("pipeline_end") is None


def test_a_failed_nested_run_leaves_the_context_of_its_parent(stream: Callable[..., Any]) -> None:
    """The stack of pipelines is unwound without an end call."""
    events = stream([Recorder()])
    outer = events.run("outer")
    inner = events.run("inner", parent=outer)
    events.end(inner, FAILED, error=ValueError("boom"))
    assert events.dispatcher.context.hierarchy_path == ["outer-id"]


def test_a_collecting_map_goes_on_after_a_failed_item(stream: Callable[..., Any]) -> None:
    """A failed item gives no end, the next item begins, and the map ends."""
    recorder, error = Recorder(), ValueError("boom")
    events = stream([recorder])
    run = events.run("main", ["n"], total=2)
    events.item(run, 0)
    events.start(run, "n", 0)
    events.fail(run, "n", error, 0)
    events.end_item(run, 0, FAILED, error=error)
    events.item(run, 1)
    events.execute(run, "n", 1)
    events.end_item(run, 1)
    events.end(run)
    assert recorder.names == [
        "map_start",
        "map_item_start",
        "pipeline_start",
        "node_start",
        "error",
        "map_item_start",
        "pipeline_start",
        "node_start",
        "node_end",
        "pipeline_end",
        "map_item_end",
        "map_end",
    ]


def test_metadata_describes_each_pipeline_that_started(stream: Callable[..., Any]) -> None:
    """Total, name and node ids are there under the pipeline's id."""
    events = stream([])
    events.run("main", ["a", "b"])
    assert events.dispatcher.context.get_pipeline_metadata("main-id") == {
        "total_nodes": 2,
        "pipeline_name": "main",
        "node_ids": ["a", "b"],
    }


def test_callbacks_are_told_in_list_order(stream: Callable[..., Any]) -> None:
    """Each call reaches the first callback before the second."""
    log: list[Any] = []

    class Named(PipelineCallback):
        def __init__(self, name: str) -> None:
            self.name = name

        def on_pipeline_start(self, pipeline_id: str, inputs: Any, ctx: Any) -> None:
            log.append((self.name, "start"))

        def on_pipeline_end(
            self, pipeline_id: str, outputs: Any, duration: float, ctx: Any
        ) -> None:
            log.append((self.name, "end"))

    events = stream([Named("b"), Named("a")])
    events.end(events.run("main"))
    assert log == [("b", "start"), ("a", "start"), ("b", "end"), ("a", "end")]


def test_an_object_with_some_of_the_methods_is_a_callback(stream: Callable[..., Any]) -> None:
    """Inheriting is not needed; methods that are not there are not called."""
    log: list[str] = []

    class Plain:
        def on_node_end(self, node_id: str, outputs: Any, duration: float, ctx: Any) -> None:
            log.append(node_id)

    events = stream([Plain()])
    run = events.run("main", ["n"])
    events.execute(run, "n")
    events.end(run)
    assert log == ["n"]


def test_hooks_get_only_the_arguments_they_name(stream: Callable[..., Any]) -> None:
    """A hook function is called by name with what it takes."""
    seen: list[Any] = []
    hooks = {
        "hypernodes_run_started": [("p", lambda inputs: seen.append(inputs["x"]), ("inputs",))],
        "hypernodes_item_started": [("p", lambda item: seen.append(-item), ("item",))],
        "hypernodes_step_started": [("p", lambda step: seen.append(step.id), ("step",))],
        "hypernodes_step_finished": [("p", lambda: seen.append("step"), ())],
        "hypernodes_item_finished": [
            ("p", lambda outcome: seen.append(outcome.kind), ("outcome",))
        ],
        "hypernodes_run_finished": [("p", lambda run: seen.append(run.total), ("run",))],
    }
    events = stream([], hooks=hooks)
    run = events.run("main", ["n"], total=1, inputs={"x": 1})
    events.item(run, 7)
    events.execute(run, "n", 7)
    events.end_item(run, 7)
    events.end(run)
    assert seen == [1, -7, "n", "step", OutcomeKind.EXECUTED, 1]


@pytest.mark.parametrize(
    ("callbacks", "options", "expected"),
    [
        ([], {}, True),
        ([], {"hooks": {"hypernodes_run_started": []}}, True),
        ([Recorder()], {}, False),
        ([], {"hooks": {"hypernodes_run_started": [("p", print, ())]}}, False),
        ([], {"callbacks_for": lambda run: []}, False),
    ],
)
def test_a_dispatcher_is_idle_when_nobody_can_listen(
    callbacks: list[Any], options: dict[str, Any], expected: bool
) -> None:
    """Callbacks, hooks or nested runs with callbacks of their own may be listening."""
    assert Dispatcher(callbacks, **options).is_idle is expected
