"""What a nested pipeline inherits: engine, cache and callbacks, aspect by aspect.

Settings are found anew when a run starts, and passed down; nothing is ever
written to a pipeline or an engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from hypernodes.graph import Graph, NestedNode
from hypernodes.plan._records import Plan
from hypernodes.values import UNSET


@attrs.frozen
class Settings:
    """How one pipeline of a run is carried out.

    Attributes:
        engine: Its own engine, or the one it inherits.
        cache: The cache, or None.
        callbacks: The observers.
        cached: For each step, whether its results may be cached.
        nested: Step index to the settings inside it.
    """

    engine: Any
    cache: Any
    callbacks: tuple[Any, ...]
    cached: tuple[bool, ...]
    nested: Mapping[int, Settings]


def resolve_settings(
    plan: Plan, graph: Graph, engine: Any, inherited: Settings | None = None, enabled: bool = True
) -> Settings:
    """Return the settings of *plan* and of everything nested in it.

    Args:
        plan: The plan.
        graph: The graph that it was compiled from.
        engine: The engine of its pipeline; None to inherit.
        inherited: The settings around it; None at the root.
        enabled: False where caching is turned off around it.
    """
    cache = _aspect(engine, "cache", inherited.cache if inherited else None)
    callbacks = _aspect(engine, "callbacks", inherited.callbacks if inherited else ())
    settings = Settings(
        engine=engine if engine is not None else inherited.engine if inherited else None,
        cache=cache,
        callbacks=tuple(callbacks or ()),
        cached=tuple(
            enabled and cache is not None and graph.nodes[step.position].cache
            for step in plan.steps
        ),
        nested={},
    )
    nested = {
        step.index: _inside(step.nested.plan, graph.nodes[step.position], settings, enabled)
        for step in plan.steps
        if step.nested is not None
    }
    return attrs.evolve(settings, nested=nested) if nested else settings


def all_callbacks(settings: Settings) -> Sequence[tuple[Any, tuple[Any, ...]]]:
    """Return (engine, callbacks) of these settings and of all inside them."""
    inside = [pair for child in settings.nested.values() for pair in all_callbacks(child)]
    return [(settings.engine, settings.callbacks), *inside]


def _inside(plan: Plan, node: Any, settings: Settings, enabled: bool) -> Settings:
    wrapper: NestedNode = node
    pipeline = wrapper.pipeline
    return resolve_settings(
        plan, pipeline.graph, pipeline.own_engine, settings, enabled and wrapper.cache
    )


def _aspect(engine: Any, name: str, inherited: Any) -> Any:
    value = getattr(engine, name, UNSET)
    return inherited if value is UNSET else value
