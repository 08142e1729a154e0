"""The user's own modules on their way to workers that cannot import them.

Functions of an installed package travel by name.  Those of a project folder,
a notebook's neighbour or a test travel by value, for workers see none of it.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import sysconfig
import threading
from collections import Counter
from collections.abc import Iterator
from importlib import metadata
from types import ModuleType
from typing import Any

_lock = threading.Lock()
_shipped: Counter[str] = Counter()


@contextlib.contextmanager
def shipped_modules() -> Iterator[None]:
    """Have the user's own modules pickled by value, as long as some run needs it."""
    # deferred: only maps that leave this process need it
    import cloudpickle

    names = [name for name, module in list(sys.modules.items()) if _is_users_own(name, module)]
    with _lock:
        known = set(cloudpickle.list_registry_pickle_by_value())
        mine = [name for name in names if name not in known or name in _shipped]
        for name in mine:
            _shipped[name] += 1
            cloudpickle.register_pickle_by_value(sys.modules[name])
    try:
        yield
    finally:
        with _lock:
            for name in mine:
                _shipped[name] -= 1
                if not _shipped[name]:
                    del _shipped[name]
                    _forget(cloudpickle, name)


def _forget(cloudpickle: Any, name: str) -> None:
    # the module may have been taken out of sys.modules meanwhile
    with contextlib.suppress(ValueError):
        cloudpickle.unregister_pickle_by_value(sys.modules.get(name) or ModuleType(name))


def _is_users_own(name: str, module: Any) -> bool:
    """Say whether *module* lies neither in the standard library nor in an installed package."""
    file = getattr(module, "__file__", None)
    if not isinstance(module, ModuleType) or name == "__main__" or not file:
        return False
    if name != module.__name__ or name.partition(".")[0] in _installed():
        return False
    return not file.startswith(_library_folders())


@functools.cache
def _library_folders() -> tuple[str, ...]:
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(f"{folder}/" for folder in folders if folder)


@functools.cache
def _installed() -> frozenset[str]:
    """Return the names of installed packages, those in editable form among them."""
    named = {each.metadata["Name"].replace("-", "_") for each in metadata.distributions()}
    return frozenset({"hypernodes", *metadata.packages_distributions(), *named})
