"""Random pipelines, nested and mapped: what a dry plan says is what the run then does."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernodes import DualNode, MemoryCache, Node, Pipeline, Recorder, SeqEngine

pytest.importorskip("pyarrow")

#: Per node what it reads, and whether it is cached; ``x`` and ``y`` are inputs.
Shape = list[tuple[list[str], bool]]


@st.composite
def _shapes(draw: st.DrawFn) -> Shape:
    names = ["x", "y"]
    shape = []
    for number in range(draw(st.integers(1, 6))):
        reads = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        shape.append((reads, draw(st.integers(0, 5)) > 0))
        names.append(f"v{number}")
    return shape


def _node(number: int, reads: list[str], cache: bool) -> Node[..., Any]:
    """Return a node of its own name and code that keeps few different values apart."""
    scope: dict[str, Any] = {}
    total = " + ".join(reads)
    exec(f"def f{number}({', '.join(reads)}): return ({total} + {number}) % 3", scope)
    return Node(scope[f"f{number}"], f"v{number}", cache=cache)


def _made(number: int) -> tuple[DualNode, Node[..., Any]]:
    """Return a node for batches, and a node that makes a list with repetitions."""

    def one(x: int) -> int:
        return x + number

    def many(x: Any) -> list[int]:
        return [each + number for each in x.to_pylist()]

    def make(y: int) -> list[int]:
        return [y, y, y + 1]

    return DualNode("w", one, many), Node(make, "items")


def _double(x: int) -> int:
    return (x * 2) % 3


def _agrees(pipeline: Pipeline, engine: SeqEngine, recorder: Recorder, request: Any) -> bool:
    """Plan and carry out a request; say whether every function did what was foreseen."""
    inputs, over = request
    recorder.clear()
    if over:
        preview = pipeline.plan_map(inputs, map_over=over, engine=engine)
        pipeline.map(inputs, map_over=over, engine=engine)
    else:
        preview = pipeline.plan(inputs, engine=engine)
        pipeline.run(inputs, engine=engine)
    executed, cached = Counter(recorder.executed), Counter(recorder.cached)
    for step in filter(lambda each: each.is_known, preview.steps):
        hits, runs = cached[step.name], executed[step.name]
        is_open = any("must be computed first" in reason for reason in step.reasons)
        if (hits, runs) != (step.hits, step.runs) and not (is_open and hits >= step.hits):
            return False
        if hits + runs != step.hits + step.runs or bool(step.runs) != bool(step.reasons):
            return False
    return True


_REQUESTS = st.one_of(
    st.tuples(st.fixed_dictionaries({"x": st.integers(0, 2), "y": st.integers(0, 2)}), st.none()),
    st.tuples(
        st.fixed_dictionaries(
            {"x": st.lists(st.integers(0, 2), max_size=4), "y": st.integers(0, 2)}
        ),
        st.just("x"),
    ),
)


@given(_shapes(), st.lists(_REQUESTS, min_size=1, max_size=4), st.integers(0, 5))
@settings(max_examples=60, deadline=None)  # the first example imports pyarrow
def test_what_is_foreseen_happens(shape: Shape, requests: list[Any], cut: int) -> None:
    """Hits and runs are those of the run, of inner functions too, whatever came before.

    Below a step that runs there may be more hits than foreseen, never fewer.
    """
    nodes: list[Any] = [_node(number, *each) for number, each in enumerate(shape)]
    inner = Pipeline(nodes[:cut], name="inner") if nodes[:cut] else None
    parts = [*([inner] if inner else []), *nodes[cut:]]
    needed = {name for reads, _ in shape for name in reads} & {"x", "y"}
    dual, make = _made(len(shape))
    mapped = Pipeline([Node(_double, "z")], name="mapped")
    wrapper = mapped.as_node({"items": "x"}, {"z": "zs"}, map_over="items")
    pipeline = Pipeline([*parts, dual, make, wrapper])
    assert needed <= set(pipeline.unfulfilled_args)
    recorder = Recorder()
    engine = SeqEngine(MemoryCache(), [recorder])
    assert all(_agrees(pipeline, engine, recorder, request) for request in requests)
