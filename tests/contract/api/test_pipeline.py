"""The contract of names, and of pipelines before they run, sentence by sentence."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest

import hypernodes
from hypernodes import CycleError, DependencyError, Node, Pipeline, SeqEngine

NAMES = [
    "node",
    "Node",
    "Pipeline",
    "DualNode",
    "HyperNode",
    "stateful",
    "SeqEngine",
    "DiskCache",
    "MemoryCache",
    "open_cache",
    "File",
    "PipelineCallback",
    "CallbackContext",
    "LoggingCallback",
    "Recorder",
    "HyperNodesError",
    "FingerprintError",
    "CacheError",
    "PluginError",
    "CycleError",
    "DependencyError",
    "ExecutionError",
    "visualize",
]
METHODS = [
    "run",
    "map",
    "as_node",
    "bind",
    "unbind",
    "visualize",
    "with_engine",
    "with_name",
]

A = Node(lambda x: x + 1, "a")
B = Node(lambda a, y: a * y, "b")


# -- public names ----------------------------------------------------------------------


def _get_or_error(module: Any, name: str) -> Any:
    try:
        return getattr(module, name)
    except ImportError as error:
        return error


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_there(name: str) -> None:
    """`hypernodes` has every name of the contract, and lists it."""
    assert getattr(hypernodes, name) is not None
    assert name in hypernodes.__all__


@pytest.mark.parametrize("name", ["ProgressCallback", "TelemetryCallback"])
def test_telemetry_has_its_callbacks(name: str) -> None:
    """`hypernodes.telemetry` has them, or says which distribution brings them."""
    module = __import__("hypernodes.telemetry", fromlist=[name])
    found = _get_or_error(module, name)
    assert not isinstance(found, ImportError) or "pip install 'hypernodes[otel]'" in str(found)


@pytest.mark.parametrize("name", ["PipelineCallback", "CallbackContext"])
def test_callbacks_have_their_home(name: str) -> None:
    """`hypernodes.callbacks` has what an observer needs."""
    module = __import__("hypernodes.callbacks", fromlist=[name])
    assert getattr(module, name) is getattr(hypernodes, name)


@pytest.mark.parametrize("extra", ["daft", "dask", "ray"])
@pytest.mark.parametrize("module", ["hypernodes", "hypernodes.engines"])
def test_a_missing_engine_names_its_install_line(module: str, extra: str) -> None:
    """Asking for a name whose distribution is missing raises an ImportError with the line."""
    home = __import__(module, fromlist=["x"])
    found = _get_or_error(home, f"{extra.capitalize()}Engine")
    assert isinstance(found, type) or f"pip install 'hypernodes[{extra}]'" in str(found)


def test_importing_loads_nothing_heavy() -> None:
    """`import hypernodes` loads no entry point, fsspec, rich or cattrs."""
    heavy = ("fsspec", "rich", "cattrs", "importlib_metadata", "asyncio", "sqlite3", "numpy")
    code = f"import sys, hypernodes; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", METHODS)
def test_a_pipeline_has_its_methods(name: str) -> None:
    """`Pipeline` has every method of the contract."""
    assert callable(getattr(Pipeline, name))


# -- construction ----------------------------------------------------------------------


def test_nodes_come_in_any_order() -> None:
    """The order of the nodes changes nothing."""
    inputs = {"x": 1, "y": 5}
    assert Pipeline([B, A]).run(inputs) == Pipeline([A, B]).run(inputs) == {"a": 2, "b": 10}


def test_a_pipeline_may_be_empty() -> None:
    """Without nodes `run(inputs={})` gives `{}`."""
    assert Pipeline(nodes=[]).run(inputs={}) == {}


def test_no_engine_means_seq_engine() -> None:
    """Where no engine is given, there is a `SeqEngine`."""
    assert type(Pipeline([A]).engine) is SeqEngine


def test_arguments_become_attributes() -> None:
    """`nodes`, `engine` and `name` are what was given."""
    engine = SeqEngine()
    pipeline = Pipeline(nodes=[A, B], engine=engine, name="n")
    assert (pipeline.nodes, pipeline.engine, pipeline.name) == ([A, B], engine, "n")


def test_a_pipeline_has_no_name_by_default() -> None:
    """`name` is None where none is given."""
    assert Pipeline([A]).name is None


def test_nodes_may_be_any_iterable() -> None:
    """A tuple or a generator of nodes will do, and is read once."""
    assert Pipeline(each for each in (A, B)).nodes == [A, B]  # type: ignore[arg-type]


# -- id --------------------------------------------------------------------------------


def test_id_is_a_text() -> None:
    """`id` is a str."""
    assert isinstance(Pipeline([A]).id, str)


def test_id_is_stable_across_processes() -> None:
    """Another process with another hash seed computes the same id."""
    code = textwrap.dedent("""
        from hypernodes import Node, Pipeline
        def f(x): return x
        def g(f, y=1): return f
        inner = Pipeline([Node(f)], name="inner")
        print(Pipeline([inner, Node(g, ("p", "q"))]).id)
    """)
    ids = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(ids) == 1


def test_id_stays_while_a_pipeline_is_configured() -> None:
    """Binding, naming and another engine do not make it another pipeline."""
    pipeline = Pipeline([A, B])
    before = pipeline.id
    assert pipeline.bind(x=1).with_engine(SeqEngine()).id == before


# -- names -----------------------------------------------------------------------------


def test_bound_inputs_are_a_copy() -> None:
    """Changing what `bound_inputs` returned changes nothing."""
    pipeline = Pipeline([A]).bind(x=1)
    pipeline.bound_inputs["x"] = 2
    assert pipeline.bound_inputs == {"x": 1}


def test_unfulfilled_args_are_alphabetical() -> None:
    """Root arguments that are not bound, as a tuple in alphabetical order."""
    pipeline = Pipeline([Node(lambda zeta, mid, alpha: 1, "r")])
    assert pipeline.unfulfilled_args == ("alpha", "mid", "zeta")
    assert pipeline.bind(mid=1).unfulfilled_args == ("alpha", "zeta")


def test_graph_names_are_sorted_lists() -> None:
    """`root_args` and `available_output_names` are sorted lists."""
    graph = Pipeline([B, A]).graph
    assert (graph.root_args, graph.available_output_names) == (["x", "y"], ["a", "b"])


def test_root_args_include_bound_ones() -> None:
    """Binding an input does not make it less of an input."""
    assert Pipeline([A]).bind(x=1).graph.root_args == ["x"]


def test_execution_order_has_dependencies_first() -> None:
    """`execution_order` holds node objects, each after what it needs."""
    assert Pipeline([B, A]).graph.execution_order == [A, B]


def test_execution_order_breaks_ties_by_name() -> None:
    """Nodes that are ready at once come by name."""

    def zeta(x):
        return x

    def alpha(x):
        return x

    names = [each.name for each in Pipeline([Node(zeta), Node(alpha)]).graph.execution_order]
    assert names == ["alpha", "zeta"]


# -- what is refused -------------------------------------------------------------------


def test_two_producers_are_refused() -> None:
    """One output of two nodes: an error naming the output and both nodes."""

    def first(x):
        return x

    def second(x):
        return x

    with pytest.raises(DependencyError, match="'r': 'first' and 'second'"):
        Pipeline([Node(first, "r"), Node(second, "r")])


def test_a_cycle_is_refused() -> None:
    """A cycle is printed."""

    def one(b):
        return b

    def two(a):
        return a

    with pytest.raises(CycleError, match=r"one -> two -> one|two -> one -> two"):
        Pipeline([Node(one, "a"), Node(two, "b")])


def test_a_node_that_consumes_its_own_output_is_refused() -> None:
    """The smallest cycle is a cycle."""

    def own(own):
        return own

    with pytest.raises(CycleError, match="own -> own"):
        Pipeline([Node(own)])


def test_a_wrapper_that_consumes_its_own_output_is_refused() -> None:
    """Renaming an output to the name of an input makes a cycle."""
    with pytest.raises(CycleError):
        Pipeline([Pipeline([A], name="n").as_node(output_mapping={"a": "x"})])


def test_chains_of_many_thousand_nodes_build_and_run() -> None:
    """Five thousand nodes in a row need no recursion, given in any order."""
    chain = [Node(eval(f"lambda v{n}: v{n} + 1"), f"v{n + 1}") for n in range(5_000)]
    pipeline = Pipeline(chain[::-1])
    assert pipeline.run({"v0": 0})["v5000"] == 5_000
    assert pipeline.map({"v0": [1]}, map_over="v0", output_name="v5000") == [{"v5000": 5_001}]


# -- changing --------------------------------------------------------------------------


def test_changing_methods_return_the_pipeline() -> None:
    """`with_engine`, `with_name`, `bind` and `unbind` change it and return it."""
    pipeline, engine = Pipeline([A]), SeqEngine()
    returned = [
        pipeline.with_engine(engine),
        pipeline.with_name("n"),
        pipeline.bind(x=1),
        pipeline.unbind("x"),
    ]
    assert [each is pipeline for each in returned] == [True] * 4
    assert (pipeline.engine, pipeline.name, pipeline.bound_inputs) == (engine, "n", {})


def test_bindings_merge_and_later_ones_win() -> None:
    """`bind` adds to what is bound; the last value of a name counts."""
    pipeline = Pipeline([B]).bind(a=1, y=2).bind(y=3)
    assert (pipeline.bound_inputs, pipeline.run()) == ({"a": 1, "y": 3}, {"b": 3})


def test_inputs_win_over_bindings() -> None:
    """A value in `inputs=` is used instead of the bound one, for that run only."""
    pipeline = Pipeline([A]).bind(x=1)
    assert (pipeline.run({"x": 10}), pipeline.run()) == ({"a": 11}, {"a": 2})


def test_unknown_bindings_are_accepted() -> None:
    """A name that no node takes may be bound, and does nothing."""
    pipeline = Pipeline([A]).bind(nobody=1)
    assert (pipeline.bound_inputs, pipeline.run({"x": 1})) == ({"nobody": 1}, {"a": 2})


def test_none_can_be_bound() -> None:
    """None is a value, not the lack of one."""
    pipeline = Pipeline([Node(lambda x: x is None, "r")]).bind(x=None)
    assert (pipeline.unfulfilled_args, pipeline.run()) == ((), {"r": True})


def test_a_bound_none_wins_over_a_default() -> None:
    """None is passed where it is bound, whatever the default."""
    assert Pipeline([Node(lambda x=5: x, "r")]).bind(x=None).run() == {"r": None}


def test_unbind_takes_names_back() -> None:
    """`unbind` forgets the given names; those that are not bound do not matter."""
    assert Pipeline([B]).bind(a=1, y=2).unbind("y", "other").bound_inputs == {"a": 1}


def test_unbind_without_names_clears_all() -> None:
    """`unbind()` forgets everything."""
    assert Pipeline([B]).bind(a=1, y=2).unbind().bound_inputs == {}


def test_any_parameter_name_can_be_bound() -> None:
    """A method read from its class takes its object as an input that can be bound."""

    class Scale:
        def go(self, x):
            return x * 2

    assert Pipeline([Node(Scale.go, "r")]).bind(self=Scale()).run({"x": 2}) == {"r": 4}


# -- repr ------------------------------------------------------------------------------


def test_repr_shows_name_nodes_bound_and_needs() -> None:
    """The text is that of the contract."""
    pipeline = Pipeline([Node(lambda x, y: 1, "a"), Node(lambda a: 1, "b")], name="n").bind(x=3)
    assert repr(pipeline) == "Pipeline(name='n', nodes=2, bound=[x=3], needs=[y])"


def test_repr_leaves_out_what_is_empty() -> None:
    """`bound=` and `needs=` appear only when not empty."""
    assert repr(Pipeline([])) == "Pipeline(name=None, nodes=0)"
    assert repr(Pipeline([A])) == "Pipeline(name=None, nodes=1, needs=[x])"
    assert repr(Pipeline([A]).bind(x=1)) == "Pipeline(name=None, nodes=1, bound=[x=1])"
