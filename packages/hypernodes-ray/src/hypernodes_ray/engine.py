"""The engine itself: how chunks travel through Ray.

Decides nothing about keys, callbacks, errors or nesting: those are the
core's.  This version takes its settings and refuses to carry out work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NoReturn

from hypernodes.errors import UnsupportedStepError
from hypernodes.values import UNSET
from hypernodes_ray.options import RayOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hypernodes.execution import Chunk, ChunkResult, Context
    from hypernodes.pipeline import Pipeline
    from hypernodes.plan import Plan
    from hypernodes.protocols import Cache
    from hypernodes.values import Unset


class RayEngine:
    """Carry out chunks of a map as Ray tasks, here or on a cluster.

    Args:
        address: The cluster to connect to; None uses the one that is
            connected already, else starts one here.
        num_cpus: How many processors a cluster started here may use.
        cache: The cache, None for none; left out, it is inherited.
        callbacks: The observers, None for none; left out, they are inherited.

    Raises:
        TypeError: A setting is of the wrong type.
        ValueError: A setting is out of its range.
    """

    def __init__(
        self,
        address: str | None = None,
        num_cpus: int | None = None,
        cache: Cache | Unset | None = UNSET,
        callbacks: Sequence[Any] | Unset | None = UNSET,
    ) -> None:
        self.options = RayOptions(address, num_cpus)
        self.cache = cache
        self.callbacks = callbacks

    def run(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any],
        output_name: str | Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Refuse to run *pipeline*.

        Raises:
            UnsupportedStepError: Always, in this version.
        """
        _refuse()

    def map(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any],
        map_over: str | Sequence[str],
        map_mode: Literal["zip", "product"] = "zip",
        output_name: str | Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Refuse to map *pipeline*.

        Raises:
            UnsupportedStepError: Always, in this version.
        """
        _refuse()

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Refuse to carry out *chunks*.

        Raises:
            UnsupportedStepError: Always, in this version.
        """
        _refuse()


def _refuse() -> NoReturn:
    msg = (
        "this version of hypernodes-ray cannot carry out pipelines yet; "
        "use SeqEngine, which gives the same results, in place of RayEngine"
    )
    raise UnsupportedStepError(msg)
