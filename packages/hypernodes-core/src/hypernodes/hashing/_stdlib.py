"""What stands for values of standard-library types whose attributes do not.

Each function returns plain data; the class of the value is counted by whoever
calls it.
"""

from __future__ import annotations

import os
from array import array
from logging import Logger
from pathlib import PurePath
from re import Pattern
from struct import Struct
from typing import Any, Final

_TYPING_PARTS: Final = (
    "__module__",
    "__name__",
    "_name",
    "__origin__",
    "__args__",
    "__metadata__",
    "__bound__",
    "__constraints__",
    "__forward_arg__",
)


def array_state(value: array[Any]) -> Any:
    """Return the kind of number and the numbers themselves."""
    return value.typecode, value.tobytes()


def logger_state(value: Logger) -> str:
    """Return the name, by which a process finds its logger."""
    return value.name


def path_state(value: PurePath) -> str:
    """Return the text: a path is not the file it leads to."""
    return os.fspath(value)


def pattern_state(value: Pattern[Any]) -> Any:
    """Return what the pattern was compiled from."""
    return value.pattern, value.flags


def struct_state(value: Struct) -> str:
    """Return the format, which says all."""
    return value.format


def typing_state(value: Any) -> Any:
    """Return the parts of an annotation that say what it means."""
    return {name: getattr(value, name, None) for name in _TYPING_PARTS}
