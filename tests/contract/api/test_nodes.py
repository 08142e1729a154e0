"""The contract of nodes, sentence by sentence."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
from typing import Any

import pytest

from hypernodes import MemoryCache, Node, Pipeline, SeqEngine, node
from hypernodes.errors import NodeDefinitionError

# -- how nodes are made ----------------------------------------------------------------


def test_the_bare_decorator_makes_a_node() -> None:
    """`@node` works without parentheses."""

    @node
    def clean(x):
        return x

    assert (type(clean), clean.output_name) == (Node, "clean")


def test_the_called_decorator_makes_a_node() -> None:
    """`@node()` works, and without a name the function's is the output name."""

    @node()
    def clean(x):
        return x

    assert (type(clean), clean.output_name) == (Node, "clean")


def test_the_output_name_can_be_given() -> None:
    """`@node(output_name="r")` names the output."""

    @node(output_name="r")
    def clean(x):
        return x

    assert (clean.output_name, clean.name) == ("r", "clean")


def test_several_output_names_can_be_given() -> None:
    """`@node(output_name=("a", "b"))` keeps the tuple as given."""

    @node(output_name=("a", "b"))
    def both(x):
        return x, x

    assert both.output_name == ("a", "b")


def test_caching_can_be_turned_off() -> None:
    """`@node(cache=False)` makes a node whose results are not cached."""

    @node(cache=False)
    def clean(x):
        return x

    assert (clean.cache, clean.output_name) == (False, "clean")


def test_node_can_be_called_with_a_function() -> None:
    """`node(output_name="r")(fn)` works."""

    def clean(x):
        return x

    assert node(output_name="r")(clean).func is clean


# -- what a node has -------------------------------------------------------------------


def test_a_node_has_its_attributes() -> None:
    """`name`, `func`, `output_name`, `cache` and `root_args` are those of the function."""

    def tidy(zeta, alpha=1):
        return zeta, alpha

    made = node(output_name="r")(tidy)
    assert (made.name, made.func, made.output_name, made.cache) == ("tidy", tidy, "r", True)
    assert made.root_args == ("zeta", "alpha")


def test_cache_is_read_when_a_run_starts() -> None:
    """`cache` is writable, and the next run goes by it."""
    calls: list[int] = []

    @node
    def f(x):
        calls.append(x)
        return x

    pipeline = Pipeline([f], engine=SeqEngine(cache=MemoryCache()))
    for flag in (True, True, False, False, True):
        f.cache = flag
        pipeline.run({"x": 1})
    assert len(calls) == 3


def test_code_hash_is_64_hex_digits() -> None:
    """The hash of the code is a text of 64 hex digits."""

    @node
    def f(x):
        return x

    assert (len(f.code_hash), int(f.code_hash, 16) > 0) == (64, True)


def test_code_hash_is_the_same_in_every_process() -> None:
    """The hash does not depend on the process that computes it."""
    code = "from hypernodes import Node; print(Node(lambda x: {'a', 'b', 'c'}, 'r').code_hash)"
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1


def test_calling_a_node_calls_the_function() -> None:
    """Nodes are unit-tested as plain functions."""

    @node(output_name="r")
    def add(x, y=1):
        return x + y

    assert (add(1), add(1, 2), add(x=1, y=3)) == (2, 3, 4)


# -- several outputs -------------------------------------------------------------------


@pytest.mark.parametrize("kind", [tuple, list])
def test_several_outputs_are_matched_by_position(kind: type) -> None:
    """The function returns a tuple or list, one value per name."""
    pipeline = Pipeline([Node(lambda x: kind([x, -x]), ("a", "b"))])
    assert pipeline.run({"x": 1}) == {"a": 1, "b": -1}


def test_each_output_is_usable_alone() -> None:
    """Each name feeds nodes downstream by itself."""
    both = Node(lambda x: (x, -x), ("a", "b"))
    pipeline = Pipeline([both, Node(lambda b: b * 10, "c")])
    assert pipeline.run({"x": 1}, output_name="c") == {"c": -10}


def test_a_tuple_of_one_name_takes_a_tuple_of_one_value() -> None:
    """One name in a tuple is still matched by position."""
    assert Pipeline([Node(lambda x: [x], ("a",))]).run({"x": 1}) == {"a": 1}


def test_one_name_takes_the_tuple_itself() -> None:
    """With a single name the returned tuple is the value."""
    assert Pipeline([Node(lambda x: (x, x), "a")]).run({"x": 1}) == {"a": (1, 1)}


@pytest.mark.parametrize(
    ("returned", "came"),
    [
        ((1,), "1 values"),
        ((1, 2, 3), "3 values"),
        ([], "0 values"),
        ("ab", "one str"),
        (None, "one NoneType"),
        ({"a": 1, "b": 2}, "one dict"),
    ],
)
def test_a_wrong_number_of_values_is_an_error(returned: Any, came: str) -> None:
    """The error names the node, what was expected and what came."""

    def both(x):
        return returned

    with pytest.raises(ValueError, match=rf"'both' .* 2 values \(a, b\).* {came}"):
        Pipeline([Node(both, ("a", "b"))]).run({"x": 1})


# -- what can be a node ----------------------------------------------------------------


def test_parameters_with_defaults_are_optional_inputs() -> None:
    """A default counts where no value is given."""
    pipeline = Pipeline([Node(lambda x, k=10: x * k, "r")])
    assert (pipeline.run({"x": 1}), pipeline.run({"x": 1, "k": 2})) == ({"r": 10}, {"r": 2})


