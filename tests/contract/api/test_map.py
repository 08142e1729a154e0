"""The contract of `map`, sentence by sentence."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from typing import Any

import cloudpickle
import pytest

from hypernodes import Node, Pipeline, Recorder, SeqEngine
from hypernodes.execution import Chunk, ChunkResult, Context, map_pipeline, run_chunk
from hypernodes.plan import Plan

ADD = Node(lambda x, y=0: (x, y), "r")


class Travelling(SeqEngine):
    """Sends everything through pickle, two items at a time, and answers backwards."""

    def map(
        self, pipeline, inputs, map_over, map_mode="zip", output_name=None
    ) -> list[dict[str, Any]]:
        """Map in small chunks."""
        return map_pipeline(self, pipeline, inputs, map_over, map_mode, output_name, pace=2)

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Carry out chunks as another process would."""
        sent = pickle.loads(cloudpickle.dumps(plan))
        for chunk in reversed(list(chunks)):
            result = run_chunk(sent, pickle.loads(cloudpickle.dumps(chunk)))
            yield pickle.loads(cloudpickle.dumps(result))


# -- results ---------------------------------------------------------------------------


def test_there_is_one_dict_per_item_in_item_order() -> None:
    """Each item gives the dict that `run` would give."""
    pipeline = Pipeline([Node(lambda x: x + 1, "a"), Node(lambda a: a * 2, "b")])
    expected = [pipeline.run({"x": x}) for x in (3, 1, 2)]
    assert pipeline.map(inputs={"x": [3, 1, 2]}, map_over="x") == expected


def test_names_outside_map_over_are_broadcast() -> None:
    """Other values reach every item unchanged, lists too, as the same object."""
    shared = [1, 2, 3]
    results = Pipeline([ADD]).map({"x": [1, 2], "y": shared}, map_over="x")
    assert [each["r"][1] is shared for each in results] == [True, True]


def test_bound_values_take_part() -> None:
    """What is bound reaches every item, and may itself be mapped over."""
    pipeline = Pipeline([ADD]).bind(y=[7, 8])
    assert pipeline.map({"x": [1]}, map_over="x") == [{"r": (1, [7, 8])}]
    assert pipeline.map({"x": 1}, map_over="y") == [{"r": (1, 7)}, {"r": (1, 8)}]


def test_inputs_can_be_given_by_keyword() -> None:
    """`map(x=[...], map_over="x")` works."""
    assert Pipeline([ADD]).map(x=[1], map_over="x") == [{"r": (1, 0)}]


def test_output_name_selects() -> None:
    """Only what is asked for is computed and returned."""
    pipeline = Pipeline([Node(lambda x: x, "a"), Node(lambda x: 1 / 0, "b")])
    assert pipeline.map({"x": [1, 2]}, map_over="x", output_name="a") == [{"a": 1}, {"a": 2}]


def test_engine_overrides_for_this_call() -> None:
    """`engine=` counts for this map alone."""
    recorder = Recorder()
    pipeline = Pipeline([ADD])
    pipeline.map({"x": [1]}, map_over="x", engine=SeqEngine(callbacks=[recorder]))
    pipeline.map({"x": [1]}, map_over="x")
    assert recorder.counts["map_start"] == 1


def test_every_function_is_called_once_per_item() -> None:
    """Two nodes and three items are six calls, item after item."""
    calls: list[Any] = []
    nodes = [
        Node(lambda x: calls.append(("a", x)), "a"),
        Node(lambda a, x: calls.append(("b", x)), "b"),
    ]
    Pipeline(nodes).map({"x": [1, 2, 3]}, map_over="x")
    assert calls == [(name, x) for x in (1, 2, 3) for name in "ab"]


def test_equal_items_are_all_carried_out_without_a_cache() -> None:
    """Repeated items are items of their own."""
    calls: list[int] = []
    Pipeline([Node(calls.append, "r")]).map({"object": [1, 1, 1]}, map_over="object")
    assert calls == [1, 1, 1]


def test_more_items_than_travel_together_keep_their_order() -> None:
    """Maps longer than a chunk are one list."""
    results = Pipeline([Node(lambda x: x, "r")]).map({"x": range(2_500)}, map_over="x")
    assert [each["r"] for each in results] == list(range(2_500))


# -- what can be mapped over -----------------------------------------------------------


