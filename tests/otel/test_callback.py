"""Which spans a run gives, whose children they are, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import StatusCode

from hypernodes import DualNode, MemoryCache, Pipeline, SeqEngine, node
from hypernodes.telemetry import TelemetryCallback

if TYPE_CHECKING:
    from conftest import Spans


@node(output_name="y")
def increase(x: int) -> int:
    return x + 1


@node(output_name="z")
def invert(y: int) -> float:
    return 1 / y


def _engine(spans: Spans, cache: Any = None, **options: Any) -> SeqEngine:
    callback = TelemetryCallback(tracer_provider=spans.provider, **options)
    return SeqEngine(cache=cache, callbacks=[callback])


def test_a_run_is_a_span_with_one_per_node(spans: Spans) -> None:
    """Nodes are children of their run."""
    pipeline = Pipeline(nodes=[increase, invert], name="two")
    pipeline.run(inputs={"x": 1}, engine=_engine(spans))
    assert spans.tree == ["run two", "run two/increase", "run two/invert"]


def test_a_run_is_inside_of_the_current_span(spans: Spans, user_span: Any) -> None:
    """A span that is open where `run` is called is the parent."""
    with user_span("request"):
        Pipeline(nodes=[increase], name="one").run(inputs={"x": 1}, engine=_engine(spans))
    assert spans.tree == ["request", "request/run one", "request/run one/increase"]


def test_spans_of_user_code_nest_in_their_node(spans: Spans, user_span: Any) -> None:
    """The span of a node is the current one while its function runs."""

    @node(output_name="page")
    def fetch(url: str) -> str:
        with user_span("GET"):
            return url

    Pipeline(nodes=[fetch], name="crawl").run(inputs={"url": "a"}, engine=_engine(spans))
    assert spans.tree == ["run crawl", "run crawl/fetch", "run crawl/fetch/GET"]


def test_spans_of_async_code_nest_in_their_node(spans: Spans, user_span: Any) -> None:
    """A coroutine sees the span of its node as the current one."""

    @node(output_name="page")
    async def fetch(url: str) -> str:
        with user_span("GET"):
            return url

    Pipeline(nodes=[fetch], name="crawl").run(inputs={"url": "a"}, engine=_engine(spans))
    assert spans.tree == ["run crawl", "run crawl/fetch", "run crawl/fetch/GET"]


def test_spans_in_a_batch_nest_in_their_map(spans: Spans, user_span: Any) -> None:
    """One call for many items is part of none of them, but of what they are part of."""
    pytest.importorskip("pyarrow")

    def fetch(url: int) -> int:
        return url

    def fetch_many(url: Any) -> Any:
        with user_span("POST"):
            return url

    inner = Pipeline(nodes=[DualNode("page", fetch, fetch_many)], name="crawl")
    outer = Pipeline(nodes=[inner.as_node(name="inside")], name="outer")
    outer.map(inputs={"url": [1, 2]}, map_over="url", engine=_engine(spans))
    assert "map outer/POST" in spans.tree
    assert spans.tree.count("map outer/item/inside/run crawl/fetch") == 2


def test_items_of_a_map_are_spans(spans: Spans) -> None:
    """Each item is a child of the map, with its calls beneath it."""
    pipeline = Pipeline(nodes=[increase], name="one")
    pipeline.map(inputs={"x": [1, 2]}, map_over="x", engine=_engine(spans))
    expected = ["map one", *["map one/item"] * 2, *["map one/item/increase"] * 2]
    assert spans.tree == expected


def test_items_are_linked_to_their_map(spans: Spans) -> None:
    """An item carries a link to the span of its map, and its number."""
    pipeline = Pipeline(nodes=[increase], name="one")
    pipeline.map(inputs={"x": [1, 2]}, map_over="x", engine=_engine(spans))
    map_id = spans.named("map one")[0].context.span_id
    found = [
        (item.attributes["hypernodes.item.index"], [link.context.span_id for link in item.links])
        for item in spans.named("item")
    ]
    assert found == [(0, [map_id]), (1, [map_id])]


def test_a_nested_pipeline_is_a_run_in_its_step(spans: Spans) -> None:
    """Parents lead through nested pipelines and their maps."""
    inner = Pipeline(nodes=[increase], name="inner")
    outer = Pipeline(nodes=[inner.as_node(map_over="x", name="all")], name="outer")
    outer.run(inputs={"x": [1]}, engine=_engine(spans))
    assert spans.tree == [
        "run outer",
        "run outer/all",
        "run outer/all/map inner",
        "run outer/all/map inner/item",
        "run outer/all/map inner/item/increase",
    ]


def test_a_nested_pipeline_can_be_the_only_one_that_is_traced(spans: Spans) -> None:
    """A callback that watches a nested pipeline alone begins its trace there."""
    inner = Pipeline(nodes=[increase], name="inner", engine=_engine(spans))
    Pipeline(nodes=[inner.as_node()], name="outer").run(inputs={"x": 1})
    assert spans.tree == ["run inner", "run inner/increase"]


def test_a_child_lies_within_its_parent(spans: Spans) -> None:
    """Spans that are sent afterwards have the times at which things happened."""
    inner = Pipeline(nodes=[increase, invert], name="inner")
    outer = Pipeline(nodes=[inner.as_node(map_over="x")], name="outer")
    outer.run(inputs={"x": [1, 2]}, engine=_engine(spans))
    by_id = {span.context.span_id: span for span in spans.all}
    outside = [
        span.name
        for span in spans.all
        if span.parent is not None
        for parent in [by_id[span.parent.span_id]]
        if not parent.start_time <= span.start_time <= span.end_time <= parent.end_time
    ]
    assert outside == []


def test_hits_and_reasons_are_attributes(spans: Spans) -> None:
    """A hit says so, and a miss says why."""
    pipeline, engine = Pipeline(nodes=[increase]), _engine(spans, MemoryCache())
    for x in (1, 1, 2):
        pipeline.run(inputs={"x": x}, engine=engine)
    found = [
        (span.attributes["hypernodes.cache.hit"], span.attributes.get("hypernodes.cache.reason"))
        for span in spans.named("increase")
    ]
    assert found == [
        (False, "increase runs: nothing is known of it"),
        (True, None),
        (False, "increase runs: parameter x 1 -> 2"),
    ]


def test_a_failure_is_recorded_where_it_happened(spans: Spans) -> None:
    """All spans around a failure are marked; the node alone holds the exception."""
    pipeline = Pipeline(nodes=[increase, invert], name="two")
    with pytest.raises(ZeroDivisionError):
        pipeline.map(inputs={"x": [-1]}, map_over="x", engine=_engine(spans))
    marked = [span.name for span in spans.all if span.status.status_code is StatusCode.ERROR]
    recorded = [
        (span.name, event.attributes["exception.type"])
        for span in spans.all
        for event in span.events
    ]
    assert (sorted(marked), recorded) == (
        ["invert", "item", "map two"],
        [("invert", "ZeroDivisionError")],
    )


def test_an_interrupt_ends_every_span(spans: Spans) -> None:
    """What was open when an interrupt came is sent, marked as failed."""

    @node(output_name="y")
    def stop(x: int) -> int:
        raise KeyboardInterrupt

    pipeline = Pipeline(nodes=[stop], name="one")
    with pytest.raises(KeyboardInterrupt):
        pipeline.map(inputs={"x": [1]}, map_over="x", engine=_engine(spans))
    assert spans.tree == ["map one", "map one/item", "map one/item/stop"]


def test_a_large_map_is_sampled(spans: Spans) -> None:
    """Above the limit every n-th item has spans; the map tells of all."""
    pipeline = Pipeline(nodes=[increase], name="one")
    engine = _engine(spans, max_traced_items=10)
    pipeline.map(inputs={"x": list(range(95))}, map_over="x", engine=engine)
    items = [item.attributes["hypernodes.item.index"] for item in spans.named("item")]
    total = spans.named("map one")[0].attributes["hypernodes.map.items"]
    assert (items, len(spans.named("increase")), total) == (list(range(0, 95, 10)), 10, 95)


def test_an_item_that_fails_is_never_left_out(spans: Spans) -> None:
    """A failing item has its spans, sampled or not."""
    pipeline = Pipeline(nodes=[increase, invert], name="two")
    engine = _engine(spans, max_traced_items=1)
    with pytest.raises(ZeroDivisionError):
        pipeline.map(inputs={"x": [0, 1, -1, 3]}, map_over="x", engine=engine)
    failed = spans.named("item")[-1]
    assert failed.attributes["hypernodes.item.index"] == 2
    assert spans.tree.count("map two/item/invert") == 2


def test_a_failure_inside_an_item_left_out_has_everything_around_it(spans: Spans) -> None:
    """No span of a failing item is without its parent."""
    inner = Pipeline(nodes=[increase, invert], name="inner")
    outer = Pipeline(nodes=[inner.as_node(name="inside")], name="outer")
    with pytest.raises(ZeroDivisionError):
        outer.map(inputs={"x": [0, -1]}, map_over="x", engine=_engine(spans, max_traced_items=1))
    assert spans.tree.count("map outer/item/inside/run inner/invert") == 2


def test_spans_of_user_code_in_items_left_out_are_dropped(spans: Spans, user_span: Any) -> None:
    """Sampling reaches what user code opens, also in nested pipelines."""

    @node(output_name="page")
    def fetch(url: int) -> int:
        with user_span("GET"):
            return url

    inner = Pipeline(nodes=[fetch], name="inner")
    outer = Pipeline(nodes=[inner.as_node()], name="outer")
    engine = _engine(spans, max_traced_items=1)
    outer.map(inputs={"url": [1, 2, 3]}, map_over="url", engine=engine)
    assert len(spans.named("GET")) == len(spans.named("run inner")) == 1


def test_items_can_be_left_out_altogether(spans: Spans, user_span: Any) -> None:
    """With ``trace_map_items=False`` user spans hang under the map."""

    @node(output_name="page")
    def fetch(url: int) -> int:
        with user_span("GET"):
            return url

    pipeline = Pipeline(nodes=[fetch], name="crawl")
    engine = _engine(spans, trace_map_items=False)
    pipeline.map(inputs={"url": [1, 2]}, map_over="url", engine=engine)
    assert spans.tree == ["map crawl", "map crawl/GET", "map crawl/GET"]


@pytest.mark.parametrize(
    ("options", "count"), [({"max_traced_items": 2}, 2), ({"trace_map_items": False}, 0)]
)
def test_a_stream_has_no_more_spans_than_a_map(
    spans: Spans, options: dict[str, Any], count: int
) -> None:
    """The limit holds where the number of items is not known, too."""
    pipeline = Pipeline(nodes=[increase], name="one")
    list(pipeline.map_iter({"x": iter(range(9))}, "x", engine=_engine(spans, **options)))
    assert (len(spans.named("item")), len(spans.named("map one"))) == (count, 1)


def test_inputs_and_outputs_are_not_sent(spans: Spans) -> None:
    """Values of users are on no span."""

    @node(output_name="answer")
    def tell(secret: str) -> str:
        return secret * 2

    Pipeline(nodes=[tell]).run(inputs={"secret": "hunter2"}, engine=_engine(spans))
    assert "hunter2" not in "".join(span.to_json() for span in spans.all)


def test_runs_at_once_have_traces_of_their_own(spans: Spans) -> None:
    """One callback serves many runs in many threads."""
    from concurrent.futures import ThreadPoolExecutor

    pipeline, engine = Pipeline(nodes=[increase], name="one"), _engine(spans)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda x: pipeline.run(inputs={"x": x}, engine=engine), range(20)))
    assert spans.tree == [*["run one"] * 20, *["run one/increase"] * 20]
    assert len({span.context.trace_id for span in spans.all}) == 20


def test_a_tracer_that_draws_its_ids_gives_the_same_tree(spans: Spans) -> None:
    """Spans of other libraries than the SDK are opened in order instead."""

    class Tracer:
        def start_span(self, *args: Any, **kwargs: Any) -> Any:
            return spans.provider.get_tracer("plain").start_span(*args, **kwargs)

    class Provider:
        def get_tracer(self, *_args: Any, **_kwargs: Any) -> Tracer:
            return Tracer()

    inner = Pipeline(nodes=[increase], name="inner")
    outer = Pipeline(nodes=[inner.as_node(map_over="x", name="all")], name="outer")
    callback = TelemetryCallback(tracer_provider=Provider())
    outer.run(inputs={"x": [1]}, engine=SeqEngine(callbacks=[callback]))
    assert spans.tree[-1] == "run outer/all/map inner/item/increase"
