"""Random graphs grouped at random into nested pipelines: the results stay those of the flat one.

A grouping keeps the order of the nodes and cuts it into consecutive parts, so
that no part waits for itself; parts are cut again, down to three levels.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hypernodes import MemoryCache, Node, Pipeline, Recorder, SeqEngine

Reads = dict[str, list[str]]


@st.composite
def _graphs(draw: st.DrawFn) -> Reads:
    """Draw {output: what it reads}; ``x`` and ``y`` are inputs."""
    count = draw(st.integers(1, 7))
    names = ["x", "y", *(f"v{n}" for n in range(count))]
    return {
        names[n + 2]: draw(st.lists(st.sampled_from(names[: n + 2]), max_size=3, unique=True))
        for n in range(count)
    }


def _node(output: str, reads: list[str], calls: list[str] | None = None) -> Node[..., Any]:
    """Return a node that adds what it reads, and notes its output in *calls*."""
    names = ", ".join(reads)
    total = f"sum([{names}], {int(output[1:]) + 1})"
    if calls is None:
        return Node(eval(f"lambda {names}: {total}"), output)
    return Node(
        eval(f"lambda {names}: note({output!r}) or {total}", {"note": calls.append}), output
    )


def _group(draw: Any, nodes: list[Any], depth: int = 3) -> list[Any]:
    """Put consecutive runs of *nodes* into pipelines, and some of what is in those again."""
    grouped: list[Any] = []
    rest = list(nodes)
    while rest:
        size = draw(st.integers(1, len(rest)))
        part, rest = rest[:size], rest[size:]
        if depth and draw(st.booleans()):
            name = draw(st.sampled_from([None, "one", "two"]))
            grouped.append(Pipeline(_group(draw, part, depth - 1), name=name))
        else:
            grouped.extend(part)
    return grouped


@given(_graphs(), st.data())
def test_grouping_changes_no_result(reads: Reads, data: st.DataObject) -> None:
    """Asked for everything by name, the nested pipeline returns what the flat one does."""
    calls: list[str] = []
    nodes = [_node(output, names, calls) for output, names in reads.items()]
    nested = Pipeline(_group(data.draw, nodes))
    inputs = {"x": 3, "y": 5}
    expected = Pipeline(nodes).run(inputs)
    assert nested.run(inputs, output_name=list(reads)) == expected
    assert sorted(calls) == sorted([*reads, *reads])


@given(_graphs(), st.data())
def test_what_appears_by_default_is_what_the_flat_one_has(
    reads: Reads, data: st.DataObject
) -> None:
    """Without a request some outputs are pruned, but none has another value."""
    nodes = [_node(output, names) for output, names in reads.items()]
    inputs = {"x": 3, "y": 5}
    flat = Pipeline(nodes).run(inputs)
    result = Pipeline(_group(data.draw, nodes)).run(inputs)
    assert result.items() <= flat.items()


@given(_graphs(), st.data())
def test_exactly_the_needed_nodes_run_at_every_level(reads: Reads, data: st.DataObject) -> None:
    """A selection runs the same nodes nested as flat, each once."""
    calls: list[str] = []
    nodes = [_node(output, names, calls) for output, names in reads.items()]
    wanted = data.draw(st.lists(st.sampled_from(sorted(reads)), unique=True))
    inputs = {"x": 3, "y": 5}
    flat = Pipeline(nodes).run(inputs, output_name=wanted)
    needed, calls[:] = sorted(calls), []
    assert Pipeline(_group(data.draw, nodes)).run(inputs, output_name=wanted) == flat
    assert sorted(calls) == needed


@given(_graphs(), st.data())
def test_given_values_count_at_every_level(reads: Reads, data: st.DataObject) -> None:
    """A value for an intermediate replaces its producer wherever that sits."""
    calls: list[str] = []
    nodes = [_node(output, names, calls) for output, names in reads.items()]
    given_values = data.draw(st.dictionaries(st.sampled_from(sorted(reads)), st.integers(-9, 9)))
    left = [name for name in reads if name not in given_values]
    inputs = {"x": 3, "y": 5, **given_values}
    flat = Pipeline(nodes).run(inputs, output_name=left)
    ran, calls[:] = sorted(calls), []
    assert Pipeline(_group(data.draw, nodes)).run(inputs, output_name=left) == flat
    assert sorted(calls) == ran


@given(_graphs(), st.data(), st.lists(st.integers(-9, 9), max_size=3))
@settings(max_examples=50)
def test_mapping_outside_and_inside_agree(
    reads: Reads, data: st.DataObject, items: list[int]
) -> None:
    """The lists of a mapped wrapper are the columns of the map of the flat pipeline."""
    nodes = [_node(output, names) for output, names in reads.items()]
    nodes.append(_node("v99", ["x"]))
    inner = Pipeline(_group(data.draw, nodes))
    outputs = [*reads, "v99"]
    rows = Pipeline(nodes).map({"x": items, "y": 5}, map_over="x", output_name=outputs)
    columns = Pipeline([inner.as_node(map_over="x")]).run({"x": items, "y": 5}, output_name=outputs)
    assert columns == {name: [row[name] for row in rows] for name in outputs}


@given(_graphs(), st.data())
@settings(max_examples=40)
def test_grouped_and_flat_share_their_cache(reads: Reads, data: st.DataObject) -> None:
    """What the flat pipeline has computed is a hit in the nested one."""
    nodes = [_node(output, names) for output, names in reads.items()]
    recorder = Recorder()
    engine = SeqEngine(cache=MemoryCache(), callbacks=[recorder])
    inputs = {"x": 3, "y": 5}
    flat = Pipeline(nodes, engine=engine).run(inputs)
    recorder.events.clear()
    nested = Pipeline(_group(data.draw, nodes), engine=engine)
    assert nested.run(inputs, output_name=list(reads)) == flat
    assert "<lambda>" not in recorder.executed
