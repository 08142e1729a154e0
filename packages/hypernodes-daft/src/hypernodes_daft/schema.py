"""What types the columns of `transform` have, and whether a value fits its column.

Daft turns a value that does not fit into None, cuts 2.7 to 2 and writes 1.0
for 1 or True, all in silence.  Here every value is looked at before Daft sees
it, and what cannot be stored as it is raises.
"""

from __future__ import annotations

import datetime as dt
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from hypernodes.errors import PlanError, did_you_mean
from hypernodes.execution import show_value
from hypernodes.plan import Plan, annotation_of
from hypernodes_daft.runtime import load_daft

#: Python type -> the method of `daft.DataType` that makes its column.
_PLAIN: Final[dict[Any, tuple[str, tuple[str, ...]]]] = {
    bool: ("bool", ()),
    int: ("int64", ()),
    float: ("float64", ()),
    str: ("string", ()),
    bytes: ("binary", ()),
    dt.date: ("date", ()),
    dt.datetime: ("timestamp", ("us",)),
    dt.time: ("time", ("us",)),
    dt.timedelta: ("duration", ("us",)),
}
_ZONED: Final = (dt.datetime, dt.time)
_TIMES: Final = (*_ZONED, dt.timedelta)
_LARGEST_FLOAT: Final = int(sys.float_info.max)
_UNIONS: Final = (typing.Union, types.UnionType)


class MisfitError(TypeError):
    """A value that its column cannot hold as it is."""


@attrs.frozen
class Shape:
    """The type of a column, or of what lies inside its values.

    Attributes:
        dtype: Daft's type.
        python: The exact Python type of its values; None where only Daft
            knows what fits.
        nullable: Whether None fits too.
        item: The shape of the elements of a list.
        fields: The shapes of the fields of a struct.
        bounds: The smallest and the largest number that fit.
        is_known: Whether what fits here is stored as it is for certain;
            otherwise the column has to be tried out.
    """

    dtype: Any
    python: type[Any] | None = None
    nullable: bool = True
    item: Shape | None = None
    fields: Mapping[str, Shape] | None = None
    bounds: tuple[int, int] | None = None
    is_known: bool = True

    @property
    def is_sure(self) -> bool:
        """Whether all that fits is stored as it is, inside as well."""
        inside = [*(self.fields or {}).values(), *([self.item] if self.item else [])]
        return self.is_known and all(each.is_sure for each in inside)

    @property
    def is_plain(self) -> bool:
        """Whether its values are numbers, texts, times and the like: Arrow's as well as Daft's."""
        return self.python is not None and self.item is None and self.fields is None

    def fits_quickly(self, values: Sequence[Any]) -> bool:
        """Say whether *values* fit for certain, by looking at their types alone."""
        if self.item is not None or self.fields is not None or self.python in _TIMES:
            return False
        if not self.is_known:
            return False
        if set(map(type, values)) != {self.python}:
            return False
        low, high = self.bounds or (0, 0)
        return self.bounds is None or (low <= min(values) and max(values) <= high)

    def fit(self, value: Any) -> Any:
        """Return *value* as the column takes it, equal to what it was.

        Raises:
            MisfitError: It would be changed.
        """
        if value is None:
            if self.nullable:
                return None
            msg = "None, which its type does not allow"
            raise MisfitError(msg)
        if self.item is not None:
            return self._fit_list(value, self.item)
        if self.fields is not None:
            return self._fit_struct(value, self.fields)
        if self.python is None:
            return value
        return self._fit_plain(value, self.python)

    def _fit_plain(self, value: Any, python: type[Any]) -> Any:
        if type(value) is not python and getattr(value, "shape", None) == ():
            # a scalar of numpy: the column holds the same number
            value = value.item()
        if python is float and type(value) is int and _is_float(value):
            # an int is welcome where a float is declared, if none of it is lost
            value = float(value)
        if type(value) is not python:
            msg = f"{describe(value)}, not {python.__name__}"
            raise MisfitError(msg)
        if self.bounds is not None and not self.bounds[0] <= value <= self.bounds[1]:
            msg = f"{describe(value)}, which is out of the range of {self.dtype}"
            raise MisfitError(msg)
        if python in _ZONED and (value.tzinfo is None) != (self._zone is None):
            has = "no time zone" if value.tzinfo is None else "a time zone"
            msg = f"{describe(value)}, which has {has}"
            raise MisfitError(msg)
        return value

    @property
    def _zone(self) -> str | None:
        return self.dtype.timezone if self.dtype.is_timestamp() else None

    def _fit_list(self, value: Any, item: Shape) -> list[Any]:
        if type(value) is not list:
            msg = f"{describe(value)}, not list"
            raise MisfitError(msg)
        return [item.fit(each) for each in value]

    def _fit_struct(self, value: Any, fields: Mapping[str, Shape]) -> dict[str, Any]:
        if type(value) is not dict or value.keys() != fields.keys():
            msg = f"{describe(value)}, not a dict of {', '.join(fields)}"
            raise MisfitError(msg)
        return {name: shape.fit(value[name]) for name, shape in fields.items()}


