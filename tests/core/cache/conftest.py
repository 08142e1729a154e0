"""An object store that counts requests and fails on demand, for the tests of remote caches."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from hypernodes import FsspecCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Counted(MemoryFileSystem):
    """A filesystem in memory that counts requests and refuses them on demand."""

    protocol = "counted"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    requests: ClassVar[list[str]] = []
    failure: ClassVar[list[Exception]] = []
    lost: ClassVar[list[str]] = []
    hiccups: ClassVar[list[Exception]] = []

    def _count(self, what: str) -> None:
        if self.hiccups:
            raise self.hiccups.pop()
        if self.failure:
            raise self.failure[0]
        self.requests.append(what)

    def find(self, *args: Any, **kwargs: Any) -> Any:
        """Count a listing."""
        self._count("list")
        return super().find(*args, **kwargs)

    def pipe_file(self, path: str, value: bytes, **kwargs: Any) -> None:
        """Count a write; lose it where that was asked for."""
        self._count("put")
        if any(part in path for part in self.lost):
            msg = "connection lost"
            raise ConnectionError(msg)
        super().pipe_file(path, value, **kwargs)

    def cat_ranges(self, paths: list[str], *args: Any, **kwargs: Any) -> Any:
        """Count reads."""
        for _ in paths:
            self._count("get")
        return super().cat_ranges(paths, *args, **kwargs)


@pytest.fixture
def server() -> Iterator[type[Counted]]:
    """The store behind ``counted://``, empty and well."""
    fsspec.register_implementation("counted", Counted, clobber=True)
    yield Counted
    for kept in (Counted.store, Counted.requests, Counted.failure, Counted.lost, Counted.hiccups):
        kept.clear()


@pytest.fixture
def reopen(tmp_path: Path, server: type[Counted]) -> Callable[..., FsspecCache]:
    """Open the cache of the test, each time as another machine."""
    url = f"counted://bucket/{uuid.uuid4().hex}"

    def open_anew(**options: Any) -> FsspecCache:
        mirror = tmp_path / uuid.uuid4().hex
        return FsspecCache(url, **{"key": "k", "mirror": mirror, **options})

    return open_anew
