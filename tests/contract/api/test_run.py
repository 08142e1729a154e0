"""The contract of `run`, sentence by sentence.

Most tests run the same pipeline::

    x ─> a ─> b ─> c          and, beside it,   y ─> d
"""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import pytest

from hypernodes import Node, Pipeline, Recorder, SeqEngine
from hypernodes.errors import MissingInputError, UnknownOutputError


class Traced:
    """The pipeline above, and the names of the outputs that were computed."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.pipeline = Pipeline(
            [
                Node(lambda b: self._note("c", b + 1), "c"),
                Node(lambda a: self._note("b", a + 1), "b"),
                Node(lambda x: self._note("a", x + 1), "a"),
                Node(lambda y: self._note("d", y), "d"),
            ]
        )

    def _note(self, name: str, value: Any) -> Any:
        self.calls.append(name)
        return value


@pytest.fixture
def traced() -> Traced:
    """Give a fresh pipeline that notes what it computes."""
    return Traced()


# -- what comes back -------------------------------------------------------------------


def test_every_output_is_returned_and_no_input(traced: Traced) -> None:
    """The dict holds every node output, intermediate ones too, never the inputs."""
    assert traced.pipeline.run({"x": 1, "y": 5}) == {"a": 2, "b": 3, "c": 4, "d": 5}


def test_keys_are_in_execution_order(traced: Traced) -> None:
    """Key order is execution order."""
    order = [name for n in traced.pipeline.graph.execution_order for name in n.outputs]
    assert list(traced.pipeline.run({"x": 1, "y": 5})) == order == traced.calls


def test_keys_of_a_request_are_in_execution_order(traced: Traced) -> None:
    """The order of `output_name` does not count."""
    assert list(traced.pipeline.run({"x": 1}, output_name=["c", "a", "b"])) == ["a", "b", "c"]


def test_each_node_runs_once(traced: Traced) -> None:
    """However many nodes read an output, it is computed once."""
    pipeline = Pipeline([*traced.pipeline.nodes, Node(lambda a, b, c: 0, "e")])
    pipeline.run({"x": 1, "y": 1})
    assert sorted(traced.calls) == ["a", "b", "c", "d"]


def test_values_are_passed_as_themselves() -> None:
    """Inputs and outputs are never copied."""
    value = object()
    pipeline = Pipeline([Node(lambda x: x, "a"), Node(lambda a: a, "b")])
    assert pipeline.run({"x": value})["b"] is value


def test_every_call_returns_a_new_dict(traced: Traced) -> None:
    """Changing a result does not change the next one."""
    traced.pipeline.run({"x": 1, "y": 5}).clear()
    assert traced.pipeline.run({"x": 1, "y": 5})["a"] == 2


# -- output_name -----------------------------------------------------------------------


@pytest.mark.parametrize("request_", ["b", ["b"], ("b",)])
def test_output_name_gives_exactly_those_keys(traced: Traced, request_: Any) -> None:
    """A name or a list of names: exactly those keys, only needed nodes, only their inputs."""
    assert traced.pipeline.run({"x": 1}, output_name=request_) == {"b": 3}
    assert traced.calls == ["a", "b"]


def test_no_output_name_in_a_list_runs_nothing(traced: Traced) -> None:
    """An empty list asks for nothing, which needs nothing."""
    assert (traced.pipeline.run(output_name=[]), traced.calls) == ({}, [])


def test_a_repeated_output_name_counts_once(traced: Traced) -> None:
    """A name that is asked for twice is one key."""
    assert traced.pipeline.run({"x": 1}, output_name=["a", "a"]) == {"a": 2}


def test_an_unknown_output_is_refused_before_anything_runs(traced: Traced) -> None:
    """`ValueError` with `not found` and a did-you-mean."""
    pipeline = Pipeline([*traced.pipeline.nodes, Node(lambda a: a, "cleaned")])
    with pytest.raises(ValueError, match=r"not found.*did you mean 'cleaned'\?") as caught:
        pipeline.run({"x": 1, "y": 1}, output_name=["a", "cleand"])
    assert (type(caught.value), traced.calls) == (UnknownOutputError, [])


def test_an_input_is_no_output(traced: Traced) -> None:
    """Asking for an input is asking for an unknown output."""
    with pytest.raises(ValueError, match="not found"):
        traced.pipeline.run({"x": 1, "y": 1}, output_name="x")


# -- inputs ----------------------------------------------------------------------------


def test_missing_inputs_are_listed(traced: Traced) -> None:
    """`ValueError` with `Missing required input` and the names; nothing has run."""
    with pytest.raises(ValueError, match=r"Missing required input.*x, y") as caught:
        traced.pipeline.run()
    assert (type(caught.value), traced.calls) == (MissingInputError, [])


def test_missing_inputs_are_no_matter_of_construction(traced: Traced) -> None:
    """What is missing is found at run, so a pipeline can be built before its inputs exist."""
    assert traced.pipeline.unfulfilled_args == ("x", "y")


def test_extra_inputs_are_ignored(traced: Traced) -> None:
    """A value that nobody takes does not matter."""
    assert traced.pipeline.run({"x": 1, "other": 9}, output_name="a") == {"a": 2}


def test_inputs_can_be_given_by_keyword(traced: Traced) -> None:
    """`run(x=1)` is `run(inputs={"x": 1})`, and both may be mixed."""
    assert traced.pipeline.run({"y": 5}, x=1)["c"] == 4


def test_inputs_are_not_changed(traced: Traced) -> None:
    """The caller's dict stays as it is."""
    inputs = {"x": 1, "y": 5}
    traced.pipeline.run(inputs)
    assert inputs == {"x": 1, "y": 5}


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
def test_empty_values_are_values(value: Any) -> None:
    """An input that is None or empty is given."""
    assert Pipeline([Node(lambda x=7: x, "a")]).run({"x": value}) == {"a": value}


