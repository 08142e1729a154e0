"""What a cache can say of each result that it holds, without decoding its values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from hypernodes.cache import _rows
from hypernodes.cache._folder import Folder
from hypernodes.hashing import Signature

if TYPE_CHECKING:
    from sqlite3 import Connection

_BATCH: Final = 500
# a step is named by its path, or by the last part of it
STEP: Final = "(step = ? OR substr(step, ?) = ?)"


@attrs.frozen
class Listed:
    """One result of a cache.

    Attributes:
        signature: Its key.
        step: The path of its step; empty where nobody told.
        created: When it was stored, in seconds since the epoch.
        used: When it was last asked for, to the hour; when it was stored, where
            the cache does not note uses.
        seconds: What it took to compute, and a hit saves.
        bytes: Of its values, those that other results share included.
    """

    signature: Signature
    step: str
    created: float
    used: float
    seconds: float
    bytes: int


def target_text(target: Signature | str) -> str:
    """Return what a pin is kept under.

    Raises:
        TypeError: It is neither a signature nor a text.
    """
    if not isinstance(target, str | Signature):
        msg = f"pin a node by its name, or a Signature, not {type(target).__name__}"
        raise TypeError(msg)
    return str(target)


def is_named(step: str, name: str | None) -> bool:
    """Say whether the step at the path *step* is called *name*; None is the name of all."""
    return name is None or step == name or step.endswith(f"/{name}")


def step_arguments(name: str) -> tuple[str, int, str]:
    """Return what the placeholders of `STEP` stand for."""
    return name, -len(name) - 1, f"/{name}"


def list_folder(folder: Folder, node: str | None, most: int | None) -> Iterator[Listed]:
    """Yield the results in *folder*, the latest first.

    Args:
        folder: The store.
        node: Only of the node of this name or path.
        most: At most so many.
    """
    scope = "" if node is None else f"WHERE node IN (SELECT number FROM nodes WHERE {STEP})"
    query = f"SELECT key FROM records {scope} ORDER BY created DESC, key LIMIT ?"
    values = (*(() if node is None else step_arguments(node)), -1 if most is None else most)
    with folder.index.reading() as connection:
        keys = [key for (key,) in connection.execute(query, values)]
    for start in range(0, len(keys), _BATCH):
        # one page at a time: whoever reads them may be writing meanwhile
        with folder.index.reading() as connection:
            page = list(_read_page(connection, folder, keys[start : start + _BATCH]))
        yield from page


def _read_page(connection: Connection, folder: Folder, keys: Sequence[int]) -> Iterator[Listed]:
    query = (
        "SELECT key, nodes.node, item, step, records.created, MAX(used, records.created), seconds, "
        "bytes, blobs FROM records JOIN nodes ON number = records.node "
        f"WHERE key IN ({','.join('?' * len(keys))})"
    )
    rows = {row[0]: row[1:] for row in connection.execute(query, keys)}
    found = [rows[key] for key in keys if key in rows]
    apart = _measure_apart(connection, folder, [Signature(*row[:2]) for row in found if row[-1]])
    for node, item, step, created, used, seconds, size, _ in found:
        signature = Signature(node, item)
        yield Listed(signature, step, created, used, seconds, size + apart.get(signature, 0))


def _measure_apart(
    connection: Connection, folder: Folder, signatures: Sequence[Signature]
) -> dict[Signature, int]:
    """Return how many bytes of values each result keeps apart from its record."""
    by_node: dict[bytes, dict[bytes, Signature]] = {}
    for signature in signatures:
        by_node.setdefault(signature.node, {})[signature.item] = signature
    digests = {
        entry.signature: entry.digests
        for node, items in by_node.items()
        for entry in folder.read_records(node, items)[0].values()
    }
    sizes = _rows.measure_blobs(connection, {d for each in digests.values() for d in each})
    return {key: sum(sizes.get(d, 0) for d in each) for key, each in digests.items()}
