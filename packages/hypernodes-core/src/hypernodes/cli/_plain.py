"""From values of Python to what JSON and tables can hold.

Numbers, text, lists and dictionaries stay; records of attrs, dataclasses and
pydantic become dictionaries, arrays lists, dates text.  What has no such form
becomes its ``repr``, so that a finished run always has something to show.
"""

from __future__ import annotations

import datetime as dt
import math
import os
from collections.abc import Mapping
from enum import Enum
from typing import Any


def to_plain(value: Any) -> Any:
    """Return *value* as numbers, text, lists and dictionaries."""
    if value is None or isinstance(value, bool | int | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        # JSON has no word for these
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): to_plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(each) for each in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Enum):
        return to_plain(value.value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return _from_library(value)


def _from_library(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return to_plain(value.model_dump())
    if hasattr(value, "__attrs_attrs__") or hasattr(value, "__dataclass_fields__"):
        # deferred: most values are plain already
        import cattrs

        return to_plain(cattrs.unstructure(value))
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return to_plain(value.to_dict("records"))
    if hasattr(value, "tolist"):
        return to_plain(value.tolist())
    return repr(value)
