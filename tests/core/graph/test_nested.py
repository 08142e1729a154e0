"""Facts about pipelines as nodes, before anything runs."""

from __future__ import annotations

import pickle
import time

import cloudpickle
import pytest

from hypernodes import DependencyError, HyperNode, Node, Pipeline
from hypernodes.errors import PlanError

A = Node(lambda x, y: x + y, "a")
B = Node(lambda a, z=1: a * z, "b")


def _inner() -> Pipeline:
    return Pipeline([A, B], name="inner")


def test_wiring_leads_from_inner_to_outer_names() -> None:
    """Mapped names lead outside under their new names, others stay."""
    wrapper = _inner().as_node(input_mapping={"text": "x"})
    assert wrapper.wiring == {"x": "text", "y": "y", "z": "z"}


def test_names_can_be_swapped() -> None:
    """An input mapping may exchange two names."""
    wrapper = _inner().as_node(input_mapping={"x": "y", "y": "x"})
    assert wrapper.wiring == {"x": "y", "y": "x", "z": "z"}


def test_one_outer_name_may_feed_two_inner_ones() -> None:
    """A mapped name and an unmapped one may meet outside."""
    wrapper = _inner().as_node(input_mapping={"y": "x"})
    assert (wrapper.wiring["x"], wrapper.wiring["y"], wrapper.root_args) == ("y", "y", ("y", "z"))


def test_an_intermediate_can_be_an_input() -> None:
    """A mapping onto an inner output replaces its producer with a value from outside."""
    wrapper = _inner().as_node(input_mapping={"given": "a"}, output_mapping={"b": "b"})
    assert "given" in wrapper.root_args


def test_optional_inputs_stay_optional() -> None:
    """What every inner reader can do without is optional outside."""
    required = {p.name for p in _inner().as_node().parameters if p.required}
    assert required == {"x", "y"}


def test_a_mapped_input_is_required() -> None:
    """There is nothing to map over without the items."""
    wrapper = _inner().as_node(map_over="z")
    assert {p.name for p in wrapper.parameters if p.required} == {"x", "y", "z"}


def test_an_outer_name_is_required_if_any_inner_one_is() -> None:
    """Of two inner inputs under one outer name the stricter counts."""
    wrapper = _inner().as_node(input_mapping={"y": "z"})
    assert {p.name for p in wrapper.parameters if p.required} == {"x", "y"}


def test_a_later_binding_shows_at_once() -> None:
    """A wrapper always shows what its pipeline takes now."""
    pipeline = _inner()
    wrapper = pipeline.as_node()
    pipeline.bind(x=1)
    bound = wrapper.root_args
    pipeline.unbind()
    assert (bound, wrapper.root_args) == (("y", "z"), ("x", "y", "z"))


def test_a_later_name_shows_at_once() -> None:
    """A wrapper without a name of its own follows its pipeline's."""
    pipeline = Pipeline([A])
    wrapper = pipeline.as_node()
    pipeline.with_name("late")
    assert wrapper.name == "late"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_mapping": {"t": "xx"}}, "input_mapping of nested pipeline 'inner': 'xx' is not"),
        ({"output_mapping": {"bb": "t"}}, "output_mapping of nested pipeline 'inner': 'bb' is not"),
        ({"map_over": "q"}, "cannot map over 'q': not an input of nested pipeline 'inner'"),
        ({"input_mapping": {"t": "x"}, "map_over": "x"}, "cannot map over 'x'"),
    ],
)
def test_names_that_are_not_there_are_refused(arguments: dict, message: str) -> None:
    """A mapping or map_over that names nothing is refused at construction."""
    with pytest.raises(DependencyError, match=message):
        _inner().as_node(**arguments)


def test_a_wrong_name_comes_with_a_suggestion() -> None:
    """A near miss names what was probably meant."""
    inner = Pipeline([Node(lambda passage: passage, "clean_text")])
    with pytest.raises(DependencyError, match="did you mean 'clean_text'"):
        inner.as_node(output_mapping={"cleantext": "t"})


def test_two_outer_names_for_one_input_are_refused() -> None:
    """One inner input cannot take two values."""
    with pytest.raises(DependencyError, match="maps both 'p' and 'q' to 'x'"):
        _inner().as_node(input_mapping={"p": "x", "q": "x"})


def test_two_outputs_under_one_outer_name_are_refused() -> None:
    """One outer name cannot hold two outputs."""
    with pytest.raises(DependencyError, match="maps both 'a' and 'b' to 'r'"):
        _inner().as_node(output_mapping={"a": "r", "b": "r"})


def test_an_unknown_mode_is_refused() -> None:
    """The mode is checked at construction."""
    with pytest.raises(PlanError, match="unknown map_mode 'outer'; use 'zip' or 'product'"):
        _inner().as_node(map_over="x", map_mode="outer")  # type: ignore[arg-type]


def test_code_hash_covers_code_mappings_and_mode() -> None:
    """Whatever changes the results of a wrapper changes its hash."""
    inner = _inner()
    wrappers = [
        inner.as_node(),
        inner.as_node(input_mapping={"t": "x"}),
        inner.as_node(output_mapping={"a": "r"}),
        inner.as_node(map_over="x"),
        inner.as_node(map_over=["x", "y"]),
        inner.as_node(map_over=["x", "y"], map_mode="product"),
        Pipeline([A, Node(lambda a, z=2: a - z, "b")], name="inner").as_node(),
    ]
    assert len({each.code_hash for each in wrappers}) == len(wrappers)


def test_code_hash_does_not_depend_on_the_order_of_mappings() -> None:
    """A mapping is a set of pairs."""
    one = _inner().as_node(input_mapping={"p": "x", "q": "y"})
    other = _inner().as_node(input_mapping={"q": "y", "p": "x"})
    assert one.code_hash == other.code_hash


def test_mappings_are_copied() -> None:
    """A caller who changes the mapping afterwards does not change the wrapper."""
    mapping = {"t": "x"}
    wrapper = _inner().as_node(input_mapping=mapping)
    mapping.clear()
    assert wrapper.input_mapping == {"t": "x"}


def test_it_is_a_hyper_node() -> None:
    """A wrapper has everything the protocol names."""
    assert isinstance(_inner().as_node(), HyperNode)


def test_repr_names_what_identifies_it() -> None:
    """The text shows name, outputs, inputs, and what is mapped over."""
    assert repr(_inner().as_node(map_over="x", output_mapping={"b": "r"})) == (
        "NestedNode(name='inner', output_name='r', root_args=('x', 'y', 'z'), map_over=('x',))"
    )


def test_it_survives_cloudpickle() -> None:
    """A wrapper travels with its pipeline."""
    wrapper = _inner().as_node(input_mapping={"t": "x"}, map_over="t")
    again = pickle.loads(cloudpickle.dumps(wrapper))
    assert again(t=[1, 2], y=1) == {"a": [2, 3], "b": [2, 3]}


def test_building_and_asking_stay_quick_however_deep_it_nests() -> None:
    """Fourteen levels cost about fourteen times what one costs, not two to the fourteenth."""
    pipeline = Pipeline([Node(lambda x: x, "a")])
    for _ in range(14):
        pipeline = Pipeline([pipeline])
    started = time.perf_counter()
    assert pipeline.unfulfilled_args == ("x",)
    assert pipeline.run({"x": 1}) == {"a": 1}
    assert time.perf_counter() - started < 1
