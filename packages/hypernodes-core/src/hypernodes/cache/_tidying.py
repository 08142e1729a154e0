"""What keeps a remote store small: merging, dropping, deleting.

Objects never change, so all of it is writing new ones and deleting old ones,
in that order.  A reader that still looks for an old one finds it gone, looks
at the store anew, and finds what replaced it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from typing import Final

from hypernodes.cache._entry import Entry
from hypernodes.cache._listing import is_named
from hypernodes.cache._mirror import Mirror
from hypernodes.cache._objects import Objects
from hypernodes.cache._packs import Packed, pack_signed
from hypernodes.cache._prune import Limits
from hypernodes.cache._ranges import pack_name, read_values
from hypernodes.cache._record import decode_blob, decode_record, record_signer
from hypernodes.cache._remote_upkeep import find_pinned, find_steps
from hypernodes.cache._trust import Trust
from hypernodes.hashing import Signature

# a pack without an index may be one whose index is about to be written
_GRACE_SECONDS: Final = 3600.0


def new_name() -> str:
    """Return a name for an index object that nobody else chooses; it begins with the time."""
    return f"index/{int(time.time() * 1000):012x}-{os.urandom(8).hex()}"


def write(objects: Objects, mirror: Mirror, packed: Packed, index: bytes, data: bytes) -> None:
    """Write a pack, if there is one, and then its index."""
    name = new_name()
    if data:
        objects.write(pack_name(name), data)
    objects.write(name, index)
    mirror.add(name, len(index), packed)


def delete_all(objects: Objects, mirror: Mirror) -> None:
    """Delete every object, indexes first."""
    objects.delete(objects.find("index"))
    objects.delete(objects.find("packs"))
    objects.delete(objects.find("pins"))
    mirror.clear()


def compact(objects: Objects, mirror: Mirror, trust: Trust, pack_bytes: int) -> int:
    """Merge objects smaller than half of *pack_bytes*; return how many were replaced."""
    _sweep(objects)
    sizes = {name: size for name, _, size, _ in mirror.usable()}
    small = [name for name, size in sizes.items() if size < pack_bytes // 2]
    if len(small) < 2:
        return 0
    _rewrite(objects, mirror, trust, pack_bytes, small, None)
    return len(small)


def prune(
    objects: Objects,
    mirror: Mirror,
    trust: Trust,
    pack_bytes: int,
    limits: Limits,
    node: str | None = None,
) -> int:
    """Drop what *limits* do not keep, of *node* alone where one is named.

    Returns:
        How many results that were.
    """
    _sweep(objects)
    is_pinned = find_pinned(objects, mirror, trust)
    steps = find_steps(mirror)
    holders: dict[Signature, str] = {}
    bound: list[Entry] = []
    spared: list[Entry] = []
    for name, *_ in mirror.usable():
        for key, data in mirror.records_of(name):
            entry = decode_record(key, data, record_signer(trust, key.node))
            holders[key] = name
            if entry is not None:
                is_meant = is_named(steps.get(key.node, ""), node)
                (bound if is_meant else spared).append(entry)
    drops_all = node is not None and not limits
    chosen = _choose([] if drops_all else bound, mirror, limits)
    kept = {entry.signature for entry in (*chosen, *spared)}
    kept.update(entry.signature for entry in bound if is_pinned(entry.signature))
    dropped = holders.keys() - kept
    live = {d for entry in (*bound, *spared) if entry.signature in kept for d in entry.digests}
    touched = sorted({holders[key] for key in dropped})
    if touched:
        _rewrite(objects, mirror, trust, pack_bytes, touched, (dropped, live))
    return len(dropped)


def _choose(entries: list[Entry], mirror: Mirror, limits: Limits) -> list[Entry]:
    """Return the entries that *limits* keep, the latest first."""
    entries = sorted(entries, key=lambda entry: -entry.created)
    if limits.max_age is not None:
        oldest = time.time() - limits.max_age
        entries = [entry for entry in entries if entry.created >= oldest]
    entries = entries[: limits.max_items]
    if limits.max_bytes is None:
        return entries
    places = mirror.places({digest for entry in entries for digest in entry.digests})
    left, counted, kept = limits.max_bytes, set[bytes](), []
    for entry in entries:
        new = [d for d in entry.digests if d in places and d not in counted]
        left -= len(entry.inline) + sum(places[digest].size for digest in new)
        if left < 0:
            break
        counted.update(new)
        kept.append(entry)
    return kept


def _rewrite(
    objects: Objects,
    mirror: Mirror,
    trust: Trust,
    pack_bytes: int,
    names: Collection[str],
    selection: tuple[Collection[Signature], Collection[bytes]] | None,
) -> None:
    """Replace objects by new ones that hold the same but for what *selection* drops.

    Args:
        objects: The store.
        mirror: Its copy.
        trust: What checks and signs.
        pack_bytes: How large a pack should be.
        names: The index objects to replace.
        selection: The records to drop, and the values to keep; None for all.
    """
    merged = _Merged(objects, mirror, trust)
    for name in names:
        records, places = mirror.records_of(name), mirror.places_of(name)
        if selection is not None:
            records = [each for each in records if each[0] not in selection[0]]
            places = {digest: at for digest, at in places.items() if digest in selection[1]}
        merged.records += records
        merged.nodes.update(mirror.nodes_of(name))
        for digest, data in read_values(objects, places):
            if data is not None and decode_blob(digest, data, trust) is not None:
                merged.add(digest, bytes(data))
        if merged.size >= pack_bytes:
            merged.write()
    merged.write()
    objects.delete(names)
    objects.delete(
        pack_name(name) for name, _, size, _ in mirror.usable() if name in names and size
    )
    mirror.drop(names)


class _Merged:
    """What goes into the next object."""

    def __init__(self, objects: Objects, mirror: Mirror, trust: Trust) -> None:
        self._objects, self._mirror, self._trust = objects, mirror, trust
        self._forget()

    def _forget(self) -> None:
        self.records: list[tuple[Signature, bytes]] = []
        self.nodes: dict[bytes, str] = {}
        self.size = 0
        self._places: dict[bytes, tuple[int, int]] = {}
        self._pieces: list[bytes] = []

    def add(self, digest: bytes, data: bytes) -> None:
        self._places[digest] = (self.size, len(data))
        self._pieces.append(data)
        self.size += len(data)

    def write(self) -> None:
        if self.records or self._places or self.nodes:
            data = b"".join(self._pieces)
            made = pack_signed(
                self.records, self.nodes, self._places, data, self._trust, time.time()
            )
            write(self._objects, self._mirror, *made)
        self._forget()


def _sweep(objects: Objects) -> None:
    """Delete packs whose index was never written."""
    indexes = {pack_name(name) for name in objects.find("index")}
    objects.delete(name for name in objects.find("packs") if name not in indexes and _is_old(name))


def _is_old(name: str) -> bool:
    stamp = name.rpartition("/")[2].partition("-")[0]
    try:
        created = int(stamp, 16) / 1000
    except ValueError:
        # not one of ours
        return False
    return time.time() - created > _GRACE_SECONDS
