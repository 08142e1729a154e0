"""What the nodes of a plan ask for, and whether a cluster can grant it.

All steps of a chunk are carried out by one worker, so a chunk needs the most
that any of its nodes does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from hypernodes.errors import UnsupportedStepError

if TYPE_CHECKING:
    from hypernodes.plan import Plan


@attrs.frozen
class Needs:
    """What one chunk occupies while it is carried out.

    Attributes:
        num_cpus: Processors.
        num_gpus: Graphics cards, or a share of one.
        most: How many chunks at once at most; None for no limit.
        node: The path of the node that asks for the graphics cards.
    """

    num_cpus: float = 1
    num_gpus: float = 0
    most: int | None = None
    node: str = ""

    @property
    def are_kept(self) -> bool:
        """Whether workers are to be kept: what they load is expensive or counted."""
        return self.num_gpus > 0 or self.most is not None

    def count(self, cluster: Mapping[str, float]) -> int:
        """Return how many chunks a *cluster* with these resources carries out at once.

        Raises:
            UnsupportedStepError: Not a single one.
        """
        has = {"CPU": cluster.get("CPU", 0.0), "GPU": cluster.get("GPU", 0.0)}
        wants = {"CPU": self.num_cpus, "GPU": self.num_gpus}
        lacking = [name for name, amount in wants.items() if amount > has[name]]
        if lacking:
            asked = ", ".join(f"{wants[name]:g} {name}" for name in lacking)
            there = ", ".join(f"{has[name]:g} {name}" for name in lacking)
            msg = (
                f"node {self.node!r} needs {asked}, but the Ray cluster has {there}; "
                "ask for less in @node(...), or use a cluster that has them"
            )
            raise UnsupportedStepError(msg)
        fits = min(int(has[name] / amount) for name, amount in wants.items() if amount)
        return max(1, fits if self.most is None else min(fits, self.most))


def read_needs(plan: Plan) -> Needs:
    """Return what a chunk of *plan* needs."""
    needs = Needs()
    for path, resources in _resources(plan):
        cpus, gpus = float(resources.cpus or 1), float(resources.gpus)
        limits = [most for most in (needs.most, resources.max_concurrency) if most is not None]
        needs = Needs(
            num_cpus=max(needs.num_cpus, cpus),
            num_gpus=max(needs.num_gpus, gpus),
            most=min(limits, default=None),
            node=path if gpus > needs.num_gpus or cpus > needs.num_cpus else needs.node,
        )
    return needs


def _resources(plan: Plan) -> Iterator[tuple[str, Any]]:
    for step in plan.steps:
        if step.nested is not None:
            yield from _resources(step.nested.plan)
        resources = getattr(step.node, "resources", None)
        if resources is not None:
            yield step.path, resources
