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


@hookimpl(wrapper=True)
def hypernodes_execute_batch(run: Run | None) -> Generator[None, Any, Any]:
    """Let spans of user code in a batch nest in the map that its items are part of."""
    if run is None:
        return (yield)
    # deferred: as above
    from hypernodes_otel.propagation import find_trace

    trace = find_trace(run)
    if trace is None:
        return (yield)
    with trace.around_batch(run):
        return (yield)


@hookimpl
def hypernodes_chunk_finished() -> None:
    """Send what this worker has to send."""
    # deferred: as above
    from hypernodes_otel.propagation import is_remote

    if is_remote():
        # deferred: as above
        from hypernodes_otel.remote import flush

        flush()


# Where that callback does not observe there is nothing to trace, and no call is slowed down.
_OBSERVER = "hypernodes_otel.callback:TelemetryCallback"
hypernodes_execute_step.only_for = _OBSERVER  # type: ignore[attr-defined]  # read by the core
hypernodes_execute_batch.only_for = _OBSERVER  # type: ignore[attr-defined]  # read by the core
hypernodes_chunk_finished.only_for = _OBSERVER  # type: ignore[attr-defined]  # read by the core
