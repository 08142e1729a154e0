"""Carrying out: one step, one chunk, one run, one map.

An engine needs `run_pipeline`, `map_pipeline` and `run_chunk`; everything
else, keys, lookups, callbacks, errors and nesting, happens inside them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hypernodes.execution._ahead import Forecast, Recheck, look_ahead, recheck
from hypernodes.execution._calling import CoroutineRunner
from hypernodes.execution._chunk import run_chunk
from hypernodes.execution._context import Context, Rules
from hypernodes.execution._drive import map_pipeline, read_on_error, run_pipeline, stream_pipeline
from hypernodes.execution._errors import Failure
from hypernodes.execution._homecoming import by_item
from hypernodes.execution._options import read_cache, read_callbacks, read_check_mutation
from hypernodes.execution._pace import Pace
from hypernodes.execution._packing import Packed, is_picklable, pack, unpack
from hypernodes.execution._recording import Recordable
from hypernodes.execution._records import Chunk, ChunkResult
from hypernodes.execution._request import Request, request_map, request_run
from hypernodes.execution._results import FailedItem, MapResults
from hypernodes.execution._row_engine import RowEngine, show_row, show_value, tell_row
from hypernodes.execution._travel import Transport, carry_chunks
from hypernodes.execution._worker import carry_out

if TYPE_CHECKING:
    from hypernodes.execution._concurrent import ConcurrentChunks
    from hypernodes.execution._drive_async import AsyncMap, run_async, run_beside, try_async

#: What needs an event loop is imported when it is asked for.
_ASYNC = {
    "AsyncMap": "hypernodes.execution._drive_async",
    "ConcurrentChunks": "hypernodes.execution._concurrent",
    "run_async": "hypernodes.execution._drive_async",
    "run_beside": "hypernodes.execution._drive_async",
    "try_async": "hypernodes.execution._drive_async",
}

__all__ = [
    "AsyncMap",
    "Chunk",
    "ChunkResult",
    "ConcurrentChunks",
    "Context",
    "CoroutineRunner",
    "FailedItem",
    "Failure",
    "Forecast",
    "MapResults",
    "Pace",
    "Packed",
    "Recheck",
    "Recordable",
    "Request",
    "RowEngine",
    "Rules",
    "Transport",
    "by_item",
    "carry_chunks",
    "carry_out",
    "is_picklable",
    "look_ahead",
    "map_pipeline",
    "pack",
    "read_cache",
    "read_callbacks",
    "read_check_mutation",
    "read_on_error",
    "recheck",
    "request_map",
    "request_run",
    "run_async",
    "run_beside",
    "run_chunk",
    "run_pipeline",
    "show_row",
    "show_value",
    "stream_pipeline",
    "tell_row",
    "try_async",
    "unpack",
]


def __getattr__(name: str) -> Any:
    if name in _ASYNC:
        return getattr(importlib.import_module(_ASYNC[name]), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
