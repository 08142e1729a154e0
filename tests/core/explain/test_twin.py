"""The same sample on several engines."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

from hypernodes import Pipeline, SeqEngine, node
from hypernodes.execution import map_pipeline, request_map, run_chunk
from hypernodes.explain import Twin, Twins, compare_engines
from hypernodes.hookspecs import EngineSpec, hookimpl
from hypernodes.plugins import manager


class Lying(SeqEngine):
    """Gives numbers as texts."""

    def map(self, *args: Any, **options: Any) -> list[Any]:
        rows = super().map(*args, **options)
        return [{name: str(value) for name, value in row.items()} for row in rows]


class Forgetful(SeqEngine):
    """Computes keys of its own each time."""

    numbers = itertools.count()

    def map(self, *args: Any, **options: Any) -> list[Any]:
        self.salt = str(next(self.numbers))
        return super().map(*args, **options)


class Broken(SeqEngine):
    """Carries out nothing."""

    def map(self, *args: Any, **options: Any) -> list[Any]:
        msg = "no cluster"
        raise ConnectionError(msg)


class Threads(SeqEngine):
    """Carries out each item in a thread of its own."""

    is_inline = False  # type: ignore[misc]  # it is another engine

    def map(self, *args: Any, **options: Any) -> list[Any]:
        return map_pipeline(self, *args, pace=1, **options)

    def submit(self, plan: Any, chunks: Any, context: Any) -> Any:
        found: list[Any] = []

        def work(chunk: Any) -> None:
            beside = context.beside()
            found.append(run_chunk(plan, chunk, beside))
            beside.close()

        threads = [threading.Thread(target=work, args=(chunk,)) for chunk in chunks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield from found


class Plugin:
    """Names the engines above."""

    @hookimpl
    def hypernodes_register_engines(self) -> list[EngineSpec]:
        kinds = (Lying, Forgetful, Broken, Threads)
        return [EngineSpec(k.__name__.lower(), f"{__name__}:{k.__name__}") for k in kinds]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the engines above known."""
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _as_module())
    manager().register(Plugin(), name="twins")


def _as_module() -> Any:
    import types

    module = types.ModuleType(__name__)
    vars(module).update(globals())
    return module


def _compare(*names: str, sample: int = 100) -> Twins:
    pipeline = Pipeline([node(lambda x: x + 1, output_name="y")])
    request = request_map(pipeline, {"x": list(range(20))}, "x", "zip", None)
    return compare_engines(pipeline, request, "zip", names, sample)


def test_true_twins_are_found(engines) -> None:
    """An engine with equal results and keys may stand for SeqEngine."""
    found = _compare("threads")
    assert [(row.engine, row.is_true) for row in found.rows] == [("seq", True), ("threads", True)]
    assert (found.are_true, found.items, found.sample) == (True, 20, 20)


def test_other_types_are_noticed(engines) -> None:
    """1 and "1" are not equal."""
    row = _compare("lying").rows[1]
    assert (row.is_equal, row.has_same_keys, row.is_true) == (False, True, False)


def test_other_keys_are_noticed(engines) -> None:
    """An engine that finds nothing of what SeqEngine cached is no twin."""
    found = _compare("forgetful")
    assert (found.rows[1].is_equal, found.rows[1].has_same_keys) == (True, False)
    assert not found.are_true


def test_what_cannot_be_used_stops_nothing(engines) -> None:
    """The reason stands in its row."""
    found = _compare("broken", "nothing", "threads")
    assert found.rows[1].problem == "ConnectionError: no cluster"
    assert "unknown engine 'nothing'" in found.rows[2].problem
    assert (found.rows[3].is_true, found.are_true) == (True, True)


def test_a_sample_is_taken_from_the_beginning(engines) -> None:
    """No function is called for other items."""
    assert (_compare(sample=3).sample, _compare(sample=3).items) == (3, 20)


@pytest.mark.parametrize(
    ("start", "seconds", "best"),
    [(0.0, 0.5, "other"), (0.0, 0.95, "seq"), (100.0, 0.1, "seq")],
)
def test_the_fastest_is_recommended(start: float, seconds: float, best: str) -> None:
    """Its start counts, and a little faster is not worth another engine."""
    rows = (Twin("seq", 0.0, 1.0, True, True), Twin("other", start, seconds, True, True))
    found = Twins(rows, items=100, sample=10)
    assert found.best.engine == best
    assert found.advice.startswith(f"use {best}: ")


def test_a_wrong_engine_is_not_recommended() -> None:
    """However fast it is."""
    rows = (Twin("seq", 0.0, 1.0, True, True), Twin("other", 0.0, 0.1, False, True))
    assert Twins(rows, items=10, sample=10).best.engine == "seq"
