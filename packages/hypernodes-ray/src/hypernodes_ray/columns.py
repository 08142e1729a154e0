"""What types the new columns of a Dataset have, and whether a value fits its column.

Arrow would change what does not fit in silence: cut 2.7 to 2, drop a time
zone, forget fields.  So each value is compared with what its column gives
back, and one that differs is an error.  The rules are those of a Daft frame.
"""

from __future__ import annotations

import datetime as dt
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from hypernodes.errors import PlanError, did_you_mean
from hypernodes.execution import show_row, show_value
from hypernodes.plan import annotation_of

if typing.TYPE_CHECKING:
    from hypernodes.plan import Plan

#: Python types to what makes the Arrow types that hold them.
_PLAIN: Final[Mapping[Any, tuple[str, tuple[str, ...]]]] = {
    bool: ("bool_", ()),
    int: ("int64", ()),
    float: ("float64", ()),
    str: ("string", ()),
    bytes: ("binary", ()),
    dt.date: ("date32", ()),
    dt.datetime: ("timestamp", ("us",)),
    dt.time: ("time64", ("us",)),
    dt.timedelta: ("duration", ("us",)),
}


@attrs.frozen
class Column:
    """A column to be added.

    Attributes:
        name: That of the output.
        node: That of the node it comes from.
        type: The ``pyarrow.DataType``; None for pickles.
        has_none: Whether None fits.
    """

    name: str
    node: str
    type: Any = None
    has_none: bool = True


def find_columns(plan: Plan, schema: Mapping[str, Any]) -> list[Column]:
    """Return the columns for the outputs of *plan*: as *schema* says, else as nodes declare.

    Raises:
        PlanError: *schema* names what is no output, or a type that no column has.
    """
    for name in schema:
        if name not in plan.outputs:
            hint = did_you_mean(name, plan.outputs) or f"; outputs: {', '.join(plan.outputs)}"
            msg = f"schema gives a type for {name!r}, which is no output{hint}"
            raise PlanError(msg)
    found = []
    for name in plan.outputs:
        if name in schema:
            kind, has_none = _given(name, schema[name]), True
        else:
            kind, has_none = _arrow_type(annotation_of(plan, name))
        step = plan.producers.get(name)
        found.append(Column(name, step.name if step else "", kind, has_none))
    return found


def to_arrow(column: Column, values: Sequence[Any], source: Mapping[str, Sequence[Any]]) -> Any:
    """Return *values* as an Arrow array; *source* is what they come from, for messages.

    Raises:
        TypeError: The column cannot hold a value as it is.
    """
    # deferred: Ray brings it along where there are datasets
    import pyarrow as pa

    if column.type is None:
        return pa.array([_pickle(value) for value in values], pa.binary())
    given = [_plain(column.type, value) for value in values]
    try:
        array = pa.array(given, column.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        # only now is it worth looking for the row
        array = None
    kept = [None] * len(given) if array is None else array.to_pylist()
    for place, (value, back) in enumerate(zip(given, kept, strict=True)):
        found = back if array is not None else _alone(column, value)
        fits = column.has_none if value is None else _is_kept(column.type, value, found)
        if not fits:
            row = {name: its[place] for name, its in source.items()}
            raise _misfit(column, value, row)
    return array


def _alone(column: Column, value: Any) -> Any:
    # deferred, as above
    import pyarrow as pa

    try:
        return pa.array([value], column.type).to_pylist()[0]
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None


def _plain(kind: Any, value: Any) -> Any:
    """Return the number that a scalar of numpy is, and a float for an int where floats are kept."""
    # deferred, as above
    import pyarrow as pa

    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if type(value) is int and pa.types.is_floating(kind):
        try:
            return float(value) if float(value) == value else value
        except OverflowError:
            return value
    return value


def _is_kept(kind: Any, value: Any, back: Any) -> bool:
    """Say whether *back* is *value*; a narrow float rounds, since that is what it is for."""
    # deferred, as above
    import pyarrow as pa

    if value is None or back is None or type(value) is not type(back):
        return value is None and back is None
    if isinstance(value, list):
        inside = kind.value_type
        pairs = zip(value, back, strict=False)
        return len(value) == len(back) and all(_is_kept(inside, v, b) for v, b in pairs)
    if isinstance(value, dict):
        return value.keys() == back.keys() and all(
            _is_kept(kind.field(name).type, each, back[name]) for name, each in value.items()
        )
    if pa.types.is_floating(kind) and kind.bit_width < 64:
        return True
    return bool(value == back) or (value != value and back != back)  # noqa: PLR0124 - not a number


def _misfit(column: Column, value: Any, row: Mapping[str, Any]) -> TypeError:
    return TypeError(
        f"node {column.node!r} gave {type(value).__name__} {show_value(value)} for column "
        f"{column.name!r} of type {column.type}, which cannot hold it, "
        f"in the row where {show_row(row)}; "
        f"change its annotation, or give schema={{{column.name!r}: ...}}"
    )


def _given(name: str, kind: Any) -> Any:
    # deferred, as above
    import pyarrow as pa

    if isinstance(kind, pa.DataType):
        return kind
    found, _ = _arrow_type(kind)
    if found is None:
        msg = f"schema gives {name!r} the type {kind!r}, which no column has; give a pyarrow type"
        raise PlanError(msg)
    return found


def _arrow_type(hint: Any) -> tuple[Any, bool]:
    """Return the Arrow type of what is annotated *hint*, None for pickles; and if None fits."""
    # deferred, as above
    import pyarrow as pa

    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        members = [each for each in typing.get_args(hint) if each is not type(None)]
        is_optional = len(members) == 1
        return (_arrow_type(members[0])[0], True) if is_optional else (None, True)
    if typing.get_origin(hint) is list and len(typing.get_args(hint)) == 1:
        inside, _ = _arrow_type(typing.get_args(hint)[0])
        return (None if inside is None else pa.list_(inside)), False
    if hint not in _PLAIN:
        return None, True
    make, arguments = _PLAIN[hint]
    return getattr(pa, make)(*arguments), False


def _pickle(value: object) -> bytes:
    # deferred: only columns of objects need it
    import cloudpickle

    data: bytes = cloudpickle.dumps(value)
    return data
