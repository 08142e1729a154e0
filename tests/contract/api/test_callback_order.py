"""When callbacks are told, in which order, and what they share (api.md, section 7)."""

from __future__ import annotations

from typing import Any

import pytest

from hypernodes import MemoryCache, Pipeline, PipelineCallback, Recorder, SeqEngine, node
from hypernodes.callbacks import CallbackContext
from hypernodes.errors import CallbackWarning


@node(output_name="doubled")
def double(x: int) -> int:
    """Double."""
    return 2 * x


class Raises(PipelineCallback):
    """Raises at every start of a node."""

    def on_node_start(self, node_id: str, inputs: Any, ctx: CallbackContext) -> None:
        """Raise."""
        msg = "observer broke"
        raise RuntimeError(msg)


def test_seq_engine_delivers_live() -> None:
    """A node runs between its own start and end, as callbacks see it."""
    story: list[str] = []

    class Watch(PipelineCallback):
        def on_node_start(self, node_id: str, inputs: Any, ctx: CallbackContext) -> None:
            story.append("start")

        def on_node_end(self, node_id: str, outputs: Any, duration: float, ctx: Any) -> None:
            story.append("end")

    work = node(output_name="y")(lambda x: story.append("call"))
    pipeline = Pipeline(nodes=[work], engine=SeqEngine(callbacks=[Watch()]))
    pipeline.map({"x": [1, 2]}, map_over="x")
    assert story == ["start", "call", "end"] * 2


def test_callbacks_are_told_in_list_order() -> None:
    """Each event reaches the callbacks one after the other, as they are listed."""
    story: list[str] = []

    class Watch(PipelineCallback):
        def __init__(self, name: str) -> None:
            self.name = name

        def on_node_start(self, node_id: str, inputs: Any, ctx: CallbackContext) -> None:
            story.append(f"start {self.name}")

        def on_node_end(self, node_id: str, outputs: Any, duration: float, ctx: Any) -> None:
            story.append(f"end {self.name}")

    engine = SeqEngine(callbacks=[Watch("b"), Watch("a")])
    Pipeline(nodes=[double], engine=engine).run({"x": 1})
    assert story == ["start b", "start a", "end b", "end a"]


def test_map_progress_counts_hits_and_items() -> None:
    """on_map_progress arrives per item with what is done, hit, failed, and the total."""
    recorder = Recorder()
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(MemoryCache(), [recorder]))
    pipeline.run({"x": 2})
    pipeline.map({"x": [1, 2, 3]}, map_over="x")
    progress = [args for name, args in recorder.events if name == "map_progress"]
    assert progress == [(1, 0, 0, 3), (2, 1, 0, 3), (3, 1, 0, 3)]


def test_map_progress_is_live() -> None:
    """After each item, progress arrives before the next item begins."""
    story: list[Any] = []

    class Watch(PipelineCallback):
        def on_map_progress(self, *args: Any) -> None:
            story.append(args[:4])

    work = node(output_name="y")(lambda x: story.append(x) or x)
    pipeline = Pipeline(nodes=[work], engine=SeqEngine(callbacks=[Watch()]))
    pipeline.map({"x": ["a", "b"]}, map_over="x")
    assert story == ["a", (1, 0, 0, 2), "b", (2, 0, 0, 2)]


def test_map_progress_counts_a_failure() -> None:
    """The item that ends a map is counted as failed."""
    recorder = Recorder()
    divide = node(output_name="y")(lambda x: 1 / x)
    pipeline = Pipeline(nodes=[divide], engine=SeqEngine(callbacks=[recorder]))
    with pytest.raises(ZeroDivisionError):
        pipeline.map({"x": [1, 0, 2]}, map_over="x")
    progress = [args for name, args in recorder.events if name == "map_progress"]
    assert progress == [(1, 0, 0, 3), (2, 0, 1, 3)]


def test_a_callback_that_raises_is_one_warning() -> None:
    """An observer's exception becomes one warning that names it; the run goes on."""
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(callbacks=[Raises()]))
    with pytest.warns(CallbackWarning, match="Raises.*observer broke") as caught:
        rows = pipeline.map({"x": [1, 2, 3]}, map_over="x")
    assert ([row["doubled"] for row in rows], len(caught)) == ([2, 4, 6], 1)


def test_a_callback_that_raises_hides_nothing_from_others() -> None:
    """Callbacks after one that raises get every event."""
    recorder, plain = Recorder(), Recorder()
    Pipeline(nodes=[double], engine=SeqEngine(callbacks=[plain])).run({"x": 1})
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(callbacks=[Raises(), recorder]))
    with pytest.warns(CallbackWarning):
        pipeline.run({"x": 1})
    assert recorder.names == plain.names


