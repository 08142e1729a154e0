"""The dry plan: what would run, what would hit, why, and how long it should take."""

from __future__ import annotations

from typing import Any

import attrs

from hypernodes.execution import Forecast, Request, look_ahead


@attrs.frozen
class Preview:
    """What a run would do, as far as the cache can tell before it.

    Below a step that runs, keys are not known yet: such a step is counted as
    running, and may still hit if the step above it gives the result it gave
    before.

    Attributes:
        title: The pipeline's name, or "pipeline".
        items: The number of items of a map; None for a single run.
        steps: One forecast per function, in execution order.
        not_needed: The names of the nodes that nothing wanted needs.
    """

    title: str
    items: int | None
    steps: tuple[Forecast, ...]
    not_needed: tuple[str, ...]

    @property
    def hits(self) -> int:
        """How many results are there."""
        return sum(step.hits for step in self.steps)

    @property
    def runs(self) -> int:
        """How many calls there would be."""
        return sum(step.runs for step in self.steps)

    @property
    def seconds(self) -> float:
        """What the calls should take, where times were recorded."""
        return sum(step.seconds or 0.0 for step in self.steps)

    @property
    def saved(self) -> float:
        """What the hits once took, in seconds."""
        return sum(step.saved for step in self.steps)

    def step(self, path: str) -> Forecast:
        """Return the forecast of the function at *path*.

        Raises:
            KeyError: There is none.
        """
        for step in self.steps:
            if step.path == path:
                return step
        raise KeyError(path)

    def reasons(self) -> list[str]:
        """Return one sentence per function that would run."""
        return [f"{s.path} runs: {'; '.join(s.reasons)}" for s in self.steps if s.runs]

    def __str__(self) -> str:
        """Return it as a table, with the reasons below."""
        width = max([len(step.path) for step in self.steps] or [0])
        count = "" if self.items is None else f", {self.items} items"
        lines = [f"{self.title}{count}: {self.hits} hits, {self.runs} to run{_times(self)}"]
        lines += [f"  {_line(step, width)}" for step in self.steps]
        if self.not_needed:
            lines.append(f"  not needed: {', '.join(self.not_needed)}")
        return "\n".join([*lines, *self.reasons()])


def preview(engine: Any, pipeline: Any, request: Request) -> Preview:
    """Return what *engine* would do for *request*; executes nothing, stores nothing."""
    done = {step.position for step in request.plan.steps}
    graph = pipeline.graph
    left = [graph.nodes[number].name or "pipeline" for number in graph.order if number not in done]
    steps = look_ahead(engine, pipeline, request)
    return Preview(pipeline.name or "pipeline", request.count, tuple(steps), tuple(left))


def _line(step: Forecast, width: int) -> str:
    runs = f"{step.runs:>6} to run" if step.is_known else "     ? to run"
    return f"{step.path:<{width}}  {step.hits:>6} hits {runs}{_seconds(step)}"


def _seconds(step: Forecast) -> str:
    if not step.runs:
        return ""
    return "  about ? s" if step.seconds is None else f"  about {step.seconds:.3g} s"


def _times(found: Preview) -> str:
    return f"; about {found.seconds:.3g} s to come, {found.saved:.3g} s saved"
