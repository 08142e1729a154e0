"""One step for a whole batch: columns in, one call, columns out.

Only dual nodes are called this way, and only in a map.  What varies between
items travels as ``pyarrow.Array``; results come back as plain Python values.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hypernodes.errors import ExecutionError, OutputCountError
from hypernodes.execution._context import Level
from hypernodes.execution._errors import add_note, annotate
from hypernodes.execution._policy import prepared_batch
from hypernodes.execution._purity import check_arguments, fingerprint_arguments
from hypernodes.execution._rows import Row
from hypernodes.execution._step import finish, load, reuse
from hypernodes.execution._telling import tell_failed, tell_started
from hypernodes.graph import DualNode
from hypernodes.hashing import fingerprint
from hypernodes.plan import Step
from hypernodes.plugins import call_hook
from hypernodes.values import is_stateful

if TYPE_CHECKING:
    import pyarrow as pa


def execute_batch(level: Level, step: Step, rows: Sequence[Row]) -> None:
    """Carry out *step* for all *rows* with one call; equal keys travel once.

    Raises:
        Exception: Whatever the function raised, with a note where it happened.
        TypeError: Values that cannot become an Arrow array.
        OutputCountError: The batch came back with another length.
    """
    owners = level.context.owners
    if owners is None or not level.is_cached(step):
        _execute(level, step, rows)
        return
    left = rows
    while left:
        keys = [row.keys.get(step.index) for row in left]
        with owners.owning_free(keys) as free:
            mine = [row for row, is_free in zip(left, free, strict=True) if is_free]
            _execute(level, step, [row for row in mine if not reuse(level, step, row)])
        left = [row for row, is_free in zip(left, free, strict=True) if not is_free]
        if left and (key := left[0].keys.get(step.index)) is not None:
            with owners.owning(key):
                # its result is there, or its owner failed and it is for us to make
                left = [row for row in left if not reuse(level, step, row)]


def _execute(level: Level, step: Step, rows: Sequence[Row]) -> None:
    first, twins = _split_twins(step, rows)
    if not first:
        return
    load([(row, name) for row in first for name in step.reads])
    for row in first:
        inputs = {parameter: row.values[name] for parameter, name in step.arguments}
        tell_started(level, step, row, inputs)
    before = fingerprint_arguments(level, step, first[0])
    at, started = time.time(), time.perf_counter()
    try:
        outputs = _make_outputs(level, step, first)
    except Exception as error:
        annotate(error, step.name, step.path, first[0].items)
        add_note(error, f"in a batch of {len(first)} items")
        tell_failed(level, step, first[0], error, time.perf_counter() - started, at)
        raise
    seconds = time.perf_counter() - started
    share = seconds / len(first)
    # columns are immutable: what could have changed is the same for all
    check_arguments(level, step, first[0], before, seconds)
    for place, (row, values) in enumerate(zip(first, outputs, strict=True)):
        finish(level, step, row, values, share, at + place * share)
    for row, twin in twins:
        if not reuse(level, step, row):
            _copy_outputs(level, step, row, twin)


def _split_twins(step: Step, rows: Sequence[Row]) -> tuple[list[Row], list[tuple[Row, Row]]]:
    """Return the rows to call for, and (row, the earlier row with the same key)."""
    seen: dict[Any, Row] = {}
    first: list[Row] = []
    twins: list[tuple[Row, Row]] = []
    for row in rows:
        key = row.keys.get(step.index)
        if key is not None and key in seen:
            twins.append((row, seen[key]))
        else:
            first.append(row)
            seen[key] = row
    return first, twins


def _copy_outputs(level: Level, step: Step, row: Row, twin: Row) -> None:
    """Answer a repeated key from the row that was called for, where nothing could be stored."""
    tell_started(level, step, row, {p: twin.values[name] for p, name in step.arguments})
    values = [twin.values[name] if name is not None else None for name in step.writes]
    finish(level, step, row, values, 0.0, time.time())


def _make_outputs(level: Level, step: Step, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Return the outputs of each row, made by one call or by a plugin instead."""
    node = step.node
    if not isinstance(node, DualNode):
        msg = f"step {step.path!r} has no batch function"
        raise TypeError(msg)
    arguments = _gather_arguments(step, node, rows)
    names = node.outputs
    columns: Mapping[str, Any] = call_hook(
        "hypernodes_execute_batch",
        lambda: dict(zip(names, _call(level, step, node, arguments), strict=True)),
        run=rows[0].run,
        items=[row.item for row in rows],
        step=level.infos[step.index],
        inputs=arguments,
    )
    lists = [_to_list(step, columns[name], len(rows)) for name in names]
    return list(zip(*lists, strict=True))


def _gather_arguments(step: Step, node: DualNode, rows: Sequence[Row]) -> dict[str, Any]:
    return {
        node.batch_parameters[parameter]: rows[0].values[name]
        if rows[0].is_constant(name)
        else _to_column(step, parameter, [row.values[name] for row in rows])
        for parameter, name in step.arguments
    }


def _call(level: Level, step: Step, node: DualNode, arguments: dict[str, Any]) -> tuple[Any, ...]:
    """Return the columns that the batch function returns."""
    result = prepared_batch(node)(**arguments)
    if inspect.isawaitable(result):
        result = level.context.coroutines.run(_wait_for(result))
    if isinstance(node.output_name, str):
        return (result,)
    return _match_columns(step, node, result)


async def _wait_for(result: Awaitable[Any]) -> Any:
    return await result


def _match_columns(step: Step, node: DualNode, result: Any) -> tuple[Any, ...]:
    if isinstance(result, tuple) and len(result) == len(node.outputs):
        return result
    got = f"{len(result)} columns" if isinstance(result, tuple) else f"one {type(result).__name__}"
    names = ", ".join(node.outputs)
    msg = (
        f"the batch function of {step.name!r} must return a tuple of {len(node.outputs)} columns "
        f"({names}), but returned {got}"
    )
    raise OutputCountError(msg)


def _to_column(step: Step, parameter: str, values: list[Any]) -> Any:
    """Return *values* as an Arrow array; a resource that all items share as itself."""
    if all(map(is_stateful, values)) and len(set(map(fingerprint, values))) == 1:
        return values[0]
    return _to_array(step, parameter, values)


def _to_array(step: Step, parameter: str, values: list[Any]) -> pa.Array:
    """Return *values* as an Arrow array."""
    # deferred: only pipelines with dual nodes need it
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        kind = type(values[0]).__qualname__
        msg = (
            f"parameter {parameter!r} of the batch function of {step.name!r} got values such as "
            f"{kind} that cannot become an Arrow array: {error}; use a plain node for them"
        )
        raise TypeError(msg) from error


def _to_list(step: Step, column: Any, expected: int) -> list[Any]:
    """Return a result column as plain Python values, checked for its length."""
    values: list[Any]
    if hasattr(column, "to_pylist"):
        values = column.to_pylist()
    elif isinstance(column, list):
        values = column
    elif hasattr(column, "tolist") and getattr(column, "ndim", 0) >= 1:
        # finer times than microseconds would come out as bare numbers
        kind = column.dtype.kind
        values = (column.astype(f"{kind}8[us]") if kind in "mM" else column).tolist()
    else:
        msg = (
            f"the batch function of {step.name!r} must return a pyarrow.Array, list or "
            f"numpy array, not {type(column).__qualname__}"
        )
        raise ExecutionError(msg)
    if len(values) != expected:
        msg = (
            f"the batch function of {step.name!r} got {expected} items but returned {len(values)}; "
            "return one result per item, in order"
        )
        raise OutputCountError(msg)
    return values
