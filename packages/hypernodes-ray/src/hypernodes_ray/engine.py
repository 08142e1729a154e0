"""The engine itself: how chunks travel through Ray.

Decides nothing about keys, callbacks, errors or nesting: those are the
core's.  Which Ray is used is decided in `cluster`, what a task is in `tasks`.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Final, Literal

from hypernodes.execution import (
    Pace,
    Recordable,
    RowEngine,
    carry_chunks,
    map_pipeline,
    read_cache,
    read_callbacks,
    read_check_mutation,
    run_pipeline,
)
from hypernodes.values import UNSET
from hypernodes_ray.cluster import RayCluster
from hypernodes_ray.needs import read_needs
from hypernodes_ray.options import RayOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hypernodes.execution import Chunk, ChunkResult, Context, Transport
    from hypernodes.pipeline import Pipeline
    from hypernodes.plan import Plan
    from hypernodes.protocols import Cache
    from hypernodes.values import Unset

_MOST_ITEMS: Final = 10_000
#: Of so many items one is too few to begin with, and some more harm nobody.
_MANY_ITEMS: Final = 500
_MOST_FIRST: Final = 16
_CHUNK_SECONDS: Final = 0.1


class RayEngine(Recordable):
    """Carry out the chunks of a map as Ray tasks, here or on a cluster.

    Results, keys and events are those of `SeqEngine`; ``run`` stays in the
    calling process, since one item has nothing to go beside.  A Ray that this
    process is connected to is used; else the one at *address*, or at the one
    that the variable ``RAY_ADDRESS`` names; else one is started here at the
    first map, and stopped by `close` or at exit.

    Args:
        address: The cluster to connect to, ``"auto"`` for one on this
            machine, ``"local"`` to have one started here in any case.
        num_cpus: How many processors a Ray started here may use; None for all.
        cache: The cache, None for none; left out, it is inherited.
        callbacks: The observers, None for none; left out, they are inherited.
        runtime_env: What workers need, as Ray takes it: packages, files,
            variables.
        strict: Raise what the cache would otherwise only warn of.
        salt: Tells keys apart: another salt finds nothing of the former one.
        check_mutation: When arguments of cached nodes are looked at for
            changes: ``"auto"``, ``"always"`` or ``"never"``.

    Raises:
        TypeError: A setting is of the wrong type.
        ValueError: A setting is out of its range.
    """

    def __init__(
        self,
        address: str | None = None,
        num_cpus: int | None = None,
        cache: Cache | str | os.PathLike[str] | Unset | None = UNSET,
        callbacks: Sequence[Any] | Unset | None = UNSET,
        *,
        runtime_env: Mapping[str, Any] | None = None,
        strict: bool = False,
        salt: str = "",
        check_mutation: Literal["auto", "always", "never"] = "auto",
    ) -> None:
        self.options: RayOptions = RayOptions(address, num_cpus, runtime_env)
        self.cache: Cache | Unset | None = read_cache(cache)
        self.callbacks: Sequence[Any] | Unset | None = read_callbacks(callbacks)
        self.strict = strict
        self.salt = salt
        self.check_mutation = read_check_mutation(check_mutation)
        self._cluster = RayCluster(self.options)

    def run(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any] | None = None,
        output_name: str | Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Run *pipeline* once, in the calling process; see `Pipeline.run`."""
        return run_pipeline(self, pipeline, inputs, output_name)

    def map(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any] | None,
        map_over: str | Sequence[str],
        map_mode: Literal["zip", "product"] = "zip",
        output_name: str | Sequence[str] | None = None,
        *,
        on_error: str = "raise",
    ) -> list[Any]:
        """Run *pipeline* once per item; see `Pipeline.map`.

        Raises:
            WorkerLostError: A worker died.
            ExecutionError: No Ray answers at the address, or the cluster
                lacks what a node needs.
            Exception: What the lowest failing item raised, with a note where.
        """
        return map_pipeline(
            self,
            pipeline,
            inputs,
            map_over,
            map_mode,
            output_name,
            on_error=on_error,
            pace=self.pace(_count_items(pipeline, inputs, map_over, map_mode)),
        )

    def pace(self, items: int | None = None) -> Pace:
        """Return how many items should travel together: about a tenth of a second's worth."""
        first = max(1, min((items or 0) // _MANY_ITEMS, _MOST_FIRST))
        return Pace(first, _CHUNK_SECONDS, _MOST_ITEMS)

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Carry out every chunk and yield every result, in any order."""
        self._cluster.attach()
        return carry_chunks(plan, chunks, context, self._transport(plan))

    @staticmethod
    def claims(data: object) -> bool:
        """Say whether `transform` takes *data*: a Ray Dataset."""
        # deferred, because ray.data is large
        from hypernodes_ray import transform

        return transform.claims(data)

    def transform(
        self,
        data: Any,
        pipeline: Pipeline,
        output_name: str | Sequence[str] | None = None,
        *,
        schema: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Return *data* with the outputs of *pipeline* as new columns, lazily.

        Columns are typed by what nodes declare; what is not a number, text,
        bytes, a time, a list of these or None travels pickled, and
        `hypernodes_ray.transform.unpickle` reads it.

        Args:
            data: A Dataset; its columns under the names of inputs are given
                to the functions.
            pipeline: What is applied to each row.
            output_name: The outputs to add; None for all.
            schema: Types by output, of pyarrow or of Python, for those that
                are not to be what their node declares.
            **options: Of ``Dataset.map_batches``: ``batch_size``,
                ``concurrency``, ``num_gpus``...

        Raises:
            PlanError: A column is missing, or there already; an output or type is unknown.
            TypeError: While computing: a column cannot hold a value as it is.
        """
        # deferred, because ray.data is large
        from hypernodes_ray import transform

        cache = None if self.cache is UNSET else self.cache
        engine = RowEngine(cache, self.strict, self.salt, self.check_mutation)
        wanted = (output_name,) if isinstance(output_name, str) else output_name
        outputs = None if wanted is None else tuple(wanted)
        return transform.transform(data, pipeline, outputs, engine, schema or {}, options)

    def close(self) -> None:
        """Stop the Ray that this engine started; the next map starts another."""
        self._cluster.close()

    def _transport(self, plan: Plan) -> Transport:
        # deferred: Ray takes seconds to import
        import ray

        # deferred: these import Ray
        from hypernodes_ray.actors import ActorTransport
        from hypernodes_ray.tasks import TaskTransport

        needs = read_needs(plan)
        machines: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]  # Ray has no types here
        count = needs.count([each["Resources"] for each in machines if each["Alive"]])
        options: dict[str, Any] = {"num_cpus": needs.num_cpus, "num_gpus": needs.num_gpus}
        if self.options.runtime_env is not None:
            options["runtime_env"] = dict(self.options.runtime_env)
        return (ActorTransport if needs.are_kept else TaskTransport)(options, count)

    def __repr__(self) -> str:
        return f"RayEngine(cache={self.cache!r}, callbacks={self.callbacks!r})"


def _count_items(
    pipeline: Any, inputs: Mapping[str, Any] | None, map_over: Any, map_mode: str
) -> int | None:
    """Return how many items there will be; None where the request is at fault."""
    names = (map_over,) if isinstance(map_over, str) else tuple(map_over or ())
    values = {**pipeline.bound_inputs, **(inputs or {})}
    try:
        lengths = [len(values[name]) for name in names]
    except (KeyError, TypeError):
        # the core says what is wrong
        return None
    return math.prod(lengths) if map_mode == "product" else max(lengths, default=0)
