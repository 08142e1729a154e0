"""The hooks: everything an extension can register, change or observe.

An extension is a distribution with one entry point in the group
``hypernodes``; what the entry point yields is a plugin, and each function of
it that carries `hookimpl` answers the hook of the same name::

    # pyproject.toml
    [project.entry-points.hypernodes]
    acme = "acme_hypernodes.plugin"

    # acme_hypernodes/plugin.py
    from hypernodes.hookspecs import EngineSpec, hookimpl

    @hookimpl
    def hypernodes_register_engines():
        return [EngineSpec("acme", "acme_hypernodes.engine:AcmeEngine")]

Registering returns data and loads nothing: a *target* is the text
``"module:name"``, imported when somebody asks for it.  An implementation may
leave out arguments that it does not need.  Observing hooks are called one by
one on the driver, and an exception in one of them is a `CallbackWarning`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import pluggy

if TYPE_CHECKING:
    from hypernodes.events import Outcome, Run, StepInfo

hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker("hypernodes")
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker("hypernodes")


@attrs.frozen
class EngineSpec:
    """An engine by name.

    Attributes:
        name: What users write: ``engine="dask"``.
        target: ``"module:Class"``; the class name is importable from
            ``hypernodes.engines``.
        summary: One line for listings.
        transforms: The packages whose tables its ``transform`` takes:
            ``("daft",)``.  Such a class has a static ``claims(data)``, which
            says whether it is one of them, and imports nothing to find out.
    """

    name: str
    target: str
    summary: str = ""
    transforms: tuple[str, ...] = ()


@attrs.frozen
class CacheSpec:
    """A cache by URL scheme.

    Attributes:
        scheme: The part before ``://``.
        target: ``"module:function"``; called with the URL as text, returns a
            `Cache`, or a `ByteStore` that becomes one.
        summary: One line for listings.
    """

    scheme: str
    target: str
    summary: str = ""


@attrs.frozen
class SerializerSpec:
    """A serializer by name.

    Attributes:
        name: Written into every entry it encodes.
        target: ``"module:name"`` of a `Serializer` object.
        priority: Higher ones are asked first; ours lie between 0 and 100.
        summary: One line for listings.
    """

    name: str
    target: str
    priority: int = 500
    summary: str = ""


@attrs.frozen
class CallbackSpec:
    """A callback by name.

    Attributes:
        name: What users write: ``callbacks=["otel"]``.
        target: ``"module:Class"``; called without arguments.
        summary: One line for listings.
    """

    name: str
    target: str
    summary: str = ""


@attrs.frozen
class FingerprintSpec:
    """How values of a type are fingerprinted.

    Attributes:
        type: The type as text, ``"torch.Tensor"``; nothing is imported.
        target: ``"module:function"``; called with the value, returns plain
            data (numbers, text, bytes, arrays, containers of these) that
            stands for all of its state.
        summary: One line for listings.
    """

    type: str
    target: str
    summary: str = ""


@attrs.frozen
class VisualizerSpec:
    """A renderer of pictures by name.

    Attributes:
        name: What users write: ``visualize(engine="mermaid")``.
        target: ``"module:function"``; called with a picture's model and the
            drawing options, returns text or bytes.
        summary: One line for listings.
    """

    name: str
    target: str
    summary: str = ""


@hookspec
def hypernodes_register_engines() -> Iterable[EngineSpec]:
    """Name engines.  Called once per process, at the first lookup of a name."""
    return ()


@hookspec
def hypernodes_register_caches() -> Iterable[CacheSpec]:
    """Claim URL schemes.  Called once per process, at the first ``open_cache``."""
    return ()


@hookspec
def hypernodes_register_serializers() -> Iterable[SerializerSpec]:
    """Name value formats.  Called once per process, when a value is stored."""
    return ()


@hookspec
def hypernodes_register_callbacks() -> Iterable[CallbackSpec]:
    """Name callbacks.  Called once per process, at the first lookup of a name."""
    return ()


@hookspec
def hypernodes_register_fingerprints() -> Iterable[FingerprintSpec]:
    """Teach types.  Called once per process, when a value is fingerprinted."""
    return ()


@hookspec
def hypernodes_register_visualizers() -> Iterable[VisualizerSpec]:
    """Name renderers.  Called once per process, at the first picture."""
    return ()


@hookspec(firstresult=True)
def hypernodes_choose_serializer(step: StepInfo, output: str, value: Any) -> str | None:
    """Choose the serializer of one output by name; None leaves it to others.

    Called where the step ran, after a miss, once per output.
    """


@hookspec(firstresult=True)
def hypernodes_execute_step(
    run: Run, item: int | None, step: StepInfo, inputs: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Carry out a step and return its outputs by name; None leaves it to others.

    Called where the step runs, on a miss, only where a plugin implements it.
    """


@hookspec(firstresult=True)
def hypernodes_execute_batch(
    run: Run, items: Sequence[int | None], step: StepInfo, inputs: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Carry out a step for a whole batch and return columns by output name.

    Called where the batch runs, for the items that missed; *run* is that of the
    first one, *inputs* are what the batch function is given.
    """


@hookspec
def hypernodes_chunk_finished(run: Run) -> None:
    """Take note that a worker has carried out some items of *run*.

    Called in worker processes alone, before the results are handed over: what
    is to leave such a process should leave it now, because it may be killed.
    """


@hookspec
def hypernodes_run_started(run: Run, inputs: Mapping[str, Any]) -> None:
    """Observe that a pipeline begins.  Called on the driver, nested runs too."""


@hookspec
def hypernodes_item_started(run: Run, item: int) -> None:
    """Observe that an item of a map begins.  Called on the driver."""


@hookspec
def hypernodes_step_started(
    run: Run, item: int | None, step: StepInfo, inputs: Mapping[str, Any]
) -> None:
    """Observe that a step is executed; not called for a hit.  On the driver."""


@hookspec
def hypernodes_step_finished(run: Run, item: int | None, step: StepInfo, outcome: Outcome) -> None:
    """Observe how a step ended: executed, hit or failed.  Called on the driver."""


@hookspec
def hypernodes_item_finished(run: Run, item: int, outcome: Outcome) -> None:
    """Observe how an item of a map ended.  Called on the driver."""


@hookspec
def hypernodes_run_finished(run: Run, outcome: Outcome) -> None:
    """Observe how a pipeline ended, also after a failure or an interrupt."""
