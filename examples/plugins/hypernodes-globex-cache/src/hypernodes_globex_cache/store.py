"""The store: bytes under text keys in a drawer of the key-value service of Globex.

The service speaks plain HTTP: GET, PUT, HEAD and DELETE of ``/drawer/key``,
and DELETE of ``/drawer/`` for all of it.
"""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import attrs

R = TypeVar("R")
_MOST_AT_ONCE = 8
_SECONDS = 10


def open_store(url: str) -> GlobexStore:
    """Return the store at ``globex://host:port/drawer``; HyperNodes makes a cache of it."""
    host, _, drawer = url.removeprefix("globex://").partition("/")
    if not host or not drawer.strip("/"):
        msg = f"{url!r} names no drawer; write globex://host:port/drawer"
        raise ValueError(msg)
    return GlobexStore(host, drawer.strip("/"))


@attrs.frozen
class GlobexStore:
    """Keeps bytes under text keys; any thread, any process and any copy of it may ask.

    Attributes:
        host: Where the service is, ``"host:port"``.
        drawer: The name of the drawer.
    """

    host: str
    drawer: str

    def get(self, key: str) -> bytes | None:
        """Return the bytes under *key*, None where there are none."""
        return self._ask("GET", key)

    def put(self, key: str, data: bytes) -> None:
        """Keep *data* under *key*; the service answers when it is durable."""
        self._ask("PUT", key, data)

    def has(self, key: str) -> bool:
        """Say whether something is kept under *key*."""
        return self._ask("HEAD", key) is not None

    def delete(self, key: str) -> None:
        """Forget *key*."""
        self._ask("DELETE", key)

    def clear(self) -> None:
        """Forget everything."""
        self._ask("DELETE", "")

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return the bytes under those of *keys* that are there."""
        found = zip(keys, _all_at_once(self.get, keys), strict=True)
        return {key: data for key, data in found if data is not None}

    def put_many(self, values: Mapping[str, bytes]) -> None:
        """Keep all *values*."""
        _all_at_once(lambda key: self.put(key, values[key]), list(values))

    def _ask(self, method: str, key: str, data: bytes | None = None) -> bytes | None:
        """Return what the service answers; None where there is nothing."""
        # a connection for each request: one that is kept must not be shared
        # by threads, nor go along into a forked or a pickled copy
        connection = http.client.HTTPConnection(self.host, timeout=_SECONDS)
        with contextlib.closing(connection):
            connection.request(method, f"/{self.drawer}/{key}", data)
            answer = connection.getresponse()
            found = answer.read()
        if answer.status == http.client.NOT_FOUND:
            return None
        if answer.status >= http.client.BAD_REQUEST:
            msg = f"{method} {key} was answered by {answer.status} {answer.reason}"
            raise ConnectionError(msg)
        return found


def _all_at_once(ask: Callable[[str], R], keys: Sequence[str]) -> list[R]:
    with ThreadPoolExecutor(_MOST_AT_ONCE) as threads:
        return list(threads.map(ask, keys))