# -- overriding ------------------------------------------------------------------------


def test_a_given_intermediate_replaces_its_producer(traced: Traced) -> None:
    """The producer does not run, and what reads it takes the given value."""
    assert traced.pipeline.run({"x": 1, "y": 5, "b": 10}) == {"a": 2, "c": 11, "d": 5}
    assert "b" not in traced.calls


def test_what_only_a_replaced_producer_needs_is_not_required(traced: Traced) -> None:
    """With a request, nothing above the given value is needed."""
    assert traced.pipeline.run({"b": 10}, output_name="c") == {"c": 11}
    assert traced.calls == ["c"]


@pytest.mark.parametrize("given", ["a", "b", "c"])
def test_any_intermediate_can_be_given(traced: Traced, given: str) -> None:
    """At every place of a chain the given value counts and its producer does not run."""
    result = traced.pipeline.run({"x": 1, "y": 5, given: 100})
    later = "abc"["abc".index(given) + 1 :]
    assert [result[name] for name in later] == [101 + n for n in range(len(later))]
    assert given not in traced.calls


def test_a_given_output_of_several_wins_over_the_computed_one() -> None:
    """One of two outputs given: readers take the given one, the other is computed."""
    both = Node(lambda x: (x, x), ("p", "q"))
    pipeline = Pipeline([both, Node(lambda p, q: (p, q), "r")])
    assert pipeline.run({"x": 1, "p": 9}) == {"q": 1, "r": (9, 1)}


def test_none_can_replace_a_producer(traced: Traced) -> None:
    """None is a value for an intermediate too."""
    pipeline = Pipeline([Node(lambda x: 1 / 0, "a"), Node(lambda a: a is None, "b")])
    assert pipeline.run({"x": 1, "a": None}) == {"b": True}


# -- engine ----------------------------------------------------------------------------


def test_engine_overrides_for_this_call() -> None:
    """`engine=` counts for the call, and the pipeline keeps its own."""
    recorder, own = Recorder(), SeqEngine()
    pipeline = Pipeline([Node(lambda x: x, "a")], engine=own)
    pipeline.run({"x": 1}, engine=SeqEngine(callbacks=[recorder]))
    pipeline.run({"x": 1})
    assert (recorder.counts["pipeline_start"], pipeline.engine) == (1, own)


