"""Chunks that travel as bytes; the way here is a loop that answers backwards."""

import gc
import sys
import threading
import types
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import pytest

from hypernodes import DiskCache, MemoryCache, Node, Pipeline, Recorder, SeqEngine, node
from hypernodes.errors import CallbackWarning, TransferError, WorkerLostError
from hypernodes.execution import (
    Chunk,
    ChunkResult,
    Context,
    _worker,
    carry_chunks,
    carry_out,
    map_pipeline,
)
from hypernodes.hookspecs import hookimpl
from hypernodes.plan import Plan
from hypernodes.plugins import manager


class Loop:
    """A way to a worker that is this process; the parcel sent last is answered first."""

    def __init__(self, width: int = 3, lost: frozenset[int] = frozenset()) -> None:
        self.width = width
        self.lost = lost
        self.parcels: list[tuple[int, bytes]] = []
        self.is_closed = False

    def start(self, name: str, manifest: bytes) -> None:
        self.name, self.manifest = name, manifest

    def send(self, number: int, parcel: bytes) -> None:
        assert len(self.parcels) < self.width
        self.parcels.append((number, parcel))

    def receive(self) -> tuple[int, bytes | Exception]:
        number, parcel = self.parcels.pop()
        if number in self.lost:
            return number, OSError("the worker died")
        return number, carry_out(self.name, lambda: self.manifest, parcel)

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True


