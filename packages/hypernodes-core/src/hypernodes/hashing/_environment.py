"""What a node's results depend on beside its code: the libraries it reaches.

Only libraries that the code really reaches count, each by the version of its
distribution: an unrelated upgrade must not run anything again.  Modules are
mapped to distributions one at a time, because listing every file of every
distribution, as ``packages_distributions`` does, costs a third of a second.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution


def versions_of(modules: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return (distribution, version) of top-level modules, sorted; unknown ones are left out."""
    found = {_version_of(module) for module in modules}
    return tuple(sorted(pair for pair in found if pair is not None))


@cache
def _version_of(module: str) -> tuple[str, str] | None:
    # deferred: only caching needs it, and it takes longer than the rest of the import
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        candidate = distribution(module)
    except (PackageNotFoundError, ValueError):
        candidate = None
    if candidate is None or not _provides(candidate, module):
        candidate = _search(module) or candidate
    return (candidate.name, candidate.version) if candidate is not None else None


def _provides(candidate: Distribution, module: str) -> bool:
    files = candidate.files
    return files is None or any(file.parts[0].partition(".")[0] == module for file in files)


def _search(module: str) -> Distribution | None:
    """Look through the distributions beside the module's own folder."""
    # deferred: see _version_of
    from importlib.metadata import distributions

    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if file is None:
        return None
    folder = Path(file).parent.parent if Path(file).stem == "__init__" else Path(file).parent
    return next(
        (
            each
            for each in distributions(path=[str(folder)])
            if each.files and _provides(each, module)
        ),
        None,
    )
