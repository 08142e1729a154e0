"""The engine itself: which of Daft's ways the chunks of a map take.

Decides nothing about keys, callbacks, errors or nesting: those are the
core's.  How chunks travel is told in `chunks` (threads of
this process), `stream` (processes of this machine) and `cells` (clusters),
where a plan is cut in `segments`.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Literal

from hypernodes.execution import (
    Recordable,
    carry_chunks,
    map_pipeline,
    read_cache,
    read_callbacks,
    read_check_mutation,
    run_chunk,
    run_pipeline,
)
from hypernodes.values import UNSET
from hypernodes_daft.cells import CellTransport
from hypernodes_daft.chunks import ask, carry_in_process
from hypernodes_daft.modules import shipped_modules
from hypernodes_daft.options import DaftOptions, Placement, Runner, resources_of
from hypernodes_daft.pacing import make_pace
from hypernodes_daft.runtime import choose_runner, show_plan
from hypernodes_daft.segments import carry_segments, cut
from hypernodes_daft.stream import StreamTransport
from hypernodes_daft.transform import BATCH_ROWS, transform_frame
from hypernodes_daft.workplace import Workplace, is_at_work, refuse_unmet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hypernodes.execution import Chunk, ChunkResult, Context, Pace
    from hypernodes.pipeline import Pipeline
    from hypernodes.plan import Plan
    from hypernodes.protocols import Cache
    from hypernodes.values import Unset

Transporting = StreamTransport | CellTransport


class DaftEngine(Recordable):
    """Carry out chunks of a map through Daft, in this process or on its cluster.

    Results, keys and events are those of `SeqEngine`; ``run`` stays in the
    calling thread, since one item has nothing to go beside.  The engine keeps
    nothing of a run, so one object may serve many threads.

    Args:
        use_batch_udf: Hand over whole chunks; False calls one row UDF per
            item, with the same results.
        default_daft_config: Arguments of Daft's execution configuration, and
            ``batch_size``, how many items travel together; left out, the
            measured cost of an item decides.
        cache: The cache, a folder or a URL, None for none; left out, it is
            inherited.
        callbacks: The observers, None for none; left out, they are inherited.
        runner: ``"native"`` for this machine, ``"ray"`` for a Ray cluster;
            left out, the runner that Daft has been given.
        address: Of the Ray cluster, ``"ray://host:10001"`` for one elsewhere.
        num_workers: How many chunks at once; by default one per processor.
        strict: Raise what the cache would otherwise only warn of.
        salt: Tells keys apart: another salt finds nothing of the former one.
        check_mutation: When arguments of cached nodes are looked at for
            changes: ``"auto"``, ``"always"`` or ``"never"``.

    Raises:
        TypeError: A setting is of the wrong type.
        ValueError: A setting is out of its range, or unknown.

    Example:
        >>> from hypernodes import Pipeline, node
        >>> from hypernodes.engines import DaftEngine
        >>> @node(output_name="count")
        ... def count_words(text: str) -> int:
        ...     return len(text.split())
        >>> pipeline = Pipeline(nodes=[count_words], engine=DaftEngine())
        >>> pipeline.map(inputs={"text": ["a b", "c"]}, map_over="text")
        [{'count': 2}, {'count': 1}]
    """

    def __init__(  # noqa: PLR0913 - users write them by name, each where it is wanted
        self,
        use_batch_udf: bool = True,
        default_daft_config: Mapping[str, Any] | None = None,
        cache: Cache | str | os.PathLike[str] | Unset | None = UNSET,
        callbacks: Sequence[Any] | Unset | None = UNSET,
        *,
        runner: Runner | None = None,
        address: str | None = None,
        num_workers: int | None = None,
        strict: bool = False,
        salt: str = "",
        check_mutation: Literal["auto", "always", "never"] = "auto",
    ) -> None:
        self.options: DaftOptions = DaftOptions(use_batch_udf, default_daft_config)
        self.placement: Placement = Placement(runner, address, num_workers)
        self.cache: Cache | Unset | None = read_cache(cache)
        self.callbacks: Sequence[Any] | Unset | None = read_callbacks(callbacks)
        self.strict = strict
        self.salt = salt
        self.check_mutation = read_check_mutation(check_mutation)

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
            EngineNotInstalledError: Daft is missing, or too old.
            UnsupportedStepError: A node asks for more than there is.
            WorkerLostError: A worker process died.
            TransferError: Something cannot be sent to a worker, or back.
            Exception: What the lowest failing item raised, with a note where.
        """
        pace = self.pace(_count_items(pipeline, inputs, map_over, map_mode))
        return map_pipeline(
            self, pipeline, inputs, map_over, map_mode, output_name, on_error=on_error, pace=pace
        )

    def pace(self, items: int | None = None) -> Pace:
        """Return how many of *items* should travel together."""
        workers = self.placement.workers(choose_runner(self.placement))
        return make_pace(self.options.batch_size, items, workers)

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Carry out every chunk through Daft and yield every result, as it is ready."""
        if is_at_work():
            return carry_in_place(plan, chunks, context)
        refuse_unmet(plan, resources_of(choose_runner(self.placement)))
        segments = cut(plan)
        if len(segments) == 1:
            return self._carry(plan, chunks, context, segments[0].workplace)
        return carry_segments(segments, plan, chunks, context, self._carry)

    def _carry(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context, workplace: Workplace
    ) -> Iterator[ChunkResult]:
        """Carry out chunks by one kind of worker."""
        runner = choose_runner(self.placement)
        workers = self.placement.workers(runner)
        if runner == "native" and workplace.is_thread:
            return carry_in_process(plan, chunks, context, self.options, workers)
        transport = self._transport(workplace, runner, workers)
        return carry_elsewhere(plan, chunks, context, transport)

    def _transport(self, workplace: Workplace, runner: Runner, workers: int) -> Transporting:
        make = StreamTransport if runner == "native" else CellTransport
        return make(workplace, workers, self.options)

    @staticmethod
    def claims(data: object) -> bool:
        """Say whether *data* is a Daft DataFrame, without importing Daft."""
        return any(
            each.__name__ == "DataFrame" and each.__module__.partition(".")[0] == "daft"
            for each in type(data).__mro__
        )

    def transform(
        self,
        data: Any,
        pipeline: Pipeline,
        output_name: str | Sequence[str] | None = None,
        *,
        schema: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the Daft DataFrame *data* with the outputs of *pipeline* as new columns.

        Lazy: nothing runs before somebody reads the result, and nothing is
        collected then, so reading, transforming and writing go together in
        bounded memory.  Columns are inputs by their names, what is bound in
        the pipeline is the same for all rows, and a column that bears the
        name of an output stands for it.  Results are cached where they are
        made; observers hear nothing, since Daft decides when and where.

        Args:
            data: The DataFrame.
            pipeline: The pipeline.
            output_name: The outputs to add; by default all.
            schema: Types of outputs by name, `daft.DataType` or Python types;
                without one the annotations decide.  What has no type of its
                own among columns is stored as a pickle.

        Raises:
            MissingInputError: A column is missing.
            PlanError: An output is unknown, or a type is.
            TransferError: A function or a bound value cannot be pickled.
            UnsupportedStepError: A node asks for more than there is.
            TypeError: *data* is no DataFrame; while reading: a value does not
                fit its column.
            Exception: While reading: what a node raised, with a note that
                holds the row; a `RuntimeError` with all of its text, where
                nodes run in other processes.
        """
        outputs = (output_name,) if isinstance(output_name, str) else output_name
        rows = self.options.batch_size or BATCH_ROWS
        names = None if outputs is None else tuple(outputs)
        return transform_frame(self, data, pipeline, names, schema, rows)

    def explain(
        self,
        pipeline: Pipeline,
        data: Any = None,
        output_name: str | Sequence[str] | None = None,
        *,
        schema: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the plans of Daft's query, from the logical to the physical one.

        Args:
            pipeline: The pipeline.
            data: A DataFrame that it would transform; without one the query is
                that of a map.
            output_name: The outputs; by default all.
            schema: As in `transform`.

        Raises:
            PlanError: An output or a column is unknown.
        """
        if data is not None:
            return show_plan(self.transform(data, pipeline, output_name, schema=schema))
        runner = choose_runner(self.placement)
        outputs = (output_name,) if isinstance(output_name, str) else output_name
        plan = pipeline.compiled(None if outputs is None else tuple(outputs), pipeline.bound_inputs)
        workers = self.placement.workers(runner)
        frames = [
            ask(1, "")
            if runner == "native" and segment.workplace.is_thread
            else self._transport(segment.workplace, runner, workers).example()
            for segment in cut(plan)
        ]
        return "\n".join(map(show_plan, frames))

    def __repr__(self) -> str:
        return f"DaftEngine({self.options}, {self.placement}, cache={self.cache!r})"


def carry_in_place(plan: Plan, chunks: Iterable[Chunk], context: Context) -> Iterator[ChunkResult]:
    """Carry out *chunks* in this thread, which is that of a worker already."""
    for chunk in chunks:
        yield run_chunk(plan, chunk, context)


def carry_elsewhere(
    plan: Plan, chunks: Iterable[Chunk], context: Context, transport: Transporting
) -> Iterator[ChunkResult]:
    """Have *chunks* carried out by other processes, the user's own modules included."""
    with shipped_modules():
        yield from carry_chunks(plan, chunks, context, transport)


def _count_items(
    pipeline: Pipeline,
    inputs: Mapping[str, Any] | None,
    map_over: str | Sequence[str],
    map_mode: str,
) -> int | None:
    """Return how many items there will be; None where that cannot be seen yet."""
    names = [map_over] if isinstance(map_over, str) else list(map_over or ())
    try:
        sizes = [len({**pipeline.bound_inputs, **(inputs or {})}[name]) for name in names]
    except (KeyError, TypeError):
        # the request is refused, in better words, when it is checked
        return None
    return math.prod(sizes) if map_mode == "product" else min(sizes, default=None)
