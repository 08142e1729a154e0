"""Facts about steps that a plugin carries out."""

from __future__ import annotations

from typing import Any

import pytest

from hypernodes import DualNode, MemoryCache, Node, Pipeline, PipelineCallback, SeqEngine
from hypernodes.errors import OutputCountError
from hypernodes.hookspecs import hookimpl
from hypernodes.plugins import manager


def add(x: int) -> int:
    return x + 1


def register(answer: Any) -> None:
    """Let a plugin answer every step with *answer*."""

    class Plugin:
        @hookimpl
        def hypernodes_execute_step(self, inputs: Any) -> Any:
            return answer

    manager().register(Plugin(), "answers")


def test_a_plugin_may_give_the_outputs() -> None:
    """What the plugin gives by name is the result; the function is not called."""
    register({"y": 7})
    assert Pipeline([Node(add, "y")]).run({"x": 1}) == {"y": 7}


def test_a_plugin_may_leave_it_to_the_function() -> None:
    """None means: not by me."""
    register(None)
    assert Pipeline([Node(add, "y")]).run({"x": 1}) == {"y": 2}


def test_a_plugin_must_give_every_output() -> None:
    """Missing outputs are an error that names the node and them."""
    register({"z": 7})
    with pytest.raises(OutputCountError, match="'add' without giving y"):
        Pipeline([Node(add, "y")]).run({"x": 1})


def test_hypernodes_execute_batch_may_give_the_columns() -> None:
    """A batch is one question, for the items that missed; the function is not called."""
    asked: list[tuple[list[int | None], list[int]]] = []

    class Plugin:
        @hookimpl
        def hypernodes_execute_batch(self, items: list[int | None], inputs: Any) -> Any:
            asked.append((items, inputs["x"].to_pylist()))
            return {"y": [10 * x for x in inputs["x"].to_pylist()]}

    pytest.importorskip("pyarrow")
    manager().register(Plugin(), "answers")
    found = Pipeline([DualNode("y", add, add)]).map({"x": [1, 2]}, map_over="x")
    assert (found, asked) == ([{"y": 10}, {"y": 20}], [([0, 1], [1, 2])])


def test_a_plugin_may_leave_a_batch_to_the_function() -> None:
    """None means: not by me."""

    class Plugin:
        @hookimpl
        def hypernodes_execute_batch(self) -> None:
            return None

    pytest.importorskip("pyarrow")
    manager().register(Plugin(), "answers")
    batch = DualNode("y", add, lambda x: [each.as_py() + 1 for each in x])
    assert Pipeline([batch]).map({"x": [1, 2]}, map_over="x") == [{"y": 2}, {"y": 3}]


@pytest.mark.parametrize(("method", "asks"), [("on_node_end", False), ("on_event", True)])
def test_reasons_are_looked_for_where_somebody_takes_them(method: str, asks: bool) -> None:
    """Calls of callbacks tell no reasons, so for them the notes of the cache are not read."""
    asked: list[str] = []

    class Noting(MemoryCache):
        def find_nodes(self, step: str) -> Any:
            asked.append(step)
            return super().find_nodes(step)

    watcher = type("Watcher", (PipelineCallback,), {method: lambda *_: None})()
    engine = SeqEngine(cache=Noting(), callbacks=[watcher])
    Pipeline([Node(add, "y")]).map({"x": [1, 2]}, map_over="x", engine=engine)
    assert bool(asked) == asks
