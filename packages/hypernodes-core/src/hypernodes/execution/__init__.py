"""Carrying out: one step, one chunk, one run, one map.

An engine needs `run_pipeline`, `map_pipeline` and `run_chunk`; everything
else, keys, lookups, callbacks, errors and nesting, happens inside them.
"""

from hypernodes.execution._chunk import run_chunk
from hypernodes.execution._context import Context
from hypernodes.execution._drive import map_pipeline, run_pipeline
from hypernodes.execution._errors import Failure
from hypernodes.execution._records import Chunk, ChunkResult

__all__ = [
    "Chunk",
    "ChunkResult",
    "Context",
    "Failure",
    "map_pipeline",
    "run_chunk",
    "run_pipeline",
]
