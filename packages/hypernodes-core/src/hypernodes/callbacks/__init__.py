"""Telling observers what happens in a run, safely.

`PipelineCallback` is what users subclass; `Dispatcher` is what the executor
feeds.  Ready-made callbacks log, record and draw progress bars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypernodes.callbacks._base import CallbackContext, PipelineCallback
from hypernodes.callbacks._dispatch import Dispatcher
from hypernodes.callbacks._listeners import (
    ObserverHook,
    check_supported,
    has_observers,
    has_step_observers,
)
from hypernodes.callbacks._logging import LoggingCallback
from hypernodes.callbacks._recorder import Recorder

if TYPE_CHECKING:
    from hypernodes.callbacks._progress import ProgressCallback

__all__ = [
    "CallbackContext",
    "Dispatcher",
    "LoggingCallback",
    "ObserverHook",
    "PipelineCallback",
    "ProgressCallback",
    "Recorder",
    "check_supported",
    "has_observers",
    "has_step_observers",
]


def __getattr__(name: str) -> object:
    if name == "ProgressCallback":
        # Deferred: progress bars are for those who ask for them.
        from hypernodes.callbacks._progress import ProgressCallback

        return ProgressCallback
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
