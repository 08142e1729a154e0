"""Whether a value is still the same after it went through a column.

Daft parses texts where numbers are wanted, cuts what is too fine for a unit,
turns what is too large into something else, and what it does not understand
into None.  Types that `schema` does not know by heart are tried out, and what
came back is compared here.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

#: What is lost where a float is stored in half as many bits, as its type says.
_ROUNDING: Final = 1e-6


def is_kept(given: Any, stored: Any) -> bool:
    """Say whether *stored*, as it came back from a column, is *given*."""
    if given is None or stored is None:
        return given is stored
    if _is_array(given) and _is_array(stored):
        return _is_kept_array(given, stored)
    given = given.tolist() if hasattr(given, "tolist") else given
    stored = stored.tolist() if _is_array(stored) else stored
    if isinstance(given, bool | str | bytes):
        return type(given) is type(stored) and bool(given == stored)
    if isinstance(given, int | float | decimal.Decimal):
        return _is_kept_number(given, stored)
    if isinstance(given, Mapping):
        return _is_kept_mapping(given, stored)
    if isinstance(given, list):
        return _is_kept_list(given, stored)
    return not isinstance(given, tuple) and bool(given == stored)


def _is_array(value: object) -> bool:
    return hasattr(value, "tolist") and hasattr(value, "shape")


def _is_kept_array(given: Any, stored: Any) -> bool:
    if given.shape != stored.shape:
        return False
    # elements of Python: a comparison of arrays would widen both before
    return is_kept(given.tolist(), stored.tolist()) if given.dtype != stored.dtype else True


def _is_kept_number(given: Any, stored: Any) -> bool:
    if isinstance(stored, bool) or not isinstance(stored, int | float | decimal.Decimal):
        return False
    if isinstance(given, float) and isinstance(stored, float):
        if math.isnan(given):
            return math.isnan(stored)
        return math.isclose(given, stored, rel_tol=_ROUNDING) and (
            math.isinf(given) or not math.isinf(stored)
        )
    if isinstance(given, float) is not isinstance(stored, float) and not isinstance(given, int):
        return False
    return bool(given == stored)


def _is_kept_mapping(given: Mapping[Any, Any], stored: Any) -> bool:
    if isinstance(stored, Mapping):
        return given.keys() == stored.keys() and all(
            is_kept(value, stored[key]) for key, value in given.items()
        )
    if not isinstance(stored, Sequence) or len(given) != len(stored):
        return False
    # a map comes back as pairs
    return all(
        is_kept(key, other) and is_kept(value, its)
        for (key, value), (other, its) in zip(given.items(), stored, strict=True)
    )


def _is_kept_list(given: list[Any], stored: Any) -> bool:
    return (
        isinstance(stored, list) and len(given) == len(stored) and all(map(is_kept, given, stored))
    )
