"""Facts about dry plans: what would run, why, and that the run then does so."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from hypernodes import DiskCache, MemoryCache, Node, Pipeline, Recorder, SeqEngine
from hypernodes.errors import MissingInputError


def clean(passage: str) -> str:
    return passage.strip()


def count(cleaned: str, factor: int = 1) -> int:
    return factor * len(cleaned)


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    return MemoryCache() if request.param == "memory" else DiskCache(tmp_path / "cache")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def pipeline(cache: Any, recorder: Recorder) -> Pipeline:
    """``clean -> count``."""
    nodes = [Node(clean, "cleaned"), Node(count, "length")]
    return Pipeline(nodes, engine=SeqEngine(cache, [recorder]), name="words")


def counts(preview: Any) -> dict[str, tuple[int, int]]:
    """Return {path: (hits, runs)}."""
    return {step.path: (step.hits, step.runs) for step in preview.steps}


def test_a_preview_executes_nothing(pipeline: Pipeline, recorder: Recorder) -> None:
    """Neither functions nor observers hear of it, and nothing is stored."""
    before = [pipeline.plan({"passage": " a "}).runs for _ in range(2)]
    assert (before, recorder.events) == ([2, 2], [])


def test_what_is_known_would_hit(pipeline: Pipeline) -> None:
    """After a run everything is a hit, and there is nothing to explain."""
    pipeline.run({"passage": " a "})
    assert counts(pipeline.plan({"passage": " a "})) == {"clean": (1, 0), "count": (1, 0)}
    assert pipeline.explain({"passage": " a "}) == ""


def test_a_changed_parameter_is_the_reason(pipeline: Pipeline) -> None:
    """The sentence names the parameter with its old and new value."""
    pipeline.run({"passage": " a ", "factor": 2})
    reason = pipeline.explain({"passage": " a ", "factor": 3})
    assert reason == "count runs: parameter factor 2 -> 3"


def test_an_unknown_node_is_new(pipeline: Pipeline) -> None:
    """Where nothing is known of a node, that is the reason."""
    assert pipeline.plan({"passage": "a"}).step("clean").reasons == ("nothing is known of it",)


def test_below_a_run_keys_are_not_known(pipeline: Pipeline) -> None:
    """A step that reads what must be computed first says so."""
    step = pipeline.plan({"passage": "a"}).step("count")
    assert step.reasons == ("cleaned must be computed first",)


def test_a_dropped_result_is_gone(pipeline: Pipeline, cache: Any) -> None:
    """A result that is no longer there, though its node is known, was dropped."""
    pipeline.map({"passage": ["a", "bb"]}, map_over="passage")
    assert pipeline.plan({"passage": "bb"}).runs == 0
    cache.prune(max_items=1)
    assert pipeline.plan({"passage": "a"}).runs == 2


def test_a_result_that_has_expired_says_so(tmp_path: Any) -> None:
    """A record older than its time to live is told from one that was dropped."""
    engine = SeqEngine(DiskCache(tmp_path / "cache", ttl=0.05))
    pipeline = Pipeline([Node(clean, "cleaned")], engine=engine)
    pipeline.run({"passage": "a"})
    time.sleep(0.1)
    assert pipeline.explain({"passage": "a"}) == "clean runs: its result has expired"


def test_equal_items_are_counted_once(pipeline: Pipeline, recorder: Recorder) -> None:
    """Of items with one key the first runs and the others hit, as in the run."""
    inputs = {"passage": ["a", "a", "b"]}
    step = pipeline.plan_map(inputs, map_over="passage").step("clean")
    pipeline.map(inputs, map_over="passage")
    done = (recorder.cached.count("clean"), recorder.executed.count("clean"))
    assert ((step.hits, step.runs), done) == ((1, 2), (1, 2))


def test_a_value_that_made_room_is_made_again_only_where_it_is_needed(tmp_path: Any) -> None:
    """Its record still answers what comes after it, observed or not, and the plan says so."""
    made: list[int] = []

    def blob(x: int) -> bytes:
        made.append(x)
        return random.Random(x).randbytes(200_000)

    def size(data: bytes) -> int:
        return len(data)

    cache = DiskCache(tmp_path / "cache")
    nodes = [Node(blob, "data"), Node(size, "length")]
    pipeline = Pipeline(nodes, engine=SeqEngine(cache, [Recorder()]))
    pipeline.run({"x": 1})
    cache.prune(max_bytes=1000)
    wanted = pipeline.plan({"x": 1}, output_name="length")
    pipeline.run({"x": 1}, output_name="length")
    pipeline.map({"x": [1]}, map_over="x", output_name="length")
    assert (counts(wanted), made) == ({"blob": (1, 0), "size": (1, 0)}, [1])
    everything = pipeline.plan({"x": 1})
    pipeline.run({"x": 1})
    assert (counts(everything), made) == ({"blob": (0, 1), "size": (1, 0)}, [1, 1])


def test_an_unknown_list_makes_nothing_known(cache: Any) -> None:
    """What reads the list of a nested map whose items are not known must wait for it."""
    inner = Pipeline([Node(lambda top: top, "best"), Node(lambda word: word, "same")], name="in")
    nodes = [
        Node(lambda text: text.split(), "words"),
        inner.as_node({"words": "word"}, {"best": "bests", "same": "all"}, map_over="words"),
        Node(lambda bests: bests[:1], "count"),
    ]
    pipeline = Pipeline(nodes, engine=SeqEngine(cache))
    pipeline.run({"text": "a b", "top": 1})
    step = pipeline.plan({"text": "a b c", "top": 1}).steps[-1]
    assert step.reasons == ("bests must be computed first",)


def test_without_a_cache_everything_runs() -> None:
    """The reason is that there is no cache."""
    pipeline = Pipeline([Node(clean, "cleaned")])
    assert pipeline.explain({"passage": "a"}) == "clean runs: there is no cache"


def test_uncached_nodes_say_so(cache: Any) -> None:
    """``cache=False`` is a reason."""
    pipeline = Pipeline([Node(clean, "cleaned", cache=False)], engine=SeqEngine(cache))
    assert pipeline.explain({"passage": "a"}) == "clean runs: it is not cached"


def test_a_map_is_counted_by_item(pipeline: Pipeline, recorder: Recorder) -> None:
    """The preview of a map agrees with what the map then does."""
    pipeline.map({"passage": ["a", "b"]}, map_over="passage")
    recorder.clear()
    preview = pipeline.plan_map({"passage": ["a", "new", "newer"]}, map_over="passage")
    pipeline.map({"passage": ["a", "new", "newer"]}, map_over="passage")
    done = {
        name: (recorder.cached.count(name), recorder.executed.count(name))
        for name in ("clean", "count")
    }
    assert (counts(preview), preview.items) == (done, 3)


def test_nested_maps_are_counted_inside(cache: Any, recorder: Recorder) -> None:
    """Items of a nested map over an input count one by one, and what reads them follows."""
    inner = Pipeline([Node(clean, "cleaned"), Node(count, "length")], name="inner")
    lengths = inner.as_node({"passages": "passage"}, {"length": "lengths"}, map_over="passages")
    nodes = [lengths, Node(lambda lengths, top: sorted(lengths)[:top], "best")]
    pipeline = Pipeline(nodes, engine=SeqEngine(cache, [recorder]))
    pipeline.run({"passages": ["a", "b"], "top": 1})
    changed = pipeline.plan({"passages": ["a", "b"], "top": 2})
    added = pipeline.plan({"passages": ["a", "b", "ccc"], "top": 2})
    assert counts(changed) == {"inner/clean": (2, 0), "inner/count": (2, 0), "<lambda>": (0, 1)}
    assert counts(added) == {"inner/clean": (2, 1), "inner/count": (2, 1), "<lambda>": (0, 1)}
    assert changed.step("<lambda>").reasons == ("parameter top 1 -> 2",)


def test_items_of_an_unknown_list_are_unknown(cache: Any) -> None:
    """Below a nested map over a result that must be computed first, counts are not known."""
    inner = Pipeline([Node(clean, "cleaned")], name="inner")
    nodes = [
        Node(lambda text: text.split(), "words"),
        inner.as_node({"words": "passage"}, map_over="words"),
    ]
    preview = Pipeline(nodes, engine=SeqEngine(cache)).plan({"text": "a b"})
    assert (preview.step("inner/clean").is_known, "?" in str(preview)) == (False, True)


def test_times_come_from_records(cache: Any) -> None:
    """What runs is predicted, and what hits is credited, by recorded times."""

    def slow(x: int) -> int:
        time.sleep(0.02)
        return x

    pipeline = Pipeline([Node(slow, "y")], engine=SeqEngine(cache))
    assert pipeline.plan({"x": 1}).step("slow").seconds is None
    pipeline.run({"x": 1})
    assert pipeline.plan({"x": 1}).saved >= 0.02
    assert pipeline.plan_map({"x": [2, 3]}, map_over="x").seconds >= 0.04


def test_what_is_not_needed_is_listed(pipeline: Pipeline) -> None:
    """Nodes that the wanted outputs do not need are named, and not counted."""
    preview = pipeline.plan({"passage": "a"}, output_name="cleaned")
    assert (preview.not_needed, list(counts(preview))) == (("count",), ["clean"])


def test_a_preview_reads_as_a_table(pipeline: Pipeline) -> None:
    """Its text has a line per function and the reasons below."""
    lines = str(pipeline.plan({"passage": "a"})).splitlines()
    assert lines[0].startswith("words: 0 hits, 2 to run")
    assert lines[-1] == "count runs: cleaned must be computed first"


def test_a_bad_request_is_refused(pipeline: Pipeline) -> None:
    """A preview checks what a run checks."""
    with pytest.raises(MissingInputError, match="passage"):
        pipeline.plan({})


def test_an_unknown_step_is_a_key_error(pipeline: Pipeline) -> None:
    """Asking for a step that is not there fails."""
    with pytest.raises(KeyError):
        pipeline.plan({"passage": "a"}).step("nothing")
