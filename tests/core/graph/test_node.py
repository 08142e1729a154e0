"""Facts about functions as nodes, beyond the public contract."""

from __future__ import annotations

import functools
import importlib
import inspect
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import cloudpickle
import pytest

from hypernodes import HyperNode, Node, node
from hypernodes.errors import NodeDefinitionError


class Scaler:
    """A plain class whose method is a node."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    @node(output_name="scaled")
    def scale(self, x: int) -> int:
        """Multiply."""
        return x * self.factor


@pytest.mark.parametrize("spelling", ["decorator", "position", "keyword", "class"])
def test_every_spelling_makes_the_same_node(spelling: str) -> None:
    """A node is the same, however it is written."""

    def f(x):
        return x

    made = {
        "decorator": lambda: node(output_name="r")(f),
        "position": lambda: node("r")(f),
        "keyword": lambda: node(f, output_name="r"),
        "class": lambda: Node(f, "r"),
    }[spelling]()
    assert (made.func, made.output_name, made.cache) == (f, "r", True)


def test_a_list_of_names_becomes_a_tuple() -> None:
    """Several names given as a list are kept as a tuple."""
    assert Node(lambda x: (x, x), ["a", "b"]).output_name == ("a", "b")


def test_outputs_are_always_a_tuple() -> None:
    """`outputs` is a tuple also for one name."""
    assert Node(lambda x: x, "a").outputs == ("a",)


def test_a_node_of_a_node_is_a_node_of_its_function() -> None:
    """Wrapping twice gives the function another output name, not another layer."""

    @node(output_name="a")
    def f(x):
        return x

    again = node(f, output_name="b")
    assert (again.func, again.output_name, f.output_name) == (f.func, "b", "a")


@pytest.mark.parametrize("name", [(), [], ("a", ""), ("a", 1), 7, "", [None]])
def test_output_names_that_are_no_names_are_refused(name: object) -> None:
    """An output name is a text or several texts."""
    with pytest.raises((NodeDefinitionError, TypeError)):
        Node(lambda x: x, name)  # type: ignore[arg-type]  # that is the point


def test_an_empty_name_is_refused_by_the_decorator_too() -> None:
    """An empty text is no name in any spelling, and never the function's own name."""
    with pytest.raises(NodeDefinitionError, match="must be a name"):
        node(output_name="")(lambda x: x)


def test_a_repeated_output_name_is_refused() -> None:
    """One node cannot produce one name twice."""
    with pytest.raises(NodeDefinitionError, match="repeats a name"):
        Node(lambda x: (x, x), ("a", "a"))


def test_a_lambda_needs_an_output_name() -> None:
    """A lambda has no name to use, and the message says what to do."""
    with pytest.raises(NodeDefinitionError, match=r"give it one with output_name='\.\.\.'"):
        node(lambda x: x)


def test_what_is_not_callable_is_no_node() -> None:
    """A node needs something to call."""
    with pytest.raises(NodeDefinitionError, match="a node needs a callable, got int"):
        Node(7)  # type: ignore[arg-type]  # that is the point


def test_a_node_looks_like_its_function() -> None:
    """Name, docstring and signature are those of the function."""

    @node
    def tidy(x: int, y: int = 2) -> int:
        """Tidy up."""
        return x + y

    looks = (tidy.__name__, tidy.__doc__, list(inspect.signature(tidy).parameters))
    assert looks == ("tidy", "Tidy up.", ["x", "y"])


def test_a_node_is_a_hyper_node() -> None:
    """A node has everything the protocol names."""
    assert isinstance(Node(lambda x: x, "a"), HyperNode)


def test_repr_names_what_identifies_a_node() -> None:
    """The text of a node shows its name, output and inputs."""
    made = Node(lambda x: x, "a")
    assert repr(made) == "Node(name='<lambda>', output_name='a', root_args=('x',))"


def test_a_decorated_method_is_a_node_of_its_object() -> None:
    """Reading a decorated method from an object binds it."""
    bound = Scaler(3).scale
    assert (bound.root_args, bound.output_name, bound(2)) == (("x",), "scaled", 6)


def test_a_decorated_method_keeps_its_cache_flag() -> None:
    """Binding a method keeps what was said about caching."""

    class Plain:
        @node(cache=False)
        def f(self, x):
            return x

    assert Plain().f.cache is False


def test_a_decorated_method_read_from_the_class_takes_its_object() -> None:
    """Read from the class, a decorated method takes the object as an input."""
    assert Scaler.scale.root_args == ("self", "x")


def test_code_hash_is_that_of_the_code_not_of_the_name() -> None:
    """Equal code under another output name has the same hash."""

    def f(x):
        return x + 1

    assert Node(f, "a").code_hash == Node(f, "b").code_hash


def test_code_hash_sees_another_body() -> None:
    """Another body is another hash."""
    one, other = Node(lambda x: x + 1, "a"), Node(lambda x: x + 2, "a")
    assert one.code_hash != other.code_hash


def test_code_hash_sees_what_a_partial_binds() -> None:
    """Partials of one function with different values differ."""

    def f(x, k):
        return x * k

    two, three = (Node(functools.partial(f, k=k), "a") for k in (2, 3))
    assert two.code_hash != three.code_hash


def test_a_bound_node_travels_with_its_object() -> None:
    """A decorated method takes the object it belongs to along."""
    bound = Scaler(3).scale
    again = pickle.loads(cloudpickle.dumps(bound))
    assert (again(2), again.root_args, again.code_hash) == (6, ("x",), bound.code_hash)


def test_local_nodes_travel_by_cloudpickle() -> None:
    """A node made in a function survives cloudpickle with its closure."""
    offset = 10

    @node(output_name="a", cache=False)
    def f(x):
        return x + offset

    again = pickle.loads(cloudpickle.dumps(f))
    assert (again(1), again.output_name, again.cache, again.name) == (11, "a", False, "f")


def test_local_nodes_reach_another_process(tmp_path) -> None:
    """A node made in a function can be called in a process that never saw its source."""

    @node(output_name="a")
    def f(x):
        return x + 1

    path = tmp_path / "node.pickle"
    path.write_bytes(cloudpickle.dumps(f))
    code = f"import pickle; print(pickle.load(open({str(path)!r}, 'rb'))(1))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"


@pytest.fixture
def importable(tmp_path, monkeypatch) -> Iterator[Any]:
    """Give a module with a decorated function and a class with a decorated method."""
    name = f"nodes_of_{tmp_path.name}"
    source = """
        from hypernodes import node

        @node
        def f(x):
            return x

        class Scaler:
            @node(output_name="scaled")
            def scale(self, x):
                return 2 * x
    """
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(name)
    del sys.modules[name]


def test_an_importable_node_pickles_by_reference(importable) -> None:
    """A decorated function of a module comes back as the module's own node."""
    assert pickle.loads(pickle.dumps(importable.f)) is importable.f


def test_a_changed_cache_flag_travels(importable) -> None:
    """A flag set after the import is not lost by pickling by reference."""
    importable.f.cache = False
    sent = pickle.dumps(importable.f)
    importable.f.cache = True
    assert pickle.loads(sent).cache is False


def test_a_bound_node_of_a_module_keeps_its_code_hash(importable) -> None:
    """A decorated method that went through plain pickle is known to the cache as before."""
    bound = importable.Scaler().scale
    again = pickle.loads(pickle.dumps(bound))
    assert (again(2), again.code_hash) == (4, bound.code_hash)
