"""Where the trace of a run is found: on the driver, in its threads, in other processes.

On the driver, and in every thread of its process, the trace is looked up by
the id of the outermost run.  Into other processes travels what W3C calls a
carrier: a dictionary of text that the outermost `Run` takes along.

This module imports nothing of OpenTelemetry, because the plugin asks it about
every step of every run that somebody observes.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from hypernodes.events import Run
    from hypernodes_otel.spans import Trace

# Beside the W3C headers, a carrier holds the two options that workers need.
SAMPLE_KEY = "hypernodes-sample"

_traces: dict[str, Trace] = {}
_REMOTE_LIMIT = 16
_remote: dict[str, Trace | None] = {}


def root_of(run: Run) -> Run:
    """Return the outermost run around *run*."""
    while run.parent is not None:
        run = run.parent
    return run


def carrier_of(run: Run) -> MutableMapping[str, str] | None:
    """Return what travels with *run* to other processes; None where nothing does."""
    found: MutableMapping[str, str] | None = getattr(root_of(run), "carrier", None)
    return found


def publish(run: Run, trace: Trace) -> None:
    """Let the threads of this process find *trace* by *run*, and its workers by the carrier."""
    _traces.setdefault(run.id, trace)
    carrier = carrier_of(run)
    if carrier is not None and run.parent is None:
        carrier.update(trace.to_carrier())


def withdraw(run: Run) -> None:
    """Forget the trace of *run*."""
    _traces.pop(run.id, None)


def find_trace(run: Run) -> Trace | None:
    """Return the trace that *run* belongs to; None where nobody traces it."""
    around: Run | None = run
    while around is not None:
        found = _traces.get(around.id)
        if found is not None:
            # a forked worker has a copy of the driver's, which nobody tells of events
            is_own = found.process == os.getpid()
            return found if is_own else _continued(around.id, found.to_carrier())
        around = around.parent
    carrier = carrier_of(run)
    return _continued(root_of(run).id, carrier) if carrier and SAMPLE_KEY in carrier else None


def span_id(*parts: object) -> int:
    """Return the id of a span that every process can work out from *parts*.

    Example:
        >>> span_id("run", 3) == span_id("run", 3) != span_id("run", 4)
        True
    """
    text = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") or 1


def _continued(run_id: str, carrier: MutableMapping[str, str]) -> Trace | None:
    """Return the trace that began in another process; made once per run."""
    if run_id not in _remote:
        # deferred: only a worker that really traces needs OpenTelemetry
        from hypernodes_otel.spans import Trace

        while len(_remote) >= _REMOTE_LIMIT:
            _remote.pop(next(iter(_remote)))
        _remote[run_id] = Trace.from_carrier(run_id, carrier)
    return _remote[run_id]