def find_shapes(plan: Plan, schema: Mapping[str, Any] | None) -> dict[str, Shape | None]:
    """Return the shape of each output; None for what is stored as a pickle.

    Args:
        plan: Whose outputs become columns.
        schema: Types by output name, Daft's or Python's, in the place of
            annotations.

    Raises:
        PlanError: *schema* names what is no output, or a type is unknown.
    """
    given = dict(schema or {})
    for name in given:
        if name not in plan.outputs:
            hint = did_you_mean(name, plan.outputs) or f"; outputs: {', '.join(plan.outputs)}"
            msg = f"schema gives a type for {name!r}, which is no output{hint}"
            raise PlanError(msg)
    return {
        name: _given_shape(name, given[name])
        if name in given
        else shape_of_annotation(annotation_of(plan, name))
        for name in plan.outputs
    }


def shape_of_annotation(hint: Any, nullable: bool = False) -> Shape | None:
    """Return the shape of values annotated *hint*; None where no column type holds them all."""
    if typing.get_origin(hint) in _UNIONS:
        members = [each for each in typing.get_args(hint) if each is not type(None)]
        is_optional = len(members) == 1 and len(typing.get_args(hint)) == 2
        return shape_of_annotation(members[0], nullable=True) if is_optional else None
    daft_type = load_daft().DataType
    if typing.get_origin(hint) is list and len(typing.get_args(hint)) == 1:
        item = shape_of_annotation(typing.get_args(hint)[0])
        return item and Shape(daft_type.list(item.dtype), list, nullable, item=item)
    if hint not in _PLAIN:
        return None
    make, arguments = _PLAIN[hint]
    dtype = getattr(daft_type, make)(*arguments)
    return Shape(dtype, hint, nullable, bounds=_bounds(dtype))


def _given_shape(name: str, type_: Any) -> Shape:
    daft_type = load_daft().DataType
    if isinstance(type_, daft_type):
        return shape_of_dtype(type_)
    found = shape_of_annotation(type_, nullable=True)
    if found is None:
        msg = f"schema gives {name!r} the type {type_!r}, which no column has; give a daft.DataType"
        raise PlanError(msg)
    return found


def shape_of_dtype(dtype: Any) -> Shape:
    """Return the shape of a column of Daft's type *dtype*."""
    if dtype.is_list() or dtype.is_fixed_size_list():
        return Shape(dtype, list, item=shape_of_dtype(dtype.dtype))
    if dtype.is_struct():
        return Shape(dtype, dict, fields={n: shape_of_dtype(t) for n, t in dtype.fields.items()})
    if dtype.is_integer():
        return Shape(dtype, int, bounds=_bounds(dtype))
    tests = (
        (str, "is_string"),
        (float, "is_float64"),
        (bool, "is_boolean"),
        (bytes, "is_binary"),
        (dt.date, "is_date"),
        (dt.datetime, "is_timestamp"),
        (dt.time, "is_time"),
        (dt.timedelta, "is_duration"),
    )
    for python, test in tests:
        if getattr(dtype, test)():
            # their unit may be coarser than the value
            return Shape(dtype, python, is_known=python not in _TIMES)
    return Shape(dtype, is_known=dtype.is_python())


def _is_float(value: int) -> bool:
    """Say whether a float holds all of *value*."""
    return abs(value) <= _LARGEST_FLOAT and float(value) == value


def _bounds(dtype: Any) -> tuple[int, int] | None:
    for bits in (8, 16, 32, 64):
        if getattr(dtype, f"is_int{bits}")():
            return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        if getattr(dtype, f"is_uint{bits}")():
            return 0, 2**bits - 1
    return None


def describe(value: Any) -> str:
    """Return the type of *value*, and it in words."""
    return f"{type(value).__name__} {show_value(value)}"
