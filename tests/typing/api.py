"""What users write, with the types that a checker must find in it; checked, never run.

mypy and pyright read it in ``nox -s types``.  What they must refuse is in
``refused.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, assert_type

from hypernodes import (
    MISSING,
    AsyncEngine,
    BackendCache,
    CallbackContext,
    DiskCache,
    DualNode,
    File,
    FsspecCache,
    HyperNode,
    LoggingCallback,
    MemoryCache,
    Node,
    Pipeline,
    PipelineCallback,
    RateLimit,
    Recorder,
    Retry,
    SeqEngine,
    TieredCache,
    get_engine,
    node,
    open_cache,
    stateful,
    visualize,
)
from hypernodes.cache import Entry, Result
from hypernodes.engines import DaftEngine, DaskEngine, RayEngine
from hypernodes.events import Outcome, OutcomeKind, Run, StepInfo
from hypernodes.execution import (
    AsyncMap,
    Chunk,
    ChunkResult,
    Context,
    FailedItem,
    MapResults,
    map_pipeline,
    run_chunk,
    run_pipeline,
)
from hypernodes.explain import Preview, Verification
from hypernodes.graph import NestedNode
from hypernodes.hashing import Signature
from hypernodes.hookspecs import CacheSpec, EngineSpec, hookimpl
from hypernodes.plan import Plan
from hypernodes.protocols import ByteStore, Cache, Engine, Serializer
from hypernodes.telemetry import ProgressCallback, TelemetryCallback
from hypernodes.values import UNSET, Missing, Unset

# -- nodes: a decorated function keeps its signature ------------------------------------


@node
def count_words(text: str) -> int:
    return len(text.split())


@node()
def strip(passage: str) -> str:
    return passage.strip()


@node(output_name="pair", cache=False, version=2, retry=3, timeout=1.5, rate_limit="10/s")
def divide(number: int, by: int = 2) -> tuple[int, int]:
    return divmod(number, by)


@node("quotient", retry={ConnectionError: 5, TimeoutError: Retry(2)}, rate_limit=RateLimit(3))
async def ask(number: int) -> float:
    return number / 2


@node(output_name=("low", "high"), gpus=0.5, cpus=2, use_process=True, max_concurrency=3)
def bounds(numbers: Sequence[int]) -> tuple[int, int]:
    return min(numbers), max(numbers)


def plain(x: float) -> str:
    return str(x)


class Tokeniser:
    @node(output_name="tokens")
    def split(self, text: str) -> list[str]:
        return text.split()


async def nodes() -> None:
    assert_type(count_words("a b"), int)
    assert_type(strip(passage="a"), str)
    assert_type(divide(7), tuple[int, int])
    assert_type(divide(7, by=3), tuple[int, int])
    assert_type(await ask(3), float)
    assert_type(bounds([1, 2]), tuple[int, int])
    assert_type(node(plain)(1.0), str)
    assert_type(node(output_name="text")(plain)(1.0), str)
    assert_type(Node(plain, output_name="text")(1.0), str)
    assert_type(Tokeniser().split("a b"), list[str])
    assert_type(node(lambda: 3, output_name="three")(), int)
    assert_type(count_words.name, str)
    assert_type(count_words.output_name, str | tuple[str, ...])
    assert_type(count_words.root_args, tuple[str, ...])
    assert_type(count_words.code_hash, str)
    assert_type(count_words.cache, bool)
    count_words.cache = False
    each: HyperNode = count_words
    dual = DualNode(output_name="text", singular=plain, batch=plain, cache=False)
    every: list[HyperNode] = [each, dual, Pipeline([dual]).as_node()]
    assert_type(count_words.func(text="a b"), int)
    assert_type(len(every), int)


# -- stateful: a decorated class stays the class ----------------------------------------


@stateful
class Model:
    def __init__(self, path: str) -> None:
        self.path = path

    def predict(self, text: str) -> float:
        return len(text) / len(self.path)


def load(kind: type[Model]) -> Model:
    return kind("m.bin")


def handles() -> None:
    model = Model("m.bin")
    assert_type(model, Model)
    assert_type(model.predict("a"), float)
    assert_type(model.path, str)
    assert_type(load(Model), Model)


@node(output_name="score")
def score(model: Model, text: str) -> float:
    return model.predict(text)


# -- pipelines --------------------------------------------------------------------------


def pipelines(folder: Path) -> None:
    inner = Pipeline(nodes=[count_words, strip], name="inner")
    outer = Pipeline(
        [inner, inner.as_node(map_over="texts", name="again"), score], strict_types=True
    )
    assert_type(outer.bind(text="a").with_name("b").with_engine("dask").unbind(), Pipeline)
    assert_type(inner.as_node({"a": "text"}, {"count_words": "n"}, ["a"], "product"), NestedNode)
    assert_type(outer.run({"text": "a"}), dict[str, Any])
    assert_type(
        outer.run(inputs={"text": "a"}, output_name=["score"], engine="seq"), dict[str, Any]
    )
    assert_type(outer.run(text="a", passage="b"), dict[str, Any])
    assert_type(outer.map({"text": ["a"]}, map_over="text", map_mode="product"), list[Any])
    assert_type(outer.map(text=["a"], map_over=["text"], on_error="collect"), list[Any])
    assert_type(outer.map_iter({"text": iter("ab")}, "text", chunk_items=3), Iterator[Any])
    assert_type(outer.plan(text="a"), Preview)
    assert_type(outer.plan_map({"text": ["a"]}, "text"), Preview)
    assert_type(outer.explain({"text": "a"}), str)
    assert_type(outer.verify({"text": "a"}, sample=0.5), Verification)
    assert_type(outer.unfulfilled_args, tuple[str, ...])
    assert_type(outer.engine, Engine)
    outer.visualize(filename=folder / "outer.svg", depth=None, orient="LR")
    visualize(outer, style="dark", return_type="str")
    for row in outer.map({"text": ["a"]}, map_over="text", on_error="collect"):
        if isinstance(row, FailedItem):
            assert_type(row.item, int)


async def waiting(pipeline: Pipeline) -> None:
    assert_type(await pipeline.arun({"text": "a"}), dict[str, Any])
    assert_type(pipeline.amap(text=["a"], map_over="text"), AsyncMap)
    async for row in pipeline.amap({"text": ["a"]}, "text"):
        assert_type(row, Any)


def collected(results: MapResults) -> None:
    assert_type(results.finished, list[dict[str, Any]])
    assert_type(results.failed, list[FailedItem])


# -- caches, engines, observers ---------------------------------------------------------


class Bytes(dict[str, bytes]):
    """A store of bytes that is one by its methods alone."""

    def put(self, key: str, data: bytes, /) -> None:
        self[key] = data

    def has(self, key: str, /) -> bool:
        return key in self

    def delete(self, key: str, /) -> None:
        del self[key]


def caches(folder: Path, store: ByteStore) -> list[Cache]:
    near, far = MemoryCache(), FsspecCache("s3://bucket/prefix")
    every: list[Cache] = [DiskCache(folder), DiskCache(path="x"), near, far, TieredCache(near, far)]
    every += [
        open_cache("gs://bucket"),
        open_cache(folder),
        BackendCache(Bytes()),
        BackendCache(store),
    ]
    near.put("0" * 64, 3)
    assert_type(near.has("0" * 64), bool)
    found = near.lookup_many([Signature.parse("0" * 64)])
    assert_type(found, list[Entry | Missing])
    if near.get("0" * 64) is MISSING:
        near.clear()
    return every


class Timer(PipelineCallback):
    @property
    def supported_engines(self) -> Sequence[str] | None:
        return ["SeqEngine"]

    def on_node_end(
        self, node_id: str, outputs: Mapping[str, Any], duration: float, ctx: CallbackContext
    ) -> None:
        ctx.set(node_id, duration)


def engines(cache: Cache) -> list[Engine]:
    observers = [
        Timer(),
        ProgressCallback(),
        LoggingCallback(),
        Recorder(),
        TelemetryCallback(),
        "otel",
    ]
    every: list[Engine] = [
        SeqEngine(),
        SeqEngine(cache=cache, callbacks=observers, strict=True, salt="a", check_mutation="never"),
        SeqEngine(cache=None, callbacks=None),
        AsyncEngine(max_concurrency=3, threads=True, cache="s3://bucket"),
        DaskEngine(scheduler="processes", num_workers=2, cache=cache),
        DaftEngine(use_batch_udf=False, cache=Path("cache")),
        SeqEngine(cache=Path("cache")),
        RayEngine(address="auto", num_cpus=2),
        get_engine("dask", scheduler="threads"),
    ]
    return every


# -- extensions -------------------------------------------------------------------------


class OwnEngine:
    """The least that an engine is."""

    cache: Cache | Unset | None = None
    callbacks: Sequence[Any] | Unset | None = UNSET

    def run(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any] | None = None,
        output_name: str | Sequence[str] | None = None,
    ) -> dict[str, Any]:
        return run_pipeline(self, pipeline, inputs, output_name)

    def map(self, pipeline: Pipeline, *request: Any, **named: Any) -> list[Any]:
        return map_pipeline(self, pipeline, *request, **named)

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        for chunk in chunks:
            yield run_chunk(plan, chunk, context)


def own_engine() -> dict[str, Any]:
    return Pipeline([count_words], engine=OwnEngine()).run(text="a")


@hookimpl
def hypernodes_register_engines() -> list[EngineSpec]:
    return [EngineSpec("acme", "acme.engine:AcmeEngine", summary="ours", transforms=("acme",))]


@hookimpl
def hypernodes_register_caches() -> list[CacheSpec]:
    return [CacheSpec("acme", "acme.cache:open_acme_cache")]


@hookimpl
def hypernodes_step_finished(run: Run, step: StepInfo, outcome: Outcome) -> None:
    assert_type(step.path, str)
    assert_type(run.id, str)
    assert_type(outcome.kind, OutcomeKind)


def travelling(plan: Plan, chunk: Chunk, result: ChunkResult, context: Context) -> None:
    assert_type(context.is_observed, bool)
    assert_type([step.path for step in plan.steps], list[str])
    assert_type(run_chunk(plan, chunk, context), ChunkResult)
    assert_type(result.rows, list[Any])


def records(file: File, entry: Entry, result: Result, serializer: Serializer) -> None:
    assert_type(file.path, str)
    assert_type(entry.seconds, float)
    assert_type(result.values, tuple[Any, ...])
    assert_type(serializer.encode(3), bytes)
