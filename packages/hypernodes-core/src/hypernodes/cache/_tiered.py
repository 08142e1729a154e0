"""A near cache in front of a far one.

Decides who is asked and who is told: the near cache first, and at once; the
far one for what the near one lacks, and in bulk at the end of a run.  A far
cache that fails is left alone until the run ends, and what it was not told is
noted beside the near cache and told at the end of the next run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import uuid
import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from hypernodes.cache._chunks import Column
from hypernodes.cache._encoded import EncodedCache
from hypernodes.cache._entry import Entry, Payload
from hypernodes.cache._listing import Listed
from hypernodes.cache._outbox import Record
from hypernodes.cache._parts import NodeParts
from hypernodes.cache._record import decode_inline
from hypernodes.errors import CacheWarning
from hypernodes.hashing import Signature

T = TypeVar("T")
Mode = Literal["readwrite", "read", "write"]

_BATCH: Final = 1000


class TieredCache(EncodedCache):
    """A near cache in front of a far one, such as a folder before a bucket.

    What the far cache has is copied near when it is read.  What is stored goes
    near at once and far at the end of the run.  A far cache that fails costs
    one warning and never a run.

    Args:
        near: Asked first: a `DiskCache` or a `MemoryCache`.
        far: A `FsspecCache`, or any other cache of ours.
        mode: ``"read"`` never writes the far cache, ``"write"`` never reads it.

    Raises:
        TypeError: One of them is no cache of ours; make one of a byte store
            with `BackendCache`.
        ValueError: There is no such mode.

    Example:
        >>> from hypernodes.cache import MemoryCache
        >>> near, far = MemoryCache(), MemoryCache()
        >>> far.put("answer", 42)
        >>> TieredCache(near, far).get("answer"), near.get("answer")
        (42, 42)
    """

    def __init__(self, near: EncodedCache, far: EncodedCache, mode: Mode = "readwrite") -> None:
        for cache in (near, far):
            if not isinstance(cache, EncodedCache):
                msg = f"{cache!r} cannot be a tier; make a cache of a byte store with BackendCache"
                raise TypeError(msg)
        if mode not in ("readwrite", "read", "write"):
            msg = f"there is no mode {mode!r}; use 'readwrite', 'read' or 'write'"
            raise ValueError(msg)
        self.near: Final = near
        self.far: Final = far
        self.mode: Final = mode
        self.allow_pickle: bool = _allows(near) and _allows(far)
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._untold: dict[Signature, Entry] = {}
        self._nodes: dict[bytes, NodeParts] = {}
        self._distant: dict[bytes, Entry] = {}
        self._is_failing = False

    # -- reading ---------------------------------------------------------------

    def read_records(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the records of the near cache, and those of the far one it lacks."""
        found = dict(self.near.read_records(signatures))
        left = [key for key in signatures if key not in found]
        if not left or not self._reads:
            return found
        far: dict[Signature, Entry] = self._ask(lambda: dict(self.far.read_whole(left)), {})
        self._bring(far.values(), {})
        return {**found, **far}

    def read_whole(self, signatures: Sequence[Signature]) -> Mapping[Signature, Entry]:
        """Return the same with what the keys were made of."""
        return {**self.read_records(signatures), **self.near.read_whole(signatures)}

    def read_payloads(self, digests: Sequence[bytes]) -> Mapping[bytes, Payload]:
        """Return the encoded values of the near cache, and those of the far one it lacks."""
        found = dict(self.near.read_payloads(digests))
        left = [digest for digest in digests if digest not in found]
        if left and self._reads:
            far: dict[bytes, Payload] = self._ask(lambda: dict(self.far.read_payloads(left)), {})
            found.update(far)
            with self._lock:
                entries = {
                    self._distant[d].signature: self._distant[d] for d in far if d in self._distant
                }
            self._bring(entries.values(), far)
        return found

    def find_held(self, digests: Sequence[bytes]) -> Container[bytes]:
        """Return which encoded values are there, without reading them."""
        near = self.near.find_held(digests)
        held = {digest for digest in digests if digest in near}
        left = [digest for digest in digests if digest not in held]
        nothing: Container[bytes] = ()
        far = self._ask(lambda: self.far.find_held(left), nothing) if self._reads else nothing
        return held.union(digest for digest in left if digest in far)

    def find_chunk(self, key: bytes) -> list[list[Any]] | None:
        """Return the outputs of a chunk by column, as they were kept near."""
        return self.near.find_chunk(key)

    def keep_chunk(
        self, key: bytes, steps: Sequence[Sequence[Entry]], outputs: Sequence[Column]
    ) -> None:
        """Keep the outputs of a chunk near."""
        self.near.keep_chunk(key, steps, outputs)

    def find_nodes(self, step: str) -> Sequence[tuple[bytes, NodeParts]]:
        """Return what was kept of the nodes of *step*, near ones first."""
        near = list(self.near.find_nodes(step))
        known = {node for node, _ in near}
        nothing: Sequence[tuple[bytes, NodeParts]] = ()
        far = self._ask(lambda: self.far.find_nodes(step), nothing) if self._reads else nothing
        return [*near, *(pair for pair in far if pair[0] not in known)]

    def find_entries(self, node: bytes, most: int) -> Sequence[Entry]:
        """Return records of *node*, the latest first, at most so many."""
        near = self.near.find_entries(node, most)
        if near or not self._reads:
            return near
        return self._ask(lambda: self.far.find_entries(node, most), ())

    def list_results(self, node: str | None = None, most: int | None = None) -> Iterator[Listed]:
        """Yield what is near, the latest first, at most so many; of the named *node* alone."""
        return self.near.list_results(node, most)

    # -- writing ---------------------------------------------------------------

    def write(self, records: Sequence[Record]) -> None:
        """Keep records near; the far cache is told at the next flush."""
        self.near.write(records)
        if self._writes:
            with self._lock:
                self._own_notes().update({entry.signature: entry for entry, _ in records})

    def describe(self, node: bytes, parts: NodeParts) -> None:
        """Keep what the node half of a key was made of."""
        self.near.describe(node, parts)
        if self._writes:
            with self._lock:
                self._own_notes()
                self._nodes[node] = parts

    def flush(self) -> None:
        """Make everything durable near, and tell the far cache what it was not told yet.

        What the far cache cannot be told now is noted for the next flush, by
        any process that uses the same near cache.
        """
        self.near.flush()
        with self._lock:
            untold, self._untold = dict(self._own_notes()), {}
            nodes, self._nodes = self._nodes, {}
            self._distant.clear()
        if self._writes:
            files = list(self._note_files())
            noted = [key for file in files for key in _read_notes(file)]
            if untold or nodes or files:
                self._tell(untold, noted, nodes, files)
        # the next run may find it well again
        self._is_failing = False

    def discard(self, digests: Sequence[bytes]) -> None:
        """Forget encoded values that turned out to be unusable."""
        self.near.discard(digests)
        if self.mode == "readwrite":
            self._ask(lambda: self.far.discard(digests), None)

    def clear(self) -> None:
        """Forget everything near, and far where this cache may write."""
        with self._lock:
            self._untold, self._nodes = {}, {}
            self._distant.clear()
        for file in self._note_files():
            file.unlink(missing_ok=True)
        self.near.clear()
        if self.mode != "read":
            self.far.clear()

    def push(self, signatures: Iterable[Signature]) -> int:
        """Tell the far cache what it lacks of *signatures*; return how many it was told.

        Raises:
            CacheError: The far cache fails.
        """
        return copy_results(self.near, self.far, signatures)

    def pull(self, signatures: Iterable[Signature]) -> int:
        """Copy near what the near cache lacks of *signatures*; return how many were copied.

        Raises:
            CacheError: The far cache fails.
        """
        return copy_results(self.far, self.near, signatures)

    def __reduce__(self) -> tuple[Any, ...]:
        return (TieredCache, (self.near, self.far, self.mode))

    def __repr__(self) -> str:
        return f"TieredCache({self.near!r}, {self.far!r}, mode={self.mode!r})"

    # -- inside ----------------------------------------------------------------

    @property
    def _reads(self) -> bool:
        return self.mode != "write" and not self._is_failing

    @property
    def _writes(self) -> bool:
        return self.mode != "read"

    def _own_notes(self) -> dict[Signature, Entry]:
        """Return what this process has to tell: a forked parent tells its own."""
        if self._pid != os.getpid():
            self._pid, self._lock = os.getpid(), threading.RLock()
            self._untold, self._nodes, self._distant = {}, {}, {}
        return self._untold

    def _ask(self, ask: Callable[[], T], otherwise: T) -> T:
        """Ask the far cache; after a failure it is not asked again in this run."""
        try:
            return ask()
        # whatever a far cache raises, the near one goes on
        except Exception as error:
            self._fail(error)
            return otherwise

    def _fail(self, error: Exception) -> None:
        if not self._is_failing:
            self._is_failing = True
            msg = (
                f"{self.far!r} fails, so this run goes on with {self.near!r} alone, "
                f"and what is new will be pushed later: {type(error).__name__}: {error}"
            )
            warnings.warn(msg, CacheWarning, stacklevel=4)

    def _bring(self, entries: Iterable[Entry], fetched: Mapping[bytes, Payload]) -> None:
        """Copy near those far results whose values are all here; remember the others."""
        whole: list[Record] = []
        for entry in entries:
            payloads = {**_inline_payloads(entry), **_pick(fetched, entry)}
            if payloads.keys() >= set(entry.digests):
                whole.append((entry, payloads))
            elif not fetched:
                with self._lock:
                    self._distant.update(dict.fromkeys(entry.digests, entry))
        if whole:
            self.near.write(whole)

    def _tell(
        self,
        untold: Mapping[Signature, Entry],
        noted: Sequence[Signature],
        nodes: Mapping[bytes, NodeParts],
        files: Sequence[Path],
    ) -> None:
        """Write to the far cache; note what it was not told."""
        try:
            if self._is_failing:
                self._note(untold)
                return
            for node, parts in nodes.items():
                self.far.describe(node, parts)
            missing = [key for key in noted if key not in untold]
            lacking = [
                k for k, there in zip(missing, self.far.has_many(missing), strict=True) if not there
            ]
            for some in _collect(self.near, [*untold, *lacking], untold):
                self.far.write(some)
            self.far.flush()
        # as above
        except Exception as error:
            self._fail(error)
            self._note(untold)
        else:
            for file in files:
                file.unlink(missing_ok=True)

    def _note(self, untold: Mapping[Signature, Entry]) -> None:
        """Keep the keys of what the far cache was not told."""
        folder = self._notes_folder()
        if folder is None:
            with self._lock:
                self._untold = {**untold, **self._untold}
        elif untold:
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                part = folder / f".{uuid.uuid4().hex}"
                part.write_text("".join(f"{key}\n" for key in untold), "ascii")
                part.rename(folder / f"{uuid.uuid4().hex}.keys")

    def _notes_folder(self) -> Path | None:
        path = getattr(self.near, "path", None)
        if path is None:
            return None
        far = hashlib.sha256(repr(self.far).encode()).hexdigest()[:16]
        return Path(path) / "untold" / far

    def _note_files(self) -> Iterator[Path]:
        folder = self._notes_folder()
        return iter(()) if folder is None else folder.glob("*.keys")


