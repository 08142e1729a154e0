"""Random pipelines on every engine: values, types, order, calls, keys and events are the same.

Every function gives different results for different arguments.  Where two
items meet at an equal intermediate value, engines with workers may compute it
once per worker, since nobody knows its key beforehand.
"""

from __future__ import annotations

import importlib.util
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hypernodes import DiskCache, MemoryCache, Node, Pipeline, Recorder, SeqEngine
from hypernodes.execution import FailedItem

#: Makes an engine with a cache and callbacks.
Make = Callable[..., Any]
_folder: list[str] = []
_RECORDS = {"map_start", "map_end", "map_progress"}

_ONE: list[Callable[[Any], Any]] = [
    lambda v: (v, "t"),
    lambda v: [v, None],
    lambda v: {"v": v, 1: 2.5},
    lambda v: f"{v!r}",
    lambda v: frozenset([repr(v)]),
    lambda v: (v, True, 2**70),
]


async def _later(v: Any) -> Any:
    return ("later", v)


def _picky(v: Any) -> Any:
    if "'a'" in repr(v) or "2.5" in repr(v):
        error = ValueError(f"not {v!r}")
        error.add_note("a note")
        raise error
    return ("picked", v)


@attrs.frozen
class Case:
    """A pipeline, and the items it is mapped over."""

    pipeline: Pipeline
    items: list[Any]

    def map(self, engine: Any) -> list[Any]:
        """Map on *engine*, with failures in the places of items that fail."""
        found = engine.map(self.pipeline, {"x": self.items}, "x", on_error="collect")
        return [_failed(row) if isinstance(row, FailedItem) else row for row in found]


def _failed(row: FailedItem) -> tuple[Any, ...]:
    """Return what is the same on every engine."""
    return row.item, type(row.error).__name__, str(row.error), row.error.__notes__, row.path


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    """Draw x -> v0 -> v1 ..., some of it two at once, async, uncached, nested or mapped."""
    nodes: list[Any] = []
    last = "x"
    for number in range(draw(st.integers(1, 4))):
        name = f"v{number}"
        kind = draw(st.sampled_from(["one", "one", "two", "async", "nested", "spread"]))
        cached = draw(st.sampled_from([True, True, True, False]))
        function = draw(st.sampled_from([*_ONE, _picky]))
        if kind == "two":
            nodes.append(_rename(last, function, (name, f"{name}b"), cached, pair=True))
        elif kind == "async":
            nodes.append(Node(_renamed(_later, last), name, cache=cached))
        elif kind == "nested":
            inner = Pipeline([_rename("i", function, "o", cached), _rename("o", _ONE[0], "p")])
            nodes.append(inner.as_node({last: "i"}, {"p": name}, name=f"inner{number}"))
        elif kind == "spread":
            nodes.append(_rename(last, lambda v: [(v, 0), (v, 1)], f"{name}s", cached))
            inner = Pipeline([_rename("i", function, "o", cached)])
            nodes.append(
                inner.as_node({f"{name}s": "i"}, {"o": name}, f"{name}s", name=f"map{number}")
            )
        else:
            nodes.append(_rename(last, function, name, cached))
        last = name
    items = draw(st.lists(st.sampled_from([0, 1, 2, True, "a", None, (1,), 2.5]), max_size=9))
    return Case(Pipeline(nodes), items)


def _renamed(function: Callable[..., Any], name: str) -> Any:
    scope = {"function": function}
    kind, wait = ("async def", "await ") if function is _later else ("def", "")
    exec(f"{kind} call({name}): return {wait}function({name})", scope)
    return scope["call"]


def _rename(
    name: str, function: Callable[[Any], Any], output: Any, cached: bool = True, pair: bool = False
) -> Node[..., Any]:
    """Return a node that takes *name*; with *pair*, one that gives two outputs."""
    call = _renamed(function, name)
    if not pair:
        return Node(call, output, cache=cached)
    scope = {"call": call}
    exec(f"def both({name}): return call({name}), {name}", scope)
    both: Any = scope["both"]
    return Node(both, output, cache=cached)


