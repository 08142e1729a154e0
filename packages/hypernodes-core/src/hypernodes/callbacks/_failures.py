"""What a traceback says to the user: their own frames, without ours."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, Final

_PACKAGE: Final = str(Path(__file__).parents[1])
# what programs, which stand for plans, call their own source
_WRITTEN: Final = ("<one of pipeline-", "<many of pipeline-")


def user_traceback(error: BaseException) -> str:
    """Return the traceback of *error* without the frames of HyperNodes, notes included.

    Example:
        >>> try:
        ...     1 / 0
        ... except ZeroDivisionError as error:
        ...     print(user_traceback(error).splitlines()[-1])
        ZeroDivisionError: division by zero
    """
    shown = traceback.TracebackException.from_exception(error)
    shown.stack = traceback.StackSummary.from_list(
        [frame for frame in shown.stack if not _is_machinery(frame.filename)]
    )
    return "".join(shown.format()).rstrip()


def failing_function(trace: TracebackType | None) -> dict[str, Any] | None:
    """Return module, name, file and line of the first function that is not ours, if any."""
    for frame, line in traceback.walk_tb(trace):
        code = frame.f_code
        if not _is_machinery(code.co_filename):
            module = frame.f_globals.get("__name__")
            name, file = code.co_qualname, code.co_filename
            return {"module": module, "name": name, "file": file, "line": line}
    return None


def _is_machinery(file: str) -> bool:
    """Say whether *file* is ours, an extension's, or pluggy's, which calls plugins."""
    parts = Path(file).parts
    is_plugin = any(part == "pluggy" or part.startswith("hypernodes_") for part in parts[:-1])
    return is_plugin or file.startswith((_PACKAGE, *_WRITTEN))
