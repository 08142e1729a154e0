"""A cache in a folder of this machine.

Decides what counts as expired and when limits are enforced.  Keeping and
finding results is the business of `_shelves`; forgetting them, of `_prune`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from hypernodes.cache import _rows
from hypernodes.cache._chunks import Column
from hypernodes.cache._entry import Entry
from hypernodes.cache._folder import Found
from hypernodes.cache._listing import Listed, list_folder, target_text
from hypernodes.cache._prune import Limits, drop_orphans, find_size, make_limits, prune
from hypernodes.cache._shelves import Shelves
from hypernodes.cache._trust import KeyId, find_trust
from hypernodes.cache._upkeep import compact, find_disk_bytes, verify
from hypernodes.errors import CacheUnavailableError
from hypernodes.hashing import Signature

# limits that need a look at every row are enforced at most this often
_PRUNE_SECONDS: Final = 30.0
_DEAD_SHARE: Final = 0.5
_DEAD_SHARE_WHEN_FULL: Final = 0.1


class DiskCache(Shelves):
    """A cache in a folder, created on first use; shared by threads and processes.

    Results are written as soon as the work they stand for is worth it: an
    expensive one at once, cheap ones together, all of them at the end of a
    run.  Copies made by pickling or forking open the same folder.

    Everything is signed, and checked before it is decoded.  What somebody
    else has put there, or damaged, is not there.  Limits are enforced at the
    end of runs: to stay below *max_bytes*, the values that were not used for
    longest go first, and their records stay, so that what comes after them
    still hits.

    Args:
        path: The folder.
        key: What to sign with.  By default that of the environment variable
            ``HYPERNODES_CACHE_KEY``, else of a file of this user.  It is never
            pickled: other processes need the environment variable.
        shared: Let the group of the folder read it.  Needs a key.
        allow_pickle: Whether values may be stored and read by pickle.
        max_bytes: How much records and values may take together.
        max_age: For how many seconds results are kept.
        max_items: How many results are kept.
        ttl: After how many seconds a result counts as missing; also by the
            name or path of its node.

    Raises:
        CacheUnavailableError: *path* is a file, or a shared cache has no key.
        ValueError: A limit is negative.

    Example:
        >>> import tempfile
        >>> cache = DiskCache(path=tempfile.mkdtemp())
        >>> cache.put("answer", 42)
        >>> DiskCache(cache.path).get("answer")
        42
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        key: str | bytes | KeyId | None = None,
        shared: bool = False,
        allow_pickle: bool = True,
        max_bytes: int | None = None,
        max_age: float | None = None,
        max_items: int | None = None,
        ttl: float | Mapping[str, float] | None = None,
    ) -> None:
        folder = Path(path)
        if folder.exists() and not folder.is_dir():
            msg = f"cache path {str(path)!r} is a file; give the path of a folder"
            raise CacheUnavailableError(msg)
        super().__init__(folder, partial(find_trust, key, shared=shared), shared)
        self.allow_pickle = allow_pickle
        self.limits: Final[Limits] = make_limits(max_bytes, max_age, max_items, ttl)
        self._pruned = float("-inf")
        self._wanted: Final = key if isinstance(key, KeyId) else None
        self._options: Final[dict[str, Any]] = {
            "shared": shared,
            "allow_pickle": allow_pickle,
            "max_bytes": max_bytes,
            "max_age": max_age,
            "max_items": max_items,
            "ttl": ttl,
        }
        if key is not None or shared:
            # a key that is missing is told of at once; that of the user is left for the first use
            self._open()

    def flush(self) -> None:
        """Write what is buffered, values before the records that name them; enforce limits."""
        has_news = bool(self._own_buffer().records)
        super().flush()
        if has_news and self.limits and self._is_due():
            self.prune()

    # -- upkeep ----------------------------------------------------------------

    def stats(self) -> dict[str, Any]:
        """Return what is there and what it was good for.

        Returns:
            ``entries``; ``bytes`` of values; ``seconds`` they took; ``hits``,
            ``misses`` and ``seconds_saved`` so far; ``disk_bytes`` of all files; and
            ``nodes``, the same by the path of the step.
        """
        self._noted = float("-inf")
        super().flush()
        folder = self._open()
        with folder.index.reading() as connection:
            found = _rows.sum_up(connection)
        found["disk_bytes"] = find_disk_bytes(folder.path)
        return found

    def list_results(self, node: str | None = None, most: int | None = None) -> Iterator[Listed]:
        """Yield what is there, the latest first.

        Args:
            node: Only the results of this node, by its name or path.
            most: At most so many.
        """
        super().flush()
        return list_folder(self._open(), node, most)

    def prune(
        self,
        *,
        max_bytes: int | None = None,
        max_age: float | None = None,
        max_items: int | None = None,
        node: str | None = None,
    ) -> int:
        """Forget what is beyond limits; what is pinned stays.

        Without any argument, the limits of this cache are enforced.

        Args:
            max_bytes: How much records and values may take together.  Values
                go first, those that were not used for longest; then records.
            max_age: Drop results stored more than this many seconds ago.
            max_items: Keep at most this many results, those used last.
            node: Look at the results of this node alone, by its name or path;
                without a limit, drop them all.

        Returns:
            How many results were dropped.  Those that lost only their values
            do not count: what comes after them still hits.

        Raises:
            ValueError: A limit is negative, or *max_bytes* is given with *node*.
        """
        if max_bytes is not None and node is not None:
            msg = "max_bytes covers the whole cache; leave node out, or give max_items"
            raise ValueError(msg)
        limits = make_limits(max_bytes, max_age, max_items)
        if not limits and node is None:
            limits = self.limits
        super().flush()
        folder = self._open()
        self._pruned = time.monotonic()
        dropped = prune(folder, limits, node)
        is_full = find_disk_bytes(folder.path) > (limits.max_bytes or float("inf"))
        compact(folder, _DEAD_SHARE_WHEN_FULL if is_full else _DEAD_SHARE)
        return dropped

    def compact(self) -> int:
        """Give the space of replaced and forgotten results back; return how many bytes.

        Other processes may read and write meanwhile; what they write to is left alone.
        """
        super().flush()
        drop_orphans(self._open())
        return compact(self._open(), _DEAD_SHARE_WHEN_FULL)

    def verify(self) -> dict[str, int]:
        """Read and check everything; what is damaged is forgotten.

        Returns:
            How many ``records`` and ``blobs`` are sound, how many of both were
            ``damaged``, and how many ``foreign`` ones another key has signed.
        """
        super().flush()
        return verify(self._open())

    def pin(self, target: Signature | str) -> None:
        """Never forget the result of a signature, or those of a node, by its name or path."""
        self._change_pins("INSERT OR IGNORE INTO pins VALUES (?)", target)

    def unpin(self, target: Signature | str) -> None:
        """Take back what `pin` said of *target*."""
        self._change_pins("DELETE FROM pins WHERE target = ?", target)

    def __reduce__(self) -> tuple[Any, ...]:
        # the key stays here: a copy finds it by its id, where it has it
        folder = self._opened
        key = None if folder is None else self._wanted or KeyId(folder.trust.id)
        # another process may have another current folder
        return partial(DiskCache, key=key, **self._options), (str(self._absolute),)

    def __repr__(self) -> str:
        return f"DiskCache(path={str(self.path)!r})"

    def _find(
        self, asked: Mapping[bytes, Mapping[bytes, Signature]], *, with_arguments: bool = False
    ) -> dict[bytes, Found]:
        found = super()._find(asked, with_arguments=with_arguments)
        if not self.limits.ttl:
            return found
        first = {node: time.time() - self._find_ttl(node) for node, hits in found.items() if hits}
        return {
            node: {item: entry for item, entry in hits.items() if entry.created >= first[node]}
            for node, hits in found.items()
        }

    def find_chunk(self, key: bytes) -> list[list[Any]] | None:
        """Return the outputs of a chunk by column, as they were kept; None where none are."""
        # each record expires by itself
        return None if self.limits.ttl else super().find_chunk(key)

    def keep_chunk(
        self, key: bytes, steps: Sequence[Sequence[Entry]], outputs: Sequence[Column]
    ) -> None:
        """Keep the outputs of a chunk that was answered from records, where that pays."""
        if not self.limits.ttl:
            super().keep_chunk(key, steps, outputs)

    def _find_ttl(self, node: bytes) -> float:
        with self._open().index.reading() as connection:
            step = _rows.find_step(connection, node)
        seconds = self.limits.seconds_of(step)
        return float("inf") if seconds is None else seconds

    def _is_due(self) -> bool:
        """Say whether limits are to be enforced: at once where that is cheap to tell."""
        if time.monotonic() - self._pruned > _PRUNE_SECONDS:
            return True
        most = self.limits.max_bytes
        return most is not None and find_size(self._open()) > most

    def _change_pins(self, statement: str, target: Signature | str) -> None:
        text = target_text(target)
        with self._open().index.writing() as connection:
            connection.execute(statement, (text,))
