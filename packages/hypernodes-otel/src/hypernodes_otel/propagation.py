"""Where the trace of a run is found: on the driver, in its threads, in other processes.

On the driver, and in every thread of its process, the trace is looked up by
the id of the outermost run.  Into other processes travels what W3C calls a
carrier: a dictionary of text that the outermost `Run` takes along.

This module imports nothing of OpenTelemetry, because the plugin asks it about
every step of every run that somebody observes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypernodes.events import Run
    from hypernodes_otel.remote import RemoteTrace
    from hypernodes_otel.spans import Trace

# Beside the W3C headers, a carrier holds the two options that workers need.
SAMPLE_KEY = "hypernodes-sample"

_traces: dict[str, Trace] = {}
_REMOTE_LIMIT = 16
_remote: dict[str, RemoteTrace] = {}


def map_of(run: Run) -> Run:
    """Return the innermost map around *run*, itself included; else the outermost run."""
    while not run.is_map and run.parent is not None:
        run = run.parent
    return run


def publish(run: Run, trace: Trace) -> None:
    """Let the threads of this process find *trace* by *run*, and its workers by the carrier."""
    _traces.setdefault(run.id, trace)
    run.carrier.update(trace.to_carrier())


def withdraw(run: Run) -> None:
    """Forget the trace of *run*."""
    _traces.pop(run.id, None)


def find_trace(run: Run) -> Trace | RemoteTrace | None:
    """Return the trace that *run* belongs to; None where nobody traces it."""
    around: Run | None = run
    while around is not None:
        found = _traces.get(around.id)
        # a forked worker has a copy of the driver's, which nobody tells of events
        if found is not None and found.process == os.getpid():
            return found
        if SAMPLE_KEY in around.carrier:
            return _continued(around.id, around.carrier)
        around = around.parent
    return None


def is_remote() -> bool:
    """Say whether this process takes part in traces that began in another one."""
    return any(trace.process == os.getpid() for trace in list(_remote.values()))


def _continued(run_id: str, carrier: Mapping[str, str]) -> RemoteTrace:
    """Return the trace that began in another process; made once per run."""
    # deferred: only a worker that really traces needs OpenTelemetry
    from hypernodes_otel.remote import RemoteTrace

    # several threads may ask at once: each works with what it found or made
    found = _remote.get(run_id)
    if found is None or found.process != os.getpid():
        while len(_remote) >= _REMOTE_LIMIT:
            _remote.pop(next(iter(_remote)), None)
        found = _remote[run_id] = RemoteTrace(run_id, carrier)
    return found
