"""Counters of what runs cost and of what the cache saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypernodes.events import OutcomeKind
from hypernodes_otel.attributes import ENGINE, NODE_NAME, OUTCOME, PATH, PIPELINE_NAME

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

    from hypernodes.events import RunFinished, StepFinished


class Meters:
    """The instruments, made once per provider.

    Steps that are nested pipelines are not counted: what is inside them is.

    Args:
        provider: Who takes the measurements.
    """

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter("hypernodes")
        self._hits = meter.create_counter(
            "hypernodes.cache.hits", "{hit}", "results that the cache answered"
        )
        self._misses = meter.create_counter(
            "hypernodes.cache.misses", "{miss}", "results that were computed"
        )
        self._failures = meter.create_counter(
            "hypernodes.node.failures", "{failure}", "calls that raised"
        )
        self._seconds = meter.create_histogram(
            "hypernodes.node.duration", "s", "how long calls took"
        )
        self._saved = meter.create_counter(
            "hypernodes.cache.time_saved", "s", "what the hits once took to compute"
        )
        self._bytes = meter.create_counter(
            "hypernodes.cache.bytes", "By", "what results took in the cache"
        )
        self._runs = meter.create_histogram("hypernodes.run.duration", "s", "how long runs took")

    def count_step(self, event: StepFinished) -> None:
        """Count the end of one step."""
        if event.step.nested:
            return
        outcome = event.outcome
        names = {NODE_NAME: event.step.id, PATH: event.step.path}
        if outcome.kind is OutcomeKind.HIT:
            self._hits.add(1, names)
            self._saved.add(outcome.saved or 0.0, names)
        elif outcome.kind is OutcomeKind.FAILED:
            self._failures.add(1, names)
        elif outcome.kind is OutcomeKind.EXECUTED:
            self._misses.add(1, names)
            self._seconds.record(outcome.seconds, names)
        if outcome.bytes:
            self._bytes.add(outcome.bytes, names)

    def count_run(self, event: RunFinished) -> None:
        """Count the end of an outermost run."""
        names = {ENGINE: event.run.engine, OUTCOME: event.outcome.kind.value}
        if event.run.pipeline_name:
            names[PIPELINE_NAME] = event.run.pipeline_name
        self._runs.record(event.outcome.seconds, names)
