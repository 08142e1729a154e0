"""What the nodes of a plan ask for, as far as Dask can grant it.

All steps of a chunk are carried out by one worker, so a chunk needs the most
that any of its nodes does.  Dask knows nothing of processors; graphics cards
are whatever workers were started with as ``--resources GPU=n``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from hypernodes.plan import Plan


@attrs.frozen
class Needs:
    """What one chunk needs while it is carried out.

    Attributes:
        gpus: Graphics cards, or a share of one.
        use_process: Whether it is to be carried out in a process of its own.
        most: How many chunks at once at most; None for no limit.
        node: The path of the node that asks for graphics cards.
    """

    gpus: float = 0
    use_process: bool = False
    most: int | None = None
    node: str = ""

    def limit(self, count: int) -> int:
        """Return how many of *count* workers may be busy at once."""
        return count if self.most is None else min(count, self.most)


def read_needs(plan: Plan) -> Needs:
    """Return what a chunk of *plan* needs."""
    needs = Needs()
    for path, resources in _resources(plan):
        limits = [most for most in (needs.most, resources.max_concurrency) if most is not None]
        gpus = float(resources.gpus)
        needs = Needs(
            gpus=max(needs.gpus, gpus),
            use_process=needs.use_process or bool(resources.use_process),
            most=min(limits, default=None),
            node=path if gpus > needs.gpus else needs.node,
        )
    return needs


def _resources(plan: Plan) -> Iterator[tuple[str, Any]]:
    for step in plan.steps:
        if step.nested is not None:
            yield from _resources(step.nested.plan)
        resources = getattr(step.node, "resources", None)
        if resources is not None:
            yield step.path, resources
