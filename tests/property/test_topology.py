"""Random graphs of adding nodes: order, selection and overriding against a plain evaluation."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hypernodes import Node, Pipeline
from hypernodes.graph._topology import find_cycle, order_nodes

Shape = list[list[int]]


@st.composite
def _shapes(draw: st.DrawFn) -> Shape:
    """Draw, for each node, the earlier values it reads; value 0 is the input ``v0``."""
    count = draw(st.integers(1, 8))
    return [draw(st.lists(st.integers(0, n), max_size=3, unique=True)) for n in range(count)]


class Traced:
    """Nodes ``v1``, ``v2``, ... that add what they read, and note what they compute."""

    def __init__(self, shape: Shape) -> None:
        self.calls: list[str] = []
        self.reads = {f"v{n + 1}": [f"v{source}" for source in s] for n, s in enumerate(shape)}
        self.nodes = [self._node(name) for name in self.reads]

    def _node(self, output: str) -> Node[..., Any]:
        names = ", ".join(self.reads[output])
        code = f"lambda {names}: note({output!r}) or sum([{names}], {output[1:]})"
        return Node(eval(code, {"note": self.calls.append}), output)

    def values(self, given_values: dict[str, int]) -> dict[str, int]:
        """Evaluate everything the plain way."""
        values = dict(given_values)
        for name, reads in self.reads.items():
            if name not in values:
                values[name] = int(name[1:]) + sum(values[each] for each in reads)
        return values

    def needed(self, wanted: Sequence[str], given_names: Sequence[str]) -> set[str]:
        """Return the nodes that *wanted* needs, the plain way."""
        found = {name for name in wanted if name in self.reads and name not in given_names}
        for name in sorted(self.reads, key=lambda each: -int(each[1:])):
            if name in found:
                found.update(
                    r for r in self.reads[name] if r in self.reads and r not in given_names
                )
        return found


@given(_shapes(), st.randoms(use_true_random=False))
def test_any_order_of_nodes_gives_the_values(shape: Shape, random: Any) -> None:
    """However the nodes are shuffled, each runs once, after what it reads."""
    traced = Traced(shape)
    random.shuffle(traced.nodes)
    result = Pipeline(traced.nodes).run({"v0": 7})
    assert result == {k: v for k, v in traced.values({"v0": 7}).items() if k != "v0"}
    assert list(result) == traced.calls
    for place, name in enumerate(traced.calls):
        assert set(traced.reads[name]) - {"v0"} <= set(traced.calls[:place])


@given(_shapes(), st.data())
def test_exactly_the_needed_nodes_run(shape: Shape, data: st.DataObject) -> None:
    """A selection of outputs runs what it needs, each once, and returns just those."""
    traced = Traced(shape)
    wanted = data.draw(st.lists(st.sampled_from(sorted(traced.reads)), unique=True))
    result = Pipeline(traced.nodes).run({"v0": 7}, output_name=wanted)
    assert result == {name: traced.values({"v0": 7})[name] for name in wanted}
    assert (sorted(traced.calls), len(traced.calls)) == (
        sorted(traced.needed(wanted, [])),
        len(set(traced.calls)),
    )


@given(_shapes(), st.data())
def test_given_values_replace_their_producers(shape: Shape, data: st.DataObject) -> None:
    """With values for some intermediates, their producers and what only those need do not run."""
    traced = Traced(shape)
    names = sorted(traced.reads)
    replaced = data.draw(st.dictionaries(st.sampled_from(names), st.integers(-9, 9)))
    left = [name for name in names if name not in replaced]
    wanted = data.draw(st.lists(st.sampled_from(left), unique=True)) if left else []
    result = Pipeline(traced.nodes).run({"v0": 7, **replaced}, output_name=wanted)
    expected = traced.values({"v0": 7, **replaced})
    assert result == {name: expected[name] for name in wanted}
    assert set(traced.calls) == traced.needed(wanted, list(replaced))


@given(_shapes())
def test_only_needed_inputs_are_required(shape: Shape) -> None:
    """What can be computed without ``v0`` is computed without it."""
    traced = Traced(shape)
    free = [
        n for n in traced.reads if not any("v0" in traced.reads[m] for m in traced.needed([n], []))
    ]
    result = Pipeline(traced.nodes).run({}, output_name=free)
    assert result == {name: traced.values({"v0": 0})[name] for name in free}


@given(_shapes(), st.lists(st.integers(-9, 9), max_size=4))
@settings(max_examples=50)
def test_a_map_is_a_run_per_item(shape: Shape, items: list[int]) -> None:
    """Mapping gives what running each item gives."""
    pipeline = Pipeline(Traced(shape).nodes)
    mapped = (
        [] if "v0" not in pipeline.graph.root_args else pipeline.map({"v0": items}, map_over="v0")
    )
    expected = [pipeline.run({"v0": item}) for item in items]
    assert mapped == (expected if "v0" in pipeline.graph.root_args else [])


@given(st.lists(st.lists(st.integers(0, 7), max_size=3, unique=True), min_size=1, max_size=8))
def test_a_graph_is_ordered_or_has_a_cycle(raw: list[list[int]]) -> None:
    """Either every node is placed after what it waits for, or a real cycle is found."""
    graph = [[other % len(raw) for other in each] for each in raw]
    order = order_nodes(graph, lambda number: ("", number))
    for place, number in enumerate(order):
        assert set(graph[number]) <= set(order[:place])
    left = set(range(len(graph))).difference(order)
    if left:
        cycle = find_cycle(graph, left)
        assert cycle[0] == cycle[-1]
        assert all(source in graph[target] for source, target in itertools.pairwise(cycle))
