"""The contract of engines, sentence by sentence, on `SeqEngine` (api.md, section 5)."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, PipelineCallback, Recorder, SeqEngine, node
from hypernodes.callbacks import CallbackContext
from hypernodes.errors import CacheError, FingerprintError
from hypernodes.values import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Calls(list[Any]):
    """Notes calls; what it holds does not count in keys."""

    def __cache_key__(self) -> str:
        return "calls"


@pytest.fixture
def calls() -> Calls:
    """The arguments of every call, in order."""
    return Calls()


@pytest.fixture
def chain(calls: Calls) -> Pipeline:
    """Return x -> doubled -> more, noting the calls of *double*."""

    @node(output_name="doubled")
    def double(x: int) -> int:
        calls.append(x)
        return 2 * x

    @node(output_name="more")
    def add(doubled: int, y: int = 1) -> int:
        return doubled + y

    return Pipeline(nodes=[add, double])


def identity(value: Any) -> Any:
    """Run *value* through a node on `SeqEngine` and return what comes out."""
    through = node(output_name="out")(lambda value: value)
    return SeqEngine().run(Pipeline(nodes=[through]), {"value": value})["out"]


def test_run_is_callable_directly(chain: Pipeline) -> None:
    """An engine runs a pipeline without the pipeline's own engine."""
    assert SeqEngine().run(chain, {"x": 2}) == {"doubled": 4, "more": 5}


def test_run_takes_output_name(chain: Pipeline) -> None:
    """``engine.run`` takes the wanted outputs, by position too."""
    engine = SeqEngine()
    assert engine.run(chain, {"x": 2}, output_name="more") == {"more": 5}
    assert engine.run(chain, {"x": 2}, ["doubled"]) == {"doubled": 4}


def test_map_takes_one_name(chain: Pipeline) -> None:
    """``engine.map`` takes *map_over* as a string."""
    assert SeqEngine().map(chain, {"x": [1, 2]}, "x", output_name="more") == [
        {"more": 3},
        {"more": 5},
    ]


def test_map_takes_several_names(chain: Pipeline) -> None:
    """``engine.map`` takes *map_over* as a list, and a mode."""
    found = SeqEngine().map(chain, {"x": [1, 2], "y": [0, 5]}, ["x", "y"], "product", "more")
    assert found == [{"more": 2}, {"more": 7}, {"more": 4}, {"more": 9}]


def test_cache_and_callbacks_default_to_unset() -> None:
    """A new engine leaves its cache and its callbacks open."""
    assert (SeqEngine().cache, SeqEngine().callbacks) == (UNSET, UNSET)


def test_cache_and_callbacks_by_position() -> None:
    """``SeqEngine(cache, callbacks)`` takes both by position."""
    cache, recorder = MemoryCache(), Recorder()
    engine = SeqEngine(cache, [recorder])
    assert engine.cache is cache
    assert list(engine.callbacks) == [recorder]


def test_an_engine_keeps_no_state_of_a_run(chain: Pipeline) -> None:
    """Runs leave the attributes of an engine as they were."""
    engine = SeqEngine(cache=MemoryCache(), callbacks=[Recorder()])
    before = dict(vars(engine))
    engine.map(chain, {"x": [1, 2]}, "x")
    assert vars(engine) == before


def test_a_run_changes_no_pipeline(chain: Pipeline) -> None:
    """Configuration is passed down; a nested pipeline keeps its engine and bindings."""
    outer = Pipeline(nodes=[chain.as_node()], engine=SeqEngine(cache=MemoryCache()))
    before = (chain.own_engine, chain.bound_inputs, chain.nodes)
    outer.run({"x": 1})
    assert (chain.own_engine, chain.bound_inputs, chain.nodes) == before


@pytest.mark.parametrize("make_cache", [lambda _: None, lambda _: MemoryCache(), DiskCache])
def test_one_engine_and_pipeline_serve_many_threads(
    chain: Pipeline, make_cache: Callable[[Path], Any], tmp_path: Path
) -> None:
    """Threads that share an engine, a pipeline and a cache get their own results."""
    engine = SeqEngine(cache=make_cache(tmp_path / "cache"))

    def work(start: int) -> list[int]:
        xs = list(range(start, start + 40))
        return [row["more"] for row in engine.map(chain, {"x": xs}, "x")]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(16)))
    assert found == [[2 * x + 1 for x in range(start, start + 40)] for start in range(16)]


