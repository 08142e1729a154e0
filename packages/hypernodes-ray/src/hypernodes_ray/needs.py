"""What the nodes of a plan ask for, and whether a cluster can grant it.

All steps of a chunk are carried out by one worker, so a chunk needs the most
that any of its nodes does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

    def count(self, machines: Sequence[Mapping[str, float]]) -> int:
        """Return how many chunks a cluster carries out at once.

        Args:
            machines: What each machine of it has: a chunk cannot be spread.

        Raises:
            UnsupportedStepError: Not a single one.
        """
        wants = {"CPU": self.num_cpus, "GPU": self.num_gpus}
        wants = {name: amount for name, amount in wants.items() if amount}
        fits = sum(
            min(int(has.get(name, 0) / amount) for name, amount in wants.items())
            for has in machines
        )
        if not fits:
            raise self._refuse(wants, machines)
        return fits if self.most is None else min(fits, self.most)

    def _refuse(
        self, wants: Mapping[str, float], machines: Sequence[Mapping[str, float]]
    ) -> UnsupportedStepError:
        most = {name: max((has.get(name, 0) for has in machines), default=0) for name in wants}
        lacking = [name for name, amount in wants.items() if amount > most[name]] or list(wants)
        asked = ", ".join(f"{wants[name]:g} {name}" for name in lacking)
        there = ", ".join(f"{most[name]:g} {name}" for name in lacking)
        where = "has" if len(machines) == 1 else "has no machine with more than"
        if len(lacking) > 1 and all(most[name] >= wants[name] for name in wants):
            where = "has no machine with both; the largest have"
        msg = (
            f"node {self.node!r} needs {asked}, but the Ray cluster {where} {there}; "
            "ask for less in @node(...), or use a cluster that has them"
        )
        return UnsupportedStepError(msg)


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
