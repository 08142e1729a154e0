"""What changes between the runs of one process, and what that makes run again."""

from __future__ import annotations

import collections
import gc
import importlib
import logging
import sys
import threading
import types
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import MemoryCache, Pipeline, Recorder, SeqEngine, node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def executes() -> Callable[..., bool]:
    """Return what runs a function as a node, and says whether it was executed."""
    cache = MemoryCache()

    def run(function: Any, **options: Any) -> bool:
        recorder = Recorder()
        made = node(output_name="y", **options)(function)
        Pipeline(nodes=[made], engine=SeqEngine(cache, [recorder])).run({"x": 1})
        return bool(recorder.executed)

    return run


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., types.ModuleType]:
    """Return what imports text as a module, again after an edit of its file."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load_text(text: str, name: str = "under_test") -> types.ModuleType:
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    return load_text


class Tally:
    """Counts, in an attribute."""

    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        """Count one more."""
        self.count += 1


class Settings:
    """Holds values as attributes of a class."""

    rate = 1
    calls = 0
    log: list[int] = []  # noqa: RUF012 - to be shared is what the test is about


@pytest.mark.parametrize(
    "log",
    [[], {}, collections.Counter(), collections.deque(), types.SimpleNamespace(), Tally()],
    ids=lambda log: type(log).__name__,
)
def test_a_log_that_a_function_appends_to_causes_no_miss(
    executes: Callable[..., bool], log: Any
) -> None:
    """What is written into a captured container does not count, for new nodes either."""

    def write(x: int) -> int:
        match log:
            case list() | collections.deque():
                log.append(x)
            case dict():
                log[x] = len(log)
            case Tally():
                log.add()
            case _:
                log.last = x
        return x

    assert [executes(write) for _ in range(3)] == [True, False, False]


def test_a_log_of_another_module_causes_no_miss(
    executes: Callable[..., bool], load: Callable[..., types.ModuleType]
) -> None:
    """Several logs that are reached through one module do not take each other's place."""
    load("first, second, third = [], {}, []", "logs_under_test")
    module = load(
        "import logs_under_test as logs\n"
        "def f(x):\n    logs.first.append(x)\n    logs.second[len(logs.first)] = x\n    return x\n"
        "def g(x):\n    logs.first.append(x)\n    logs.third.append(x)\n    return -x\n"
    )
    runs = [executes(each) for each in (module.f, module.g, module.f, module.g, module.f)]
    assert runs == [True, True, False, False, False]


def test_a_log_of_a_class_causes_no_miss(executes: Callable[..., bool]) -> None:
    """A list in a class is a captured container like any other."""

    def write(x: int) -> int:
        Settings.log.append(x)
        return x

    assert [executes(write) for _ in range(3)] == [True, False, False]


def test_a_counter_by_global_causes_no_miss(
    load: Callable[..., types.ModuleType],
) -> None:
    """Names that a function assigns itself are not looked at again."""
    module = load("count = 0\ndef f(x):\n    global count\n    count += 1\n    return x\n")
    recorder = Recorder()
    pipeline = Pipeline(nodes=[node(module.f)], engine=SeqEngine(MemoryCache(), [recorder]))
    assert [pipeline.run({"x": x})["f"] for x in (1, 2, 1, 2)] == [1, 2, 1, 2]
    assert (recorder.executed, module.count) == (["f", "f"], 2)


def test_a_counter_by_nonlocal_in_a_helper_causes_no_miss() -> None:
    """A captured variable that one function reads and another one assigns counts once."""
    count = 0

    def add() -> None:
        nonlocal count
        count += 1

    def work(x: int) -> int:
        add()
        return x * (count > 0)

    recorder = Recorder()
    pipeline = Pipeline(
        nodes=[node(output_name="y")(work)], engine=SeqEngine(MemoryCache(), [recorder])
    )
    for x in (1, 2, 1, 2):
        pipeline.run({"x": x})
    assert (len(recorder.executed), count) == (2, 2)


def test_a_counter_of_a_class_causes_no_miss() -> None:
    """An attribute of a class that the code assigns is not looked at again."""

    def work(x: int) -> int:
        Settings.calls += 1
        return x

    recorder = Recorder()
    pipeline = Pipeline(
        nodes=[node(output_name="y")(work)], engine=SeqEngine(MemoryCache(), [recorder])
    )
    for _ in range(3):
        pipeline.run({"x": 1})
    assert len(recorder.executed) == 1


def test_locks_and_loggers_cause_no_miss(executes: Callable[..., bool]) -> None:
    """New locks and loggers in a closure are the same closure."""

    def make(name: str) -> Any:
        lock, logger = threading.Lock(), logging.getLogger(name)

        def work(x: int) -> int:
            with lock:
                logger.debug("x")
            return x

        return work

    assert [executes(make(name)) for name in ("a", "b")] == [True, False]


