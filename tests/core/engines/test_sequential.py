"""Facts about `SeqEngine` itself; what every engine promises is in the contract tests."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, Recorder, SeqEngine, node
from hypernodes.engines import get_engine
from hypernodes.protocols import HyperNode
from hypernodes.values import UNSET

if TYPE_CHECKING:
    from pathlib import Path


@node(output_name="y")
def where(x: int) -> int:
    """Say which thread this is."""
    return threading.get_ident()


def test_everything_runs_in_the_calling_thread() -> None:
    """Functions run where ``run`` was called."""
    pipeline = Pipeline(nodes=[where])
    assert SeqEngine().run(pipeline, {"x": 1}) == {"y": threading.get_ident()}
    assert SeqEngine().map(pipeline, {"x": [1]}, "x") == [{"y": threading.get_ident()}]


def test_items_run_one_after_the_other() -> None:
    """An item goes through all nodes before the next one begins."""
    story: list[str] = []
    first = node(output_name="a")(lambda x: story.append(f"a{x}"))
    second = node(output_name="b")(lambda a, x: story.append(f"b{x}"))
    SeqEngine().map(Pipeline(nodes=[second, first]), {"x": [1, 2]}, "x")
    assert story == ["a1", "b1", "a2", "b2"]


def test_a_failure_stops_at_once() -> None:
    """After a failing item no later one is begun."""
    seen: list[int] = []

    @node(output_name="y")
    def work(x: int) -> float:
        seen.append(x)
        return 1 / x

    with pytest.raises(ZeroDivisionError):
        SeqEngine().map(Pipeline(nodes=[work]), {"x": [1, 0, 2]}, "x")
    assert seen == [1, 0]


@pytest.mark.parametrize("make", [str, lambda path: path])
def test_a_folder_is_a_disk_cache(tmp_path: Path, make: Any) -> None:
    """A cache given as text or path is opened as a folder."""
    engine = SeqEngine(cache=make(tmp_path / "cache"))
    assert isinstance(engine.cache, DiskCache)


def test_a_url_is_opened() -> None:
    """A cache given as a URL is opened by its scheme."""
    assert isinstance(SeqEngine(cache="memory://").cache, MemoryCache)


@pytest.mark.parametrize("cache", [3, object(), {"a": 1}], ids=lambda value: type(value).__name__)
def test_what_is_no_cache_is_refused(cache: Any) -> None:
    """Anything else as a cache is a `TypeError` that says what it may be."""
    with pytest.raises(TypeError, match="cache must be a cache, a folder or a URL, got"):
        SeqEngine(cache=cache)


def test_callbacks_may_be_names() -> None:
    """A name among the callbacks stands for the registered callback."""
    engine = SeqEngine(callbacks=["logging", Recorder()])
    assert [type(each).__name__ for each in engine.callbacks] == ["LoggingCallback", "Recorder"]


@pytest.mark.parametrize("callbacks", ["logging", Recorder(), 3], ids=["name", "one", "number"])
def test_what_is_no_list_of_callbacks_is_refused(callbacks: Any) -> None:
    """A single callback or name is refused with a hint to put it into a list."""
    with pytest.raises(TypeError, match="callbacks must be a list"):
        SeqEngine(callbacks=callbacks)


def test_none_is_kept_apart_from_unset() -> None:
    """None turns an aspect off, unset leaves it open."""
    engine = SeqEngine(cache=None, callbacks=None)
    assert (engine.cache, engine.callbacks) == (None, None)
    assert (SeqEngine().cache, SeqEngine().callbacks) == (UNSET, UNSET)


def test_later_changes_of_the_callback_list_do_not_count() -> None:
    """The engine keeps the callbacks that it was given, not the list."""
    given: list[Any] = [Recorder()]
    engine = SeqEngine(callbacks=given)
    given.clear()
    assert len(engine.callbacks) == 1


def test_it_has_a_name() -> None:
    """The registry knows it by both names."""
    assert [type(get_engine(name)) for name in ("seq", "SeqEngine")] == [SeqEngine] * 2


def test_copies_work_like_the_original(tmp_path: Path) -> None:
    """An engine can be copied and pickled; a copy uses the same folder."""
    engine = SeqEngine(cache=DiskCache(tmp_path / "cache"), strict=True)
    pipeline = Pipeline(nodes=[node(output_name="y")(lambda x: x)])
    engine.run(pipeline, {"x": 1})
    for other in (copy.copy(engine), pickle.loads(pickle.dumps(engine))):
        assert (other.strict, other.run(pipeline, {"x": 1})) == (True, {"y": 1})


def test_repr_shows_cache_and_callbacks() -> None:
    """The representation says how it is configured."""
    assert repr(SeqEngine()) == "SeqEngine(cache=UNSET, callbacks=UNSET)"


def test_nodes_are_hyper_nodes() -> None:
    """What the engine runs are nodes by the protocol."""
    assert all(isinstance(each, HyperNode) for each in (where, Pipeline(nodes=[where]).as_node()))
