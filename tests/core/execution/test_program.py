"""Facts about plans that are carried out as one written function."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from hypernodes import AsyncEngine, DualNode, Pipeline, SeqEngine, node
from hypernodes.errors import ExecutionError, OutputCountError
from hypernodes.execution._program import Program
from hypernodes.execution._source import MOST_LOOPS

ITEMS = list(range(20))


def chain(length: int, work: str = "{} + 1") -> list[Any]:
    """Return nodes ``v0 -> v1 -> ...``."""
    nodes = []
    for number in range(length):
        scope: dict[str, Any] = {}
        name = f"v{number}"
        exec(f"def step{number}({name}): return {work.format(name)}", scope)
        nodes.append(node(output_name=f"v{number + 1}")(scope[f"step{number}"]))
    return nodes


def program_of(pipeline: Pipeline, *given: str, outputs: tuple[str, ...] | None = None) -> Program:
    """Return the program of a pipeline."""
    return Program(pipeline.compiled(outputs, given))


def thrice(call: Callable[[], Any]) -> list[Any]:
    """Return what three calls in turn came to, by name where they raised."""
    found = []
    for _ in range(3):
        try:
            found.append(call())
        except Exception as error:
            found.append(type(error).__name__)
    return found


class Counted:
    """Counts how many of it there are, and the most there ever were."""

    alive = most = 0

    def __init__(self) -> None:
        cls = type(self)
        cls.alive += 1
        cls.most = max(cls.most, cls.alive)

    def __del__(self) -> None:
        type(self).alive -= 1


def test_it_returns_what_the_functions_return() -> None:
    """One item in, its outputs out, in execution order."""
    program = program_of(Pipeline(chain(3)), "v0")
    assert list(program.run([1]).items()) == [("v1", 2), ("v2", 3), ("v3", 4)]


def test_it_reads_its_values_by_sorted_name() -> None:
    """The order of the values that it takes does not depend on the order of parameters."""
    pipeline = Pipeline([node(output_name="y")(lambda b, a: (b, a))])
    program = program_of(pipeline, "a", "b")
    assert (program.reads, program.run([1, 2])) == (("a", "b"), {"y": (2, 1)})


def test_many_inputs_do_not_meet_the_variables_of_inner_loops() -> None:
    """An inner loop leaves the values of the outer one alone, however many there are."""
    inner = Pipeline([node(output_name="s")(lambda word, k: word + k)])
    names = [f"c{n:02}" for n in range(30)]
    scope: dict[str, Any] = {}
    exec(f"def total(s, {', '.join(names)}): return (sum(s), [{', '.join(names)}])", scope)
    pipeline = Pipeline(
        [
            node(output_name="words")(lambda a: [a, a]),
            inner.as_node({"words": "word"}, map_over="words"),
            node(output_name="t")(scope["total"]),
        ]
    )
    fixed = {name: number for number, name in enumerate(names)}
    rows = pipeline.map({"a": ITEMS, "k": 10, **fixed}, map_over="a", output_name="t")
    assert rows == [{"t": (2 * a + 20, list(range(30)))} for a in ITEMS]


def test_a_failure_is_noted_with_the_item_and_the_inner_item() -> None:
    """The note names the node, its path, and the numbers of both maps."""
    inner = Pipeline([node(output_name="inverse")(lambda x: 1 / x)], name="inner")
    pipeline = Pipeline(
        [
            node(output_name="xs")(lambda a: [3, 2, 15 - a]),
            inner.as_node({"xs": "x"}, map_over="xs"),
        ]
    )
    with pytest.raises(ZeroDivisionError) as caught:
        pipeline.map({"a": ITEMS}, map_over="a")
    assert caught.value.__notes__ == ["in node '<lambda>' at inner/<lambda>, item 15, inner item 2"]


def test_one_exception_object_raised_twice_is_noted_for_both_items() -> None:
    """An exception that is raised again and again keeps a note for every place."""
    error = ValueError("always this one")

    @node(output_name="y")
    def fail(x: int) -> int:
        if x in (9, 12):
            raise error
        return x

    results = Pipeline([fail]).map({"x": ITEMS}, map_over="x", on_error="collect")
    assert [each.item for each in results.failed] == [9, 12]
    assert error.__notes__ == [f"in node 'fail' at fail, item {n}" for n in (9, 12)]


def test_a_node_that_runs_its_own_pipeline_is_noted_at_every_depth() -> None:
    """Recursion through one program: every level of it adds its own note."""
    holder: list[Pipeline] = []

    @node(output_name="y")
    def down(x: int) -> int:
        if x == 0:
            raise LookupError(x)
        return holder[0].map({"x": [5] * 8 + [x - 1]}, map_over="x")[-1]["y"] if x < 3 else x

    holder.append(Pipeline([down]))
    with pytest.raises(LookupError) as caught:
        holder[0].map({"x": [5] * 10 + [2]}, map_over="x")
    assert caught.value.__notes__ == [
        "in node 'down' at down, item 8",
        "in node 'down' at down, item 10",
    ]


def test_a_wrong_number_of_outputs_is_said() -> None:
    """A function of several outputs is checked in a written loop as well."""
    pipeline = Pipeline([node(output_name=("a", "b"))(lambda x: (x,) * (3 if x == 9 else 2))])
    with pytest.raises(OutputCountError, match="returned 3 values"):
        pipeline.map({"x": ITEMS}, map_over="x")


@pytest.mark.parametrize("inner", [False, True])
def test_a_coroutine_that_nobody_awaits_is_refused_however_often(inner: bool) -> None:
    """A plain function that returns a coroutine is refused in the first run and in every later."""

    async def fetch(x: int) -> int:
        return x

    nodes: list[Any] = [node(output_name="y")(lambda x: fetch(x))]  # noqa: PLW0108 - a lambda is the point
    nodes.append(node(output_name="z")(lambda y: y))
    pipeline = Pipeline([Pipeline(nodes)] if inner else nodes)
    runs = thrice(lambda: pipeline.run({"x": 1}, output_name="z"))
    maps = thrice(lambda: pipeline.map({"x": ITEMS}, map_over="x", output_name="z"))
    assert runs + maps == [ExecutionError.__name__] * 6


def test_a_refused_coroutine_is_noted_with_its_node() -> None:
    """The error says which node it was, and what to do."""

    async def fetch(x: int) -> int:
        return x

    pipeline = Pipeline([node(output_name="y")(lambda x: fetch(x))])  # noqa: PLW0108 - a lambda is the point
    with pytest.raises(ExecutionError, match="make its function 'async def'") as caught:
        pipeline.map({"x": ITEMS}, map_over="x")
    assert caught.value.__notes__ == ["in node '<lambda>' at <lambda>, item 0"]


def test_it_is_let_go_of_with_its_pipeline() -> None:
    """What functions hold is freed once nobody holds the pipeline."""
    held = Counted()
    gone = weakref.ref(held)
    pipeline = Pipeline([node(output_name="y")(lambda x, _held=held: x)])
    for _ in range(3):
        pipeline.run({"x": 1})
        pipeline.map({"x": ITEMS}, map_over="x")
    del pipeline, held
    gc.collect()
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("engine", [SeqEngine(), AsyncEngine()], ids=repr)
def test_values_that_nobody_needs_any_more_are_let_go_of(engine: Any) -> None:
    """In a chain of which the end is asked for, two values are alive at once, never more."""

    class Value(Counted):
        pass

    scope: dict[str, Any] = {"Value": Value}
    nodes = []
    for n in range(10):
        exec(f"def step(v{n}): return Value()", scope)
        nodes.append(node(output_name=f"v{n + 1}")(scope["step"]))
    pipeline = Pipeline(nodes)
    for _ in range(3):
        pipeline.run({"v0": 1}, output_name="v10", engine=engine)
        pipeline.map({"v0": ITEMS[:1]}, map_over="v0", output_name="v10", engine=engine)
    assert (Value.most, Value.alive) == (2, 0)


@pytest.mark.parametrize("engine", [SeqEngine(), AsyncEngine()], ids=repr)
def test_outputs_that_nobody_reads_are_let_go_of_at_once(engine: Any) -> None:
    """Of a function with two outputs, the one that nobody asks for is gone before the next."""

    class Value(Counted):
        pass

    pipeline = Pipeline(
        [
            node(output_name=("a", "b"))(lambda x: (x, Value())),
            node(output_name="alive")(lambda a: Value.alive),
        ]
    )
    found = [pipeline.run({"x": 1}, output_name="alive", engine=engine) for _ in range(3)]
    found += pipeline.map({"x": ITEMS}, map_over="x", output_name="alive", engine=engine)
    assert found == [{"alive": 0}] * (3 + len(ITEMS))


def test_a_value_that_goes_through_a_pipeline_unchanged_is_kept_for_who_reads_it_later() -> None:
    """Under its second name it may be done with, under its first it is still read."""
    inner = Pipeline([node(output_name="y")(lambda a: a + 1)])
    middle = Pipeline([inner, node(output_name="z")(lambda y: y * 2)])
    pipeline = Pipeline(
        [
            node(output_name="a")(lambda x: x),
            middle,
            node(output_name="end")(lambda a, z: a + z),
        ]
    )
    found = [pipeline.run({"x": 1}, output_name="end") for _ in range(3)]
    found += [pipeline.run({"a": 1, "y": 5}, output_name="end") for _ in range(3)]
    assert found == [{"end": 5}] * 3 + [{"end": 11}] * 3


@pytest.mark.parametrize("depth", [MOST_LOOPS - 1, MOST_LOOPS, MOST_LOOPS + 1, MOST_LOOPS + 4])
def test_maps_in_maps_may_be_deeper_than_python_writes_loops(depth: int) -> None:
    """However deep maps are nested, runs and maps of them give the same."""
    pipeline = Pipeline(
        [node(output_name="y")(lambda x: x + 1), node(output_name="z")(lambda x: x)]
    )
    value: Any = 1
    for _ in range(depth):
        pipeline, value = Pipeline([pipeline.as_node(map_over="x")]), [value]
    found = [pipeline.run({"x": value}) for _ in range(3)]
    found += pipeline.map({"x": [value] * 10}, map_over="x")
    assert {str(each["y"]).strip("[]") for each in found} == {"2"}


def test_very_long_chains_run_every_way() -> None:
    """A chain of 3,000 functions runs a first and a second time, and in a map."""
    pipeline = Pipeline(chain(3_000))
    runs = [pipeline.run({"v0": 0}, output_name="v3000") for _ in range(3)]
    rows = pipeline.map({"v0": [0] * 8}, map_over="v0", output_name="v3000")
    assert runs + rows == [{"v3000": 3_000}] * 11


def test_functions_may_take_hundreds_of_arguments() -> None:
    """300 parameters arrive in their places."""
    names = [f"a{n}" for n in range(300)]
    scope: dict[str, Any] = {}
    exec(f"def gather({', '.join(names)}): return [{', '.join(names)}]", scope)
    pipeline = Pipeline([node(output_name="y")(scope["gather"])])
    values = {name: number for number, name in enumerate(names)}
    rows = pipeline.map({**values, "a299": [299] * 9}, map_over="a299")
    runs = [pipeline.run(values) for _ in range(3)]
    assert [each["y"] for each in rows + runs] == [list(range(300))] * 12


def test_arguments_behind_an_option_that_is_left_out_keep_their_places() -> None:
    """Where a default in the middle is used, what follows is passed by name."""

    @node(output_name="y")
    def spread(a: int, b: int = 2, c: int = 3, *, d: int, e: int = 5) -> tuple[int, ...]:
        return a, b, c, d, e

    pipeline = Pipeline([spread])
    given = [{"a": 1, "d": 4}, {"a": 1, "c": 7, "d": 4}, {"a": 1, "b": 8, "d": 4, "e": 9}]
    expected = [(1, 2, 3, 4, 5), (1, 2, 7, 4, 5), (1, 8, 3, 4, 9)]
    assert [pipeline.run(given[n % 3])["y"] for n in range(12)] == expected * 4


def test_batches_are_not_written() -> None:
    """A map of a dual node calls its batch function, also after runs that called the other."""
    pytest.importorskip("pyarrow")
    calls: list[str] = []

    def one(x: int) -> int:
        calls.append("one")
        return x

    def batch(x: Any) -> Any:
        calls.append("batch")
        return x

    pipeline = Pipeline([DualNode("y", one, batch)])
    for _ in range(3):
        pipeline.run({"x": 1})
    rows = pipeline.map({"x": ITEMS}, map_over="x")
    pipeline.run({"x": 1})
    assert (calls, rows[3]) == (["one"] * 3 + ["batch"] + ["one"], {"y": 3})


def test_coroutine_functions_run_on_every_engine_in_any_order() -> None:
    """What one engine awaits is not handed to another one that does not."""

    @node(output_name="y")
    async def wait(x: int) -> int:
        return x

    pipeline = Pipeline([wait])
    found = [
        pipeline.map({"x": ITEMS}, map_over="x", engine=engine)
        for engine in (AsyncEngine(), SeqEngine(), AsyncEngine())
    ]
    runs = [pipeline.run({"x": 1}, engine=e) for e in (SeqEngine(), AsyncEngine(), SeqEngine())]
    assert [*found, runs] == [[{"y": x} for x in ITEMS]] * 3 + [[{"y": 1}] * 3]
