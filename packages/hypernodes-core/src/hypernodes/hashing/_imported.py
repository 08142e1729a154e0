"""Modules that a body imports: which they are, and whether they are the user's.

A module of the user's is loaded to see what is in it, as the body itself would
do; a library's is not.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Mapping
from typing import Any, Final

from hypernodes.hashing._identity import is_user_file, is_user_module
from hypernodes.hashing._reach import Import
from hypernodes.hashing._watches import MISSING

#: What says where a module is and how it came, not what is in it.
EVERY_MODULE_HAS: Final = frozenset(
    {"__annotations__", "__builtins__", "__cached__", "__dict__", "__doc__", "__file__"}
    | {"__loader__", "__name__", "__package__", "__path__", "__spec__", "__warningregistry__"}
)


def absolute_name(namespace: Mapping[str, Any], each: Import) -> str | None:
    """Return the full name of the module; None where the import leads nowhere."""
    if not each.level:
        return each.module
    package = namespace.get("__package__") or str(namespace.get("__name__", ""))
    try:
        return importlib.util.resolve_name("." * each.level + each.module, package)
    except ImportError:
        return None


def is_user_import(name: str) -> bool:
    """Say whether a module is the user's, without importing it."""
    if name in sys.modules:
        return is_user_module(name)
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return False
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    folders = list(spec.submodule_search_locations or ())
    return is_user_file(spec.origin or (folders[0] if folders else None), spec.origin)


def load_module(name: str) -> types.ModuleType | None:
    """Return a module that the body would import; None where that fails, as it will there."""
    try:
        return importlib.import_module(name)
    # a script may end the process when it is imported
    except (Exception, SystemExit):
        return None


def attribute_of(module: types.ModuleType, name: str) -> Any:
    """Return what *name* of *module* gives, one that it makes when asked for too."""
    found = vars(module).get(name, MISSING)
    if found is MISSING and "__getattr__" in vars(module):
        try:
            return getattr(module, name)
        except Exception:
            return MISSING
    return found
