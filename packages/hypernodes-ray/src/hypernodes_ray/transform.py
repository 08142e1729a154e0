"""Datasets of Ray: a pipeline applied lazily to the rows of every block.

A row is an item; nothing is computed before somebody asks for it.  Columns
travel as Arrow, typed as `columns` finds them.  What has no type there travels
pickled, as binary; `unpickle` reads it.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Any

from hypernodes.errors import PlanError
from hypernodes.execution import Packed, RowEngine, map_pipeline, request_map
from hypernodes_ray.columns import Column, find_columns, to_arrow


def claims(data: object) -> bool:
    """Say whether *data* is a Dataset of Ray."""
    # deferred: only called for what ray.data made
    import ray.data

    return isinstance(data, ray.data.Dataset)


def transform(
    data: Any,
    pipeline: Any,
    outputs: tuple[str, ...] | None,
    engine: RowEngine,
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
    given = (Packed(pipeline), outputs, engine, tuple(columns), find_columns(plan, schema))
    return data.map_batches(add_columns, batch_format="pyarrow", fn_args=given, **options)


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
    rows = map_pipeline(engine, pipeline.value, given, list(columns), "zip", outputs)
    for column in added:
        values = [row[column.name] for row in rows]
        block = block.append_column(column.name, to_arrow(column, values, given))
    return block


def unpickle(data: bytes) -> Any:
    """Return the object in a cell that no Arrow type stands for.

    Only for cells that a pipeline wrote: reading a pickle may run code.
    """
    return pickle.loads(data)
