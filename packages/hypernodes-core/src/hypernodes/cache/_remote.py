"""A cache below any URL of fsspec, made for stores where a request costs much.

Decides what is said of it and what is forgotten.  Keeping and finding results
is the business of `_remote_shelves`; rewriting objects, of `_tidying`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from hypernodes.cache import _remote_upkeep, _tidying
from hypernodes.cache._listing import Listed, target_text
from hypernodes.cache._objects import Objects
from hypernodes.cache._prune import make_limits
from hypernodes.cache._remote_shelves import RemoteShelves
from hypernodes.cache._trust import KeyId, find_trust
from hypernodes.hashing import Signature


class FsspecCache(RemoteShelves):
    """A cache in an object store or any other filesystem of fsspec, for many machines.

    Any number of processes may read and write it at once.  A store that does
    not answer costs one time limit, and what could not be written is lost:
    put a `TieredCache` in front to keep it.

    Args:
        url: ``"s3://bucket/prefix"``, ``"gs://..."``, ``"file:///..."``, ...
        key: What results are signed with; by default that of
            ``HYPERNODES_CACHE_KEY``, else the user's own.  All who share the
            cache need the same one.
        shared: Refuse to fall back to the user's own key.
        allow_pickle: Store and read values that only pickle can encode.
        storage_options: Arguments of the filesystem.  Credentials are better
            left to its own means, because copies of this object carry them.
        mirror: The folder of the local copy of the index.
        pack_bytes: How much is written together.
        timeout: Seconds until a request is given up.

    Raises:
        EngineNotInstalledError: The scheme needs an extra.
        CacheUnavailableError: Nobody knows the scheme, no bucket is named, or
            there is no key.
        ValueError: *timeout* or *pack_bytes* is not more than 0.

    Example:
        >>> import tempfile
        >>> cache = FsspecCache("memory://docs", mirror=tempfile.mkdtemp())
        >>> cache.put("answer", 42)
        >>> FsspecCache("memory://docs", mirror=tempfile.mkdtemp()).get("answer")
        42
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        key: str | bytes | KeyId | None = None,
        shared: bool = False,
        allow_pickle: bool = True,
        storage_options: Mapping[str, Any] | None = None,
        mirror: str | os.PathLike[str] | None = None,
        pack_bytes: int = 16 << 20,
        timeout: float = 30.0,
    ) -> None:
        for name, value in (("timeout", timeout), ("pack_bytes", pack_bytes)):
            if not value > 0:
                msg = f"{name} of a cache is {value!r}; give more than 0"
                raise ValueError(msg)
        url = os.fspath(url)
        objects = Objects(url, storage_options or {}, timeout)
        super().__init__(url, objects, partial(find_trust, key, shared=shared), mirror, pack_bytes)
        self.allow_pickle = allow_pickle
        self._options: Final[dict[str, Any]] = {
            "shared": shared,
            "allow_pickle": allow_pickle,
            "storage_options": dict(storage_options or {}),
            "mirror": mirror,
            "pack_bytes": pack_bytes,
            "timeout": timeout,
        }
        self._wanted: Final = key if isinstance(key, KeyId) else None
        if key is not None or shared:
            # a key that is missing is told of at once; that of the user is left for the first use
            self._trust  # noqa: B018 - found now

    # -- upkeep ----------------------------------------------------------------

    def compact(self) -> int:
        """Merge small objects into large ones; safe beside other readers and writers.

        Returns:
            How many objects were replaced.
        """
        self.flush()
        with self._network:
            self.refresh()
            return _tidying.compact(self._objects, self._mirror, self._trust, self._risk.bytes)

    def prune(
        self,
        *,
        max_age: float | None = None,
        max_items: int | None = None,
        max_bytes: int | None = None,
        node: str | None = None,
    ) -> int:
        """Drop results, oldest first, and the values that no result needs; what is pinned stays.

        Args:
            max_age: Drop results stored more than this many seconds ago.
            max_items: Keep at most this many results.
            max_bytes: Keep at most this many bytes of values.
            node: Look at the results of this node alone, by its name or path;
                without a limit, drop them all.

        Returns:
            How many results were dropped.

        Raises:
            ValueError: A limit is negative, or *max_bytes* is given with *node*.
        """
        if max_bytes is not None and node is not None:
            msg = "max_bytes covers the whole cache; leave node out, or give max_items"
            raise ValueError(msg)
        limits = make_limits(max_bytes, max_age, max_items)
        self.flush()
        with self._network:
            self.refresh()
            return _tidying.prune(
                self._objects, self._mirror, self._trust, self._risk.bytes, limits, node
            )

    def stats(self) -> dict[str, Any]:
        """Return what is there, and what this object was good for.

        Returns:
            ``entries``, ``objects``, ``bytes``; the ``hits`` and ``misses`` of this
            object so far; and ``nodes``, entries, bytes and seconds by the path of the step.
        """
        self.flush()
        self.refresh()
        nodes = _remote_upkeep.sum_up(self._mirror, self._trust)
        return {**self._mirror.count(), **self._counts, "nodes": nodes}

    def list_results(self, node: str | None = None, most: int | None = None) -> Iterator[Listed]:
        """Yield what is there, the latest first, at most so many; of the named *node* alone."""
        self.flush()
        self.refresh()
        yield from _remote_upkeep.list_store(self._mirror, self._trust, node, most)

    def verify(self) -> dict[str, int]:
        """Read and check everything; what is damaged is computed and stored anew when needed.

        Returns:
            How many ``records`` and ``blobs`` are sound, how many of both were
            ``damaged``, and how many ``foreign`` objects another key has signed.
        """
        self.flush()
        with self._network:
            self.refresh()
            return _remote_upkeep.verify(self._objects, self._mirror, self._trust)

    def pin(self, target: Signature | str) -> None:
        """Never drop the result of a signature, or those of a node, by its name or path.

        Whoever prunes the store with the same key minds it.
        """
        with self._network:
            _remote_upkeep.pin(self._objects, self._trust, target_text(target))

    def unpin(self, target: Signature | str) -> None:
        """Take back what `pin` said of *target*."""
        with self._network:
            _remote_upkeep.unpin(self._objects, target_text(target))

    def __reduce__(self) -> tuple[Any, ...]:
        # the key stays here: a copy finds it by its id, where it has it
        is_known = "_trust" in self.__dict__
        key = self._wanted or (KeyId(self._trust.id) if is_known else None)
        return partial(FsspecCache, key=key, **self._options), (self.url,)

    def __repr__(self) -> str:
        return f"FsspecCache({self.url!r})"