def copy_results(
    source: EncodedCache, target: EncodedCache, signatures: Iterable[Signature]
) -> int:
    """Copy what *target* lacks of *signatures*, encoded as it is; return how many there were.

    Raises:
        CacheError: One of them fails.
    """
    keys = list(dict.fromkeys(signatures))
    there = target.read_records(keys)
    copied = 0
    for some in _collect(source, [key for key in keys if key not in there], {}):
        target.write(some)
        copied += len(some)
    target.flush()
    return copied


def _collect(
    source: EncodedCache, signatures: Sequence[Signature], known: Mapping[Signature, Entry]
) -> Iterator[list[Record]]:
    """Yield the results of *source* under *signatures*, some at a time."""
    for start in range(0, len(signatures), _BATCH):
        entries = source.read_whole(signatures[start : start + _BATCH])
        inline = {key: _inline_payloads(entry) for key, entry in entries.items()}
        apart = {
            digest
            for key, entry in entries.items()
            for digest in entry.digests
            if digest not in inline[key]
        }
        payloads = source.read_payloads(list(apart))
        yield [
            # the one that was stored knows its arguments too
            (known.get(key, entry), {**inline[key], **_pick(payloads, entry)})
            for key, entry in entries.items()
        ]


def _inline_payloads(entry: Entry) -> dict[bytes, Payload]:
    found = {
        digest: decode_inline(entry.inline, position)
        for position, digest in enumerate(entry.digests)
    }
    return {digest: payload for digest, payload in found.items() if payload is not None}


def _pick(payloads: Mapping[bytes, Payload], entry: Entry) -> dict[bytes, Payload]:
    return {digest: payloads[digest] for digest in entry.digests if digest in payloads}


def _read_notes(file: Path) -> list[Signature]:
    try:
        return [Signature.parse(line) for line in file.read_text("ascii").splitlines()]
    except (OSError, UnicodeDecodeError):
        return []


def _allows(cache: EncodedCache) -> bool:
    return bool(getattr(cache, "allow_pickle", True))
