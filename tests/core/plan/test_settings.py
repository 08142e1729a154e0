"""Facts about what a nested pipeline inherits, aspect by aspect."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from hypernodes import MemoryCache, Node, Pipeline, Recorder, SeqEngine
from hypernodes.plan import Settings, all_callbacks, resolve_settings

F = Node(lambda x: x, "a")


def _settings(pipeline: Pipeline) -> Settings:
    plan = pipeline.compiled(None, {"x"})
    return resolve_settings(plan, pipeline.graph, pipeline.engine)


def _inner(child: Any, parent: SeqEngine) -> Settings:
    """Return the settings of *child* inside a pipeline run by *parent*."""
    return _settings(Pipeline([child], engine=parent)).nested[0]


def test_at_the_root_unset_means_none() -> None:
    """A root engine that leaves everything unset caches nothing and tells nobody."""
    settings = _settings(Pipeline([F]))
    assert (settings.cache, settings.callbacks, settings.cached) == (None, (), (False,))


def test_a_child_without_engine_inherits_everything() -> None:
    """Engine, cache and callbacks come from the parent."""
    parent = SeqEngine(cache=MemoryCache(), callbacks=[Recorder()])
    child = _inner(Pipeline([F]), parent)
    assert child.engine is parent
    assert child.cache is parent.cache
    assert child.callbacks == parent.callbacks


def test_a_child_keeps_its_engine_and_inherits_what_that_leaves_unset() -> None:
    """An explicit engine without cache and callbacks takes those of the parent."""
    parent = SeqEngine(cache=MemoryCache(), callbacks=[Recorder()])
    own = SeqEngine()
    child = _inner(Pipeline([F], engine=own), parent)
    assert child.engine is own
    assert child.cache is parent.cache
    assert child.callbacks == parent.callbacks


def test_a_childs_cache_wins() -> None:
    """Only the aspect that is set is overridden."""
    parent = SeqEngine(cache=MemoryCache(), callbacks=[Recorder()])
    own = SeqEngine(cache=MemoryCache())
    child = _inner(Pipeline([F], engine=own), parent)
    assert child.cache is own.cache
    assert child.callbacks == parent.callbacks


def test_a_childs_callbacks_win() -> None:
    """Callbacks of a child replace those of the parent."""
    parent = SeqEngine(cache=MemoryCache(), callbacks=[Recorder()])
    own = SeqEngine(callbacks=[Recorder()])
    child = _inner(Pipeline([F], engine=own), parent)
    assert child.callbacks == own.callbacks
    assert child.cache is parent.cache


def test_an_explicit_none_turns_off() -> None:
    """None is a setting, not the lack of one."""
    parent = SeqEngine(cache=MemoryCache(), callbacks=[Recorder()])
    child = _inner(Pipeline([F], engine=SeqEngine(cache=None, callbacks=None)), parent)
    assert (child.cache, child.callbacks, child.cached) == (None, (), (False,))


def test_inheritance_goes_through_levels() -> None:
    """A grandchild inherits what nobody between has set."""
    parent = SeqEngine(cache=MemoryCache(), callbacks=[Recorder()])
    middle = SeqEngine(cache=MemoryCache())
    grandchild = Pipeline([F], engine=SeqEngine())
    child = _inner(Pipeline([grandchild], engine=middle), parent)
    assert child.nested[0].cache is middle.cache
    assert child.nested[0].callbacks == parent.callbacks


def test_a_flag_of_a_node_turns_its_caching_off() -> None:
    """Only that node is left out."""
    pipeline = Pipeline(
        [F, Node(lambda a: a, "b", cache=False)], engine=SeqEngine(cache=MemoryCache())
    )
    assert _settings(pipeline).cached == (True, False)


def test_a_flag_of_a_wrapper_turns_all_inside_off() -> None:
    """`cache=False` of a wrapper holds for every level in it."""
    wrapper = Pipeline([Pipeline([F])]).as_node(cache=False)
    child = _inner(wrapper, SeqEngine(cache=MemoryCache()))
    assert (child.cached, child.nested[0].cached) == ((False,), (False,))


def test_a_childs_own_cache_does_not_undo_a_wrappers_flag() -> None:
    """Off is off, whatever is set inside."""
    wrapper = Pipeline([F], engine=SeqEngine(cache=MemoryCache())).as_node(cache=False)
    assert _inner(wrapper, SeqEngine(cache=MemoryCache())).cached == (False,)


def test_all_callbacks_come_with_their_engines() -> None:
    """Each level is listed with the engine whose name its callbacks must support."""
    recorder, own = Recorder(), SeqEngine(callbacks=[])
    parent = SeqEngine(callbacks=[recorder])
    settings = _settings(Pipeline([Pipeline([F], engine=own)], engine=parent))
    assert all_callbacks(settings) == [(parent, (recorder,)), (own, ())]


def test_nothing_is_written_to_pipelines_and_engines() -> None:
    """Finding settings changes no object."""
    engine = SeqEngine()
    child = Pipeline([F])
    before = (dict(vars(engine)), child.own_engine)
    _settings(Pipeline([child], engine=SeqEngine(cache=MemoryCache())))
    assert (dict(vars(engine)), child.own_engine) == before


def test_settings_are_frozen() -> None:
    """Settings can be shared by threads, for nobody changes them."""
    settings = _settings(Pipeline([F]))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        settings.cache = None  # type: ignore[misc]  # that is the point
