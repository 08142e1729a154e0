"""What every engine promises: the results, the calls and the words of `SeqEngine`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from hypernodes.engines import SeqEngine
from hypernodes.graph import DualNode, node
from hypernodes.pipeline import Pipeline
from hypernodes.testing._engine_values import COLUMNS, Model, Tally, describe
from hypernodes.testing._engines_caching import EngineCachingContract
from hypernodes.testing._engines_failing import EngineFailingContract
from hypernodes.testing._engines_observing import EngineObservingContract
from hypernodes.values import UNSET

#: Makes the engine of one test: ``engine(cache=..., callbacks=...)``.
MakeEngine = Callable[..., Any]

_SCRIPT: Final = """
import sys
from hypernodes import Pipeline, node
{engine}

class Point:
    def __init__(self, x): self.x = x

offset = 10

@node(output_name="point")
def make(x): return Point(x + offset)

@node(output_name="y")
def read(point): return point.x

def main():
    found = Pipeline(nodes=[make, read], engine=engine).map({{"x": [1, 2]}}, map_over="x")
    print([(type(row["point"]) is Point, row["y"]) for row in found])

if __name__ == "__main__":
    main()
"""


class EngineContract(EngineCachingContract, EngineFailingContract, EngineObservingContract):
    """Tests of one engine against `SeqEngine`.

    Subclasses supply the fixture ``engine``, which makes engines: it takes
    ``cache``, ``callbacks`` and ``strict`` and gives a new engine each time.

    Attributes:
        runs_here: Whether functions are called in this process, with the
            user's own objects.
        batches_whole: Whether a map of up to 1,000 items is one batch.
        script: What makes ``engine`` in a script; empty where none can be made.
    """

    runs_here: ClassVar[bool] = True
    batches_whole: ClassVar[bool] = True
    script: ClassVar[str] = ""

    @pytest.fixture
    def engine(self) -> MakeEngine:
        """Makes engines."""
        raise NotImplementedError

    @pytest.fixture
    def tally(self, tmp_path: Path) -> Tally:
        """Counts calls, wherever they happen."""
        return Tally(tmp_path / "tally")

    # -- values ----------------------------------------------------------------------

    @pytest.mark.parametrize("column", list(COLUMNS))
    def test_values_come_back_unchanged(self, engine: MakeEngine, column: str) -> None:
        """Items, constants and results keep type, content and order, mixed as they are."""
        values = COLUMNS[column]()
        pipeline = Pipeline([node(_keep, output_name=("item", "around"))])
        inputs = {"value": values, "constant": values}
        expected = pipeline.map(inputs, map_over="value", engine=SeqEngine())
        actual = pipeline.map(inputs, map_over="value", engine=engine())
        assert describe(expected) == describe(actual)
        if self.runs_here:
            assert all(value is row["item"] for value, row in zip(values, actual, strict=True)), (
                "the objects themselves come back"
            )

    def test_constants_reach_functions_as_themselves(self, engine: MakeEngine) -> None:
        """What all items share is one and the same object."""
        if not self.runs_here:
            pytest.skip("this engine calls functions in other processes")
        constant = [object()]
        through = node(output_name="same")(lambda x, names: names is constant)
        found = Pipeline([through]).map(
            {"x": [1, 2], "names": constant}, map_over="x", engine=engine()
        )
        assert found == [{"same": True}] * 2

    @pytest.mark.parametrize("mark", ["__hypernode_stateful__", "__daft_stateful__"])
    def test_marked_objects_reach_functions(self, engine: MakeEngine, mark: str) -> None:
        """An instance of a class that is marked as a resource works for every item."""
        resource = type("Resource", (), {mark: True, "add": lambda _self, x: x + 1})()
        use = node(output_name="y")(lambda x, model: model.add(x))
        found = Pipeline([use]).map({"x": [1, 2], "model": resource}, map_over="x", engine=engine())
        assert found == [{"y": 2}, {"y": 3}]

    def test_local_definitions_pass(self, engine: MakeEngine) -> None:
        """Functions, classes and closures that live in a function work everywhere."""
        offset = [5]

        class Local:
            def __init__(self, x: int) -> None:
                self.x = x

        make = node(output_name="local")(lambda x: Local(x + offset[0]))
        read = node(output_name="y")(lambda local: local.x)
        found = Pipeline([make, read]).map({"x": [1, 2]}, map_over="x", engine=engine())
        assert [row["y"] for row in found] == [6, 7]
        assert [type(row["local"]).__name__ for row in found] == ["Local"] * 2

    def test_definitions_of_a_script_pass(self, engine: MakeEngine, tmp_path: Path) -> None:
        """Functions and classes of ``__main__`` work, and come back as themselves."""
        if not self.script:
            pytest.skip("this engine cannot be made in a script")
        path = tmp_path / "script.py"
        path.write_text(_SCRIPT.format(engine=self.script), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, path.name], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.stdout == "[(True, 11), (True, 12)]\n", done.stderr

    # -- results ----------------------------------------------------------------------

    def test_an_empty_map_is_empty(self, engine: MakeEngine) -> None:
        """No items, no results."""
        assert Pipeline([add]).map({"x": []}, map_over="x", engine=engine()) == []

    def test_run_gives_what_it_gives_elsewhere(self, engine: MakeEngine) -> None:
        """``run`` is callable directly, with all outputs or those that are asked for."""
        pipeline = Pipeline([add, split])
        assert engine().run(pipeline, {"x": 2}) == {"y": 3, "whole": 1, "rest": 1}
        assert engine().run(pipeline, {"x": 2}, output_name="rest") == {"rest": 1}

    @pytest.mark.parametrize("mode", ["zip", "product"])
    def test_map_gives_what_it_gives_elsewhere(self, engine: MakeEngine, mode: str) -> None:
        """Both modes, several outputs and keywords give the rows of `SeqEngine`, in order."""
        pipeline = Pipeline([add, split])
        inputs = {"x": list(range(30)), "k": list(range(30))}
        expected = SeqEngine().map(pipeline, inputs, ["x", "k"], mode)  # type: ignore[arg-type]  # both are modes
        assert expected == engine().map(pipeline, inputs, ["x", "k"], mode)
        wanted = [{"whole": row["whole"]} for row in expected]
        assert wanted == engine().map(pipeline, inputs, ["x", "k"], mode, output_name="whole")

    def test_rows_are_in_item_order(self, engine: MakeEngine) -> None:
        """Whoever is ready first, results come in item order."""
        seconds = [0.03, 0.0, 0.02, 0.0, 0.01, 0.0] * 4
        pipeline = Pipeline([node(_sleep, output_name="slept")])
        inputs = {"number": list(range(24)), "seconds": seconds}
        found = pipeline.map(inputs, map_over=["number", "seconds"], engine=engine())
        assert list(range(24)) == [row["slept"] for row in found]

    def test_streams_give_the_same_rows(self, engine: MakeEngine) -> None:
        """``map_iter`` takes iterators and yields the rows of ``map``."""
        pipeline = Pipeline([add, split])
        found = pipeline.map_iter({"x": iter(range(50))}, map_over="x", engine=engine())
        assert pipeline.map({"x": range(50)}, map_over="x") == list(found)

    def test_streams_are_taken_as_results_are(self, engine: MakeEngine) -> None:
        """An endless stream of items is no obstacle."""

        def numbers() -> Iterator[int]:
            number = 0
            while True:
                yield number
                number += 1

        rows = Pipeline([add]).map_iter(
            {"x": numbers()}, map_over="x", engine=engine(), chunk_items=2
        )
        assert [next(rows)["y"] for _ in range(3)] == [1, 2, 3]
        rows.close()  # type: ignore[attr-defined]  # it is a generator

    def test_nested_maps_keep_their_shape(self, engine: MakeEngine) -> None:
        """Lists inside items, empty ones too, come back as lists."""
        inner = Pipeline([add, split]).as_node(map_over="x", name="inner")
        total = node(output_name="total")(_total)
        pipeline = Pipeline([inner, total])
        inputs = {"x": [[1, 2], [], [3]], "k": 2}
        expected = pipeline.map(inputs, map_over="x")
        assert expected == pipeline.map(inputs, map_over="x", engine=engine())
        assert pipeline.run({"x": [], "k": 2}) == pipeline.run({"x": [], "k": 2}, engine=engine())

    def test_bound_nested_pipelines_keep_what_is_bound(self, engine: MakeEngine) -> None:
        """What is bound inside satisfies inner parameters, and inputs win over bound ones."""
        inner = Pipeline([add]).bind(k=100)
        outer = Pipeline([inner.as_node(output_mapping={"y": "z"}, name="inner")])
        found = outer.map({"x": [1, 2]}, map_over="x", engine=engine())
        assert found == [{"z": 101}, {"z": 102}]

    def test_a_nested_pipeline_keeps_its_own_engine(self, engine: MakeEngine) -> None:
        """Maps inside maps, each on an engine of this kind, end with the same rows."""
        inner = Pipeline([add], engine=engine()).as_node(map_over="x", name="inner")
        outer = Pipeline([inner], engine=engine())
        inputs = {"x": [[1, 2], [], [3], [4]] * 3}
        assert Pipeline([Pipeline([add]).as_node(map_over="x")]).map(
            inputs, map_over="x"
        ) == outer.map(inputs, map_over="x")

    # -- kinds of nodes -----------------------------------------------------------------

    def test_batches_are_taken_whole(self, engine: MakeEngine, tally: Tally) -> None:
        """``map`` calls the batch function once, for one item too, and never the other."""
        dual = _dual(tally)
        for xs in ([1, 2, 3], [4]):
            found = Pipeline([dual]).map({"x": xs}, map_over="x", engine=engine())
            assert [{"double": 2 * x} for x in xs] == found
            calls = tally.take()
            assert "one" not in calls
            assert len(calls) == 1 or not self.batches_whole
        assert Pipeline([dual], engine=engine()).run({"x": 5}) == {"double": 10}
        assert tally.take() == ["one"]

    def test_coroutines_are_awaited(self, engine: MakeEngine) -> None:
        """``async def`` nodes give values, also where a loop runs already."""

        async def wait(x: int) -> int:
            await asyncio.sleep(0)
            return x + 1

        pipeline = Pipeline([node(wait, output_name="y"), node(_twice, output_name="z")])
        expected = [{"y": x + 1, "z": 2 * x + 2} for x in range(10)]
        inputs = {"x": list(range(10))}
        assert expected == pipeline.map(inputs, map_over="x", engine=engine())

        async def main() -> list[Any]:
            return pipeline.map(inputs, map_over="x", engine=engine())

        assert expected == asyncio.run(main())

    def test_stateful_objects_are_built_once_per_process(
        self, engine: MakeEngine, tally: Tally
    ) -> None:
        """Items share the object of their process; none is built before it is used."""
        model = Model(tally.path, 3)
        use = node(output_name="y")(lambda x, model: model.scale(x))
        inputs = {"x": list(range(40)), "model": model}
        assert tally.read() == []
        found = Pipeline([use]).map(inputs, map_over="x", engine=engine())
        processes = tally.read()
        assert [3 * x for x in range(40)] == [row["y"] for row in found]
        assert len(set(processes)) == len(processes) >= 1
        assert not self.runs_here or [str(os.getpid())] == processes

    # -- engines ------------------------------------------------------------------------

    def test_an_engine_keeps_no_state_of_a_run(self, engine: MakeEngine) -> None:
        """Maps leave its settings as they were; cache and callbacks are unset at first."""
        made = engine()
        assert (made.cache, made.callbacks) == (UNSET, UNSET)
        names = [name for name in vars(made) if not name.startswith("_")]
        before = {name: getattr(made, name) for name in names}
        made.map(Pipeline([add]), {"x": [1, 2]}, "x")
        assert before == {name: getattr(made, name) for name in names}

    def test_one_engine_serves_many_threads(self, engine: MakeEngine) -> None:
        """Maps at the same time get their own results."""
        made, pipeline = engine(), Pipeline([add, split])

        def work(start: int) -> list[int]:
            rows = made.map(pipeline, {"x": list(range(start, start + 20))}, "x")
            return [row["y"] for row in rows]

        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(work, range(12)))
        assert [[x + 1 for x in range(start, start + 20)] for start in range(12)] == found


def _twice(y: int) -> int:
    return 2 * y


def _total(y: list[int]) -> int:
    return sum(y)


def _keep(value: Any, constant: Any) -> tuple[Any, Any]:
    return value, {"constant": constant, "value": [value]}


def _sleep(number: int, seconds: float) -> int:
    time.sleep(seconds)
    return number


@node(output_name="y")
def add(x: int, k: int = 1) -> int:
    """Return the sum."""
    return x + k


@node(output_name=("whole", "rest"))
def split(y: int) -> tuple[int, int]:
    """Return the half of *y*, and what is left."""
    return y // 2, y % 2


def _dual(tally: Tally) -> DualNode:
    pytest.importorskip("pyarrow")

    def double_one(x: int) -> int:
        tally.note("one")
        return 2 * x

    def double_many(x: Any) -> list[int]:
        tally.note("many")
        return [2 * each for each in x.to_pylist()]

    return DualNode("double", double_one, double_many)
