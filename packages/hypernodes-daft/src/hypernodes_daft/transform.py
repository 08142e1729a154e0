"""A pipeline as one expression of a lazy Daft DataFrame.

Decides how rows become items and outputs become columns.  Nothing is
collected here: batches of rows pass through as Daft streams them.  Results
are cached where they are made.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from hypernodes.errors import MissingInputError, TransferError, did_you_mean
from hypernodes.execution import (
    Chunk,
    Context,
    Rules,
    is_picklable,
    pack,
    run_chunk,
    show_row,
    tell_row,
    unpack,
)
from hypernodes.plan import Plan, Settings, resolve_settings
from hypernodes_daft.columns import pack_rows, struct_of
from hypernodes_daft.modules import shipped_modules
from hypernodes_daft.options import resources_of
from hypernodes_daft.runtime import choose_runner, load_daft
from hypernodes_daft.schema import Shape, find_shapes
from hypernodes_daft.workplace import Workplace, at_work, find_workplace, refuse_unmet

#: How many rows one call gets: enough to share its cost, few enough for memory.
BATCH_ROWS: Final = 1024
_MOST_TASKS: Final = 64
_arrived: OrderedDict[str, Ticket] = OrderedDict()
_arrived_lock = threading.Lock()


@attrs.frozen
class Task:
    """What is done to every batch of rows; travels as a pickle.

    Attributes:
        plan: What is done.
        settings: How.
        columns: The columns that it reads, in the order they are passed.
        constants: What is bound in the pipeline.
        shapes: The type of each output; None for a pickle.
        rules: What holds for all of them.
    """

    plan: Plan
    settings: Settings
    columns: tuple[str, ...]
    constants: Mapping[str, Any]
    shapes: Mapping[str, Shape | None]
    rules: Rules

    def run(self, columns: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """Return the outputs of each row.

        Raises:
            Exception: What a node raised, with a note that holds the row.
        """
        values = dict(zip(self.columns, columns, strict=True))
        size = len(columns[0])
        read = {name: values[name] for name in self.columns if name in self.plan.reads}
        chunk = Chunk(0, 0, size, read, self.constants)
        context = Context(self.settings, rules=self.rules)
        with at_work(), contextlib.closing(context):
            result = run_chunk(self.plan, chunk, context)
        if result.failure is not None:
            tell_row(result.failure, read)
            raise result.failure.error
        return result.rows

    def pack(self, rows: Sequence[Mapping[str, Any]], read: Sequence[Sequence[Any]]) -> Any:
        """Return *rows* as one column of structs, each value as it was.

        Raises:
            TypeError: A value does not fit its column.
        """

        def tell(name: str, shape: Shape, error: Exception, place: int) -> TypeError:
            row = dict(zip(self.columns, (column[place] for column in read), strict=True))
            msg = (
                f"node {self.plan.producers[name].path!r} gave {error}, for column {name!r} of "
                f"type {shape.dtype}, in the row where {show_row(row)}; "
                f"change its annotation, or give schema={{{name!r}: ...}}"
            )
            return TypeError(msg)

        return pack_rows(rows, self.shapes, tell)


class Ticket:
    """Holds a task in this process, and takes its pickle along to others.

    The expression of a frame holds it, so it lives as long as the frame.

    Args:
        task: What is done; its functions are the user's own.
        data: The task as other processes get it.
    """

    def __init__(self, task: Task, data: bytes) -> None:
        self.task = task
        self._data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrive, (hashlib.blake2b(self._data, digest_size=16).hexdigest(), self._data)


def _arrive(key: str, data: bytes) -> Ticket:
    """Return the ticket of *key*; a process opens each once, and keeps some."""
    with _arrived_lock:
        if key not in _arrived:
            _arrived[key] = Ticket(unpack(data), data)
            while len(_arrived) > _MOST_TASKS:
                _arrived.popitem(last=False)
        _arrived.move_to_end(key)
        return _arrived[key]


def transform_frame(
    engine: Any, frame: Any, pipeline: Any, outputs: Sequence[str] | None, schema: Any, rows: int
) -> Any:
    """Return *frame* with the outputs of *pipeline* as new columns; nothing runs.

    Raises:
        TypeError: *frame* is no DataFrame.
        PlanError: An output or a column is unknown, or a type is.
        TransferError: A function or a bound value cannot be pickled.
        UnsupportedStepError: A node asks for more than there is.
    """
    daft = load_daft()
    if not isinstance(frame, daft.DataFrame):
        kind = type(frame).__name__
        msg = f"DaftEngine transforms a daft.DataFrame, got {kind}; use map for values"
        raise TypeError(msg)
    bound = pipeline.bound_inputs
    names = frame.column_names
    plan: Plan = pipeline.compiled(outputs, {*names, *bound})
    _refuse_missing(plan, names)
    made = [name for name in plan.outputs if name in plan.producers]
    if not made:
        return frame
    columns = tuple(name for name in names if name in plan.reads) or tuple(names[:1])
    plan = attrs.evolve(plan, outputs=tuple(made))
    settings = _without_callbacks(resolve_settings(plan, pipeline.graph, engine))
    constants = {name: value for name, value in bound.items() if name in plan.reads - {*names}}
    task = Task(
        plan,
        settings,
        columns,
        constants,
        find_shapes(plan, schema),
        Rules(engine.strict, engine.salt, engine.check_mutation),
    )
    refuse_unmet(plan, resources_of(choose_runner(engine.placement)))
    udf = _make_udf(find_workplace(plan), struct_of(task.shapes), rows, _ticket(task))
    new = udf(*(daft.col(name) for name in columns))
    return frame.select(*(daft.col(name) for name in names), new)


def _refuse_missing(plan: Plan, names: Sequence[str]) -> None:
    if plan.missing:
        hints = "".join(dict.fromkeys(did_you_mean(name, names) for name in plan.missing))
        msg = (
            f"Missing required input(s): {', '.join(plan.missing)}; "
            f"the DataFrame has the columns {', '.join(names)}{hints}"
        )
        raise MissingInputError(msg)


def _without_callbacks(settings: Settings) -> Settings:
    nested = {index: _without_callbacks(each) for index, each in settings.nested.items()}
    return attrs.evolve(settings, engine=None, callbacks=(), nested=nested)


def _make_udf(workplace: Workplace, dtype: Any, rows: int, ticket: Ticket) -> Any:
    daft = load_daft()
    options: dict[str, Any] = {"return_dtype": dtype, "unnest": True, "batch_size": rows}
    if not workplace.is_pool:

        def carry_rows(*series: Any) -> Any:
            return _carry(ticket.task, series)

        made = daft.func.batch(**options, use_process=workplace.use_process, cpus=workplace.cpus)
        return made(carry_rows)

    class RowWorker:
        @daft.method.batch(**options)  # type: ignore[untyped-decorator]  # Daft has no types here
        def carry_rows(self, *series: Any) -> Any:
            return _carry(ticket.task, series)

    pool = daft.cls(
        gpus=workplace.gpus,
        cpus=workplace.cpus,
        max_concurrency=workplace.max_concurrency,
        use_process=workplace.use_process or None,
    )
    return pool(RowWorker)().carry_rows


def _carry(task: Task, series: Sequence[Any]) -> Any:
    """Carry out a batch of rows, given its columns."""
    columns = [each.to_pylist() for each in series]
    return task.pack(task.run(columns), columns)


def _ticket(task: Task) -> Ticket:
    """Return what stands for *task* in expressions."""
    try:
        with shipped_modules():
            data = pack(task)
    except Exception as error:
        raise _unpicklable(task, error) from error
    return Ticket(task, data)


def _unpicklable(task: Task, cause: Exception) -> TransferError:
    bad = [
        f"bound input {name!r}" for name, value in task.constants.items() if not is_picklable(value)
    ]
    bad += [f"node {step.path!r}" for step in task.plan.steps if not is_picklable(step)]
    msg = (
        f"{', '.join(bad) or 'the pipeline'} cannot be sent to Daft: "
        f"{type(cause).__name__}: {cause}; make it at module level, or wrap resources in @stateful"
    )
    return TransferError(msg)
