"""Who listens to what, and on which engines.

This module looks at callback objects from outside: which methods they really
implement and which engines they support.  Calling them is the business of
`_dispatch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from hypernodes.callbacks._base import PipelineCallback

# What the plugins floor prepares per observing hook: the name of the plugin,
# its function, and the names of the arguments that the function takes.
ObserverHook = tuple[str, Callable[..., object], tuple[str, ...]]

# Per method: the objects that implement it, each with its bound method.
Listeners = dict[str, tuple[tuple[object, Callable[..., object]], ...]]

_METHODS = (*(name for name in vars(PipelineCallback) if name.startswith("on_")), "close")
_NOT_PER_STEP = frozenset({"on_map_start", "on_map_progress", "on_map_end", "close"})


def check_supported(callbacks: Iterable[PipelineCallback], engine_name: str) -> None:
    """Refuse callbacks that do not work with the engine *engine_name*.

    Called before anything runs.

    Args:
        callbacks: The callbacks of a run.
        engine_name: The class name of its engine.

    Raises:
        ValueError: A callback names its ``supported_engines``, and this one
            is not among them.

    Example:
        >>> class OnlyDask(PipelineCallback):
        ...     supported_engines = ["DaskEngine"]
        >>> check_supported([OnlyDask()], "SeqEngine")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: callback OnlyDask is not compatible with engine SeqEngine; ...
    """
    for callback in callbacks:
        supported = getattr(callback, "supported_engines", None)
        names = [supported] if isinstance(supported, str) else supported
        if names is not None and engine_name not in names:
            msg = (
                f"callback {type(callback).__name__} is not compatible with engine {engine_name}; "
                f"it supports {', '.join(names) or 'no engine'}"
            )
            raise ValueError(msg)


def has_observers(
    callbacks: Iterable[PipelineCallback],
    hooks: Mapping[str, Sequence[ObserverHook]] | None = None,
) -> bool:
    """Say whether anybody listens: without it, no event needs to be made."""
    return any(True for _ in callbacks) or any((hooks or {}).values())


def has_step_observers(
    callbacks: Iterable[PipelineCallback],
    hooks: Mapping[str, Sequence[ObserverHook]] | None = None,
) -> bool:
    """Say whether anybody listens to the items and steps of a map.

    Without it the events of a map shrink to its `RunStarted`, `MapProgress`
    and `RunFinished`.
    """
    listeners = listen_to(callbacks)
    heard = any(found for name, found in listeners.items() if name not in _NOT_PER_STEP)
    return heard or any((hooks or {}).values())


def hears_reasons(
    callbacks: Iterable[PipelineCallback],
    hooks: Mapping[str, Sequence[ObserverHook]] | None = None,
) -> bool:
    """Say whether anybody takes records of steps, which say why a step was executed."""
    takes_steps = (hooks or {}).get("hypernodes_step_finished")
    return bool(takes_steps or listen_to(callbacks)["on_event"])


def listen_to(callbacks: Iterable[PipelineCallback]) -> Listeners:
    """Collect per method who implements it; inherited no-ops are left out."""
    found: dict[str, list[tuple[object, Callable[..., object]]]] = {name: [] for name in _METHODS}
    for callback in callbacks:
        for name in _METHODS:
            method = getattr(callback, name, None)
            no_op = getattr(PipelineCallback, name)
            if method is not None and getattr(method, "__func__", None) is not no_op:
                found[name].append((callback, method))
    return {name: tuple(listeners) for name, listeners in found.items()}