@pytest.mark.parametrize("items", [[1, 2], (1, 2), range(1, 3)], ids=["list", "tuple", "range"])
def test_sized_iterables_hold_items(items: Any) -> None:
    """Lists, tuples and ranges are walked."""
    assert Pipeline([ADD]).map({"x": items}, map_over="x") == [{"r": (1, 0)}, {"r": (2, 0)}]


@pytest.mark.parametrize(
    ("library", "make"),
    [
        ("numpy", lambda numpy: numpy.array([1, 2])),
        ("pyarrow", lambda pyarrow: pyarrow.array([1, 2])),
        ("pandas", lambda pandas: pandas.Series([1, 2])),
        ("polars", lambda polars: polars.Series([1, 2])),
    ],
)
def test_columns_hold_items(library: str, make: Any) -> None:
    """Arrays and columns are walked too."""
    items = make(pytest.importorskip(library))
    assert Pipeline([ADD]).map({"x": items}, map_over="x") == [{"r": (1, 0)}, {"r": (2, 0)}]


@pytest.mark.parametrize("value", ["text", b"bytes", {"a": 1}, iter([1]), 7, None])
def test_what_holds_no_items_is_refused(value: Any) -> None:
    """A str, dict or unsized value: `ValueError` naming the input."""
    with pytest.raises(ValueError, match="cannot map over 'x'"):
        Pipeline([ADD]).map({"x": value}, map_over="x")


# -- zip and product -------------------------------------------------------------------


def test_zip_walks_names_together() -> None:
    """Item *i* takes element *i* of each name; zip is the default."""
    results = Pipeline([ADD]).map({"x": [1, 2], "y": [3, 4]}, map_over=["x", "y"])
    assert results == [{"r": (1, 3)}, {"r": (2, 4)}]


def test_zip_needs_equal_lengths() -> None:
    """Else `ValueError` with `length` and every length."""
    with pytest.raises(ValueError, match=r"length.*x has 2, y has 3"):
        Pipeline([ADD]).map({"x": [1, 2], "y": [1, 2, 3]}, map_over=["x", "y"])


def test_product_takes_all_combinations() -> None:
    """The last name in `map_over` varies fastest."""
    inputs = {"x": [1, 2], "y": [3, 4]}
    results = Pipeline([ADD]).map(inputs, map_over=["x", "y"], map_mode="product")
    assert [each["r"] for each in results] == [(1, 3), (1, 4), (2, 3), (2, 4)]
    turned = Pipeline([ADD]).map(inputs, map_over=["y", "x"], map_mode="product")
    assert [each["r"] for each in turned] == [(1, 3), (2, 3), (1, 4), (2, 4)]


def test_an_unknown_mode_is_refused() -> None:
    """Unknown `map_mode`: `ValueError`."""
    with pytest.raises(ValueError, match="unknown map_mode 'outer'"):
        Pipeline([ADD]).map({"x": [1]}, map_over="x", map_mode="outer")  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["zip", "product"])
def test_no_items_give_no_results(mode: Any) -> None:
    """Empty: `[]`."""
    assert Pipeline([ADD]).map({"x": [], "y": []}, map_over=["x", "y"], map_mode=mode) == []


def test_a_product_with_an_empty_name_is_empty() -> None:
    """No combination exists where one name has no items."""
    inputs = {"x": [1, 2], "y": []}
    assert Pipeline([ADD]).map(inputs, map_over=["x", "y"], map_mode="product") == []


def test_items_without_nodes_give_empty_dicts() -> None:
    """A map that asks for nothing has one empty dict per item."""
    assert Pipeline([ADD]).map({"x": [1, 2]}, map_over="x", output_name=[]) == [{}, {}]


# -- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize("over", [None, [], ()])
def test_map_over_is_required(over: Any) -> None:
    """`map_over` missing: `ValueError`."""
    with pytest.raises(ValueError, match="map_over"):
        Pipeline([ADD]).map({"x": [1]}, map_over=over)


def test_map_over_must_be_an_input() -> None:
    """Not an input: `ValueError` with a suggestion."""
    pipeline = Pipeline([Node(lambda text: text, "r")])
    with pytest.raises(ValueError, match=r"cannot map over 'txt'.*did you mean 'text'"):
        pipeline.map({"text": ["a"], "txt": ["b"]}, map_over="txt")


