"""Arrow tables, arrays and types as Arrow IPC streams.

A stream that was read is validated in full before anybody sees it: offsets
that point outside would crash whoever follows them.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa

from hypernodes.cache.formats._refusal import NotDataError

Parts = tuple[Any, ...]


def write_batches(schema: pa.Schema, batches: list[pa.RecordBatch]) -> pickle.PickleBuffer:
    """Return the IPC stream of *batches*."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return pickle.PickleBuffer(memoryview(sink.getvalue()))


def read_table(data: bytes | bytearray) -> pa.Table:
    """Return the table of an IPC stream.

    Raises:
        pa.ArrowInvalid: It is damaged.
    """
    # the buffer is ours alone, so that arrays may point into it
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return table


def _reduce_table(table: pa.Table) -> Parts:
    if not table.num_columns:
        msg = "a table without columns forgets its length"
        raise NotDataError(msg)
    return "pyarrow.table", write_batches(table.schema, table.to_batches())


def _reduce_batch(batch: pa.RecordBatch) -> Parts:
    if not batch.num_columns:
        msg = "a batch without columns forgets its length"
        raise NotDataError(msg)
    return "pyarrow.batch", write_batches(batch.schema, [batch])


def _rebuild_batch(data: bytes | bytearray) -> pa.RecordBatch:
    batches = read_table(data).to_batches()
    (batch,) = batches or [pa.RecordBatch.from_pylist([], read_table(data).schema)]
    return batch


def _reduce_array(array: pa.Array) -> Parts:
    batch = pa.record_batch([array], names=[""])
    return "pyarrow.array", write_batches(batch.schema, [batch])


def _rebuild_array(data: bytes | bytearray) -> pa.Array:
    column = read_table(data).column(0)
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _reduce_chunked(array: pa.ChunkedArray) -> Parts:
    table = pa.table([array], names=[""])
    return "pyarrow.chunked", write_batches(table.schema, table.to_batches())


def _rebuild_chunked(data: bytes | bytearray) -> pa.ChunkedArray:
    return read_table(data).column(0)


def _reduce_schema(schema: pa.Schema) -> Parts:
    return "pyarrow.schema", write_batches(schema, [])


def _rebuild_schema(data: bytes | bytearray) -> pa.Schema:
    return read_table(data).schema


def _reduce_type(kind: pa.DataType) -> Parts:
    return "pyarrow.type", write_batches(pa.schema([pa.field("", kind)]), [])


def _rebuild_type(data: bytes | bytearray) -> pa.DataType:
    return read_table(data).schema.field(0).type


def _find_classes(name: str) -> list[type]:
    """Return the class called *name* of pyarrow, and all below it."""
    found = [getattr(pa.lib, name)]
    for kind in found:
        found.extend(kind.__subclasses__())
    return [kind for kind in found if kind.__module__.startswith("pyarrow.")]


REDUCERS: Final[dict[type, Callable[[Any], Parts]]] = {
    **dict.fromkeys(_find_classes("Array"), _reduce_array),
    **dict.fromkeys(_find_classes("DataType"), _reduce_type),
    pa.ChunkedArray: _reduce_chunked,
    pa.RecordBatch: _reduce_batch,
    pa.Schema: _reduce_schema,
    pa.Table: _reduce_table,
}
REBUILDERS: Final[dict[str, Callable[..., Any]]] = {
    "pyarrow.array": _rebuild_array,
    "pyarrow.batch": _rebuild_batch,
    "pyarrow.chunked": _rebuild_chunked,
    "pyarrow.schema": _rebuild_schema,
    "pyarrow.table": read_table,
    "pyarrow.type": _rebuild_type,
}