def test_each_thread_has_a_context_of_its_own(chain: Pipeline) -> None:
    """A callback shared by threads never sees the context of another run."""
    mixed: list[str] = []

    class Watch(PipelineCallback):
        def on_map_start(self, total_items: int, ctx: CallbackContext) -> None:
            ctx.set("total", total_items)

        def on_map_item_end(self, item_index: int, duration: float, ctx: CallbackContext) -> None:
            if ctx.depth != 0 or ctx.get("total") <= item_index:
                mixed.append("mixed")

        def on_map_end(self, total_duration: float, ctx: CallbackContext) -> None:
            seen.append(ctx.get("total"))

    seen: list[int] = []
    engine = SeqEngine(callbacks=[Watch()])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: engine.map(chain, {"x": list(range(n))}, "x"), range(1, 21)))
    assert (mixed, sorted(seen)) == ([], list(range(1, 21)))


def test_functions_are_called_once_per_item(chain: Pipeline, calls: Calls) -> None:
    """Without a cache every item calls the user's function once, equal items too."""
    SeqEngine().map(chain, {"x": [1, 2, 2, 1]}, "x")
    assert calls == [1, 2, 2, 1]


def test_captured_objects_are_the_users_own() -> None:
    """A function sees the captured object itself, not a copy."""
    captured: dict[str, Any] = {}

    @node(output_name="out")
    def note(x: int) -> dict[str, Any]:
        captured["x"] = x
        return captured

    result = SeqEngine().run(Pipeline(nodes=[note]), {"x": 1})
    assert result["out"] is captured
    assert captured == {"x": 1}


@pytest.mark.parametrize("make_cache", [lambda _: MemoryCache(), DiskCache])
def test_counts_with_a_cache_are_exact(
    chain: Pipeline, calls: Calls, make_cache: Callable[[Path], Any], tmp_path: Path
) -> None:
    """Mapping [1,2,3], then [1,2,4], then the same again executes 3, 1 and 0 items."""
    engine = SeqEngine(cache=make_cache(tmp_path / "cache"))
    counts = []
    for xs in ([1, 2, 3], [1, 2, 4], [1, 2, 4]):
        before = len(calls)
        engine.map(chain, {"x": xs}, "x")
        counts.append(len(calls) - before)
    assert counts == [3, 1, 0]


def test_equal_items_of_one_map_run_once_with_a_cache(chain: Pipeline, calls: Calls) -> None:
    """With a cache, duplicates within one map execute once."""
    rows = SeqEngine(cache=MemoryCache()).map(chain, {"x": [5, 5, 6, 5]}, "x")
    assert (calls, [row["doubled"] for row in rows]) == ([5, 6], [10, 10, 12, 10])


@dataclass
class Point:
    """A plain object without equality by identity."""

    x: int


