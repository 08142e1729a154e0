"""Mistakes that a type checker must refuse, each with the error of mypy and that of pyright.

Checked, never run.  A line that is no longer refused fails the check, because its comments
then silence nothing.
"""

from __future__ import annotations

from typing import Any

from hypernodes import (
    DiskCache,
    DualNode,
    Pipeline,
    PipelineCallback,
    Retry,
    SeqEngine,
    node,
    stateful,
)
from hypernodes.engines import DaftEngine, DaskEngine, RayEngine
from hypernodes.hookspecs import EngineSpec
from hypernodes.protocols import Cache, Engine


@node(output_name="size")
def measure(text: str, least: int = 0) -> int:
    return max(least, len(text))


@stateful
class Model:
    def __init__(self, path: str) -> None:
        self.path = path


class NoEngine:
    def run(self) -> None: ...


class NoCache:
    def get(self, signature: str) -> Any: ...


pipeline = Pipeline([measure])
measure(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
measure("a", leest=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
measure()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
wrong: str = measure("a")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
measure.output_name = 3  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
node(3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
node(output_nane="a")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
node(output_name="a", cache="yes")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
node(retry="often")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
node(rate_limit=[3])  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
Retry(attempts="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
DualNode("text", measure)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

Model()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Model(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Model("a").predict("b")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

Pipeline(nodes=[len])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
Pipeline(nodes=[measure], engine=NoEngine())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Pipeline([measure], engine=SeqEngine)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
pipeline.run(["a"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
pipeline.run(output_name=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
pipeline.map({"text": ["a"]}, map_over="text", map_mode="zipp")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
pipeline.map({"text": ["a"]}, map_over="text", on_error="ignore")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
pipeline.as_node(input_mapping=["a"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
pipeline.bind({"text": "a"})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
names: list[str] = pipeline.run(text="a")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

SeqEngine(cache=NoCache())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SeqEngine(check_mutation="sometimes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SeqEngine(callbacks=PipelineCallback())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
DaskEngine(sheduler="threads")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
DaskEngine(scheduler="thread")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
DaftEngine(use_batch_udf="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
RayEngine(num_cpus="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
DiskCache(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
cache: Cache = NoCache()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
engine: Engine = NoEngine()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


class Observer(PipelineCallback):
    def on_node_end(self, node_id: str, outputs: Any) -> None: ...  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]


spec = EngineSpec("acme")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
spec.name = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
