"""The engine itself: which of Dask's ways the chunks of a map take.

Decides nothing about keys, callbacks, errors or nesting: those are the
core's.  How chunks travel is told in `graph` (threads), `pool` (processes)
and `cluster` (a Dask cluster).
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
    run_chunk,
    run_pipeline,
)
from hypernodes.values import UNSET
from hypernodes_dask.graph import carry_on_threads
from hypernodes_dask.needs import Needs, read_needs
from hypernodes_dask.options import CHUNK_SECONDS, DaskOptions, Scheduler, WorkloadType
from hypernodes_dask.pool import PoolTransport, WorkerPool
from hypernodes_dask.threads import Threads

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


class DaskEngine(Recordable):
    """Carry out the chunks of a map on Dask threads, processes or a cluster.

    Results, keys and events are those of `SeqEngine`; ``run`` stays in the
    calling thread, since one item has nothing to go beside.  The engine keeps
    nothing of a run, so one object may serve many threads; threads and
    worker processes stay for the next map until it is closed or forgotten.

    Args:
        scheduler: ``"threads"``, ``"processes"``, ``"synchronous"`` or
            ``"distributed"``.
        num_workers: How many chunks at once; None leaves it to Dask's
            configuration, then to *workload_type*.
        workload_type: What the nodes mostly do: ``"io"`` waits, so it gets
            many threads; ``"cpu"`` computes; ``"mixed"``.
        npartitions: How many chunks; None lets a chunk hold as many items as
            take about a tenth of a second.
        cache: The cache, None for none; left out, it is inherited.
        callbacks: The observers, None for none; left out, they are inherited.
        client: The `distributed.Client` to use; makes the scheduler
            ``"distributed"``.  Without one, the current client is used; no
            cluster is ever started.
        strict: Raise what the cache would otherwise only warn of.
        salt: Tells keys apart: another salt finds nothing of the former one.
        check_mutation: When arguments of cached nodes are looked at for
            changes: ``"auto"``, ``"always"`` or ``"never"``.

    Raises:
        TypeError: A setting is of the wrong type.
        ValueError: A setting is out of its range.
    """

    def __init__(  # noqa: PLR0913 - users write them by name, each where it is wanted
        self,
        scheduler: Scheduler = "threads",
        num_workers: int | None = None,
        workload_type: WorkloadType = "mixed",
        npartitions: int | None = None,
        cache: Cache | str | os.PathLike[str] | Unset | None = UNSET,
        callbacks: Sequence[Any] | Unset | None = UNSET,
        *,
        client: Any = None,
        strict: bool = False,
        salt: str = "",
        check_mutation: Literal["auto", "always", "never"] = "auto",
    ) -> None:
        if client is not None:
            scheduler = _with_client(scheduler)
        self.options: DaskOptions = DaskOptions(scheduler, num_workers, workload_type, npartitions)
        self.cache: Cache | Unset | None = read_cache(cache)
        self.callbacks: Sequence[Any] | Unset | None = read_callbacks(callbacks)
        self.client = client
        self.strict = strict
        self.salt = salt
        self.check_mutation = read_check_mutation(check_mutation)
        self._pool = WorkerPool()
        self._threads = Threads()

    def run(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any] | None = None,
        output_name: str | Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Run *pipeline* once, in the calling thread; see `Pipeline.run`."""
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
            WorkerLostError: A worker process died, or the cluster is gone.
            ExecutionError: There is no client, or no worker could be started.
            Exception: What the lowest failing item raised, with a note where.
        """
        pace = self.pace(_count_items(pipeline, inputs, map_over, map_mode))
        return map_pipeline(
            self, pipeline, inputs, map_over, map_mode, output_name, on_error=on_error, pace=pace
        )

    def pace(self, items: int | None = None) -> Pace:
        """Return how many of *items* should travel together."""
        options = self.options
        if options.npartitions is not None and items:
            size = math.ceil(items / options.npartitions)
            return Pace(size, most=size)
        first = max(1, min((items or 0) // _MANY_ITEMS, _MOST_FIRST))
        return Pace(first, CHUNK_SECONDS[options.workload_type], _MOST_ITEMS)

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Carry out every chunk and yield every result, in any order."""
        scheduler, needs = self.options.scheduler, read_needs(plan)
        if scheduler == "synchronous":
            return (run_chunk(plan, chunk, context) for chunk in chunks)
        if scheduler == "threads" and not needs.use_process:
            width = needs.limit(self.options.threads)
            return carry_on_threads(plan, chunks, context, self._threads, width)
        return carry_chunks(plan, chunks, context, self._transport(needs))

    @staticmethod
    def claims(data: object) -> bool:
        """Say whether `transform` takes *data*: a Dask Bag or DataFrame."""
        # deferred: the collections of Dask are large
        from hypernodes_dask import transform

        return transform.claims(data)

    def transform(
        self,
        data: Any,
        pipeline: Pipeline,
        output_name: str | Sequence[str] | None = None,
        *,
        schema: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return *data* with the outputs of *pipeline* as new columns, lazily.

        Rows keep their order and their index.  Each partition is carried out
        where Dask computes it; the scheduler of this engine plays no part.

        Args:
            data: A Bag of dictionaries, or a DataFrame; what they hold under
                the names of inputs is given to the functions.
            pipeline: What is applied to each row.
            output_name: The outputs to add; None for all.
            schema: Pandas dtypes by output, for those that are not to be what
                their node declares.

        Raises:
            PlanError: A column is missing, or there already; an output is unknown.
            TypeError: While computing: a value is not of the declared type.
        """
        # deferred: the collections of Dask are large
        from hypernodes_dask import transform

        wanted = (output_name,) if isinstance(output_name, str) else output_name
        cache = None if self.cache is UNSET else self.cache
        engine = RowEngine(cache, self.strict, self.salt, self.check_mutation)
        outputs = None if wanted is None else tuple(wanted)
        return transform.transform(data, pipeline, outputs, engine, schema or {})

    def close(self) -> None:
        """End the worker processes and threads that are kept; the next map starts new ones."""
        self._pool.close()
        self._threads.close()

    def _transport(self, needs: Needs) -> Transport:
        if self.options.scheduler != "distributed":
            return PoolTransport(self._pool, needs.limit(self.options.processes))
        # deferred: the cluster part of Dask is large
        from hypernodes_dask.cluster import connect

        return connect(self.client, self.options.num_workers, needs)

    def __getstate__(self) -> dict[str, Any]:
        """Travel without what belongs to this process: its workers, threads and client."""
        return {**self.__dict__, "client": None, "_pool": None, "_threads": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _pool=WorkerPool(), _threads=Threads())

    def __repr__(self) -> str:
        return (
            f"DaskEngine(scheduler={self.options.scheduler!r}, cache={self.cache!r}, "
            f"callbacks={self.callbacks!r})"
        )


def _with_client(scheduler: Scheduler) -> Scheduler:
    if scheduler in {"threads", "distributed"}:
        return "distributed"
    msg = f"a client goes with scheduler='distributed', not {scheduler!r}; leave one of them out"
    raise ValueError(msg)


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
