"""What code may ask a function or a class for, beside calling it.

Docstrings and annotations do not count as long as nobody reads them.  Code that
does, itself or through the standard library, names them or one of the functions
below; then they count, of all that it reaches, because nobody can say of which.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Final

#: What every function has; attributes that somebody gave it come on top.
FACES: Final = ("__annotations__", "__doc__")

#: What a function of the standard library asks its argument for.
_ASKS_FOR: Final[Mapping[str, tuple[str, ...]]] = {
    "get_annotations": ("__annotations__",),
    "get_type_hints": ("__annotations__",),
    "getdoc": ("__doc__",),
    "signature": ("__annotations__", "__signature__", "__wrapped__"),
    "unwrap": ("__wrapped__",),
}


def asked_for(words: Iterable[str]) -> frozenset[str]:
    """Return *words* and what they ask for, if they are names of functions that ask."""
    asked = set(words)
    for asker in _ASKS_FOR.keys() & asked:
        asked.update(_ASKS_FOR[asker])
    return frozenset(asked)


def face_of(value: Any, name: str) -> Any:
    """Return *name*, one of `FACES`, of a function or class."""
    if name == "__doc__":
        text = vars(value).get(name) if isinstance(value, type) else value.__doc__
        # since Python 3.13 the compiler takes the indentation away
        return inspect.cleandoc(text) if isinstance(text, str) else None
    return getattr(value, name, None)
