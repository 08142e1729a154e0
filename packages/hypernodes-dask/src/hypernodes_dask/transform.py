"""Tables of Dask: a pipeline applied lazily to the rows of a bag or a DataFrame.

A row is an item; nothing is computed before somebody asks for it, and nothing
travels but what Dask moves anyway.  Functions run where their partition is,
with the cache of the engine where it can be reached from there.

Columns of a DataFrame are typed by what nodes declare: ``int``, ``float`` and
``bool`` become numbers; all else are the objects themselves.  A value that its
column cannot hold as it is, is an error, because pandas would change it silently.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from hypernodes.errors import PlanError
from hypernodes.execution import (
    Packed,
    RowEngine,
    map_pipeline,
    request_map,
    show_row,
    show_value,
)
from hypernodes.plan import annotation_of

if TYPE_CHECKING:
    from hypernodes.plan import Plan

_NUMBERS: Final[Mapping[Any, str]] = {int: "int64", float: "float64", bool: "bool"}


def claims(data: object) -> bool:
    """Say whether *data* is a bag or a DataFrame of Dask."""
    # deferred: only called for what one of these modules made
    import dask.bag

    # deferred, as above
    import dask.dataframe

    return isinstance(data, dask.bag.Bag | dask.dataframe.DataFrame)


def transform(
    data: Any,
    pipeline: Any,
    outputs: tuple[str, ...] | None,
    engine: RowEngine,
    schema: Mapping[str, Any],
) -> Any:
    """Return *data* with the outputs of *pipeline* added to every row.

    Raises:
        PlanError: A column is missing, or an output unknown.
    """
    # deferred, as above
    import dask.bag

    if isinstance(data, dask.bag.Bag):
        if schema:
            msg = "a bag holds objects and has no types; leave schema= out"
            raise PlanError(msg)
        return data.map_partitions(AddToDicts(pipeline, outputs, engine))
    columns = [name for name in map(str, data.columns) if name in pipeline.graph.root_args]
    if not columns:
        msg = (
            f"no column is an input: the DataFrame has {', '.join(map(str, data.columns))}, "
            f"the pipeline takes {', '.join(pipeline.graph.root_args)}; rename columns before"
        )
        raise PlanError(msg)
    plan = request_map(pipeline, dict.fromkeys(columns, ()), columns, "zip", outputs).plan
    dtypes = choose_dtypes(plan, schema)
    twice = [name for name in dtypes if name in data.columns]
    if twice:
        msg = f"the DataFrame has columns {', '.join(twice)} already; rename or drop them before"
        raise PlanError(msg)
    add = AddToFrame(pipeline, outputs, engine, tuple(columns), dtypes)
    empty = data._meta  # noqa: SLF001 - Dask documents it and gives it no other name
    return data.map_partitions(add, meta=add.meta(empty))


class AddToDicts:
    """Adds outputs to a partition of a bag, whose items are dictionaries."""

    def __init__(self, pipeline: Any, outputs: tuple[str, ...] | None, engine: RowEngine) -> None:
        self._pipeline = Packed(pipeline)
        self._outputs = outputs
        self._engine = engine
        self._token = uuid.uuid4().hex

    def __call__(self, partition: Iterable[Any]) -> list[dict[Any, Any]]:
        """Return the items of *partition*, each a new dictionary."""
        items = list(partition)
        for item in items:
            if not isinstance(item, Mapping):
                kind = type(item).__name__
                msg = "items of a bag must be dicts of inputs by name, "
                msg += f"got {kind}: {show_value(item)}"
                raise TypeError(msg)
        if not items:
            return []
        names = [
            name for name in self._pipeline.value.graph.root_args if all(name in i for i in items)
        ]
        columns = {name: [item[name] for item in items] for name in names}
        rows = _map(self._pipeline.value, columns, self._outputs, self._engine)
        return [{**item, **row} for item, row in zip(items, rows, strict=True)]

    def __dask_tokenize__(self) -> str:
        """Return a name of its own: hashing what functions reach would take long."""
        return self._token


class AddToFrame:
    """Adds outputs to a partition of a DataFrame."""

    def __init__(
        self,
        pipeline: Any,
        outputs: tuple[str, ...] | None,
        engine: RowEngine,
        columns: Sequence[str],
        dtypes: Mapping[str, Any],
    ) -> None:
        self._pipeline = Packed(pipeline)
        self._outputs = outputs
        self._engine = engine
        self._columns = columns
        self._dtypes = dtypes
        self._token = uuid.uuid4().hex

    def meta(self, empty: Any) -> Any:
        """Return *empty* with the new columns and their types."""
        # deferred: pandas is there where there is a DataFrame
        import pandas as pd

        new = {
            name: pd.Series([], dtype=dtype, index=empty.index)
            for name, dtype in self._dtypes.items()
        }
        return empty.assign(**new)

    def __call__(self, frame: Any) -> Any:
        """Return *frame* with the new columns."""
        # deferred, as above
        import pandas as pd

        columns = {name: frame[name].tolist() for name in self._columns}
        rows = (
            _map(self._pipeline.value, columns, self._outputs, self._engine) if len(frame) else []
        )
        new = {
            name: pd.Series(
                to_column(name, dtype, [row[name] for row in rows], columns), index=frame.index
            )
            for name, dtype in self._dtypes.items()
        }
        return frame.assign(**new)

    def __dask_tokenize__(self) -> str:
        """Return a name of its own; see `AddToDicts`."""
        return self._token


def _map(
    pipeline: Any, columns: dict[str, list[Any]], outputs: Any, engine: RowEngine
) -> list[dict[str, Any]]:
    carrier: Any = engine
    return map_pipeline(carrier, pipeline, columns, list(columns), "zip", outputs)


def choose_dtypes(plan: Plan, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dtype of each output: that of *schema*, else that of what its node declares.

    Raises:
        PlanError: *schema* names what is no output.
    """
    unknown = [name for name in schema if name not in plan.outputs]
    if unknown:
        msg = f"schema= names {', '.join(unknown)}, but the outputs are {', '.join(plan.outputs)}"
        raise PlanError(msg)
    found = {}
    for name in plan.outputs:
        declared = _NUMBERS.get(annotation_of(plan, name), "object")
        found[name] = schema.get(name) or declared
    return found


