"""A cache that never makes a run fail.

Whatever a cache raises becomes one warning, and the run goes on as if
nothing had been stored.  With ``strict=True`` it is an error instead.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeGuard

from hypernodes.cache import EncodedCache, Entry, MemoryCache, NodeParts, Payload, Result
from hypernodes.errors import (
    CacheError,
    CacheUnavailableError,
    CacheWarning,
    FingerprintError,
    SerializationError,
)
from hypernodes.hashing import Signature
from hypernodes.protocols import Cache
from hypernodes.values import MISSING, Missing

#: What a kill may cost before results are handed over.
_RISK_SECONDS: Final = 0.1
_MOST_PENDING: Final = 1000


class GuardedCache:
    """One cache for the duration of one run.

    After a failure other than that of single values it is left alone: one
    that cannot be written still answers, one that cannot be read does not.

    Args:
        cache: The cache.
        strict: Raise `CacheError` instead of warning.
        said: Takes (message, topic) instead of a warning, where another
            process is to warn.
    """

    def __init__(
        self, cache: Cache, strict: bool = False, said: list[tuple[str, str]] | None = None
    ) -> None:
        self._cache = cache
        self._strict = strict
        self._said = said
        self._is_readable = True
        self._is_writable = True
        self._warned: set[str] = set()
        self._recent: dict[Signature, Entry] = {}
        self._pending: list[tuple[Entry, Mapping[bytes, Payload]]] = []
        self._at_risk = 0.0
        # several threads may take part in a run
        self._lock = threading.Lock()

    def lookup_many(self, signatures: Sequence[Signature]) -> Sequence[Entry | Missing]:
        """Return one record per signature, ``MISSING`` where there is none."""
        self.settle()
        if self._is_readable and signatures:
            try:
                return self._cache.lookup_many(signatures)
            except Exception as error:
                self._is_readable = self._is_writable = False
                self._give_up("read", error)
        return [MISSING] * len(signatures)

    def load_many(self, wanted: Sequence[tuple[Entry, int]]) -> Sequence[Any]:
        """Return one value per (entry, output position), ``MISSING`` where it is gone."""
        self.settle()
        if self._is_readable and wanted:
            try:
                return self._cache.load_many(wanted)
            except Exception as error:
                self._is_readable = self._is_writable = False
                self._give_up("read", error)
        return [MISSING] * len(wanted)

    def find_chunk(self, key: bytes) -> list[list[Any]] | None:
        """Return the outputs of a chunk by column, where the cache keeps such; see `keep_chunk`."""
        self.settle()
        if not self._is_readable or not isinstance(self._cache, EncodedCache):
            return None
        found: list[list[Any]] | None = self._try_notes(lambda cache: cache.find_chunk(key))
        return found

    def keep_chunk(
        self,
        key: bytes,
        steps: Sequence[Sequence[Entry]],
        outputs: Sequence[tuple[Sequence[Entry], int]],
    ) -> None:
        """Let the cache keep the outputs of a chunk that it answered record by record."""
        if self._is_writable and isinstance(self._cache, EncodedCache):
            self._try_notes(lambda cache: cache.keep_chunk(key, steps, outputs))

    def holds_many(self, wanted: Sequence[tuple[Entry, int]]) -> Sequence[bool]:
        """Say for each (entry, output position) whether its value is there; reads none of ours."""
        self.settle()
        if self._is_readable and isinstance(self._cache, EncodedCache):
            try:
                return self._cache.holds_many(wanted)
            except Exception as error:
                self._is_readable = self._is_writable = False
                self._give_up("read", error)
        return [self._is_readable] * len(wanted)

    def store(
        self, result: Result, node: str, measure: Callable[[int], None] | None = None
    ) -> bool:
        """Store *result* of the node called *node*, soon; say whether it will be.

        It is encoded at once, because what it refers to may change, and
        written with others, or at once where much work went into it.  *measure*
        is told how many bytes it has become, where that is known.
        """
        if not self._is_writable:
            return False
        try:
            if _encodes_as_ours(self._cache):
                encoded = self._cache.encode_result(result)
                if measure is not None:
                    measure(encoded_size(encoded[1]))
                with self._lock:
                    self._pending.append(encoded)
            else:
                self._cache.store_many([result])
        except SerializationError as error:
            self.warn(f"result of {node!r} is not cached: {error}", error, f"result of {node}")
            return False
        except Exception as error:
            self._is_writable = False
            self._give_up("written", error)
            return False
        self._recent[result.entry.signature] = result.entry
        self._at_risk += result.entry.seconds
        if self._at_risk >= _RISK_SECONDS or len(self._pending) >= _MOST_PENDING:
            self.settle()
        return True

    def settle(self) -> None:
        """Hand what was stored to the cache."""
        # who reads meanwhile waits until it is written
        with self._lock:
            if self._pending:
                self.keep(self._pending)
            # only now: what an interrupt keeps from being written is written at the end
            self._pending, self._at_risk = [], 0.0

    def keep(self, stored: Sequence[tuple[Entry, Mapping[bytes, Payload]]]) -> None:
        """Store results that were encoded elsewhere."""
        if not self._is_writable:
            return
        try:
            if isinstance(self._cache, EncodedCache):
                self._cache.write(stored)
            else:
                self._cache.store_many(_decoded(stored))
        except Exception as error:
            self._is_writable = False
            self._give_up("written", error)

    def describe(self, node: bytes, parts: NodeParts) -> None:
        """Keep what the node half of a key was made of, where the cache can."""
        if self._is_writable:
            self._try_notes(lambda cache: cache.describe(node, parts))

    def find_nodes(self, step: str) -> Sequence[tuple[bytes, NodeParts]]:
        """Return what was kept of the nodes of *step*, the latest first."""
        found = self._try_notes(lambda cache: cache.find_nodes(step)) if self._is_readable else ()
        return found or ()

    def find_entries(self, node: bytes, most: int) -> Sequence[Entry]:
        """Return records of *node*, the latest first, at most so many."""
        if not self._is_readable:
            return ()
        return self._try_notes(lambda cache: cache.find_entries(node, most)) or ()

    def _try_notes(self, ask: Callable[[Any], Any]) -> Any:
        """Ask the cache for what only explains; without an answer nothing is lost."""
        # a cache need not keep notes, and a failing one fails again where it matters
        with contextlib.suppress(Exception):
            return ask(self._cache)
        return None

    def recent(self, signature: Signature) -> Entry | None:
        """Return what was stored under *signature* since the last flush."""
        return self._recent.get(signature)

    def forget(self, signature: Signature | None) -> None:
        """No longer answer *signature* from what was stored since the last flush."""
        self._recent.pop(signature, None)  # type: ignore[arg-type]  # None is simply not there

    def flush(self) -> None:
        """Make everything durable."""
        self.settle()
        self._recent.clear()
        if self._is_writable:
            try:
                self._cache.flush()
            except Exception as error:
                self._is_writable = False
                self._give_up("written", error)

    def warn(self, message: str, cause: Exception | None = None, topic: str = "") -> None:
        """Warn once per topic; without one, once per message.

        Raises:
            CacheError: Instead of the warning, where the engine is strict.
            FingerprintError: The same, where that is the cause.
        """
        if self._strict:
            raise _strict_error(message, cause) from cause
        key = topic or message
        if key not in self._warned:
            self._warned.add(key)
            if self._said is not None:
                self._said.append((message, topic))
                return
            warnings.warn(message, CacheWarning, stacklevel=2)

    def _give_up(self, verb: str, error: Exception) -> None:
        cause = error if isinstance(error, CacheError) else CacheUnavailableError(str(error))
        self.warn(
            f"{self._cache!r} cannot be {verb}, so this run goes on without it: "
            f"{type(error).__name__}: {error}",
            cause,
        )


def encoded_size(payloads: Mapping[bytes, Payload]) -> int:
    """Return how many bytes the values of one result have become."""
    return sum(len(payload.data) for payload in payloads.values())


def _encodes_as_ours(cache: Cache) -> TypeGuard[EncodedCache]:
    """Say whether storing is encoding and writing: a subclass may do more."""
    return isinstance(cache, EncodedCache) and type(cache).store_many is EncodedCache.store_many


def _decoded(stored: Sequence[tuple[Entry, Mapping[bytes, Payload]]]) -> list[Result]:
    """Return encoded results as values, for a cache that encodes by itself."""
    shelf = MemoryCache()
    shelf.write(stored)
    return [
        Result(entry, tuple(shelf.load_many([(entry, n) for n in range(len(entry.digests))])))
        for entry, _ in stored
    ]


def _strict_error(message: str, cause: Exception | None) -> Exception:
    """Return an error of the kind of *cause*, if that is one of ours, with *message*."""
    if isinstance(cause, FingerprintError):
        error = FingerprintError(message)
        error.path, error.type_name = cause.path, cause.type_name
        return error
    return (type(cause) if isinstance(cause, CacheError) else CacheError)(message)
