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
    Failure,
    Rules,
    is_picklable,
    pack,
    run_chunk,
    unpack,
)
from hypernodes.plan import Plan, Settings, resolve_settings
from hypernodes_daft.modules import shipped_modules
from hypernodes_daft.runtime import load_daft
from hypernodes_daft.schema import MisfitError, Shape, find_shapes
from hypernodes_daft.workplace import Workplace, at_work, find_workplace

#: How many rows one call gets: enough to share its cost, few enough for memory.
BATCH_ROWS: Final = 1024
_MOST_TASKS: Final = 64
_tasks: OrderedDict[str, Task] = OrderedDict()
_tasks_lock = threading.Lock()


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
            raise self._told(result.failure, read)
        return result.rows

    def _told(self, failure: Failure, read: Mapping[str, Sequence[Any]]) -> BaseException:
        row = {name: column[failure.item or 0] for name, column in read.items()}
        failure.error.add_note(f"in the row where {_shown(row)}")
        return failure.error

    def pack(self, rows: Sequence[Mapping[str, Any]], read: Sequence[Sequence[Any]]) -> Any:
        """Return *rows* as one column of structs, each value as it was.

        Raises:
            TypeError: A value does not fit its column.
        """
        columns = {
            name: self._column(name, shape, [row[name] for row in rows], read)
            for name, shape in self.shapes.items()
        }
        names = list(columns)
        structs = [
            dict(zip(names, each, strict=True)) for each in zip(*columns.values(), strict=True)
        ]
        return load_daft().Series.from_pylist(structs, dtype=struct_of(self.shapes))

    def _column(
        self, name: str, shape: Shape | None, values: list[Any], read: Sequence[Sequence[Any]]
    ) -> list[Any]:
        if shape is None:
            return [pack(value) for value in values]
        if values and shape.fits_quickly(values):
            return values
        fitted: list[Any] = []
        for number, value in enumerate(values):
            try:
                fitted.append(shape.fit(value))
            except MisfitError as error:
                row = dict(zip(self.columns, (column[number] for column in read), strict=True))
                raise self._misfit(name, shape, error, row) from None
        if shape.python is None and not shape.dtype.is_python():
            self._check_by_daft(name, shape, fitted)
        return fitted

    def _misfit(
        self, name: str, shape: Shape, error: MisfitError, row: Mapping[str, Any]
    ) -> TypeError:
        msg = (
            f"node {self.plan.producers[name].path!r} gave {error}, for column {name!r} of type "
            f"{shape.dtype}, in the row where {_shown(row)}; "
            f"change its annotation, or give schema={{{name!r}: ...}}"
        )
        return TypeError(msg)

    def _check_by_daft(self, name: str, shape: Shape, values: list[Any]) -> None:
        """Refuse values that a type which only Daft knows turns into nothing."""
        stored = load_daft().Series.from_pylist(values, dtype=shape.dtype).to_pylist()
        for value, found in zip(values, stored, strict=True):
            if value is not None and found is None:
                msg = f"output {name!r} cannot be a column of {shape.dtype}: {value!r} is lost"
                raise TypeError(msg)


def transform_frame(
    engine: Any, frame: Any, pipeline: Any, outputs: Sequence[str] | None, schema: Any, rows: int
) -> Any:
    """Return *frame* with the outputs of *pipeline* as new columns; nothing runs.

    Raises:
        PlanError: An output or a column is unknown, or a type is.
        TransferError: A function or a bound value cannot be pickled.
    """
    daft = load_daft()
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
    key, data = _keep(task)
    udf = _make_udf(find_workplace(plan), struct_of(task.shapes), rows)
    new = udf(*(daft.col(name) for name in columns), key, data)
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


def struct_of(shapes: Mapping[str, Shape | None]) -> Any:
    """Return Daft's type of a row of outputs."""
    daft_type = load_daft().DataType
    return daft_type.struct(
        {
            name: daft_type.binary() if shape is None else shape.dtype
            for name, shape in shapes.items()
        }
    )


def carry_rows(*arguments: Any) -> Any:
    """Carry out a batch of rows: its columns, then the key and the pickle of the task."""
    *series, key, data = arguments
    task = _find(key, data)
    columns = [each.to_pylist() for each in series]
    return task.pack(task.run(columns), columns)


def _make_udf(workplace: Workplace, dtype: Any, rows: int) -> Any:
    daft = load_daft()
    options: dict[str, Any] = {"return_dtype": dtype, "unnest": True, "batch_size": rows}
    if not workplace.is_pool:
        made = daft.func.batch(**options, use_process=workplace.use_process, cpus=workplace.cpus)
        return made(carry_rows)

    class RowWorker:
        @daft.method.batch(**options)  # type: ignore[untyped-decorator]  # Daft has no types here
        def carry(self, *arguments: Any) -> Any:
            return carry_rows(*arguments)

    pool = daft.cls(
        gpus=workplace.gpus,
        cpus=workplace.cpus,
        max_concurrency=workplace.max_concurrency,
        use_process=workplace.use_process or None,
    )
    return pool(RowWorker)().carry


def _keep(task: Task) -> tuple[str, bytes]:
    """Return the key and the pickle of *task*; this process goes on with the task itself."""
    try:
        with shipped_modules():
            data = pack(task)
    except Exception as error:
        raise _unpicklable(task, error) from error
    key = hashlib.blake2b(data, digest_size=16).hexdigest()
    with _tasks_lock:
        _tasks[key] = task
        while len(_tasks) > _MOST_TASKS:
            _tasks.popitem(last=False)
    return key, data


def _find(key: str, data: bytes) -> Task:
    with _tasks_lock:
        if key not in _tasks:
            _tasks[key] = unpack(data)
        return _tasks[key]


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


def _shown(row: Mapping[str, Any]) -> str:
    parts = []
    for name, value in row.items():
        text = repr(value)
        parts.append(f"{name}={text if len(text) <= 60 else text[:57] + '...'}")
    return ", ".join(parts)