def to_column(
    name: str, dtype: Any, values: Sequence[Any], columns: Mapping[str, Sequence[Any]]
) -> Any:
    """Return *values* as an array of pandas; *columns* are what they come from, for messages.

    Raises:
        TypeError: The column cannot hold a value as it is.
    """
    # deferred, as above
    import pandas as pd

    if dtype == "object":
        return pd.Series(values, dtype=dtype).array
    given = [_plain(dtype, value) for value in values]
    try:
        made = pd.Series(given, dtype=dtype)
    except (TypeError, ValueError, OverflowError):
        # only now is it worth looking for the row
        kept = [_holds(dtype, value) for value in given]
    else:
        kept = [_is_kept(dtype, *pair) for pair in zip(given, made.tolist(), strict=True)]
    if not all(kept):
        place = kept.index(False)
        row = {each: column[place] for each, column in columns.items()}
        raise _misfit(name, dtype, values[place], row)
    return made.array


def _plain(dtype: Any, value: Any) -> Any:
    """Return the number that a scalar of numpy is, and a float for an int where floats are kept."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if type(value) is int and str(dtype).lower().startswith("float"):
        try:
            return float(value) if float(value) == value else value
        except OverflowError:
            return value
    return value


def _holds(dtype: Any, value: Any) -> bool:
    # deferred, as above
    import pandas as pd

    try:
        return _is_kept(dtype, value, pd.Series([value], dtype=dtype).tolist()[0])
    except (TypeError, ValueError, OverflowError):
        return False


def _is_kept(dtype: Any, value: Any, back: Any) -> bool:
    """Say whether *back* is *value*; a narrow float rounds, since that is what it is for."""
    # deferred, as above
    import pandas as pd

    if back is value:
        return True
    if value is None:
        # where there is something that says that nothing is there
        return back is pd.NA or back is pd.NaT
    if not isinstance(back, type(value)) or isinstance(back, bool) != isinstance(value, bool):
        return False
    is_narrow = str(dtype).lower() in {"float16", "float32"}
    return is_narrow or bool(back == value) or (value != value and back != back)  # noqa: PLR0124 - not a number


def _misfit(name: str, dtype: Any, value: Any, row: Mapping[str, Any]) -> TypeError:
    return TypeError(
        f"column {name!r} of type {dtype} cannot hold {type(value).__name__} {show_value(value)}, "
        f"which came of the row where {show_row(row)}; change the annotation of its node, or give "
        f"schema={{{name!r}: ...}}"
    )
