"""Which class an object is of, and whose code a module is.

The one place that says what a class's name stands for in a digest, so that the
class's code can be made to count for its instances too.
"""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from hypernodes.hashing._canonical import sized, utf8

#: Modules whose classes moved between Python versions.
_MOVED_MODULES: Final = {"pathlib._local": "pathlib"}

_HEAP_TYPE: Final = 1 << 9
_LIBRARY_FOLDERS: Final = ("site-packages", "dist-packages")
_OURSELVES: Final = Path(__file__).absolute().parents[1]


def type_name(cls: type) -> str:
    """Return the module-qualified name of *cls*."""
    return f"{cls.__module__}.{cls.__qualname__}"


def class_identity(cls: type) -> bytes:
    """Return what stands for *cls* in the token of each of its instances."""
    module, qualname = str(cls.__module__), str(cls.__qualname__)
    module = _MOVED_MODULES.get(module, module)
    return sized(utf8(f"{module}:{qualname}"))


def is_found_by_name(value: Any, module: str, qualname: str) -> bool:
    """Say whether *value* is what its name leads to, and so is what it says it is."""
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found is value


def is_library_class(cls: type) -> bool:
    """Say whether the name of *cls* says all: a class in C, or one of a library."""
    if not cls.__flags__ & _HEAP_TYPE:
        return True
    module, qualname = str(cls.__module__), cls.__qualname__
    # a class that a library's function made for the user has the library's name
    return not is_user_module(module) and is_found_by_name(cls, module, qualname)


def is_user_module(name: str | None) -> bool:
    """Say whether the module is the user's, neither standard nor installed.

    The file decides: a user's module may have the name of a standard one.
    """
    module = sys.modules.get(name) if name is not None else None
    if module is None or name == "__main__":
        return True
    spec = getattr(module, "__spec__", None)
    origin = None if spec is None else spec.origin
    return is_user_file(getattr(module, "__file__", None), origin)


def is_user_function(function: FunctionType) -> bool:
    """Say whether the code of *function* is the user's, wherever it was decorated."""
    file = function.__code__.co_filename
    if file.startswith("<"):
        return is_user_module(function.__module__)
    return is_user_file(file, None)


def is_user_class(cls: type) -> bool:
    """Say whether *cls* was defined by the user."""
    return bool(cls.__flags__ & _HEAP_TYPE) and is_user_module(cls.__module__)


@cache
def is_user_file(file: str | None, origin: str | None) -> bool:
    """Say whether a module's file is the user's; *origin* tells where there is none."""
    if file is None:
        return origin not in ("built-in", "frozen")
    path = Path(file).absolute()
    if path.is_relative_to(_OURSELVES):
        return False
    if any(folder in path.parts for folder in _LIBRARY_FOLDERS):
        return False
    return not path.is_relative_to(_standard_library())


@cache
def _standard_library() -> Path:
    return Path(sysconfig.get_path("stdlib")).absolute()
