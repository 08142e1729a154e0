"""Outputs of rows as one column of structs: each value as it was, or an error that names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypernodes.execution import pack
from hypernodes_daft.kept import is_kept
from hypernodes_daft.runtime import load_daft
from hypernodes_daft.schema import MisfitError, Shape, describe

#: Returns the error for an output, its shape, what is wrong, and the place of its row.
Tell = Callable[[str, Shape, Exception, int], TypeError]


def pack_rows(
    rows: Sequence[Mapping[str, Any]], shapes: Mapping[str, Shape | None], tell: Tell
) -> Any:
    """Return *rows* as one column of structs.

    Args:
        rows: The outputs of each row.
        shapes: The type of each output; None for a pickle.
        tell: Makes the error of a value that does not fit.

    Raises:
        TypeError: A value does not fit its column.
    """
    columns = {
        name: _column(name, shape, [row[name] for row in rows], tell)
        for name, shape in shapes.items()
    }
    try:
        return _joined(columns, shapes)
    except Exception:
        # only now is it worth looking for the value
        for name, shape in shapes.items():
            if shape is not None:
                _refuse_unstorable(name, shape, columns[name], tell)
        raise


def _joined(columns: Mapping[str, list[Any]], shapes: Mapping[str, Shape | None]) -> Any:
    """Return *columns* as one column of structs."""
    dtype = struct_of(shapes)
    series = load_daft().Series
    if all(shape is None or shape.is_plain for shape in shapes.values()):
        # deferred: Daft brings it along
        import pyarrow as pa

        # a column at a time costs a quarter of what a dict for each row does
        arrays = [
            series.from_pylist(values, dtype=field).to_arrow()
            for values, field in zip(columns.values(), dtype.fields.values(), strict=True)
        ]
        made = series.from_arrow(pa.StructArray.from_arrays(arrays, names=list(columns)))
        if made.datatype() == dtype:
            return made
    structs = [
        dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)
    ]
    return series.from_pylist(structs, dtype=dtype)


def struct_of(shapes: Mapping[str, Shape | None]) -> Any:
    """Return Daft's type of a row of outputs."""
    daft_type = load_daft().DataType
    return daft_type.struct(
        {
            name: daft_type.binary() if shape is None else shape.dtype
            for name, shape in shapes.items()
        }
    )


def _column(name: str, shape: Shape | None, values: list[Any], tell: Tell) -> list[Any]:
    if shape is None:
        return [pack(value) for value in values]
    if values and shape.fits_quickly(values):
        return values
    fitted: list[Any] = []
    for place, value in enumerate(values):
        try:
            fitted.append(shape.fit(value))
        except MisfitError as error:
            raise tell(name, shape, error, place) from None
    if not shape.is_sure:
        _refuse_changed(name, shape, fitted, tell)
    return fitted


def _refuse_changed(name: str, shape: Shape, values: list[Any], tell: Tell) -> None:
    """Try out a column, and refuse values that it changes."""
    try:
        stored = _through(values, shape)
    except BaseException:
        # a panic of Daft is no Exception; which value is it?
        _refuse_unstorable(name, shape, values, tell)
        raise
    for place, (value, found) in enumerate(zip(values, stored, strict=True)):
        if not is_kept(value, found):
            raise tell(name, shape, _changed(value, found), place)


def _refuse_unstorable(name: str, shape: Shape, values: list[Any], tell: Tell) -> None:
    for place, value in enumerate(values):
        try:
            _through([value], shape)
        except BaseException as error:
            misfit = MisfitError(f"{describe(value)}, which Daft cannot store")
            raise tell(name, shape, misfit, place) from error


def _through(values: list[Any], shape: Shape) -> list[Any]:
    column = load_daft().Series.from_pylist(values, dtype=shape.dtype)
    stored: list[Any] = column.to_pylist()
    return stored


def _changed(value: Any, found: Any) -> MisfitError:
    return MisfitError(f"{describe(value)}, which would become {describe(found)}")