# -- errors ----------------------------------------------------------------------------


class _LoudError(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


def _fail(error: BaseException) -> Any:
    def explode(x):
        raise error

    return Pipeline([Node(explode, "a")])


@pytest.mark.parametrize(
    "error",
    [ValueError("bad"), _LoudError(code=3), KeyError("k"), StopIteration(1), TimeoutError()],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_reaches_the_caller_as_it_is(error: Exception) -> None:
    """A node's exception keeps its type and message: it is the very object."""
    message = str(error)
    with pytest.raises(type(error)) as caught:
        _fail(error).run({"x": 1})
    assert caught.value is error
    assert str(caught.value) == message


def test_an_exception_gains_a_note_with_the_node_path() -> None:
    """The note names the node and where it sits."""
    inner = _fail(ValueError("bad")).with_name("inner")
    with pytest.raises(ValueError, match="bad") as caught:
        Pipeline([Pipeline([inner], name="outer")]).run({"x": 1})
    assert caught.value.__notes__ == ["in node 'explode' at outer/inner/explode"]


def test_notes_of_the_user_come_first() -> None:
    """A note that the function added is kept."""
    error = ValueError("bad")
    error.add_note("mine")
    with pytest.raises(ValueError, match="bad") as caught:
        _fail(error).run({"x": 1})
    assert caught.value.__notes__ == ["mine", "in node 'explode' at explode"]


def test_an_exception_that_takes_no_notes_is_still_raised() -> None:
    """Where no note can be added, the exception is not replaced by another one."""

    @dataclasses.dataclass(frozen=True)
    class FrozenError(Exception):
        code: int

    with pytest.raises(FrozenError):
        _fail(FrozenError(3)).run({"x": 1})


def test_cause_and_context_are_kept() -> None:
    """What an exception was raised from stays, and nothing of ours is put in between."""

    def explode(x):
        try:
            return 1 / x
        except ZeroDivisionError as error:
            message = "bad"
            raise ValueError(message) from error

    with pytest.raises(ValueError, match="bad") as caught:
        Pipeline([Node(explode, "a")]).run({"x": 0})
    assert type(caught.value.__cause__) is ZeroDivisionError
    assert caught.value.__cause__.__context__ is None


def test_an_exception_of_a_coroutine_reaches_the_caller() -> None:
    """Async nodes fail like any other."""

    async def explode(x):
        raise KeyError(x)

    with pytest.raises(KeyError) as caught:
        Pipeline([Node(explode, "a")]).run({"x": 1})
    assert caught.value.__notes__ == ["in node 'explode' at explode"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_interrupts_pass(kind: type[BaseException]) -> None:
    """What is no `Exception` is not held up."""
    with pytest.raises(kind):
        _fail(kind()).run({"x": 1})


def test_nothing_runs_after_a_failure(traced: Traced) -> None:
    """Nodes below and beside a failing one are not called afterwards."""
    pipeline = Pipeline([*traced.pipeline.nodes[:2], Node(lambda x: 1 / 0, "a")])
    with pytest.raises(ZeroDivisionError):
        pipeline.run({"x": 1})
    assert traced.calls == []


# -- many at once ----------------------------------------------------------------------


def test_one_pipeline_serves_many_threads() -> None:
    """Runs at the same time do not disturb each other, the first ones included."""
    pipeline = Pipeline([Pipeline([Node(lambda x: x + 1, "a")]), Node(lambda a: a * 2, "b")])
    barrier, results = threading.Barrier(8), {}

    def work(number: int) -> None:
        barrier.wait()
        results[number] = [pipeline.run({"x": number + i})["b"] for i in range(20)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: [2 * (n + i + 1) for i in range(20)] for n in range(8)}


def test_a_pipeline_can_run_itself_inside_a_node() -> None:
    """A run within a run of the same pipeline is a run of its own."""
    pipeline = Pipeline([Node(lambda n: n and n + pipeline.run({"n": n - 1})["s"], "s")])
    assert pipeline.run({"n": 4}) == {"s": 10}