def _shown(value: Any) -> Any:
    """Return *value* with its types, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return type(value), [(_shown(k), _shown(v)) for k, v in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [_shown(each) for each in value]
    return type(value), repr(value)


@attrs.frozen
class Observed:
    """What one engine did: cold, and again."""

    rows: Any
    calls: Counter[Any]
    events: list[tuple[str, Any]]
    keys: list[Any]


def _observe(make: Make, case: Case, cache: Any) -> Observed:
    cold, warm = Recorder(), Recorder()
    rows = case.map(make(cache=cache, callbacks=[cold]))
    again = case.map(make(cache=cache, callbacks=[warm]))
    assert _shown(rows) == _shown(again)
    keys = [args for name, args in warm.events if name == "node_cached"]
    calls = _calls(cold) + Counter({("again", *call): n for call, n in _calls(warm).items()})
    return Observed(_shown(rows), calls, list(_events(cold)), keys)


def _calls(recorder: Recorder) -> Counter[Any]:
    """Return which node was executed for which arguments, and how often."""
    started = (args for name, args in recorder.events if name == "node_start")
    return Counter((node_id, repr(_shown(dict(inputs)))) for node_id, inputs, *_ in started)


def _events(recorder: Recorder) -> Iterator[tuple[str, Any]]:
    """Yield the events of items; of equal ones nobody says which is executed."""
    for name, args in recorder.events:
        if name in {"node_end", "node_cached"}:
            yield "node", args[0]
        elif name in {"map_item_start", "map_item_end"}:
            yield name, args[0]
        elif name not in _RECORDS and name not in {"node_start", "map_item_cached"}:
            yield name, ""


def _new_cache(shared: bool) -> Any:
    """Return an empty cache, one that other processes can read where it is to be *shared*."""
    if not shared:
        return MemoryCache()
    return DiskCache(tempfile.mkdtemp(dir=_folder[0]))


def _check(make: Make, case: Case, shared: bool = False) -> None:
    """Compare an engine with `SeqEngine`, and have each answer from the cache of the other."""
    their_cache, our_cache = _new_cache(shared), _new_cache(shared)
    expected = _observe(SeqEngine, case, their_cache)
    actual = _observe(make, case, our_cache)
    assert expected == actual
    for engine, cache in ((make, their_cache), (SeqEngine, our_cache)):
        recorder = Recorder()
        case.map(engine(cache=cache, callbacks=[recorder]))
        again = Counter({("again", *call): n for call, n in _calls(recorder).items()})
        assert again == Counter({c: n for c, n in expected.calls.items() if c[0] == "again"})


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The home of workers and of their tests: it holds the key that caches are signed with."""
    _folder[:] = [str(tmp_path_factory.mktemp("caches"))]
    home = str(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        _move(patch, home)
        yield home


@pytest.fixture(autouse=True)
def at_home(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests here have one home, not one each."""
    _move(monkeypatch, home)


def _move(patch: pytest.MonkeyPatch, home: str) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME"):
        patch.setenv(name, home)


def _examples(count: int) -> Any:
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def _engine(name: str) -> Any:
    package = {"DaskEngine": "dask", "RayEngine": "ray", "DaftEngine": "daft"}.get(name)
    for needed in (package, f"hypernodes_{package}") if package else ():
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    # deferred: engines register themselves, and some may be missing
    from hypernodes import engines

    return getattr(engines, name)


@_examples(25)
@given(_cases())
def test_coroutines_side_by_side_change_nothing(case: Case) -> None:
    """AsyncEngine does what SeqEngine does."""
    _check(_engine("AsyncEngine"), case)


@_examples(30)
@given(_cases())
def test_dask_threads_change_nothing(case: Case) -> None:
    """DaskEngine on threads does what SeqEngine does."""
    make = _engine("DaskEngine")
    _check(lambda **options: make("threads", num_workers=3, **options), case)


@_examples(15)
@given(_cases())
def test_daft_changes_nothing(case: Case) -> None:
    """DaftEngine does what SeqEngine does."""
    _check(_engine("DaftEngine"), case)


@pytest.fixture(scope="module")
def processes(home: str) -> Iterator[Any]:
    """What makes engines that share two worker processes."""
    make = _engine("DaskEngine")
    kept = make("processes", num_workers=2)

    def share(**options: Any) -> Any:
        engine = make("processes", num_workers=2, **options)
        engine._pool = kept._pool
        return engine

    yield share
    kept.close()


@_examples(15)
@given(_cases())
def test_dask_processes_change_nothing(processes: Make, case: Case) -> None:
    """DaskEngine on worker processes does what SeqEngine does."""
    _check(processes, case, shared=True)


@pytest.fixture(scope="module")
def client(home: str) -> Iterator[Any]:
    """A client of a cluster of two worker processes."""
    _engine("DaskEngine")
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            silence_logs=50,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@_examples(10)
@given(_cases())
def test_a_dask_cluster_changes_nothing(client: Any, case: Case) -> None:
    """DaskEngine on a cluster does what SeqEngine does."""
    make = _engine("DaskEngine")
    _check(lambda **options: make(client=client, **options), case, shared=True)


@pytest.fixture(scope="module")
def ray_engine(home: str) -> Iterator[Any]:
    """RayEngine, on the Ray of this test session."""
    make = _engine("RayEngine")
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _node_ip_address="127.0.0.1",
        )
        environment = {"env_vars": {"HOME": home, "XDG_CONFIG_HOME": home}}
        yield lambda **options: make(runtime_env=environment, **options)
        # other libraries look for a Ray and would use it
        ray.shutdown()


@_examples(10)
@given(_cases())
def test_ray_changes_nothing(ray_engine: Make, case: Case) -> None:
    """RayEngine does what SeqEngine does."""
    _check(ray_engine, case, shared=True)