@pytest.mark.parametrize(
    "value",
    [
        Point(3),
        {"a": 1, 2: [None, {"b": ()}]},
        [[1, [2.5, "x"]], []],
        (1, "a"),
        {1, 2},
        None,
        2**70,
        lambda: 3,
        object(),
        iter([1]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_pass_unchanged(value: Any) -> None:
    """Whatever goes in reaches functions and results as the same object."""
    assert identity(value) is value


def test_arrays_pass_unchanged() -> None:
    """An array is not copied on its way."""
    array = pytest.importorskip("numpy").arange(4)
    assert identity(array) is array


def test_models_pass_unchanged() -> None:
    """A pydantic model stays what it is."""
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Color", name=(str, ...))(name="red")
    assert identity(model) is model


def test_local_classes_pass_unchanged() -> None:
    """Instances of a class that lives in a function pass through."""

    class Local:
        pass

    value = Local()
    assert identity(value) is value


@pytest.mark.parametrize("make_cache", [lambda _: MemoryCache(), DiskCache])
@pytest.mark.parametrize(
    "value",
    [
        Point(3),
        {"a": [1, (2,)], 3: None},
        [[1], []],
        (1, "a"),
        1,
        True,
    ],
    ids=lambda value: type(value).__name__,
)
def test_hits_are_equal_in_value_and_type(
    value: Any, make_cache: Callable[[Path], Any], tmp_path: Path
) -> None:
    """What comes from a cache has the value and the type of what was computed."""
    through = node(output_name="out")(lambda value: value)
    engine = SeqEngine(cache=make_cache(tmp_path / "cache"))
    recorder = Recorder()
    engine.run(Pipeline(nodes=[through]), {"value": value})
    again = Pipeline(nodes=[through], engine=SeqEngine(engine.cache, [recorder]))
    found = again.run({"value": value})["out"]
    assert (found, type(found), recorder.executed) == (value, type(value), [])


def test_definitions_of_a_script_pass_unchanged(tmp_path: Path) -> None:
    """Functions and classes of ``__main__`` run, and hit when the script is repeated."""
    script = tmp_path / "script.py"
    script.write_text(
        "from hypernodes import DiskCache, Pipeline, Recorder, SeqEngine, node\n"
        "class Point:\n"
        "    def __init__(self, x): self.x = x\n"
        "@node(output_name='point')\n"
        "def make(x): return Point(x)\n"
        "@node(output_name='y')\n"
        "def read(point): return point.x\n"
        "recorder = Recorder()\n"
        "engine = SeqEngine(DiskCache('cache'), [recorder])\n"
        "found = Pipeline(nodes=[make, read], engine=engine).run({'x': 4})\n"
        "print(type(found['point']) is Point, found['y'], recorder.executed)\n",
        encoding="utf-8",
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-W", "error", script.name],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert outputs == ["True 4 ['make', 'read']", "True 4 []"]


@pytest.mark.parametrize("mark", ["__hypernode_stateful__", "__daft_stateful__"])
def test_marked_objects_reach_functions_as_themselves(mark: str) -> None:
    """An instance of a class marked as a resource is shared by all items, never copied."""
    resource = type("Resource", (), {mark: True})()
    seen: list[Any] = []

    @node(output_name="out")
    def use(x: int, model: Any) -> int:
        seen.append(model)
        return x

    SeqEngine().map(Pipeline(nodes=[use]), {"x": [1, 2], "model": resource}, "x")
    assert all(each is resource for each in seen)
    assert len(seen) == 2


def test_constants_reach_functions_as_themselves() -> None:
    """A broadcast list is one and the same object for every item, with a cache too."""
    constant = [1, 2]
    seen: list[Any] = []
    seen_calls = Calls()

    @node(output_name="out")
    def use(x: int, names: list[int]) -> int:
        seen_calls.append(names)
        return x

    engine = SeqEngine(cache=MemoryCache())
    engine.map(Pipeline(nodes=[use]), {"x": [1, 2], "names": constant}, "x")
    seen.extend(seen_calls)
    assert [each is constant for each in seen] == [True, True]


def test_strict_makes_an_unhashable_input_an_error() -> None:
    """With ``strict=True`` an input without a fingerprint raises `FingerprintError`."""
    pipeline = Pipeline(nodes=[node(output_name="out")(lambda x: 1)])
    with pytest.raises(FingerprintError, match=r"inputs\['x'\]"):
        SeqEngine(cache=MemoryCache(), strict=True).run(pipeline, {"x": (i for i in [1])})


def test_strict_makes_an_unstorable_result_an_error() -> None:
    """With ``strict=True`` a result that cannot be stored raises `CacheError`."""
    pipeline = Pipeline(nodes=[node(output_name="out")(lambda x: (i for i in [x]))])
    with pytest.raises(CacheError, match="not cached"):
        SeqEngine(cache=MemoryCache(), strict=True).run(pipeline, {"x": 1})


def test_strict_without_a_cache_changes_nothing() -> None:
    """Where nothing is cached there is nothing to be strict about."""
    pipeline = Pipeline(nodes=[node(output_name="out")(lambda x: [*x])])
    assert SeqEngine(strict=True).run(pipeline, {"x": (i for i in [7])}) == {"out": [7]}


def test_strict_reaches_nested_pipelines() -> None:
    """The engine that runs decides about strictness inside nested pipelines too."""
    inner = Pipeline(nodes=[node(output_name="out")(lambda x: (i for i in [x]))])
    with pytest.raises(CacheError):
        Pipeline(nodes=[inner], engine=SeqEngine(MemoryCache(), strict=True)).run({"x": 1})