def test_an_ignored_variable_may_be_anything(executes: Callable[..., bool]) -> None:
    """A captured variable that is ignored needs no fingerprint."""
    source = iter([1, 2])

    def work(x: int) -> int:
        return x or next(source)

    assert [executes(work, ignore=["source"]) for _ in range(2)] == [True, False]


def test_a_tracked_name_counts_by_what_it_holds_now(executes: Callable[..., bool]) -> None:
    """Each run looks into what is tracked, whatever it held when it was first seen."""
    weights = [1]

    def work(x: int) -> int:
        return x * weights[0]

    runs = []
    for weight in (1, 2, 1, 3):
        weights[0] = weight
        runs.append(executes(work, track=["weights"]))
    assert runs == [True, True, False, True]


def test_names_bound_anew_run_again(
    executes: Callable[..., bool], load: Callable[..., types.ModuleType]
) -> None:
    """Another object under a captured name counts at the next run, undone it hits."""
    module = load(
        "import types\nN = 1\nclass A:\n    n = 1\n    def h(self): return 1\n"
        "m = types.SimpleNamespace()\ndef k(x): return x\n"
        "def f(x): return k(x) + N + A.n + A().h()\n"
    )
    assert executes(module.f)
    for place, name, value in (
        (module, "N", 2),
        (module, "N", True),
        (module, "k", lambda x: -x),
        (module.A, "n", 2),
        (module.A, "h", lambda self: 2),
        (module.k, "__code__", (lambda x: x - 9).__code__),
        (module.f, "__defaults__", (5,)),
    ):
        before = getattr(place, name)
        setattr(place, name, value)
        changed = executes(module.f)
        setattr(place, name, before)
        assert [changed, executes(module.f)] == [True, False], name


def test_one_node_notices_names_bound_anew() -> None:
    """A node that has run before looks at its names again in each run."""
    rates = []
    work = node(output_name="y")(lambda x: x * Settings.rate)
    pipeline = Pipeline(nodes=[work], engine=SeqEngine(MemoryCache()))
    for rate in (1, 2, 1):
        Settings.rate = rate
        rates.append(pipeline.run({"x": 1})["y"])
    assert rates == [1, 2, 1]


def test_one_node_notices_methods_of_inputs_bound_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of an input's class is looked at again in each run."""
    work = node(output_name="y")(lambda tally: type(tally).add.__name__)
    recorder = Recorder()
    pipeline = Pipeline(nodes=[work], engine=SeqEngine(MemoryCache(), [recorder]))
    pipeline.run({"tally": Tally()})
    monkeypatch.setattr(Tally, "add", lambda self: None)
    assert pipeline.run({"tally": Tally()}) == {"y": "<lambda>"}


def test_a_reloaded_module_runs_again(
    executes: Callable[..., bool], load: Callable[..., types.ModuleType]
) -> None:
    """After a reload with another body the node runs, and with the same one it hits."""
    text = "def h(x): return x + 1\ndef f(x): return h(x)\n"
    runs = [executes(load(each).f) for each in (text, text.replace("+", "-"), "\n\n" + text)]
    assert runs == [True, True, False]


def test_an_edit_without_reload_changes_nothing(
    executes: Callable[..., bool], load: Callable[..., types.ModuleType], tmp_path: Path
) -> None:
    """The code that runs is the old one, so its key is, whatever its file says now."""
    function = load("def f(x):\n    return x + 1\n").f
    assert executes(function)
    (tmp_path / "under_test.py").write_text("def f(x):\n    return x + 2\n", encoding="utf-8")
    assert not executes(function)


def test_items_may_be_added_and_reordered() -> None:
    """Only new items of a map run, wherever they stand."""
    recorder = Recorder()
    pipeline = Pipeline(
        nodes=[node(output_name="y")(lambda x: [x])], engine=SeqEngine(MemoryCache(), [recorder])
    )
    counts = []
    for items in ([1, 2, 3], [3, 1, 2], [0, 2, 4, 1], [4]):
        pipeline.map({"x": items}, map_over="x")
        counts.append(len(recorder.executed))
        recorder.clear()
    assert counts == [3, 0, 2, 0]


def test_a_closure_is_not_kept_alive(executes: Callable[..., bool]) -> None:
    """What only a closure held is gone when it is."""

    class Big(list[int]):
        pass

    def make() -> tuple[Any, weakref.ref[Any]]:
        data = Big([1, 2, 3])
        return (lambda x: x * len(data)), weakref.ref(data)

    work, data = make()
    executes(work)
    del work
    gc.collect()
    assert data() is None
