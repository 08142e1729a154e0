"""Telling observers what happens in a run, safely.

`PipelineCallback` is what users subclass; `Dispatcher` is what the executor
feeds.  Ready-made callbacks log, record and draw progress bars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypernodes.callbacks._base import CallbackContext, PipelineCallback
from hypernodes.callbacks._dispatch import Dispatcher
from hypernodes.callbacks._ear import Ear
from hypernodes.callbacks._failures import user_traceback
from hypernodes.callbacks._listeners import (
    ObserverHook,
    check_supported,
    has_observers,
    has_step_observers,
    hears_reasons,
)
from hypernodes.callbacks._logging import LoggingCallback
from hypernodes.callbacks._recorder import Recorder
from hypernodes.callbacks._run_file import find_run_file, runs_folder
from hypernodes.callbacks._run_summary import (
    FailureSummary,
    RunSummary,
    Span,
    StepSummary,
    read_run,
    read_runs,
)

if TYPE_CHECKING:
    from hypernodes.callbacks._progress import ProgressCallback
    from hypernodes.callbacks._run_record import RunRecord

__all__ = [
    "CallbackContext",
    "Dispatcher",
    "Ear",
    "FailureSummary",
    "LoggingCallback",
    "ObserverHook",
    "PipelineCallback",
    "ProgressCallback",
    "Recorder",
    "RunRecord",
    "RunSummary",
    "Span",
    "StepSummary",
    "check_supported",
    "find_run_file",
    "has_observers",
    "has_step_observers",
    "hears_reasons",
    "read_run",
    "read_runs",
    "runs_folder",
    "user_traceback",
]


def __getattr__(name: str) -> object:
    if name == "ProgressCallback":
        # Deferred: progress bars are for those who ask for them.
        from hypernodes.callbacks._progress import ProgressCallback

        return ProgressCallback
    if name == "RunRecord":
        # Deferred: records are for those who ask for them.
        from hypernodes.callbacks._run_record import RunRecord

        return RunRecord
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
