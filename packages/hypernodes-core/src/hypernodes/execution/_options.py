"""What every engine takes: caches by object, folder or URL, callbacks by object or name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from hypernodes.plugins import open_cache, resolve_callbacks
from hypernodes.values import UNSET, Unset

if TYPE_CHECKING:
    from hypernodes.protocols import Cache

CheckMutation = Literal["auto", "always", "never"]


def read_cache(cache: Cache | str | os.PathLike[str] | Unset | None) -> Cache | Unset | None:
    """Return *cache*, opened where it is a folder or a URL.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(cache, str | os.PathLike):
        return open_cache(cache)
    if cache is None or cache is UNSET or hasattr(cache, "lookup_many"):
        return cache
    msg = f"cache must be a cache, a folder or a URL, got {type(cache).__name__}"
    raise TypeError(msg)


def read_callbacks(callbacks: Sequence[Any] | Unset | None) -> Sequence[Any] | Unset | None:
    """Return *callbacks* as a tuple, each name replaced by a callback.

    Raises:
        TypeError: It is not a sequence of callbacks and names.
    """
    if callbacks is None or callbacks is UNSET:
        return callbacks
    if isinstance(callbacks, str) or not isinstance(callbacks, list | tuple):
        msg = f"callbacks must be a list of callbacks or names, got {type(callbacks).__name__}"
        raise TypeError(msg)
    return tuple(resolve_callbacks(callbacks))


def read_check_mutation(mode: CheckMutation) -> CheckMutation:
    """Return *mode* if there is such a one.

    Raises:
        ValueError: There is none.
    """
    if mode not in {"auto", "always", "never"}:
        msg = f"unknown check_mutation {mode!r}; use 'auto', 'always' or 'never'"
        raise ValueError(msg)
    return mode
