"""The documented import path of progress bars and tracing.

Nothing is defined here: `ProgressCallback` is part of the core, and
`TelemetryCallback` of the distribution hypernodes-otel.  Both load on first
use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from hypernodes.errors import EngineNotInstalledError

if TYPE_CHECKING:
    # for type checkers alone: at run time no extension is known
    from hypernodes.callbacks import ProgressCallback
    from hypernodes_otel import TelemetryCallback

__all__ = ["ProgressCallback", "TelemetryCallback"]


def __getattr__(name: str) -> object:
    if name == "ProgressCallback":
        # Deferred: progress bars are for those who ask for them.
        from hypernodes.callbacks import ProgressCallback

        return ProgressCallback
    if name == "TelemetryCallback":
        return _telemetry_callback()
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__


def _telemetry_callback() -> object:
    try:
        # By name, because the core knows no extension.
        extension = importlib.import_module("hypernodes_otel")
    except ModuleNotFoundError as error:
        # A package that is there and lacks something else has its own message.
        if error.name != "hypernodes_otel":
            raise
        msg = (
            "TelemetryCallback lives in a separate distribution; "
            "run: pip install 'hypernodes[otel]'"
        )
        raise EngineNotInstalledError(msg, name="hypernodes_otel") from error
    found: object = extension.TelemetryCallback
    return found