class LoopEngine(SeqEngine):
    """Sends every chunk through bytes."""

    is_inline = False

    def __init__(
        self, *args: Any, pace: int = 2, lost: frozenset[int] = frozenset(), **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.pace = pace
        self.lost = lost
        self.sent = 0

    def map(self, *args: Any, **kwargs: Any) -> list[Any]:
        return map_pipeline(self, *args, **kwargs, pace=self.pace)

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        way = Loop(lost=self.lost)
        send = way.send

        def counting(number: int, parcel: bytes) -> None:
            self.sent += 1
            send(number, parcel)

        way.send = counting  # type: ignore[method-assign]
        yield from carry_chunks(plan, chunks, context, way)
        assert way.is_closed


def executions(recorder: Recorder) -> int:
    return sum(name == "node_start" for name, _ in recorder.events)


@node(output_name="y")
def double(x: int) -> int:
    return 2 * x


@node(output_name="z")
def add(y: int, k: int = 1) -> int:
    return y + k


@node(output_name="bad")
def invert(x: int) -> float:
    return 1 / x


class Shared:
    """Notes each copy of itself that a worker makes."""

    received: ClassVar[list[Any]]

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.received.append(weakref.ref(self))


@node(output_name="weight")
def weigh(x: int, shared: Shared) -> int:
    return x * len(shared.data)


CHAIN = [double, add]


def test_results_are_those_of_the_sequential_engine() -> None:
    """Values come back in item order, whatever order parcels come back in."""
    pipeline = Pipeline(CHAIN)
    items = {"x": list(range(11)), "k": 5}
    assert pipeline.map(items, map_over="x", engine=LoopEngine()) == pipeline.map(
        items, map_over="x"
    )


@pytest.mark.parametrize("make", [lambda path: MemoryCache(), DiskCache])
def test_only_what_is_missing_travels(tmp_path, make) -> None:
    """A full repeat sends nothing; one new item sends one parcel."""
    engine = LoopEngine(cache=make(tmp_path))
    pipeline = Pipeline(CHAIN)
    pipeline.map({"x": [1, 2, 3]}, map_over="x", engine=engine)
    engine.sent = 0
    pipeline.map({"x": [1, 2, 3]}, map_over="x", engine=engine)
    assert engine.sent == 0
    assert pipeline.map({"x": [1, 2, 4]}, map_over="x", engine=engine)[2] == {"y": 8, "z": 9}
    assert engine.sent == 1


def test_results_of_workers_are_found_by_the_sequential_engine(tmp_path) -> None:
    """Keys do not depend on where a result was made."""
    pipeline = Pipeline(CHAIN)
    pipeline.map({"x": [1, 2, 3]}, map_over="x", engine=LoopEngine(cache=DiskCache(tmp_path)))
    recorder = Recorder()
    found = pipeline.map(
        {"x": [1, 2, 3]},
        map_over="x",
        engine=SeqEngine(cache=DiskCache(tmp_path), callbacks=[recorder]),
    )
    assert (executions(recorder), found[0]) == (0, {"y": 2, "z": 3})


def test_equal_items_are_executed_once() -> None:
    """An item whose work is under way waits, and is then found."""
    recorder = Recorder()
    engine = LoopEngine(cache=MemoryCache(), callbacks=[recorder])
    found = Pipeline(CHAIN).map({"x": [1, 2, 1, 1, 2, 3]}, map_over="x", engine=engine)
    assert [row["z"] for row in found] == [3, 5, 3, 3, 5, 7]
    assert executions(recorder) == 6


def test_a_shared_part_of_different_items_is_executed_once() -> None:
    """Items that share one step wait for it, and then do the rest."""
    recorder = Recorder()
    engine = LoopEngine(cache=MemoryCache(), callbacks=[recorder])
    inputs = {"x": [1, 2], "k": [10, 20, 30]}
    expected = Pipeline(CHAIN).map(inputs, map_over=["x", "k"], map_mode="product")
    found = Pipeline(CHAIN).map(inputs, map_over=["x", "k"], map_mode="product", engine=engine)
    assert (found, executions(recorder)) == (expected, 2 + 6)


def test_an_upstream_hit_travels_with_its_item() -> None:
    """What the driver found is not executed again by a worker."""
    cache, recorder = MemoryCache(), Recorder()
    Pipeline([double]).map({"x": [1, 2, 3]}, map_over="x", engine=SeqEngine(cache=cache))
    engine = LoopEngine(cache=cache, callbacks=[recorder])
    Pipeline(CHAIN).map({"x": [1, 2, 3]}, map_over="x", engine=engine)
    started = [args[0] for name, args in recorder.events if name == "node_start"]
    assert started == ["add", "add", "add"]


def test_inner_items_that_are_known_are_found_by_workers(tmp_path) -> None:
    """A nested map is keyed where it runs, and finds what is there."""
    inner = Pipeline(CHAIN).as_node(map_over="x", name="inner")
    for cache in (MemoryCache(), DiskCache(tmp_path)):
        recorder = Recorder()
        Pipeline(CHAIN).map({"x": [1, 2, 3]}, map_over="x", engine=SeqEngine(cache=cache))
        engine = LoopEngine(cache=cache, callbacks=[recorder])
        found = Pipeline([inner]).map({"x": [[1, 2], [], [3, 4]]}, map_over="x", engine=engine)
        assert found == [{"y": [2, 4], "z": [3, 5]}, {"y": [], "z": []}, {"y": [6, 8], "z": [7, 9]}]
        started = [args[0] for name, args in recorder.events if name == "node_start"]
        assert [name for name in started if name != "inner"] == ["double", "add"]


def test_events_are_those_of_the_sequential_engine() -> None:
    """Per item the same sequence, in item order, hits among them."""

    def events(engine_type: Any) -> list[Any]:
        recorder = Recorder()
        engine = engine_type(cache=MemoryCache(), callbacks=[recorder])
        pipeline = Pipeline(CHAIN)
        pipeline.map({"x": [2, 3]}, map_over="x", engine=engine)
        pipeline.map({"x": [1, 2, 1, 3, 4]}, map_over="x", engine=engine)
        return [
            (name, args[0])
            for name, args in recorder.events
            if name not in {"map_progress", "pipeline_start", "map_end"}
        ]

    assert events(LoopEngine) == events(SeqEngine)


def test_the_lowest_failing_item_is_raised_with_its_note() -> None:
    """Type, message and note are those of the sequential engine; earlier work is stored."""
    recorder = Recorder()
    engine = LoopEngine(cache=MemoryCache(), callbacks=[recorder])
    pipeline = Pipeline([invert])
    with pytest.raises(ZeroDivisionError) as caught:
        pipeline.map({"x": [1, 2, 3, 0, 5, 0, 7]}, map_over="x", engine=engine)
    assert caught.value.__notes__ == ["in node 'invert' at invert, item 3"]
    recorder.events.clear()
    pipeline.map({"x": [1, 2, 3]}, map_over="x", engine=engine)
    assert executions(recorder) == 0


def test_collected_failures_stand_in_their_places() -> None:
    """Other items are carried on."""
    results = Pipeline([invert]).map(
        {"x": [1, 0, 2, 0]}, map_over="x", on_error="collect", engine=LoopEngine()
    )
    assert [(each.item, each.inputs) for each in results.failed] == [(1, {"x": 0}), (3, {"x": 0})]
    assert results.finished == [{"bad": 1.0}, {"bad": 0.5}]


def test_a_lost_worker_is_an_error_that_names_items_and_nodes() -> None:
    """What was finished before stays in the cache."""
    cache = MemoryCache()
    pipeline = Pipeline(CHAIN)
    with pytest.raises(WorkerLostError, match=r"items 2 to 3 \(nodes 'double', 'add'\) was lost"):
        pipeline.map(
            {"x": [1, 2, 3, 4, 5]},
            map_over="x",
            engine=LoopEngine(cache=cache, lost=frozenset({1})),
        )
    recorder = Recorder()
    pipeline.map(
        {"x": [1, 2, 3, 4, 5]}, map_over="x", engine=LoopEngine(cache=cache, callbacks=[recorder])
    )
    assert executions(recorder) == 4


def test_a_result_that_cannot_be_sent_is_named() -> None:
    """The message says which output of which item."""
    lock = Node(lambda x: threading.Lock() if x == 2 else x, "held")
    with pytest.raises(TransferError, match="output 'held' of item 1 cannot be sent back"):
        Pipeline([lock]).map({"x": [1, 2, 3]}, map_over="x", engine=LoopEngine())


def test_a_function_that_cannot_be_sent_is_named_before_work_starts() -> None:
    """The message names the node."""
    lock = threading.Lock()
    held = Node(lambda x: (lock, x)[1], "held")
    with pytest.raises(TransferError, match="node '<lambda>' cannot be sent to workers"):
        Pipeline([held]).map({"x": [1, 2, 3]}, map_over="x", engine=LoopEngine())


def test_what_a_worker_cannot_open_is_an_error_that_says_what_to_do(monkeypatch) -> None:
    """A module that only the driver has is named, and how to have it travel."""
    module = types.ModuleType("only_here")
    exec("def plus(x): return x + 1", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    receive = Loop.receive

    def elsewhere(loop: Loop) -> tuple[int, bytes | Exception]:
        monkeypatch.delitem(sys.modules, "only_here")
        return receive(loop)

    monkeypatch.setattr(Loop, "receive", elsewhere)
    with pytest.raises(TransferError, match=r"No module named 'only_here'.*register_pickle") as it:
        Pipeline([Node(module.plus, "y")]).map({"x": [1, 2]}, map_over="x", engine=LoopEngine())
    assert isinstance(it.value.__cause__, ModuleNotFoundError)


def test_what_large_runs_share_does_not_pile_up(monkeypatch) -> None:
    """A worker that stays keeps the last of it only."""
    monkeypatch.setattr(_worker, "_MOST_BYTES", 250_000)
    received: list[weakref.ref[Shared]] = []
    Shared.received = received
    for number in range(4):
        shared = Shared(bytes(100_000) + bytes([number]))
        inputs = {"x": [1, 2], "shared": shared}
        Pipeline([weigh]).map(inputs, map_over="x", engine=LoopEngine())
    gc.collect()
    assert (len(received), sum(each() is not None for each in received)) == (4, 2)


def test_reasons_are_added_by_the_driver() -> None:
    """A worker does not know what the cache held; the driver says why something ran."""
    seen: list[str | None] = []

    class Plugin:
        @hookimpl
        def hypernodes_step_finished(self, outcome: Any) -> None:
            seen.append(outcome.reason)

    cache = MemoryCache()
    Pipeline([add]).map({"y": [1]}, map_over="y", engine=SeqEngine(cache=cache))
    manager().register(Plugin(), "why")
    Pipeline([add]).map({"y": [7]}, map_over="y", engine=LoopEngine(cache=cache))
    assert seen == ["add runs: parameter y 1 -> 7"]


def test_hypernodes_chunk_finished_is_told_of_every_parcel() -> None:
    """What leaves a worker by itself can leave before its results do; a broken one only warns."""
    told: list[str] = []

    class Plugin:
        @hookimpl
        def hypernodes_chunk_finished(self, run: Any) -> None:
            told.append(run.path)
            raise RuntimeError

    manager().register(Plugin(), "leaves")
    engine = LoopEngine(callbacks=[Recorder()])
    with pytest.warns(CallbackWarning, match="'leaves' raised in hypernodes_chunk_finished"):
        Pipeline([add]).map({"y": [1, 2, 3, 4]}, map_over="y", engine=engine)
    assert told == ["", ""]
