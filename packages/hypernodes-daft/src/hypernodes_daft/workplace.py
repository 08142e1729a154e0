"""What kind of worker the nodes of a plan ask for.

Decides from the resources of its nodes whether chunks can stay in threads of
this process, need processes, or need a pool with graphics cards.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from hypernodes.errors import UnsupportedStepError
from hypernodes.plan import Plan, Step

_here = threading.local()


@attrs.frozen
class Workplace:
    """One kind of worker.

    Attributes:
        use_process: Whether it is a process of its own.
        max_concurrency: How many there are at most; None for one per processor.
        gpus: Graphics cards that each occupies.
        cpus: Processors that each occupies; None leaves it to Daft.
    """

    use_process: bool = False
    max_concurrency: int | None = None
    gpus: float = 0
    cpus: float | None = None

    @property
    def is_pool(self) -> bool:
        """Whether the workers form a pool of their own."""
        return self.max_concurrency is not None or self.gpus > 0

    @property
    def is_thread(self) -> bool:
        """Whether nothing but a thread is asked for."""
        return not self.use_process and not self.is_pool and self.cpus is None


def find_workplace(plan: Plan) -> Workplace:
    """Return the one kind of worker that grants what all nodes of *plan* ask for."""
    return _granting([each for each in map(_resources, all_steps(plan)) if each is not None])


def _granting(wanted: Sequence[Any]) -> Workplace:
    pools = [each.max_concurrency for each in wanted if each.max_concurrency is not None]
    cpus = [each.cpus for each in wanted if each.cpus is not None]
    return Workplace(
        use_process=any(each.use_process for each in wanted),
        max_concurrency=min(pools, default=None),
        gpus=max((each.gpus for each in wanted), default=0),
        cpus=max(cpus, default=None),
    )


def workplace_of(step: Step) -> Workplace:
    """Return the kind of worker that *step* asks for, with all that is nested in it."""
    if step.nested is not None:
        return find_workplace(step.nested.plan)
    return _granting([each for each in [_resources(step)] if each is not None])


def all_steps(plan: Plan) -> Iterator[Step]:
    """Yield the functions of *plan* and of all pipelines nested in it."""
    for step in plan.steps:
        if step.nested is not None:
            yield from all_steps(step.nested.plan)
        else:
            yield step


def refuse_unmet(plan: Plan, there: Mapping[str, float]) -> None:
    """Refuse what would wait for ever: more of something than is *there* at all.

    Args:
        plan: What is done.
        there: How much there is, by the names of Ray: ``CPU``, ``GPU``; what
            is left out is not checked.

    Raises:
        UnsupportedStepError: A node asks for more.
    """
    for step in all_steps(plan):
        resources = _resources(step)
        wanted = {} if resources is None else {"CPU": resources.cpus, "GPU": resources.gpus}
        for name, amount in wanted.items():
            if (amount or 0) > there.get(name, math.inf):
                msg = (
                    f"node {step.path!r} needs {amount:g} {name}, but there are {there[name]:g}; "
                    "ask for less in @node(...), or use a cluster that has them"
                )
                raise UnsupportedStepError(msg)


def _resources(step: Step) -> Any:
    return getattr(step.node, "resources", None)


@contextlib.contextmanager
def at_work() -> Iterator[None]:
    """Know that this thread is a worker's: what it submits is carried out in place."""
    before = is_at_work()
    _here.is_at_work = True
    try:
        yield
    finally:
        _here.is_at_work = before


def is_at_work() -> bool:
    """Say whether this thread is a worker's."""
    return getattr(_here, "is_at_work", False)
