"""Datasets of Ray: a pipeline applied lazily to the rows of every block.

A row is an item; nothing is computed before somebody asks for it.  Columns
travel as Arrow, typed as `columns` finds them.  What has no type there travels
pickled, as binary; `unpickle` reads it.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from hypernodes.errors import PlanError
from hypernodes.execution import Packed, map_pipeline, request_map, run_chunk
from hypernodes_ray.columns import Column, find_columns, to_arrow

if TYPE_CHECKING:
    from hypernodes.execution import Chunk, ChunkResult, Context
    from hypernodes.plan import Plan

_MOST_LETTERS: Final = 200


def claims(data: object) -> bool:
    """Say whether *data* is a Dataset of Ray."""
    # deferred: only called for what ray.data made
    import ray.data

    return isinstance(data, ray.data.Dataset)


def transform(
    data: Any,
    pipeline: Any,
    outputs: tuple[str, ...] | None,
    engine: BlockEngine,
    schema: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Any:
    """Return *data* with the outputs of *pipeline* as new columns.

    Args:
        data: The dataset.
        pipeline: What is applied to each row.
        outputs: The outputs to add.
        engine: How functions are called.
        schema: Types by output, in the place of what nodes declare.
        options: Of ``map_batches``: ``batch_size``, ``num_gpus``...

    Raises:
        PlanError: A column is missing, or there already; an output or a type is unknown.
    """
    there = list(data.columns() or ())
    columns = [name for name in there if name in pipeline.graph.root_args]
    if not columns:
        msg = (
            f"no column is an input: the dataset has {', '.join(there)}, the pipeline takes "
            f"{', '.join(pipeline.graph.root_args)}; rename columns before"
        )
        raise PlanError(msg)
    plan = request_map(pipeline, dict.fromkeys(columns, ()), columns, "zip", outputs).plan
    twice = [name for name in plan.outputs if name in there]
    if twice:
        msg = f"the dataset has columns {', '.join(twice)} already; rename or drop them before"
        raise PlanError(msg)
    given = (pipeline, outputs, engine, tuple(columns), find_columns(plan, schema))
    return data.map_batches(add_columns, batch_format="pyarrow", fn_args=given, **options)


@attrs.frozen
class BlockEngine:
    """What the engine of a block is: its settings, and the rows one after another.

    Attributes:
        cache: Where results are remembered.
        strict: Whether what the cache warns of is an error.
        salt: Tells keys apart.
        check_mutation: When arguments are looked at.
    """

    cache: Any
    strict: bool
    salt: str
    check_mutation: str
    callbacks: tuple[()] = ()
    is_inline: bool = True

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Carry out the rows of one block, here; a failure tells its row."""
        for chunk in chunks:
            result = run_chunk(plan, chunk, context)
            if result.failure is not None:
                place = (result.failure.item or 0) - (chunk.first or 0)
                row = {name: column[place] for name, column in chunk.columns.items()}
                result.failure.error.add_note(f"in the row {_short(row)}")
            yield result


def add_columns(
    block: Any,
    pipeline: Packed,
    outputs: tuple[str, ...] | None,
    engine: Any,
    columns: Sequence[str],
    added: Sequence[Column],
) -> Any:
    """Return *block*, a ``pyarrow.Table``, with the new columns; called by Ray's workers."""
    given = {name: block.column(name).to_pylist() for name in columns}
    rows = map_pipeline(engine, pipeline, given, list(columns), "zip", outputs)
    for column in added:
        values = [row[column.name] for row in rows]
        block = block.append_column(column.name, to_arrow(column, values, given))
    return block


def unpickle(data: bytes) -> Any:
    """Return the object in a cell that no Arrow type stands for.

    Only for cells that a pipeline wrote: reading a pickle may run code.
    """
    return pickle.loads(data)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 3] + "..."
