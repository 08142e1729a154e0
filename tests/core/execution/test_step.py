"""Facts about one step for one item: arguments, outputs, storing, reading back."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from hypernodes import MemoryCache, Pipeline, Recorder, SeqEngine, node
from hypernodes.cache import Payload


class Tracked(MemoryCache):
    """Counts lookups and loads, and can lose values."""

    def __init__(self) -> None:
        super().__init__()
        self.lookups: list[int] = []
        self.loads: list[int] = []

    def lookup_many(self, signatures: Any) -> Any:
        """Count and look up."""
        self.lookups.append(len(signatures))
        return super().lookup_many(signatures)

    def load_many(self, wanted: Any) -> Any:
        """Count and load."""
        self.loads.append(len(wanted))
        return super().load_many(wanted)

    def lose_values(self) -> None:
        """Forget all values and keep the records."""
        self._payloads.clear()

    def spoil_values(self) -> None:
        """Make all values undecodable."""
        self._payloads = {key: Payload("pickle", 1, b"?") for key in self._payloads}

    def forget_counts(self) -> None:
        """Count anew."""
        self.lookups, self.loads = [], []


@pytest.fixture
def cache() -> Tracked:
    """A cache that counts."""
    return Tracked()


@pytest.fixture
def recorder() -> Recorder:
    """A recorder of calls."""
    return Recorder()


@pytest.fixture
def nodes() -> list[Any]:
    """Return a -> b -> c -> d."""

    @node(output_name="b")
    def one(a: int) -> int:
        return a + 1

    @node(output_name="c")
    def two(b: int) -> int:
        return b * 2

    @node(output_name="d")
    def three(c: int) -> int:
        return c - 3

    return [one, two, three]


@pytest.mark.parametrize("returned", [(1, 2), [1, 2]])
def test_outputs_are_matched_by_position(returned: Any) -> None:
    """A tuple or a list gives each output its value."""
    split = node(output_name=("a", "b"))(lambda x: returned)
    assert Pipeline(nodes=[split]).run({"x": 0}) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ((1,), "1 values"),
        ((1, 2, 3), "3 values"),
        (5, "one int"),
        (None, "one NoneType"),
        ("ab", "one str"),
    ],
)
def test_another_number_of_values_is_refused(returned: Any, said: str) -> None:
    """The error names the node, what was expected, and what came."""
    split = node(output_name=("a", "b"))(lambda x: returned)
    with pytest.raises(ValueError, match=rf"'<lambda>'.*2 values \(a, b\).*returned {said}"):
        Pipeline(nodes=[split]).run({"x": 0})


def test_one_output_takes_a_tuple_as_it_is() -> None:
    """A node with one output returns its tuple whole; with a tuple of one name it is unpacked."""
    whole = node(output_name="a")(lambda x: (1, 2))
    unpacked = node(output_name=("b",))(lambda x: (1,))
    assert Pipeline(nodes=[whole, unpacked]).run({"x": 0}) == {"a": (1, 2), "b": 1}


def test_arguments_are_passed_as_the_function_takes_them() -> None:
    """Positional-only, keyword-only, defaults left out, partial and methods all work."""

    def odd(a: int, /, b: int, *, c: int, d: int = 10) -> str:
        return f"{a} {b} {c} {d}"

    class Adder:
        def __init__(self, n: int) -> None:
            self.n = n

        def add(self, b: int) -> int:
            return self.n + b

        def __call__(self, c: int) -> int:
            return self.n * c

    nodes = [
        node(output_name="text")(odd),
        node(output_name="sum")(Adder(5).add),
        node(output_name="product")(Adder(5)),
        node(output_name="half")(functools.partial(odd, 0, c=0)),
    ]
    assert Pipeline(nodes=nodes).run({"a": 1, "b": 2, "c": 3}) == {
        "half": "0 2 0 10", "product": 15, "sum": 7, "text": "1 2 3 10",
    }  # fmt: skip


def test_a_warm_run_reads_only_what_is_asked_for(cache: Tracked, nodes: list[Any]) -> None:
    """A chain of hits is followed by records; only the requested value is read."""
    pipeline = Pipeline(nodes=nodes, engine=SeqEngine(cache))
    pipeline.run({"a": 1})
    cache.forget_counts()
    assert (pipeline.run({"a": 1}, "d"), sum(cache.loads)) == ({"d": 1}, 1)


def test_a_miss_reads_only_its_own_arguments(cache: Tracked, nodes: list[Any]) -> None:
    """Where the last node misses, the value before it is read and no other."""
    Pipeline(nodes=nodes, engine=SeqEngine(cache)).run({"a": 1})
    last = node(output_name="e")(lambda c: c * 100)
    cache.forget_counts()
    found = Pipeline(nodes=[*nodes, last], engine=SeqEngine(cache)).run({"a": 1}, "e")
    assert (found, sum(cache.loads)) == ({"e": 400}, 1)


def test_one_of_several_outputs_is_read_alone(cache: Tracked) -> None:
    """Of a node with several outputs only the requested one is read."""
    split = node(output_name=("a", "b"))(lambda x: (x, -x))
    pipeline = Pipeline(nodes=[split], engine=SeqEngine(cache))
    pipeline.run({"x": 1})
    cache.forget_counts()
    assert (pipeline.run({"x": 1}, "b"), cache.loads) == ({"b": -1}, [1])


def test_a_warm_map_looks_up_and_reads_in_bulk(cache: Tracked, nodes: list[Any]) -> None:
    """A thousand items that hit cost one lookup per step and one load in all."""
    pipeline = Pipeline(nodes=nodes, engine=SeqEngine(cache))
    items = {"a": list(range(1000))}
    pipeline.map(items, map_over="a", output_name="d")
    cache.forget_counts()
    pipeline.map(items, map_over="a", output_name="d")
    asked = [count for count in cache.lookups if count]
    assert (asked, cache.loads) == ([1000] * 3, [1000])


@pytest.mark.parametrize("how", ["lose_values", "spoil_values"])
def test_values_that_cannot_be_read_are_made_again(
    cache: Tracked, recorder: Recorder, nodes: list[Any], how: str
) -> None:
    """When all values are gone, the whole chain runs again, and hits afterwards."""
    pipeline = Pipeline(nodes=nodes, engine=SeqEngine(cache, [recorder]))
    pipeline.run({"a": 1})
    getattr(cache, how)()
    counts = []
    for _ in range(2):
        recorder.clear()
        assert pipeline.run({"a": 1}) == {"b": 2, "c": 4, "d": 1}
        counts.append(len(recorder.executed))
    assert counts == [3, 0]


def test_what_is_made_again_is_reported_as_executed(
    cache: Tracked, recorder: Recorder, nodes: list[Any]
) -> None:
    """A node has either its start and end, or only its hit; never both."""
    pipeline = Pipeline(nodes=nodes, engine=SeqEngine(cache, [recorder]))
    pipeline.run({"a": 1})
    cache.lose_values()
    recorder.clear()
    pipeline.run({"a": 1})
    assert (recorder.executed, recorder.cached) == (["one", "two", "three"], [])


def test_an_item_that_is_made_again_is_no_hit(
    cache: Tracked, recorder: Recorder, nodes: list[Any]
) -> None:
    """An item whose values are gone is not reported as wholly cached."""
    pipeline = Pipeline(nodes=nodes, engine=SeqEngine(cache, [recorder]))
    pipeline.map({"a": [1]}, map_over="a")
    cache.lose_values()
    recorder.clear()
    pipeline.map({"a": [1]}, map_over="a")
    assert "map_item_cached" not in recorder.names


def test_a_long_damaged_chain_is_made_again_without_recursion(cache: Tracked) -> None:
    """Thousands of steps whose values are all gone run again, one after the other."""

    def make(number: int) -> Any:
        def add(value: int) -> int:
            return value + 1

        add.__code__ = add.__code__.replace(co_varnames=(f"v{number}",))
        return node(output_name=f"v{number + 1}")(add)

    count = 3000
    pipeline = Pipeline(nodes=[make(number) for number in range(count)], engine=SeqEngine(cache))
    pipeline.run({"v0": 0}, f"v{count}")
    cache.lose_values()
    assert pipeline.run({"v0": 0}, f"v{count}") == {f"v{count}": count}


def test_only_what_is_needed_is_made_again(
    cache: Tracked, recorder: Recorder, nodes: list[Any]
) -> None:
    """Where only the last value is gone, only the last node runs."""
    pipeline = Pipeline(nodes=nodes, engine=SeqEngine(cache, [recorder]))
    pipeline.run({"a": 1}, "c")
    keep = dict(cache._payloads)
    pipeline.run({"a": 1})
    cache._payloads = keep
    recorder.clear()
    pipeline.run({"a": 1}, "d")
    assert recorder.executed == ["three"]


def test_a_value_that_is_gone_and_fails_is_the_nodes_failure(cache: Tracked) -> None:
    """When making a lost value again fails, the node's exception arrives with its note."""
    is_broken: list[int] = []

    @node(output_name="y")
    def work(x: int) -> int:
        if is_broken:
            msg = "no longer"
            raise RuntimeError(msg)
        return x

    pipeline = Pipeline(nodes=[work], engine=SeqEngine(cache))
    pipeline.run({"x": 1})
    cache.lose_values()
    is_broken.append(1)
    with pytest.raises(RuntimeError, match="no longer") as caught:
        pipeline.run({"x": 1})
    assert caught.value.__notes__ == ["in node 'work' at work"]


def test_a_value_given_beside_a_producer_is_not_reported() -> None:
    """A node of which one output was given reports, and returns, the others."""
    recorder = Recorder()
    split = node(output_name=("a", "b"))(lambda x: (x, -x))
    total = node(output_name="t")(lambda a, b: a + b)
    pipeline = Pipeline(nodes=[split, total], engine=SeqEngine(callbacks=[recorder]))
    assert pipeline.run({"x": 1, "a": 100})["t"] == 99
    ends = [args[1] for name, args in recorder.events if name == "node_end"]
    assert ends == [{"b": -1}, {"t": 99}]
