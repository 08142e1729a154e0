"""Which plugins are installed, and which of them the user switched off.

Decides how installed entry points become candidates: by name, in a fixed
order, without importing any.  Refuses to know what a plugin is or registers.

The standard library lists the group for 30 ms in a fresh process, of which
25 ms is importing `importlib.metadata`; the backport answers the same for
64 ms, so it is not used.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs

from hypernodes.errors import PluginWarning

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "hypernodes"
DISABLE_VARIABLE = "HYPERNODES_DISABLE_PLUGINS"


@attrs.frozen
class Candidate:
    """A plugin that could be loaded.

    Attributes:
        name: The name of its entry point.
        distribution: The distribution that brought it.
        version: The version of that distribution.
        load: Imports the plugin and returns it.
    """

    name: str
    distribution: str
    version: str
    load: Callable[[], object]


def find_candidates() -> tuple[Candidate, ...]:
    """Return the installed plugins by name, without importing any of them.

    Reads the entry points of every installed distribution, about 5 ms, so
    callers keep the answer.  One damaged distribution hides the entry points
    of all: that is a `PluginWarning` and no plugins, not an error.
    """
    # deferred: 25 ms that a process which runs no pipeline need not pay
    from importlib.metadata import entry_points

    try:
        found = entry_points(group=ENTRY_POINT_GROUP)
        candidates = [_candidate(entry_point) for entry_point in found]
    except Exception as error:  # any file on the path may be damaged
        warnings.warn(
            f"installed plugins cannot be listed, so none is used: {error!r}; "
            "repair the metadata of the installed distributions",
            PluginWarning,
            stacklevel=2,
        )
        return ()
    return tuple(sorted(candidates, key=lambda each: (each.name, each.distribution)))


def is_disabled(name: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether ``HYPERNODES_DISABLE_PLUGINS`` lists *name*, or lists ``*``.

    Example:
        >>> is_disabled("acme", {"HYPERNODES_DISABLE_PLUGINS": "acme, dask"})
        True
    """
    names = re.split(r"[\s,]+", environ.get(DISABLE_VARIABLE, ""))
    return name in names or "*" in names


def _candidate(entry_point: EntryPoint) -> Candidate:
    dist = entry_point.dist
    return Candidate(
        name=entry_point.name,
        distribution=(dist and dist.name) or "unknown",
        version=(dist and dist.version) or "unknown",
        load=entry_point.load,
    )
