"""Facts about pipelines that are carried out inside a step."""

from __future__ import annotations

from typing import Any

import pytest

from hypernodes import MemoryCache, Pipeline, Recorder, SeqEngine, node


def times(factor: int) -> Pipeline:
    """Return a pipeline x -> y that multiplies; all of them look alike from outside."""

    @node(output_name="y")
    def multiply(x: int) -> int:
        return x * factor

    return Pipeline(nodes=[multiply])


@node(output_name="low")
def lower(x: int) -> int:
    """Subtract one."""
    return x - 1


@node(output_name="high")
def higher(x: int) -> int:
    """Add one."""
    return x + 1


class Loads(MemoryCache):
    """Counts the values that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def load_many(self, wanted: Any) -> Any:
        """Count and read."""
        self.count += len(wanted)
        return super().load_many(wanted)


def test_two_pipelines_that_look_alike_keep_apart() -> None:
    """Unnamed nested pipelines with equal names inside run their own functions."""
    #  x -> [y * 2] -> a
    #  x -> [y * 3] -> b
    twice = times(2).as_node(output_mapping={"y": "a"})
    thrice = times(3).as_node(output_mapping={"y": "b"})
    assert Pipeline(nodes=[twice, thrice]).run({"x": 1}) == {"a": 2, "b": 3}


def test_two_pipelines_of_one_name_keep_apart() -> None:
    """Nested pipelines of one name run their own functions, in maps and mapped too."""
    twice = times(2).with_name("same").as_node(output_mapping={"y": "a"})
    thrice = times(3).with_name("same").as_node(output_mapping={"y": "b"}, map_over="x")
    pipeline = Pipeline(nodes=[twice.pipeline.as_node({"n": "x"}, {"y": "a"}), thrice])
    assert pipeline.map({"n": [1, 2], "x": [5]}, map_over="n") == [
        {"a": 2, "b": [15]},
        {"a": 4, "b": [15]},
    ]


def test_one_pipeline_twice_shows_its_own_outputs() -> None:
    """Two wrappers of one pipeline compute what each of them shows."""
    both = Pipeline(nodes=[lower, higher], name="both")
    first = both.as_node(output_mapping={"low": "a"})
    second = both.as_node(output_mapping={"high": "b"})
    assert Pipeline(nodes=[first, second]).run({"x": 5}) == {"a": 4, "b": 6}


def test_one_name_with_other_bindings_keeps_apart() -> None:
    """Nested pipelines of one name use what is bound in each of them."""
    add = node(output_name="y")(lambda x, step: x + step)
    one = Pipeline(nodes=[add], name="n").bind(step=1).as_node(output_mapping={"y": "a"})
    ten = Pipeline(nodes=[add], name="n").bind(step=10).as_node(output_mapping={"y": "b"})
    assert Pipeline(nodes=[one, ten]).run({"x": 0}) == {"a": 1, "b": 10}


def test_one_name_with_other_callbacks_keeps_apart() -> None:
    """Nested pipelines of one name tell the callbacks of each of them."""
    first, second = Recorder(), Recorder()
    nodes = [
        times(factor)
        .with_name("n")
        .with_engine(SeqEngine(callbacks=[recorder]))
        .as_node(output_mapping={"y": name})
        for factor, recorder, name in ((2, first, "a"), (3, second, "b"))
    ]
    Pipeline(nodes=nodes).run({"x": 1})
    ends = [[args[1] for name, args in r.events if name == "node_end"] for r in (first, second)]
    assert ends == [[{"y": 2}], [{"y": 3}]]


def test_one_name_with_another_cache_setting_keeps_apart() -> None:
    """Of two nested pipelines of one name, one may be cached and the other not."""
    recorder = Recorder()
    cached = times(2).with_name("n").as_node(output_mapping={"y": "a"})
    plain = times(3).with_name("n").as_node(output_mapping={"y": "b"}, cache=False)
    pipeline = Pipeline(nodes=[cached, plain], engine=SeqEngine(MemoryCache(), [recorder]))
    for _ in range(2):
        recorder.clear()
        pipeline.run({"x": 1})
    assert (recorder.cached, recorder.executed.count("multiply")) == (["multiply"], 1)


def test_an_unmapped_pipeline_is_one_of_the_steps() -> None:
    """Its results are visible to the nodes around it, in runs and in maps."""
    last = node(output_name="z")(lambda y: y + 1)
    pipeline = Pipeline(nodes=[times(2), last])
    assert pipeline.run({"x": 1}) == {"y": 2, "z": 3}
    assert pipeline.map({"x": [1, 2]}, map_over="x") == [{"y": 2, "z": 3}, {"y": 4, "z": 5}]


def test_maps_in_maps_give_lists_of_lists() -> None:
    """Three levels of maps nest their results, empty ones too."""
    inner = times(2).as_node({"row": "x"}, map_over="row")
    middle = Pipeline(nodes=[inner]).as_node({"table": "row"}, map_over="table")
    found = Pipeline(nodes=[middle]).map({"table": [[[1], []], [], [[2, 3]]]}, map_over="table")
    assert [row["y"] for row in found] == [[[2], []], [], [[4, 6]]]


def test_a_nested_product_takes_all_combinations() -> None:
    """In product mode the last mapped name varies fastest."""
    pair = node(output_name="p")(lambda a, b: f"{a}{b}")
    wrapper = Pipeline(nodes=[pair]).as_node(map_over=["a", "b"], map_mode="product")
    assert Pipeline(nodes=[wrapper]).run({"a": ["x", "y"], "b": [1, 2]}) == {
        "p": ["x1", "x2", "y1", "y2"]
    }


def test_a_nested_map_over_unequal_lengths_names_them() -> None:
    """Lengths that differ inside are refused with the pipeline's name in a note."""
    pair = node(output_name="p")(lambda a, b: (a, b))
    wrapper = Pipeline(nodes=[pair]).as_node(map_over=["a", "b"], name="pairs")
    with pytest.raises(ValueError, match="length") as caught:
        Pipeline(nodes=[wrapper]).run({"a": [1], "b": [1, 2]})
    assert any("pairs" in note for note in caught.value.__notes__)


