"""Facts about the short way to a run: nothing that changes meanwhile goes unnoticed."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import pytest

from hypernodes import MemoryCache, Pipeline, PipelineCallback, Recorder, SeqEngine, node
from hypernodes.errors import MissingInputError
from hypernodes.execution import run_pipeline
from hypernodes.hookspecs import hookimpl
from hypernodes.plugins import manager


@node(output_name="a")
def first(x: int, k: int = 0) -> int:
    """Add."""
    return x + k


@node(output_name="b")
def second(a: int) -> int:
    """Double."""
    return a * 2


@pytest.fixture
def pipeline() -> Pipeline:
    """Return x -> a -> b, run often enough to have a short way."""
    made = Pipeline(nodes=[first, second])
    for _ in range(3):
        made.run({"x": 1})
    return made


def test_repeated_runs_give_the_same(pipeline: Pipeline) -> None:
    """However often it ran, a run returns what the first one did, in a new dict."""
    rows = [pipeline.run({"x": 1}) for _ in range(3)]
    assert (rows, rows[0] is rows[1]) == ([{"a": 1, "b": 2}] * 3, False)


def test_a_given_intermediate_replaces_its_producer(pipeline: Pipeline) -> None:
    """Given in turn and not, the value counts just where it is given."""
    found = [pipeline.run({"x": 1, **given}) for given in ({"a": 5}, {}, {"a": 6}, {})]
    assert found == [{"b": 10}, {"a": 1, "b": 2}, {"b": 12}, {"a": 1, "b": 2}]


def test_a_given_final_output_is_left_out_only_where_it_is_given() -> None:
    """Runs with a value for what nobody reads do not shape the runs without."""
    pipeline = Pipeline(nodes=[first, second])
    for _ in range(3):
        assert pipeline.run({"x": 1, "b": 7}) == {"a": 1}
    assert pipeline.run({"x": 1}) == {"a": 1, "b": 2}


def test_one_output_of_several_may_be_given() -> None:
    """The same for one of two outputs of a function."""
    pipeline = Pipeline([node(output_name=("p", "q"))(lambda x: (x, -x))])
    for _ in range(3):
        assert pipeline.run({"x": 1, "q": 7}) == {"p": 1}
    assert pipeline.run({"x": 1}) == {"p": 1, "q": -1}


def test_options_given_and_not_in_turn(pipeline: Pipeline) -> None:
    """A default counts wherever the option is left out."""
    found = [pipeline.run({"x": 1, **given})["a"] for given in ({}, {"k": 5}) * 4]
    assert found == [1, 6] * 4


@pytest.mark.parametrize(
    "name", ["a", ["a"], ("a",), {"a"}, {"a": 1}.keys(), frozenset({"a"})], ids=repr
)
def test_outputs_are_asked_for_in_any_collection(pipeline: Pipeline, name: Any) -> None:
    """A name, or any collection of names, again and again."""
    assert [pipeline.run({"x": 1}, output_name=name) for _ in range(4)] == [{"a": 1}] * 4


def test_a_missing_input_is_missed_every_time(pipeline: Pipeline) -> None:
    """The short way does not forget what must be given."""
    for _ in range(3):
        with pytest.raises(MissingInputError):
            pipeline.run({"k": 1})


def test_bound_values_count_from_the_next_run(pipeline: Pipeline) -> None:
    """Binding, binding again and unbinding are noticed at once."""
    found = [pipeline.bind(k=5).run({"x": 1})["a"] for _ in range(3)]
    found += [pipeline.bind(k=6).run({"x": 1})["a"], pipeline.run({"x": 1, "k": 7})["a"]]
    found += [pipeline.unbind().run({"x": 1})["a"]]
    assert found == [6, 6, 6, 7, 8, 1]


def test_a_node_may_bind_in_its_own_run() -> None:
    """What a function binds while its pipeline runs counts from the next run."""
    todo: list[Any] = []

    @node(output_name="y")
    def work(x: int, k: int = 0) -> int:
        if todo:
            todo.pop()()
        return x + k

    for runs_before in range(3):
        pipeline = Pipeline([work])
        for _ in range(runs_before):
            pipeline.run({"x": 1})
        todo.append(lambda pipeline=pipeline: pipeline.bind(k=100))
        during, after = (pipeline.run({"x": 1}) for _ in range(2))
        assert (during, after) == ({"y": 1}, {"y": 101})


def test_engine_attributes_may_change(pipeline: Pipeline) -> None:
    """A cache and callbacks that an engine is given later count from the next run."""
    engine: Any = pipeline.engine
    recorder = Recorder()
    engine.cache, engine.callbacks = MemoryCache(), (recorder,)
    for _ in range(2):
        pipeline.run({"x": 1})
    engine.cache = engine.callbacks = None
    pipeline.run({"x": 1})
    assert (recorder.executed, recorder.cached) == (["first", "second"], ["first", "second"])


def test_what_is_bound_deep_inside_counts_from_the_next_run() -> None:
    """A pipeline two levels down is bound and unbound between runs."""
    inner = Pipeline([first])
    outer = Pipeline([Pipeline([inner.as_node(map_over="x")])])
    found = [outer.run({"x": [1]})["a"] for _ in range(3)]
    inner.bind(k=5)
    found += [outer.run({"x": [1]})["a"] for _ in range(2)]
    inner.unbind()
    found += [outer.run({"x": [1]})["a"], outer.run({"x": [1], "k": 7})["a"]]
    assert found == [[1], [1], [1], [6], [6], [1], [8]]


def test_an_engine_given_to_what_is_nested_counts_from_the_next_run() -> None:
    """Its observers are told, and what it is given later counts, too."""
    inner = Pipeline([first])
    outer = Pipeline([inner, second])
    for _ in range(3):
        outer.run({"x": 1})
    engine, recorder = SeqEngine(), Recorder()
    inner.with_engine(engine)
    for _ in range(3):
        outer.run({"x": 1})
    engine.callbacks = (recorder,)
    outer.run({"x": 1})
    assert recorder.executed == ["first"]


def test_an_engine_may_be_given_for_one_run(pipeline: Pipeline) -> None:
    """Another engine for one call is asked, its observers are told."""
    recorder = Recorder()
    pipeline.run({"x": 1}, engine=SeqEngine(callbacks=[recorder]))
    assert recorder.executed == ["first", "second"]


def test_an_engine_needs_neither_cache_nor_callbacks() -> None:
    """An engine without these attributes runs again and again."""

    class Bare:
        def run(self, pipeline: Any, inputs: Any, output_name: Any = None) -> dict[str, Any]:
            """Run."""
            return run_pipeline(self, pipeline, inputs, output_name)  # type: ignore[arg-type]  # all that is asked for

    pipeline = Pipeline(nodes=[first], engine=Bare())  # type: ignore[arg-type]  # the same
    assert [pipeline.run({"x": 1}) for _ in range(4)] == [{"a": 1}] * 4


def test_who_hears_of_runs_alone_hears_of_every_run() -> None:
    """A callback for nothing but runs is told of the fourth as of the first."""

    class Runs(PipelineCallback):
        told = 0

        def on_pipeline_start(self, *args: Any) -> None:
            """Count."""
            self.told += 1

    runs = Runs()
    pipeline = Pipeline(nodes=[first], engine=SeqEngine(callbacks=[runs]))
    for _ in range(4):
        pipeline.run({"x": 1})
    assert runs.told == 4


def test_plugins_hear_of_runs_from_the_moment_they_come(pipeline: Pipeline) -> None:
    """An observing plugin, registered after many runs, hears of each until it goes."""
    told: list[str] = []

    class Observer:
        @hookimpl
        def hypernodes_run_started(self, run: Any) -> None:
            """Note."""
            told.append(run.pipeline_id)

    pipeline.run({"x": 1})
    manager().register(Observer(), "observer")
    for _ in range(3):
        pipeline.run({"x": 1})
    manager().unregister("observer")
    pipeline.run({"x": 1})
    assert len(told) == 3


def test_plugins_carry_out_steps_from_the_moment_they_come(pipeline: Pipeline) -> None:
    """A plugin that goes around calls does so in runs and maps that went without it before."""

    class Around:
        @hookimpl(wrapper=True)
        def hypernodes_execute_step(self, step: Any) -> Any:
            """Add a hundred."""
            made = yield
            return {name: value + 100 for name, value in made.items()}

    pipeline.map({"x": range(20)}, map_over="x")
    manager().register(Around(), "around")
    found = [pipeline.run({"x": 1}), pipeline.map({"x": range(20)}, map_over="x")[1]]
    assert found == [{"a": 101, "b": 302}] * 2


def test_copies_and_pickles_run_by_themselves(pipeline: Pipeline) -> None:
    """What is bound in a copy does not reach the original."""
    copies = [copy.copy(pipeline), copy.deepcopy(pipeline), pickle.loads(pickle.dumps(pipeline))]
    for other in copies[1:]:
        other.bind(k=5)
    assert [each.run({"x": 1})["a"] for each in [pipeline, *copies]] == [1, 1, 6, 6]


def test_threads_may_share_a_pipeline_that_is_bound_meanwhile() -> None:
    """After the last binding every run has its value, whatever runs were under way."""
    pipeline = Pipeline(nodes=[first])
    stop = threading.Event()
    wrong: list[Any] = []

    def run() -> None:
        while not stop.is_set():
            found = pipeline.run({"x": 0})["a"]
            if found not in range(301):
                wrong.append(found)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    stale = []
    for number in range(300):
        pipeline.bind(k=number)
        if (found := pipeline.run({"x": 0})["a"]) != number:
            stale.append((number, found))
    stop.set()
    for thread in threads:
        thread.join()
    assert (wrong, stale) == ([], [])


def test_threads_may_share_an_engine_and_a_pipeline() -> None:
    """Runs and maps in many threads at once each get their own results."""
    pipeline = Pipeline(nodes=[second, first], engine=SeqEngine())
    wrong: list[Any] = []

    def work(own: int) -> None:
        for number in range(200):
            x = own * 1000 + number
            if pipeline.run({"x": x}) != {"a": x, "b": 2 * x}:
                wrong.append(x)
            if pipeline.map({"x": [x] * 9}, map_over="x")[8] != {"a": x, "b": 2 * x}:
                wrong.append(x)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_plugins_for_one_callback_leave_other_runs_alone(pipeline: Pipeline) -> None:
    """A plugin around calls that serves a callback is asked only where that one observes."""
    asked: list[str] = []

    class Around:
        @hookimpl(wrapper=True)
        def hypernodes_execute_step(self, step: Any) -> Any:
            """Note."""
            asked.append(step.id)
            return (yield)

        target = f"{Recorder.__module__}:Recorder"
        hypernodes_execute_step.only_for = target  # type: ignore[attr-defined]  # a mark

    class Own(Recorder):
        pass

    manager().register(Around(), "around")
    pipeline.run({"x": 1})
    pipeline.map({"x": range(20)}, map_over="x", engine=SeqEngine(callbacks=[PipelineCallback()]))
    before = len(asked)
    pipeline.run({"x": 1}, engine=SeqEngine(callbacks=[Own()]))
    assert (before, asked) == (0, ["first", "second"])