def test_missing_inputs_are_found_before_anything_runs() -> None:
    """Also where there are no items at all."""
    pipeline = Pipeline([Node(lambda x, y: x, "r")])
    with pytest.raises(ValueError, match=r"Missing required input.*y"):
        pipeline.map({"x": []}, map_over="x")


def test_an_unknown_output_is_refused() -> None:
    """As in `run`."""
    with pytest.raises(ValueError, match="not found"):
        Pipeline([ADD]).map({"x": [1]}, map_over="x", output_name="rr")


# -- overriding, optional --------------------------------------------------------------


def test_an_optional_input_can_be_mapped_over() -> None:
    """A default does not hinder."""
    results = Pipeline([ADD]).map({"x": 1, "y": [5, 6]}, map_over="y")
    assert results == [{"r": (1, 5)}, {"r": (1, 6)}]


def test_an_intermediate_can_be_mapped_over() -> None:
    """Each item has its own value for it, and its producer does not run."""
    pipeline = Pipeline([Node(lambda x: 1 / 0, "a"), Node(lambda a: a * 2, "b")])
    assert pipeline.map({"x": 0, "a": [1, 2]}, map_over="a") == [{"b": 2}, {"b": 4}]


# -- errors ----------------------------------------------------------------------------


def _fail_at(*bad: int) -> Pipeline:
    def check(x):
        if x in bad:
            message = f"bad {x}"
            raise ValueError(message)
        return x

    return Pipeline([Node(check, "r")], name="outer")


def test_the_note_names_the_item() -> None:
    """In a map the note has the item index."""
    with pytest.raises(ValueError, match="bad 7") as caught:
        _fail_at(7).map({"x": [5, 6, 7]}, map_over="x")
    assert caught.value.__notes__ == ["in node 'check' at check, item 2"]


def test_the_lowest_failing_item_is_raised() -> None:
    """Of several failures that of the first item counts, and no later item runs."""
    calls: list[int] = []
    pipeline = _fail_at(2, 3)
    pipeline = Pipeline([Node(lambda x: calls.append(x) or x, "seen"), *pipeline.nodes])
    with pytest.raises(ValueError, match="bad 2"):
        pipeline.map({"x": [1, 2, 3]}, map_over="x")
    assert calls == [1, 2]


def test_an_inner_map_adds_its_item() -> None:
    """The note leads from the outer item to the inner one."""
    inner = _fail_at(3).as_node(input_mapping={"xs": "x"}, map_over="xs", name="inner")
    with pytest.raises(ValueError, match="bad 3") as caught:
        Pipeline([inner]).map({"xs": [[1], [2, 3]]}, map_over="xs")
    assert caught.value.__notes__ == ["in node 'check' at inner/check, item 1, inner item 1"]


# -- engines that send items elsewhere -------------------------------------------------


def test_results_do_not_depend_on_how_items_travel() -> None:
    """Pickled, in pieces and in any order: the results are those of `SeqEngine`."""
    inner = Pipeline([Node(lambda x, k=2: x * k, "m")]).as_node(map_over="x")
    pipeline = Pipeline([inner, Node(lambda m, z: (sum(m), z), "r")]).bind(z={"a": {1}})
    inputs = {"x": [[1, 2], [], [3], [4, 5], [6]]}
    assert pipeline.map(inputs, map_over="x", engine=Travelling()) == pipeline.map(
        inputs, map_over="x"
    )


def test_failures_do_not_depend_on_how_items_travel() -> None:
    """The lowest item, its type, message and note come home."""
    with pytest.raises(ValueError, match="bad 3") as caught:
        _fail_at(3, 5).map({"x": [1, 2, 3, 4, 5]}, map_over="x", engine=Travelling())
    assert caught.value.__notes__ == ["in node 'check' at check, item 2"]


def test_a_missing_file_is_still_named_after_travelling() -> None:
    """An exception's message is the same wherever it was raised."""
    pipeline = Pipeline([Node(lambda x: open(x, "rb"), "r")])  # noqa: PTH123, SIM115  # it does not exist
    with pytest.raises(FileNotFoundError) as caught:
        pipeline.map({"x": ["/no/such/file"]}, map_over="x", engine=Travelling())
    assert (caught.value.filename, "'/no/such/file'" in str(caught.value)) == (
        "/no/such/file",
        True,
    )
