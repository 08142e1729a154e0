"""What stands for pyarrow values: types and values, whatever the chunking.

An Arrow array is a window on buffers: offsets, chunk borders, and the bytes
under a null are accidents.  Each column is brought to one form: which elements
are there, then the raw bytes of those that are.

Loaded when the first such value appears.
"""

from __future__ import annotations

import struct
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def arrow_type_state(arrow_type: Any) -> Any:
    """Return the type, with the fields inside it."""
    inner = [arrow_field_state(arrow_type.field(i)) for i in range(arrow_type.num_fields)]
    return str(arrow_type), inner


def arrow_field_state(field: Any) -> Any:
    """Return name, type, and the field's notes."""
    return field.name, arrow_type_state(field.type), field.nullable, _notes(field.metadata)


def arrow_schema_state(schema: Any) -> Any:
    """Return every field and the schema's notes."""
    return [arrow_field_state(field) for field in schema], _notes(schema.metadata)


def arrow_table_state(table: Any) -> Any:
    """Return the schema and every column."""
    columns = [arrow_column_state(column) for column in table.columns]
    return arrow_schema_state(table.schema), table.num_rows, columns


def arrow_scalar_state(scalar: Any) -> Any:
    """Return the type and the value of one element."""
    return arrow_column_state(pa.array([scalar.as_py()], type=scalar.type))


def arrow_column_state(column: Any) -> Any:
    """Return type, length, which elements are there, and those."""
    array = _one_chunk(column)
    valid = None
    if array.null_count and not pa.types.is_null(array.type):
        valid = _fixed_width(array.is_valid().cast(pa.uint8()))
        array = array.drop_null()
    return arrow_type_state(column.type), len(column), valid, _values(array)


def _notes(metadata: Any) -> Any:
    return sorted((metadata or {}).items())


def _one_chunk(column: Any) -> Any:
    if not isinstance(column, pa.ChunkedArray):
        return column
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    if not column.num_chunks:
        return pa.array([], type=column.type)
    return pa.concat_arrays(column.chunks)


def _values(array: Any) -> Any:
    """Return the elements of *array*, which has no nulls."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return arrow_column_state(array.storage)
    if pa.types.is_nested(kind):
        return _nested_values(array)
    if pa.types.is_boolean(kind):
        return _fixed_width(array.cast(pa.uint8()))
    if pa.types.is_dictionary(kind):
        return arrow_column_state(array.dictionary), arrow_column_state(array.indices)
    if _is_text(kind):
        return _texts(array)
    if pa.types.is_primitive(kind) or pa.types.is_decimal(kind):
        return _fixed_width(array)
    return array.to_pylist()


def _nested_values(array: Any) -> Any:
    kind = array.type
    if pa.types.is_struct(kind):
        return [arrow_column_state(field) for field in array.flatten()]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        lengths = pc.list_value_length(array).cast(pa.int64())
        return _fixed_width(lengths), arrow_column_state(array.flatten())
    return array.to_pylist()


def _is_text(kind: Any) -> bool:
    names = ("string", "large_string", "binary", "large_binary", "string_view", "binary_view")
    return str(kind) in names


def _texts(array: Any) -> Any:
    array = array.cast(pa.large_string() if "string" in str(array.type) else pa.large_binary())
    lengths = pc.binary_length(array).cast(pa.int64())
    if not len(array):
        return _fixed_width(lengths), b""
    _, offsets, data = array.buffers()
    first, last = (
        struct.unpack_from("<q", offsets, 8 * place)[0]
        for place in (array.offset, array.offset + len(array))
    )
    text = memoryview(data)[first:last] if data is not None else b""
    return _fixed_width(lengths), _bytes_of(text)


def _fixed_width(array: Any) -> memoryview | bytes:
    """Return the bytes of elements that all have one width."""
    width = array.type.bit_width // 8
    data = array.buffers()[1]
    if data is None or not len(array):
        return b""
    start = array.offset * width
    return _bytes_of(memoryview(data)[start : start + len(array) * width])


def _bytes_of(data: memoryview | bytes) -> memoryview | bytes:
    # Arrow's buffers call their bytes signed; empty ones are all alike
    return memoryview(data).cast("B") if len(data) else b""
