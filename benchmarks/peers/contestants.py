"""Who takes part, and what each is asked to do.

A contestant says for each case what is timed, prepared as its authors
recommend, or why there is nothing to time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

Function = Callable[..., Any]


def functions_of(module: ModuleType) -> list[Function]:
    """Return ``v1``, ``v2``, ... of *module*, each of which reads the one before."""
    names = (f"v{number}" for number in itertools.count(1))
    found = itertools.takewhile(lambda name: hasattr(module, name), names)
    return [getattr(module, name) for name in found]


class MissingError(Exception):
    """The contestant has no such thing; the message says what in a few words."""


class Contestant(Protocol):
    """One way to do the work.

    Every method returns what is timed: a call without arguments, which
    returns the results for comparison with those of the others.
    """

    name: str

    def build(self, module: ModuleType) -> Callable[[], Any]:
        """Return what makes a pipeline of the functions of *module*."""
        ...

    def run(self, module: ModuleType) -> Callable[[], Any]:
        """Return what runs such a pipeline once for ``v0=1``; gives the last value."""
        ...

    def map(self, module: ModuleType, items: Sequence[Any]) -> Callable[[], list[Any]]:
        """Return what runs it for each of *items* as ``v0``; gives the last values."""
        ...

    def cached(
        self, module: ModuleType, items: Sequence[Any], folder: Path
    ) -> Callable[[], list[Any]]:
        """Return the same, with each result of each item remembered in *folder*."""
        ...

    def nested(self, module: ModuleType, rows: list[list[int]]) -> Callable[[], Any]:
        """Return what gives ``total([v1(v0) for v0 in row])`` for each of *rows*."""
        ...

    def parallel(self, module: ModuleType, items: Sequence[int]) -> Callable[[], list[Any]]:
        """Return what runs ``v1(v0)`` for each item in two processes, which stay."""
        ...
