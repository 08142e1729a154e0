"""Carrying out: one step, one chunk, one run, one map.

An engine needs `run_pipeline`, `map_pipeline` and `run_chunk`; everything
else, keys, lookups, callbacks, errors and nesting, happens inside them.
"""

from hypernodes.execution._ahead import Forecast, Recheck, look_ahead, recheck
from hypernodes.execution._chunk import run_chunk
from hypernodes.execution._context import Context
from hypernodes.execution._drive import map_pipeline, run_pipeline, stream_pipeline
from hypernodes.execution._errors import Failure
from hypernodes.execution._pace import Pace
from hypernodes.execution._records import Chunk, ChunkResult
from hypernodes.execution._request import Request, request_map, request_run
from hypernodes.execution._results import FailedItem, MapResults
from hypernodes.execution._travel import Transport, carry_chunks
from hypernodes.execution._worker import carry_out

__all__ = [
    "Chunk",
    "ChunkResult",
    "Context",
    "FailedItem",
    "Failure",
    "Forecast",
    "MapResults",
    "Pace",
    "Recheck",
    "Request",
    "Transport",
    "carry_chunks",
    "carry_out",
    "look_ahead",
    "map_pipeline",
    "recheck",
    "request_map",
    "request_run",
    "run_chunk",
    "run_pipeline",
    "stream_pipeline",
]
