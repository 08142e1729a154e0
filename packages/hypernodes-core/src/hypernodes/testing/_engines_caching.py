"""What every engine promises about caches and observers: counts, keys, events, progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from hypernodes.cache import DiskCache, MemoryCache
from hypernodes.callbacks import PipelineCallback, Recorder
from hypernodes.engines import SeqEngine
from hypernodes.errors import CacheError
from hypernodes.graph import DualNode, Node, node
from hypernodes.pipeline import Pipeline
from hypernodes.testing._engine_values import Tally

MakeEngine = Callable[..., Any]
#: Events of the run itself, and live ones: their number is the engine's business.
_NOT_OF_ITEMS: Final = {"map_progress", "map_start", "map_end"}


class EngineCachingContract:
    """Tests of one engine with a cache and with observers; see `EngineContract`."""

    runs_here: ClassVar[bool] = True

    @pytest.fixture(params=["memory", "disk"])
    def cache(self, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
        """An empty cache."""
        return MemoryCache() if request.param == "memory" else DiskCache(tmp_path / "cache")

    def test_counts_with_a_cache_are_exact(
        self, engine: MakeEngine, tally: Tally, cache: Any
    ) -> None:
        """[1, 2, 3], then [1, 2, 4], then the same again execute 3, 1 and 0 items."""
        made, pipeline = engine(cache=cache), Pipeline([_noting(tally)])
        counts = []
        for xs in ([1, 2, 3], [1, 2, 4], [1, 2, 4]):
            assert [{"y": 2 * x} for x in xs] == pipeline.map({"x": xs}, "x", engine=made)
            counts.append(len(tally.take()))
        assert counts == [3, 1, 0]

    def test_counts_without_a_cache_are_exact(self, engine: MakeEngine, tally: Tally) -> None:
        """Without a cache every item is executed once, equal ones too."""
        Pipeline([_noting(tally)]).map({"x": [1, 2, 2, 1]}, "x", engine=engine())
        assert sorted(tally.take()) == ["1", "1", "2", "2"]

    def test_equal_items_are_executed_once(
        self, engine: MakeEngine, tally: Tally, cache: Any
    ) -> None:
        """With a cache, items with one key share one execution, wherever they are carried out."""
        xs = [5, 6, 5, 7] * 25
        found = Pipeline([_noting(tally)]).map({"x": xs}, "x", engine=engine(cache=cache))
        assert [{"y": 2 * x} for x in xs] == found
        assert sorted(tally.take()) == ["5", "6", "7"]

    def test_equal_inner_items_are_executed_once(
        self, engine: MakeEngine, tally: Tally, cache: Any
    ) -> None:
        """Items of nested maps share keys with those of other maps."""
        pipeline = Pipeline([_noting(tally)])
        made = engine(cache=cache)
        pipeline.map({"x": [1, 2]}, "x", engine=made)
        nested = Pipeline([pipeline.as_node(map_over="x", name="inner")])
        found = nested.map({"x": [[1, 2], [], [2, 3]]}, "x", engine=made)
        assert found == [{"y": [2, 4]}, {"y": []}, {"y": [4, 6]}]
        assert sorted(tally.take()) == ["1", "2", "3"]

    def test_run_and_map_share_keys(self, engine: MakeEngine, tally: Tally, cache: Any) -> None:
        """An item is found by ``run``, and by `SeqEngine`."""
        pipeline = Pipeline([_noting(tally)])
        pipeline.map({"x": [1, 2]}, "x", engine=engine(cache=cache))
        assert pipeline.run({"x": 2}, engine=engine(cache=cache)) == {"y": 4}
        sequential = SeqEngine(cache=cache)
        assert pipeline.map({"x": [2, 1]}, "x", engine=sequential) == [{"y": 4}, {"y": 2}]
        assert sorted(tally.take()) == ["1", "2"]

    @pytest.mark.parametrize("value", [None, False, 0, "", []])
    def test_empty_results_are_remembered(
        self, engine: MakeEngine, tally: Tally, value: Any
    ) -> None:
        """None and its like are cached like any other value."""

        def give(x: int) -> Any:
            tally.note(x)
            return value

        made, pipeline = engine(cache=MemoryCache()), Pipeline([node(give, output_name="y")])
        for _ in range(2):
            assert [{"y": value}] * 2 == pipeline.map({"x": [1, 2]}, "x", engine=made)
        assert sorted(tally.take()) == ["1", "2"]

    def test_only_missing_items_reach_a_batch(self, engine: MakeEngine, tally: Tally) -> None:
        """A batch function gets what is not in the cache."""
        pytest.importorskip("pyarrow")

        def many(x: Any) -> list[int]:
            tally.note(sorted(x.to_pylist()))
            return [2 * each for each in x.to_pylist()]

        def one(x: int) -> int:
            return 2 * x

        made, pipeline = engine(cache=MemoryCache()), Pipeline([DualNode("y", one, many)])
        pipeline.map({"x": [1, 2]}, "x", engine=made)
        tally.take()
        found = pipeline.map({"x": [1, 2, 3]}, "x", engine=made)
        assert (found, tally.take()) == ([{"y": 2}, {"y": 4}, {"y": 6}], ["[3]"])

    def test_a_failed_map_keeps_what_it_finished(
        self, engine: MakeEngine, tally: Tally, cache: Any
    ) -> None:
        """Repeating it executes nothing that came before the failure."""
        made, pipeline = engine(cache=cache), Pipeline([_noting(tally)])
        with pytest.raises(TypeError):
            pipeline.map({"x": [1, 2, 3, None]}, "x", engine=made)
        assert {"1", "2", "3"} <= set(tally.take())
        found = pipeline.map({"x": [1, 2, 3, 4]}, "x", engine=made)
        assert ([row["y"] for row in found], tally.take()) == ([2, 4, 6, 8], ["4"])

    def test_strict_makes_an_unstorable_result_an_error(self, engine: MakeEngine) -> None:
        """With ``strict=True`` what the cache would warn of is raised."""
        if not self.runs_here:
            pytest.skip("a result that cannot be stored cannot come back from another process")
        through = node(output_name="out")(lambda x: (i for i in [x]))
        made = engine(cache=MemoryCache(), strict=True)
        with pytest.raises(CacheError, match="not cached"):
            Pipeline([through]).map({"x": [1]}, "x", engine=made)

    # -- observers -----------------------------------------------------------------------

    def test_events_of_a_map_are_those_of_the_sequential_engine(self, engine: MakeEngine) -> None:
        """The same per item, in item order: hits, nested pipelines and all."""
        assert _watch(SeqEngine) == _watch(engine)

    def test_events_of_equal_items_are_those_of_the_sequential_engine(
        self, engine: MakeEngine
    ) -> None:
        """Each key is executed once and a hit for the others, whichever item comes first."""
        if not self.runs_here:
            pytest.skip("equal inner items that two processes meet at once are made by both")
        first, second = (_watch(make, [1, 2, 1, 3, 1]) for make in (SeqEngine, engine))
        # of two equal items, one may make the first step and the other the second
        counted = [
            [fact for fact in each if fact[0] != "map_item_cached"] for each in (first, second)
        ]
        assert sorted(counted[0]) == sorted(counted[1])

    def test_events_of_a_run_are_those_of_the_sequential_engine(self, engine: MakeEngine) -> None:
        """One sequence on every engine."""
        sequences = []
        for make in (SeqEngine, engine):
            recorder = Recorder()
            Pipeline([_double, _nested()]).run({"x": 1}, engine=make(callbacks=[recorder]))
            sequences.append(_facts(recorder))
        assert sequences[0] == sequences[1]

    def test_progress_counts_every_item(self, engine: MakeEngine) -> None:
        """The numbers only grow, and end with all items, the hits among them."""
        recorder = Recorder()
        made = engine(cache=MemoryCache(), callbacks=[recorder])
        pipeline = Pipeline([_double])
        pipeline.map({"x": list(range(10))}, "x", engine=made)
        recorder.clear()
        pipeline.map({"x": list(range(30))}, "x", engine=made)
        progress = [args for name, args in recorder.events if name == "map_progress"]
        assert progress == sorted(progress)
        assert progress[-1] == (30, 10, 0, 30)

    def test_an_engine_that_is_not_supported_is_refused(self, engine: MakeEngine) -> None:
        """A callback that names other engines ends the map before it begins."""

        class Choosy(PipelineCallback):
            @property
            def supported_engines(self) -> list[str]:
                return ["OtherEngine"]

        made = engine(callbacks=[Choosy()])
        expected = f"is not compatible with engine {type(made).__name__}"
        with pytest.raises(ValueError, match=expected):
            Pipeline([_double]).map({"x": [1]}, "x", engine=made)


def _noting(tally: Tally) -> Node[..., int]:
    def double(x: int) -> int:
        tally.note(x)
        return 2 + 2 * x - 2

    return node(double, output_name="y")


@node(output_name="y")
def _double(x: int) -> int:
    return 2 * x


@node(output_name="z")
def _square(y: int) -> int:
    return y * y


def _nested() -> Any:
    items = node(lambda y: [y, y + 1], output_name="ys")
    inside = Pipeline([_square], name="inside")
    spread = inside.as_node(input_mapping={"ys": "y"}, map_over="ys", name="spread")
    return Pipeline([items, spread], name="middle").as_node(name="middle")


def _watch(make: MakeEngine, items: Sequence[int] = (1, 2, 5, 3, 4)) -> list[Any]:
    recorder = Recorder()
    made = make(cache=MemoryCache(), callbacks=[recorder])
    pipeline = Pipeline([_double, _nested()], name="outer")
    pipeline.map({"x": [2, 3]}, "x", engine=made)
    pipeline.map({"x": list(items)}, "x", engine=made)
    return _facts(recorder)


def _facts(recorder: Recorder) -> list[tuple[str, Any]]:
    """Return the events of items and nodes, without what they took."""
    events = [(name, args[0]) for name, args in recorder.events if name not in _NOT_OF_ITEMS]
    names = {"map_item_start", "map_item_end", "map_item_cached"}
    return [
        (name, what) if name in names or name[:5] == "node_" else (name, "")
        for name, what in events
    ]