def test_a_callback_that_raises_does_not_hide_the_error_of_a_node() -> None:
    """Where a node fails and the observer too, the node's exception is what is raised."""

    class Broken(PipelineCallback):
        def on_error(self, node_id: str, error: BaseException, ctx: CallbackContext) -> None:
            msg = "observer broke"
            raise RuntimeError(msg)

    pipeline = Pipeline(
        nodes=[node(output_name="y")(lambda x: 1 / x)], engine=SeqEngine(callbacks=[Broken()])
    )
    with pytest.warns(CallbackWarning), pytest.raises(ZeroDivisionError):
        pipeline.run({"x": 0})


class Places(PipelineCallback):
    """Notes where each call sees itself."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []
        self.contexts: list[CallbackContext] = []
        self.parents: dict[str | None, str | None] = {}

    def _note(self, name: str, ctx: CallbackContext) -> None:
        self.seen.append((name, ctx.depth, len(ctx.hierarchy_path)))
        self.contexts.append(ctx)
        self.parents[ctx.current_pipeline_id] = ctx.parent_pipeline_id

    def on_pipeline_start(self, pipeline_id: str, inputs: Any, ctx: CallbackContext) -> None:
        """Note."""
        self._note("pipeline_start", ctx)

    def on_node_start(self, node_id: str, inputs: Any, ctx: CallbackContext) -> None:
        """Note."""
        self._note(node_id, ctx)

    def on_node_end(self, node_id: str, outputs: Any, duration: float, ctx: Any) -> None:
        """Note."""
        self._note(node_id, ctx)

    def on_nested_pipeline_start(self, parent_id: str, child_id: str, ctx: CallbackContext) -> None:
        """Note."""
        self._note("nested_start", ctx)

    def on_nested_pipeline_end(
        self, parent_id: str, child_id: str, duration: float, ctx: CallbackContext
    ) -> None:
        """Note."""
        self._note("nested_end", ctx)

    def on_map_start(self, total_items: int, ctx: CallbackContext) -> None:
        """Note."""
        self._note("map_start", ctx)


@pytest.fixture
def places() -> Places:
    """A callback that notes where it is."""
    return Places()


def test_depth_is_0_at_the_root_and_grows_inside(places: Places) -> None:
    """``ctx.depth`` and ``ctx.hierarchy_path`` follow nested pipelines, in and out."""
    inner = Pipeline(nodes=[double], name="inner")
    middle = Pipeline(nodes=[inner], name="middle")
    Pipeline(nodes=[middle], engine=SeqEngine(callbacks=[places])).run({"x": 1})
    assert places.seen == [
        ("pipeline_start", 0, 1),
        ("middle", 0, 1),
        ("nested_start", 0, 1),
        ("pipeline_start", 1, 2),
        ("inner", 1, 2),
        ("nested_start", 1, 2),
        ("pipeline_start", 2, 3),
        ("double", 2, 3),
        ("double", 2, 3),
        ("nested_end", 1, 2),
        ("inner", 1, 2),
        ("nested_end", 0, 1),
        ("middle", 0, 1),
    ]


def test_depth_inside_a_nested_map(places: Places) -> None:
    """Items of a nested map are one level deeper than the pipeline around it."""
    inner = Pipeline(nodes=[double]).as_node({"xs": "x"}, map_over="xs", name="all")
    pipeline = Pipeline(nodes=[inner], engine=SeqEngine(callbacks=[places]))
    pipeline.map({"xs": [[1], []]}, map_over="xs")
    assert [(name, depth) for name, depth, _ in places.seen if name in ("map_start", "double")] == [
        ("map_start", 0),
        ("map_start", 1),
        ("double", 1),
        ("double", 1),
        ("map_start", 1),
    ]


def test_ids_of_current_and_parent(places: Places) -> None:
    """``current_pipeline_id`` is the running pipeline, ``parent_pipeline_id`` the one around."""
    inner = Pipeline(nodes=[double])
    outer = Pipeline(nodes=[inner], engine=SeqEngine(callbacks=[places]))
    outer.run({"x": 1})
    assert places.parents == {outer.id: None, inner.id: outer.id}


def test_one_context_per_run(places: Places) -> None:
    """Nested pipelines share the context of their run; the next run has its own."""
    inner = Pipeline(nodes=[double])
    pipeline = Pipeline(nodes=[inner], engine=SeqEngine(callbacks=[places]))
    counts = []
    for _ in range(2):
        pipeline.run({"x": 1})
        counts.append(len({id(ctx) for ctx in places.contexts}))
    assert counts == [1, 2]


def test_callbacks_share_what_they_set() -> None:
    """What one callback sets, another gets, until the run ends."""
    found: list[Any] = []

    class Sets(PipelineCallback):
        def on_pipeline_start(self, pipeline_id: str, inputs: Any, ctx: CallbackContext) -> None:
            found.append(ctx.get("key", "nothing"))
            ctx.set("key", 1)

    class Gets(PipelineCallback):
        def on_node_start(self, node_id: str, inputs: Any, ctx: CallbackContext) -> None:
            found.append(ctx.get("key"))

    pipeline = Pipeline(nodes=[double], engine=SeqEngine(callbacks=[Sets(), Gets()]))
    for _ in range(2):
        pipeline.run({"x": 1})
    assert found == ["nothing", 1, "nothing", 1]


def test_metadata_describes_the_running_pipeline() -> None:
    """``get_pipeline_metadata`` says how many nodes, the name, and the node ids in order."""
    found: dict[str, Any] = {}

    class Watch(PipelineCallback):
        def on_node_start(self, node_id: str, inputs: Any, ctx: CallbackContext) -> None:
            found[node_id] = ctx.get_pipeline_metadata(str(ctx.current_pipeline_id))

    inner = Pipeline(nodes=[double], name="in")
    pipeline = Pipeline(nodes=[inner], engine=SeqEngine(callbacks=[Watch()]), name="out")
    pipeline.run({"x": 1})
    assert {name: each["node_ids"] for name, each in found.items()} == {
        "in": ["in"],
        "double": ["double"],
    }
    assert [(each["total_nodes"], each["pipeline_name"]) for each in found.values()] == [
        (1, "out"),
        (1, "in"),
    ]


def test_context_survives_a_failure(places: Places) -> None:
    """After a failed run the same callback sees the next run from its root again."""
    divide = node(output_name="y")(lambda x: 1 / x)
    inner = Pipeline(nodes=[divide], name="in")
    pipeline = Pipeline(nodes=[inner], engine=SeqEngine(callbacks=[places]))
    with pytest.raises(ZeroDivisionError):
        pipeline.run({"x": 0})
    places.seen.clear()
    pipeline.run({"x": 1})
    assert [depth for _, depth, _ in places.seen] == [0, 0, 0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, ZeroDivisionError])
def test_callbacks_are_closed_however_a_run_ends(interrupt: type[BaseException]) -> None:
    """``close`` comes once per run, after an interrupt too."""
    closed: list[int] = []

    class Watch(PipelineCallback):
        def close(self, ctx: CallbackContext) -> None:
            closed.append(ctx.depth)

    def work(x: int) -> None:
        raise interrupt

    inner = Pipeline(nodes=[node(output_name="y")(work)])
    pipeline = Pipeline(nodes=[inner], engine=SeqEngine(callbacks=[Watch()]))
    with pytest.raises(interrupt):
        pipeline.map({"x": [1]}, map_over="x")
    assert closed == [0]


def test_a_child_with_callbacks_of_its_own_tells_only_them() -> None:
    """A child's explicit callbacks take the place of the parent's inside it."""
    outer, inner = Recorder(), Recorder()
    child = Pipeline(nodes=[double], engine=SeqEngine(callbacks=[inner]), name="child")
    Pipeline(nodes=[child], engine=SeqEngine(callbacks=[outer])).run({"x": 1})
    assert (outer.executed, inner.executed) == (["child"], ["double"])


def test_callbacks_none_silences_a_child() -> None:
    """An explicit ``callbacks=None`` of a child's engine leaves its inside unobserved."""
    outer = Recorder()
    child = Pipeline(nodes=[double], engine=SeqEngine(callbacks=None), name="child")
    Pipeline(nodes=[child], engine=SeqEngine(callbacks=[outer])).run({"x": 1})
    assert outer.executed == ["child"]


def test_a_childs_callbacks_are_checked_against_its_own_engine() -> None:
    """A callback inside is compared with the engine that runs there, before anything runs."""

    class Foreign(PipelineCallback):
        supported_engines = ("DaskEngine",)

    child = Pipeline(nodes=[double], engine=SeqEngine(callbacks=[Foreign()]))
    with pytest.raises(ValueError, match="is not compatible with engine SeqEngine"):
        Pipeline(nodes=[child]).run({"x": 1})
