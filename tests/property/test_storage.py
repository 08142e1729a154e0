"""Storage as a machine: whatever is put, forgotten and damaged, nothing wrong comes back."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hypernodes import DiskCache, MemoryCache, Pipeline, Recorder, SeqEngine, node
from hypernodes.values import MISSING

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2) | st.integers(0, 3), inner, max_size=3)
    ),
    max_leaves=6,
)
keys = st.sampled_from(["a", "b", "c", "\ud800", ""])
quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def same(one: Any, other: Any) -> bool:
    """Say whether two values agree in value and in the types inside, and in order."""
    return repr(one) == repr(other) and type(one) is type(other)


class CacheMachine(RuleBasedStateMachine):
    """A disk cache and a memory cache beside a dict; damage may lose, never change."""

    @initialize()
    def open(self) -> None:
        """Start with nothing."""
        self.folder = tempfile.mkdtemp()
        self.disk = DiskCache(self.folder)
        self.memory = MemoryCache()
        self.model: dict[str, Any] = {}
        self.is_damaged = False

    @rule(key=keys, value=values)
    def put(self, key: str, value: Any) -> None:
        """Put a value."""
        self.disk.put(key, value)
        self.memory.put(key, value)
        self.model[key] = value

    @rule(some=st.dictionaries(keys, values, max_size=3))
    def put_many(self, some: dict[str, Any]) -> None:
        """Put several."""
        self.disk.put_many(some)
        self.memory.put_many(some)
        self.model.update(some)

    @rule()
    def clear(self) -> None:
        """Forget everything."""
        self.disk.clear()
        self.memory.clear()
        self.model.clear()
        self.is_damaged = False

    @rule()
    def reopen(self) -> None:
        """Close, and go on with a new object."""
        self.disk.close()
        self.disk = DiskCache(self.folder)

    @rule(position=st.floats(0, 1, exclude_max=True), byte=st.binary(min_size=1, max_size=1))
    def damage(self, position: float, byte: bytes) -> None:
        """Overwrite one byte of the stored records and values, after the heads of the files."""
        self.disk.flush()
        for path in Path(self.folder).glob("segments/*.seg"):
            data = bytearray(path.read_bytes())
            at = 16 + int(position * (len(data) - 16))
            data[at : at + 1] = byte
            path.write_bytes(data)
            self.is_damaged = True

    @invariant()
    def agrees(self) -> None:
        """Memory holds what was put; disk too, unless it was damaged: then that or nothing."""
        if not hasattr(self, "model"):
            return
        for key in ("a", "b", "c", "\ud800", ""):
            expected = self.model.get(key, MISSING)
            assert same(self.memory.get(key), expected)
            found = self.disk.get(key)
            assert same(found, expected) or (self.is_damaged and found is MISSING)

    def teardown(self) -> None:
        """Remove the folder."""
        if hasattr(self, "disk"):
            self.disk.close()
            shutil.rmtree(self.folder)


CacheMachine.TestCase.settings = settings(
    max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
test_caches_agree_with_a_dict = CacheMachine.TestCase


@quick
@given(st.lists(values, max_size=6))
def test_a_warm_map_equals_a_cold_one(items: list[Any]) -> None:
    """For any items, a map without a cache, a cold and a warm one return the same."""
    wrap = node(output_name="y")(lambda x: [x, x])
    pipeline = Pipeline(nodes=[wrap])
    cached = SeqEngine(MemoryCache())
    plain, cold, warm = (
        pipeline.map({"x": items}, map_over="x", engine=engine)
        for engine in (SeqEngine(), cached, cached)
    )
    assert same(plain, cold)
    assert same(plain, warm)


@quick
@given(st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=5))
def test_every_distinct_item_runs_once(maps: list[list[int]]) -> None:
    """Whatever is mapped in whatever order, each distinct item is executed exactly once."""
    recorder = Recorder()
    pipeline = Pipeline(
        nodes=[node(output_name="y")(lambda x: -x)], engine=SeqEngine(MemoryCache(), [recorder])
    )
    for items in maps:
        rows = pipeline.map({"x": items}, map_over="x")
        assert [row["y"] for row in rows] == [-x for x in items]
    distinct = {x for items in maps for x in items}
    total = sum(len(items) for items in maps)
    assert (len(recorder.executed), len(recorder.cached)) == (len(distinct), total - len(distinct))


@quick
@given(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=4), st.integers(0, 5))
def test_a_failure_anywhere_loses_nothing_that_was_finished(
    lists: list[list[int]], bad: int
) -> None:
    """After a failure in a nested map, a repeated map executes each other item once in all."""
    is_broken = [True]
    calls: list[int] = []

    class Silent(list[int]):
        def __cache_key__(self) -> str:
            return "calls"

    log = Silent()

    @node(output_name="y")
    def work(x: int) -> int:
        if x == bad and is_broken:
            raise KeyError(x)
        log.append(x)
        return x

    inner = Pipeline(nodes=[work]).as_node({"xs": "x"}, map_over="xs")
    pipeline = Pipeline(nodes=[inner], engine=SeqEngine(MemoryCache()))
    try:
        pipeline.map({"xs": lists}, map_over="xs")
    except KeyError:
        is_broken.clear()
        pipeline.map({"xs": lists}, map_over="xs")
    calls.extend(log)
    assert sorted(calls) == sorted({x for xs in lists for x in xs})