def test_hits_inside_read_nothing_but_what_is_returned() -> None:
    """A nested pipeline whose results are all there reads only the requested values."""
    cache = Loads()
    first = node(output_name="x")(lambda n: n + 1)
    last = node(output_name="z")(lambda y: y + 1)
    pipeline = Pipeline(nodes=[first, times(2), last], engine=SeqEngine(cache))
    pipeline.run({"n": 1})
    cache.count = 0
    assert (pipeline.run({"n": 1}, output_name="z"), cache.count) == ({"z": 5}, 1)


def test_a_list_from_a_nested_map_is_known_without_reading() -> None:
    """What reads the list of a nested map hits without any item being read."""
    cache = Loads()
    wrapper = times(2).as_node({"xs": "x"}, map_over="xs")
    total = node(output_name="total")(lambda y: sum(y, 0))
    pipeline = Pipeline(nodes=[wrapper, total], engine=SeqEngine(cache))
    pipeline.run({"xs": [1, 2, 3]})
    cache.count = 0
    assert (pipeline.run({"xs": [1, 2, 3]}, "total"), cache.count) == ({"total": 12}, 1)


def test_a_list_given_instead_of_a_nested_map_is_a_list() -> None:
    """Lists of nested maps in other orders are other inputs to what reads them."""
    recorder = Recorder()
    wrapper = times(2).as_node({"xs": "x"}, map_over="xs", name="w")
    joined = node(output_name="text")(lambda y: f"{y}")
    pipeline = Pipeline(nodes=[wrapper, joined], engine=SeqEngine(MemoryCache(), [recorder]))
    texts = [pipeline.run({"xs": xs})["text"] for xs in ([1, 2], [2, 1], [1], [1, 2])]
    assert texts == ["[2, 4]", "[4, 2]", "[2]", "[2, 4]"]
    assert recorder.executed.count(joined.name) == 3


def test_new_items_of_a_nested_map_run_alone() -> None:
    """Per item hits: a longer inner list runs only its new items."""
    recorder = Recorder()
    wrapper = times(2).as_node({"xs": "x"}, map_over="xs", name="w")
    pipeline = Pipeline(nodes=[wrapper], engine=SeqEngine(MemoryCache(), [recorder]))
    pipeline.run({"xs": [1, 2]})
    recorder.clear()
    assert pipeline.run({"xs": [0, 1, 2, 3]}) == {"y": [0, 2, 4, 6]}
    assert (recorder.executed.count("multiply"), recorder.cached) == (2, ["multiply"] * 2)


def test_a_nested_failure_keeps_what_was_finished() -> None:
    """After a failure inside a nested map, earlier inner items hit."""
    cache, recorder = MemoryCache(), Recorder()
    divide = node(output_name="y")(lambda x: 1 / x)
    wrapper = Pipeline(nodes=[divide]).as_node({"xs": "x"}, map_over="xs")
    pipeline = Pipeline(nodes=[wrapper], engine=SeqEngine(cache, [recorder]))
    with pytest.raises(ZeroDivisionError):
        pipeline.run({"xs": [1, 2, 0, 4]})
    recorder.clear()
    pipeline.run({"xs": [1, 2, 4]})
    assert (len(recorder.cached), recorder.executed.count(divide.name)) == (2, 1)


@pytest.mark.timeout(5)
def test_deep_nesting_passes_values_through() -> None:
    """Twenty pipelines inside one another give the value at once, and hit."""
    recorder = Recorder()
    pipeline = times(3)
    for depth in range(20):
        pipeline = Pipeline(nodes=[pipeline], name=f"level {depth}")
    pipeline.with_engine(SeqEngine(MemoryCache(), [recorder]))
    found = [pipeline.run({"x": 2}) for _ in range(2)]
    assert (found, recorder.cached) == ([{"y": 6}] * 2, ["multiply"])
