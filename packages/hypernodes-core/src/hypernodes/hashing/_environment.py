"""What a node's results depend on beside its code: the libraries it reaches.

Only libraries that the code really reaches count, each by the version of its
distribution: an unrelated upgrade must not run anything again.  Modules are
mapped to distributions one at a time, because listing every file of every
distribution, as ``packages_distributions`` does, costs a third of a second.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hypernodes.hashing._identity import is_user_file

if TYPE_CHECKING:
    from importlib.metadata import Distribution


#: Python's own modules; what has none says "None", or nothing.
_NO_LIBRARIES: Final = sys.stdlib_module_names | {"None", ""}


def unit_of(module: str) -> str:
    """Return the part of a module's name that belongs to one distribution.

    That is its first part, but several distributions share a namespace package,
    and a module that the user has built is one of its own.
    """
    if _built_file(module) is not None:
        return module
    parts = module.split(".")
    for stop in range(1, len(parts)):
        name = ".".join(parts[:stop])
        loaded = sys.modules.get(name)
        if loaded is None or getattr(loaded, "__file__", None) is not None:
            return name
    return module


def libraries_among(modules: Iterable[str]) -> set[str]:
    """Return the parts of *modules* that belong to distributions, not to Python."""
    return {unit_of(each) for each in modules if each.partition(".")[0] not in _NO_LIBRARIES}


def versions_of(modules: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return (distribution, version) of modules, sorted; unknown ones are left out."""
    found = {_version_of(module) for module in modules}
    return tuple(sorted(pair for pair in found if pair is not None))


@cache
def _version_of(module: str) -> tuple[str, str] | None:
    # deferred: only caching needs it, and it takes longer than the rest of the import
    from importlib.metadata import PackageNotFoundError, distribution

    if (built := _built_file(module)) is not None:
        # nobody numbers it: what was built is its version
        return module, sha256(built.read_bytes()).hexdigest()[:16]
    try:
        candidate = distribution(module.partition(".")[0])
    except (PackageNotFoundError, ValueError):
        candidate = None
    if candidate is None or not _provides(candidate, module):
        candidate = _search(module) or candidate
    return (candidate.name, candidate.version) if candidate is not None else None


def _built_file(module: str) -> Path | None:
    """Return the file of a loaded module of the user's in another language."""
    file: Any = getattr(sys.modules.get(module), "__file__", None)
    is_built = file is not None and file.endswith(tuple(EXTENSION_SUFFIXES))
    return Path(file) if is_built and is_user_file(file, None) else None


def _provides(candidate: Distribution, module: str) -> bool:
    """Say whether *module* is among the files of *candidate*, or nobody knows them."""
    # searched as text: to parse the list takes longer than to read it
    text = candidate.read_text("RECORD")
    if text is not None:
        stem = "\n" + module.replace(".", "/")
        return any(stem + end in "\n" + text for end in ("/", "."))
    files = candidate.files
    first = module.partition(".")[0]
    return files is None or any(file.parts[0].partition(".")[0] == first for file in files)


def _search(module: str) -> Distribution | None:
    """Look through the distributions beside the module's own folder."""
    # deferred: see _version_of
    from importlib.metadata import distributions

    file = _file_of(module)
    if file is None:
        return None
    above = module.count(".") + (2 if file.stem == "__init__" else 1)
    folder = file.parents[above - 1]
    return next(
        (each for each in distributions(path=[str(folder)]) if _provides(each, module)),
        None,
    )


def _file_of(module: str) -> Path | None:
    """Return the file of a module, loaded or not."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            spec = None
        file = spec.origin if spec is not None and spec.has_location else None
    return None if file is None else Path(file)
