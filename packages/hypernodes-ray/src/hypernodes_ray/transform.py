"""Datasets of Ray: a pipeline applied lazily to the rows of every block.

A row is an item; nothing is computed before somebody asks for it.  Columns
travel as Arrow, typed by what nodes declare: ``int``, ``float``, ``bool``,
``str``, ``bytes`` and these with None.  Each value must be of exactly that
type, because Arrow would change others silently.  What is declared otherwise,
or not at all, travels pickled, as binary; `unpickle` reads it.
"""

from __future__ import annotations

import pickle
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from hypernodes.errors import PlanError
from hypernodes.execution import Packed, map_pipeline, request_map, run_chunk

if TYPE_CHECKING:
    from hypernodes.execution import Chunk, ChunkResult, Context
    from hypernodes.plan import Plan, Step

#: Python types to the names of Arrow types.
_PLAIN: Final[Mapping[Any, str]] = {
    int: "int64",
    float: "float64",
    bool: "bool_",
    str: "string",
    bytes: "binary",
}
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
    options: Mapping[str, Any],
) -> Any:
    """Return *data* with the outputs of *pipeline* as new columns.

    Args:
        data: The dataset.
        pipeline: What is applied to each row.
        outputs: The outputs to add.
        engine: How functions are called.
        options: Of ``map_batches``: ``batch_size``, ``num_gpus``...

    Raises:
        PlanError: A column is missing, or there already; an output is unknown.
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
    declared = {name: _declared(plan.producers.get(name), name) for name in plan.outputs}
    given = (Packed(pipeline), outputs, engine, tuple(columns), declared)
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
    declared: Mapping[str, Any],
) -> Any:
    """Return *block*, a ``pyarrow.Table``, with the new columns; called by Ray's workers."""
    given = {name: block.column(name).to_pylist() for name in columns}
    rows = map_pipeline(engine, pipeline.value, given, list(columns), "zip", outputs)
    for name, its in declared.items():
        block = block.append_column(name, to_arrow(name, its, [row[name] for row in rows]))
    return block


def to_arrow(name: str, declared: Any, values: Sequence[Any]) -> Any:
    """Return *values* as an Arrow array of the *declared* type, else pickled.

    Raises:
        TypeError: A value is not of exactly that type.
    """
    # deferred: Ray brings it along where there are datasets
    import pyarrow as pa

    plain, has_none = _split_optional(declared)
    if plain not in _PLAIN:
        return pa.array([_pickle(value) for value in values], pa.binary())
    for value in values:
        if type(value) is not plain and not (has_none and value is None):
            msg = (
                f"output {name!r} is declared {_name(declared)}, but a row gave "
                f"{type(value).__name__} {_short(value)}; correct the annotation, or leave it "
                "out to have it pickled"
            )
            raise TypeError(msg)
    return pa.array(values, getattr(pa, _PLAIN[plain])())


def unpickle(data: bytes) -> Any:
    """Return the object in a cell that no Arrow type stands for.

    Only for cells that a pipeline wrote: reading a pickle may run code.
    """
    return pickle.loads(data)


def _pickle(value: object) -> bytes:
    # deferred: only columns of objects need it
    import cloudpickle

    data: bytes = cloudpickle.dumps(value)
    return data


def _split_optional(declared: Any) -> tuple[Any, bool]:
    """Return the type in ``T | None``, and whether None was there."""
    if typing.get_origin(declared) not in {typing.Union, types.UnionType}:
        return declared, False
    kinds = [each for each in typing.get_args(declared) if each is not type(None)]
    return (kinds[0], True) if len(kinds) == 1 else (None, False)


def _declared(step: Step | None, name: str) -> Any:
    """Return the type that the node of *step* declares for *name*; None where it does not."""
    node: Any = getattr(step, "node", None)
    function = getattr(node, "func", None) or getattr(node, "singular", None)
    if function is None or step is None:
        return None
    try:
        declared = typing.get_type_hints(function).get("return")
    except (NameError, TypeError):
        # an annotation that cannot be read declares nothing
        return None
    if isinstance(node.output_name, str):
        return declared
    kinds = typing.get_args(declared)
    return kinds[step.writes.index(name)] if len(kinds) == len(step.writes) else None


def _name(declared: Any) -> str:
    return declared.__name__ if isinstance(declared, type) else str(declared)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 3] + "..."