def test_each_combination_of_optional_inputs_reaches_its_parameter() -> None:
    """Leaving out any of several defaults never shifts the others."""

    def show(a, b=2, c=3, *, d=4):
        return a, b, c, d

    pipeline = Pipeline([Node(show, "r")])
    assert pipeline.run({"a": 0, "c": 9})["r"] == (0, 2, 9, 4)
    assert pipeline.run({"a": 0, "d": 9, "b": 8})["r"] == (0, 8, 3, 9)


def test_an_upstream_output_wins_over_a_default() -> None:
    """An optional parameter that a node produces takes what it produces."""
    nodes = [Node(lambda x: x, "k"), Node(lambda x, k=10: (x, k), "r")]
    assert Pipeline(nodes).run({"x": 1})["r"] == (1, 1)


@pytest.mark.parametrize("function", [lambda *args: args, lambda **kwargs: kwargs])
def test_variadic_parameters_are_refused_at_construction(function: Any) -> None:
    """`*args` and `**kwargs` are refused with a clear error."""
    with pytest.raises(NodeDefinitionError, match="cannot be wired by name"):
        node(output_name="r")(function)


def test_a_partial_can_be_a_node() -> None:
    """What a partial binds is bound, the rest are inputs."""

    def scale(x, k, offset=0):
        return x * k + offset

    made = Node(functools.partial(scale, k=3), "r")
    assert (made.name, made.root_args) == ("scale", ("x", "offset"))
    assert Pipeline([made]).run({"x": 2, "offset": 1}) == {"r": 7}


def test_a_callable_object_can_be_a_node() -> None:
    """An object with `__call__` is called with its inputs."""

    class Scale:
        def __call__(self, x: int) -> int:
            return x * 3

    made = Node(Scale())
    assert (made.name, Pipeline([made]).run({"x": 2})) == ("Scale", {"Scale": 6})


def test_a_bound_method_can_be_a_node() -> None:
    """A method of an object is called on that object."""

    class Scale:
        k = 3

        def go(self, x):
            return x * self.k

    scale = Scale()
    pipeline = Pipeline([Node(scale.go, "r")])
    scale.k = 4
    assert pipeline.run({"x": 2}) == {"r": 8}


def test_a_lambda_can_be_a_node() -> None:
    """A lambda with an output name is a node."""
    assert Pipeline([node(output_name="r")(lambda x: x + 1)]).run({"x": 1}) == {"r": 2}


def test_a_class_can_be_a_node() -> None:
    """A class makes an object of its inputs."""
    assert Pipeline([Node(complex, "r")]).run({"real": 1, "imag": 2}) == {"r": 1 + 2j}


def test_positional_only_and_keyword_only_parameters_are_passed_as_they_must() -> None:
    """Each parameter is passed the way its function takes it."""

    def show(a, /, b, *, c):
        return a, b, c

    assert Pipeline([Node(show, "r")]).run({"c": 3, "b": 2, "a": 1}) == {"r": (1, 2, 3)}


def test_parameters_may_have_any_name() -> None:
    """Names that the library uses itself are free for inputs."""
    names = ["inputs", "output_name", "engine", "map_over", "map_mode", "pipeline", "row", "step"]
    names += ["context", "plan", "node", "func", "args"]
    function = eval(f"lambda {', '.join(names)}: ({', '.join(names)})")
    values = {name: number for number, name in enumerate(names)}
    assert Pipeline([Node(function, "r")]).run(values) == {"r": tuple(range(len(names)))}


# -- async -----------------------------------------------------------------------------


async def _later(x: int) -> int:
    await asyncio.sleep(0)
    return x + 1


def test_coroutine_functions_are_nodes() -> None:
    """An `async def` gives its value like any other function."""
    pipeline = Pipeline([Node(_later, "a"), Node(lambda a: a * 10, "b")])
    assert pipeline.run({"x": 1}) == {"a": 2, "b": 20}
    assert pipeline.map({"x": [1, 2]}, map_over="x", output_name="b") == [{"b": 20}, {"b": 30}]


def test_coroutine_functions_run_inside_a_running_loop() -> None:
    """As in a notebook: the call blocks and still returns the value."""

    async def cell() -> dict[str, Any]:
        return Pipeline([Node(_later, "a")]).run({"x": 1})

    assert asyncio.run(cell()) == {"a": 2}


def test_coroutines_may_run_pipelines_themselves() -> None:
    """A pipeline with async nodes can be run by an async node of another."""

    async def outer(x):
        return Pipeline([Node(_later, "a")]).run({"x": x})["a"]

    assert Pipeline([Node(outer, "r")]).run({"x": 1}) == {"r": 2}


def test_all_coroutines_of_a_run_share_one_loop() -> None:
    """What belongs to a loop (a client, a lock) can be handed from node to node."""

    async def current(x):
        return asyncio.get_running_loop()

    nodes = [Node(current, "a"), Node(current, "b")]
    result = Pipeline(nodes).run({"x": 1})
    assert result["a"] is result["b"]


@pytest.mark.parametrize("shape", ["object", "method", "partial", "partial of object", "wrapped"])
def test_coroutine_functions_of_every_shape_are_nodes(shape: str) -> None:
    """Objects, methods, partials and decorated functions that are async give values too."""

    class Later:
        async def __call__(self, x: int, k: int = 1) -> int:
            return x + k

        async def go(self, x):
            return x + 1

    @functools.wraps(_later)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        return await _later(*args, **kwargs)

    made = {
        "object": Later(),
        "method": Later().go,
        "partial": functools.partial(_later),
        "partial of object": functools.partial(Later(), k=1),
        "wrapped": wrapped,
    }[shape]
    assert Pipeline([Node(made, "r")]).run({"x": 1}) == {"r": 2}


def test_an_async_run_leaves_the_loop_of_its_thread_alone() -> None:
    """A loop that the caller has set for the thread is still set afterwards."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        Pipeline([Node(_later, "a")]).run({"x": 1})
        assert asyncio.get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()
