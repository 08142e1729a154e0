"""What this distribution registers; imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypernodes.hookspecs import CallbackSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Generator

    from hypernodes.events import Run, StepInfo


@hookimpl
def hypernodes_register_callbacks() -> list[CallbackSpec]:
    """Name the callback that sends spans."""
    return [
        CallbackSpec(
            "otel", "hypernodes_otel.callback:TelemetryCallback", "spans by OpenTelemetry"
        ),
    ]


@hookimpl(wrapper=True)
def hypernodes_execute_step(
    run: Run | None, item: int | None, step: StepInfo
) -> Generator[None, Any, Any]:
    """Open the span of a step around its call, where the call is made."""
    if run is None:
        return (yield)
    # deferred: loading this plugin costs every process, tracing only some
    from hypernodes_otel.propagation import find_trace

    trace = find_trace(run)
    if trace is None:
        return (yield)
    with trace.around_call(run, item, step):
        return (yield)


# Where that callback does not observe there is nothing to trace, and no call is slowed down.
hypernodes_execute_step.only_for = "hypernodes_otel.callback:TelemetryCallback"  # type: ignore[attr-defined]  # read by the core
