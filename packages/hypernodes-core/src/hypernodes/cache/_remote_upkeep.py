"""Looking through a remote store: listing, adding up, checking, and what is pinned.

Reads the local copy where that is enough.  `verify` reads the objects
themselves, because the copy may be sound where they are damaged.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, Final

from hypernodes.cache._listing import Listed, is_named
from hypernodes.cache._mirror import Mirror, Place
from hypernodes.cache._objects import Objects
from hypernodes.cache._packs import Packed, find_key_id, unpack
from hypernodes.cache._parts import NodeParts
from hypernodes.cache._ranges import read_values
from hypernodes.cache._record import decode_blob, decode_record, record_signer
from hypernodes.cache._trust import MAC_BYTES, Trust
from hypernodes.errors import CorruptEntryError
from hypernodes.hashing import Signature

_CREATED: Final = attrgetter("created")
_PIN: Final = b"pin"


def list_store(
    mirror: Mirror, trust: Trust, node: str | None = None, most: int | None = None
) -> list[Listed]:
    """Return the results of a store, the latest first, at most so many; of *node* alone."""
    found = _read_all(mirror, trust, node)
    if most is None:
        return sorted(found, key=_CREATED, reverse=True)
    return heapq.nlargest(most, found, key=_CREATED)


def sum_up(mirror: Mirror, trust: Trust) -> dict[str, dict[str, Any]]:
    """Return the number of entries, their bytes and seconds by the path of the step."""
    by_step: dict[str, dict[str, Any]] = {}
    for each in _read_all(mirror, trust, None):
        if each.step:
            kept = by_step.setdefault(each.step, {"entries": 0, "bytes": 0, "seconds": 0.0})
            kept["entries"] += 1
            kept["bytes"] += each.bytes
            kept["seconds"] += each.seconds
    return dict(sorted(by_step.items()))


def find_steps(mirror: Mirror) -> dict[bytes, str]:
    """Return the path of the step that each described node belongs to."""
    return {node: NodeParts.from_json(text).step for node, text in mirror.nodes().items()}


def verify(objects: Objects, mirror: Mirror, trust: Trust) -> dict[str, int]:
    """Read and check every object; forget where damaged values lie.

    Returns:
        ``records`` and ``blobs`` that are sound, ``damaged`` ones, and ``foreign`` objects,
        which another key has signed.
    """
    counts = {"records": 0, "blobs": 0, "damaged": 0, "foreign": 0}
    for name, size in sorted(objects.find("index").items()):
        (data,) = objects.read([(name, 0, size)])
        if data is None:
            # replaced by another process meanwhile
            continue
        try:
            packed = unpack(data, trust)
        except CorruptEntryError:
            counts["foreign" if find_key_id(data) != trust.id else "damaged"] += 1
            continue
        _count_records(packed, trust, counts)
        damaged = list(_check_values(objects, name, packed, trust))
        counts["blobs"] += len(packed.values) - len(damaged)
        counts["damaged"] += len(damaged)
        known = mirror.places(damaged)
        mirror.forget_values(d for d in damaged if d in known and known[d].object == name)
    return counts


def pin(objects: Objects, trust: Trust, target: str) -> None:
    """Note that *target* stays."""
    text = target.encode("utf-8", "surrogatepass")
    objects.write(_pin_name(text), trust.signer(_PIN)(text) + text)


def unpin(objects: Objects, target: str) -> None:
    """Take that back."""
    name = _pin_name(target.encode("utf-8", "surrogatepass"))
    if name in objects.find("pins"):
        objects.delete([name])


def find_pinned(objects: Objects, mirror: Mirror, trust: Trust) -> Callable[[Signature], bool]:
    """Return what says whether a result is pinned, by its signature or the name of its node."""
    targets = set(_read_pins(objects, trust))
    steps = find_steps(mirror)
    nodes = {node for node, step in steps.items() if any(is_named(step, t) for t in targets)}
    return lambda signature: signature.node in nodes or str(signature) in targets


def _read_all(mirror: Mirror, trust: Trust, node: str | None) -> Iterator[Listed]:
    steps = find_steps(mirror)
    for name, *_ in mirror.usable():
        records = [
            each for each in mirror.records_of(name) if is_named(steps.get(each[0].node, ""), node)
        ]
        entries = [decode_record(k, data, record_signer(trust, k.node)) for k, data in records]
        sound = [entry for entry in entries if entry is not None]
        places = mirror.places({digest for entry in sound for digest in entry.digests})
        for entry in sound:
            size = len(entry.inline) + sum(places[d].size for d in entry.digests if d in places)
            step = steps.get(entry.signature.node, "")
            created = entry.created
            yield Listed(entry.signature, step, created, created, entry.seconds, size)


def _count_records(packed: Packed, trust: Trust, counts: dict[str, int]) -> None:
    for key, data in packed.records:
        is_sound = decode_record(key, data, record_signer(trust, key.node)) is not None
        counts["records" if is_sound else "damaged"] += 1


def _check_values(objects: Objects, name: str, packed: Packed, trust: Trust) -> Iterator[bytes]:
    """Yield the values that are not what was written, or not there."""
    places: Mapping[bytes, Place] = {
        digest: Place(name, start, size, _data_of(packed, start, size))
        for digest, (start, size) in packed.values.items()
    }
    for digest, data in read_values(objects, places):
        if data is None or decode_blob(digest, data, trust) is None:
            yield digest


def _data_of(packed: Packed, start: int, size: int) -> bytes | None:
    return None if packed.pack_bytes else packed.data[start : start + size]


def _read_pins(objects: Objects, trust: Trust) -> Iterator[str]:
    found = objects.find("pins")
    sign = trust.signer(_PIN)
    for data in objects.read([(name, 0, size) for name, size in found.items()]):
        # one that another key has signed is another's wish
        if data is not None and sign(data[MAC_BYTES:]) == data[:MAC_BYTES]:
            yield data[MAC_BYTES:].decode("utf-8", "surrogatepass")


def _pin_name(text: bytes) -> str:
    return f"pins/{hashlib.sha256(text).hexdigest()[:32]}"
