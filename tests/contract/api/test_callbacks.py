"""The contract of callbacks, sentence by sentence, on `SeqEngine` (api.md, section 7)."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from hypernodes import MemoryCache, Pipeline, PipelineCallback, Recorder, SeqEngine, node
from hypernodes.callbacks import CallbackContext

Steps = list[Any]


@node(output_name="doubled")
def double(x: int) -> int:
    """Double."""
    return 2 * x


@node(output_name="more")
def add(doubled: int) -> int:
    """Add one."""
    return doubled + 1


@node(output_name="never")
def fail(x: int) -> int:
    """Fail."""
    msg = "broken"
    raise ValueError(msg)


@pytest.fixture
def recorder() -> Recorder:
    """A recorder of calls."""
    return Recorder()


@pytest.fixture
def engine(recorder: Recorder) -> SeqEngine:
    """An engine that the recorder observes."""
    return SeqEngine(callbacks=[recorder])


def sketch(recorder: Recorder, *, progress: bool = False) -> Steps:
    """Return the recorded calls: a name, and the node or item where there is one."""
    found: Steps = []
    for name, args in recorder.events:
        if name == "map_progress" and not progress:
            continue
        has_subject = name.startswith(("node", "error", "map_item", "map_start"))
        found.append(f"{name} {args[0]}" if has_subject else name)
    return found


def run_of(*nodes: str) -> Steps:
    """Return the calls of one run that executes *nodes*."""
    inside = [f"{name} {each}" for each in nodes for name in ("node_start", "node_end")]
    return ["pipeline_start", *inside, "pipeline_end"]


def test_methods_and_arguments_are_those_of_the_contract() -> None:
    """`PipelineCallback` has every method of the contract, with its arguments in order."""
    expected = {
        "on_pipeline_start": "pipeline_id inputs ctx",
        "on_pipeline_end": "pipeline_id outputs duration ctx",
        "on_node_start": "node_id inputs ctx",
        "on_node_end": "node_id outputs duration ctx",
        "on_node_cached": "node_id signature ctx",
        "on_error": "node_id error ctx",
        "on_nested_pipeline_start": "parent_id child_pipeline_id ctx",
        "on_nested_pipeline_end": "parent_id child_pipeline_id duration ctx",
        "on_map_start": "total_items ctx",
        "on_map_item_start": "item_index ctx",
        "on_map_item_end": "item_index duration ctx",
        "on_map_item_cached": "item_index signature ctx",
        "on_map_end": "total_duration ctx",
        "on_map_progress": "done hits failed total ctx",
    }
    found = {
        name: " ".join(list(inspect.signature(getattr(PipelineCallback, name)).parameters)[1:])
        for name in expected
    }
    assert found == expected


def test_the_base_does_nothing() -> None:
    """A bare `PipelineCallback` observes a map without any effect."""
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(callbacks=[PipelineCallback()]))
    assert pipeline.map({"x": [1]}, map_over="x") == [{"doubled": 2}]
    assert PipelineCallback().supported_engines is None


def test_arguments_come_by_position() -> None:
    """A callback may name its arguments as it likes."""
    seen: list[tuple[Any, ...]] = []

    class Odd(PipelineCallback):
        def on_node_end(self, *args: Any) -> None:
            seen.append(args)

    Pipeline(nodes=[double], engine=SeqEngine(callbacks=[Odd()])).run({"x": 2})
    [(node_id, outputs, duration, ctx)] = seen
    assert (node_id, outputs, type(duration), type(ctx)) == (
        "double",
        {"doubled": 4},
        float,
        CallbackContext,
    )


def test_events_of_a_run(engine: SeqEngine, recorder: Recorder) -> None:
    """A run is pipeline_start, node_start and node_end per node, pipeline_end."""
    Pipeline(nodes=[add, double], engine=engine).run({"x": 1})
    assert sketch(recorder) == run_of("double", "add")


def test_events_of_a_run_carry_values(engine: SeqEngine, recorder: Recorder) -> None:
    """Inputs and outputs are {name: value}, at nodes and around them."""
    pipeline = Pipeline(nodes=[double, add], engine=engine)
    pipeline.run({"x": 1, "unused": 9})
    values = [(name, args[:2]) for name, args in recorder.events]
    assert values == [
        ("pipeline_start", (pipeline.id, {"x": 1})),
        ("node_start", ("double", {"x": 1})),
        ("node_end", ("double", {"doubled": 2})),
        ("node_start", ("add", {"doubled": 2})),
        ("node_end", ("add", {"more": 3})),
        ("pipeline_end", (pipeline.id, {"doubled": 2, "more": 3})),
    ]


def test_outputs_of_several_are_named(engine: SeqEngine, recorder: Recorder) -> None:
    """A node with several outputs reports each under its name."""
    split = node(output_name=("a", "b"))(lambda x: (x, [x]))
    Pipeline(nodes=[split], engine=engine).run({"x": 1})
    ends = [args[1] for name, args in recorder.events if name == "node_end"]
    assert ends == [{"a": 1, "b": [1]}]


def test_a_hit_gives_only_node_cached(recorder: Recorder) -> None:
    """A node that hits gives node_cached with its signature and neither start nor end."""
    engine = SeqEngine(MemoryCache(), [recorder])
    pipeline = Pipeline(nodes=[double, add], engine=engine)
    pipeline.run({"x": 1})
    recorder.clear()
    pipeline.run({"x": 1})
    assert sketch(recorder) == [
        "pipeline_start",
        "node_cached double",
        "node_cached add",
        "pipeline_end",
    ]
    assert [
        engine.cache.has(args[1]) for name, args in recorder.events if name == "node_cached"
    ] == [
        True,
        True,
    ]


def test_events_of_a_map(engine: SeqEngine, recorder: Recorder) -> None:
    """A map is map_start(n), per item its start, the events of a run and its end, map_end."""
    Pipeline(nodes=[double, add], engine=engine).map({"x": [1, 2]}, map_over="x")
    assert sketch(recorder) == [
        "map_start 2",
        "map_item_start 0",
        *run_of("double", "add"),
        "map_item_end 0",
        "map_item_start 1",
        *run_of("double", "add"),
        "map_item_end 1",
        "map_end",
    ]


def test_an_empty_map_starts_and_ends(engine: SeqEngine, recorder: Recorder) -> None:
    """A map over nothing has no items."""
    Pipeline(nodes=[double], engine=engine).map({"x": []}, map_over="x")
    assert sketch(recorder) == ["map_start 0", "map_end"]


def test_an_item_that_hits_wholly_is_reported_once(recorder: Recorder) -> None:
    """Only items of which nothing was executed report map_item_cached, once each."""
    pipeline = Pipeline(nodes=[double, add], engine=SeqEngine(MemoryCache(), [recorder]))
    pipeline.run({"x": 1})
    pipeline.run({"x": 3}, output_name="doubled")
    recorder.clear()
    pipeline.map({"x": [1, 2, 3]}, map_over="x")
    assert [each for each in sketch(recorder) if "item_cached" in each] == ["map_item_cached 0"]


def test_an_item_with_an_uncached_node_is_no_hit(recorder: Recorder) -> None:
    """An item of which one node is never cached is not wholly a hit."""
    plain = node(output_name="z", cache=False)(lambda x: x)
    pipeline = Pipeline(nodes=[double, plain], engine=SeqEngine(MemoryCache(), [recorder]))
    for _ in range(2):
        pipeline.map({"x": [1]}, map_over="x")
    assert "map_item_cached" not in recorder.names


def test_in_map_is_true_during_items_only() -> None:
    """``ctx.get("_in_map")`` is true inside of items, and only there."""
    seen: Steps = []

    class Watch(PipelineCallback):
        def on_map_start(self, total_items: int, ctx: CallbackContext) -> None:
            seen.append(bool(ctx.get("_in_map")))

        def on_node_end(self, node_id: str, outputs: Any, duration: float, ctx: Any) -> None:
            seen.append(bool(ctx.get("_in_map")))

        def on_map_end(self, total_duration: float, ctx: CallbackContext) -> None:
            seen.append(bool(ctx.get("_in_map")))

    pipeline = Pipeline(nodes=[double], engine=SeqEngine(callbacks=[Watch()]))
    pipeline.map({"x": [1, 2]}, map_over="x")
    pipeline.run({"x": 1})
    assert seen == [False, True, True, False, False]


def test_events_of_a_nested_pipeline(engine: SeqEngine, recorder: Recorder) -> None:
    """A nested run lies between node_start and node_end of its wrapper, in nested calls."""
    Pipeline(nodes=[Pipeline(nodes=[double], name="in"), add], engine=engine).run({"x": 1})
    assert sketch(recorder) == [
        "pipeline_start",
        "node_start in",
        "nested_pipeline_start",
        *run_of("double"),
        "nested_pipeline_end",
        "node_end in",
        "node_start add",
        "node_end add",
        "pipeline_end",
    ]


def test_events_of_a_nested_map(engine: SeqEngine, recorder: Recorder) -> None:
    """A mapped wrapper has the events of a map inside its nested calls."""
    inner = Pipeline(nodes=[double]).as_node({"xs": "x"}, map_over="xs", name="all")
    Pipeline(nodes=[inner], engine=engine).run({"xs": [1, 2]})
    assert sketch(recorder) == [
        "pipeline_start",
        "node_start all",
        "nested_pipeline_start",
        "map_start 2",
        "map_item_start 0",
        *run_of("double"),
        "map_item_end 0",
        "map_item_start 1",
        *run_of("double"),
        "map_item_end 1",
        "map_end",
        "nested_pipeline_end",
        "node_end all",
        "pipeline_end",
    ]


def test_a_nested_map_reports_its_hits(recorder: Recorder) -> None:
    """Inside a mapped wrapper, items that hit report it; the wrapper starts and ends."""
    inner = Pipeline(nodes=[double]).as_node({"xs": "x"}, map_over="xs", name="all")
    pipeline = Pipeline(nodes=[inner], engine=SeqEngine(MemoryCache(), [recorder]))
    pipeline.run({"xs": [1]})
    recorder.clear()
    pipeline.run({"xs": [1, 2]})
    inside = sketch(recorder)[4:-4]
    assert [each.replace("map_item_cached 0", "hit") for each in inside] == [
        "map_item_start 0",
        "pipeline_start",
        "node_cached double",
        "pipeline_end",
        "hit",
        "map_item_end 0",
        "map_item_start 1",
        *run_of("double"),
        "map_item_end 1",
    ]


def test_a_wrapper_reports_outer_names(engine: SeqEngine, recorder: Recorder) -> None:
    """The node events of a wrapper carry the names of the pipeline around it."""
    wrapper = Pipeline(nodes=[double]).as_node({"n": "x"}, {"doubled": "m"}, name="w")
    Pipeline(nodes=[wrapper], engine=engine).run({"n": 4})
    values = [
        args[1] for name, args in recorder.events if name.startswith("node") and args[0] == "w"
    ]
    assert values == [{"n": 4}, {"m": 8}]


def test_nested_calls_carry_the_ids_of_both_pipelines(
    engine: SeqEngine, recorder: Recorder
) -> None:
    """on_nested_pipeline_start and _end name the parent, then the child."""
    inner = Pipeline(nodes=[double])
    outer = Pipeline(nodes=[inner], engine=engine)
    outer.run({"x": 1})
    ids = [args[:2] for name, args in recorder.events if name.startswith("nested")]
    assert ids == [(outer.id, inner.id)] * 2


def test_an_unnamed_wrapper_has_an_id_text(engine: SeqEngine, recorder: Recorder) -> None:
    """A wrapper without any name is called by some text that stays the same."""
    for _ in range(2):
        Pipeline(nodes=[Pipeline(nodes=[double])], engine=engine).run({"x": 1})
    names = [args[0] for name, args in recorder.events if name == "node_start"]
    wrapper = names[0]
    assert (type(wrapper), bool(wrapper), names) == (str, True, [wrapper, "double"] * 2)


def test_events_of_a_failure(engine: SeqEngine, recorder: Recorder) -> None:
    """A failing node gives on_error with its exception; nothing ends."""
    pipeline = Pipeline(nodes=[double, fail], engine=engine)
    with pytest.raises(ValueError, match="broken") as caught:
        pipeline.run({"x": 1})
    assert sketch(recorder) == [
        "pipeline_start",
        "node_start double",
        "node_end double",
        "node_start fail",
        "error fail",
    ]
    assert recorder.events[-1][1][1] is caught.value


def test_errors_go_from_inside_out(engine: SeqEngine, recorder: Recorder) -> None:
    """on_error names the inner node, then each of its wrappers, with one exception."""
    inner = Pipeline(nodes=[fail]).as_node({"xs": "x"}, map_over="xs", name="inner")
    middle = Pipeline(nodes=[inner], name="middle")
    with pytest.raises(ValueError, match="broken"):
        Pipeline(nodes=[middle], engine=engine).map({"xs": [[1]]}, map_over="xs")
    errors = [args for name, args in recorder.events if name == "error"]
    assert [name for name, _ in errors] == ["fail", "inner", "middle"]
    assert len({id(error) for _, error in errors}) == 1


@pytest.mark.parametrize("how", ["run", "map"])
def test_a_foreign_engine_is_refused(how: str) -> None:
    """A callback that does not support this engine: `ValueError` before anything runs."""

    class Foreign(PipelineCallback):
        supported_engines = ("DaskEngine",)

    calls: Steps = []
    note = node(output_name="y")(lambda x: calls.append(x) or x)
    pipeline = Pipeline(nodes=[note], engine=SeqEngine(callbacks=[Foreign()]))
    with pytest.raises(ValueError, match="is not compatible with engine SeqEngine"):
        pipeline.run({"x": 1}) if how == "run" else pipeline.map({"x": [1]}, map_over="x")
    assert calls == []


def test_a_callback_of_this_engine_is_welcome(recorder: Recorder) -> None:
    """A callback that names SeqEngine among its engines observes."""

    class Mine(Recorder):
        supported_engines = ("DaskEngine", "SeqEngine")

    mine = Mine()
    Pipeline(nodes=[double], engine=SeqEngine(callbacks=[mine])).run({"x": 1})
    assert sketch(mine) == run_of("double")


def test_a_name_of_another_engine_is_named(recorder: Recorder) -> None:
    """The message names the class of the engine that runs, a subclass's too."""

    class MyEngine(SeqEngine):
        pass

    class Foreign(PipelineCallback):
        supported_engines = ("SeqEngine",)

    pipeline = Pipeline(nodes=[double], engine=MyEngine(callbacks=[Foreign()]))
    with pytest.raises(ValueError, match="is not compatible with engine MyEngine"):
        pipeline.run({"x": 1})
