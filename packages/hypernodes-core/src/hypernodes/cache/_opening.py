"""What the text after the question mark of a cache's URL means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from hypernodes.cache._remote import FsspecCache
from hypernodes.errors import CacheUnavailableError

# how the options in a URL are read
_OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "allow_pickle": lambda text: bool(int(text)),
    "key": str,
    "mirror": str,
    "pack_bytes": int,
    "shared": lambda text: bool(int(text)),
    "timeout": float,
}


def open_fsspec_cache(url: str) -> FsspecCache:
    """Open the cache at *url*, whose query holds options.

    ``key``, ``timeout`` and ``pack_bytes`` are those of `FsspecCache`, ``shared``
    and ``allow_pickle`` are 0 or 1; everything else goes to the filesystem.

    Raises:
        EngineNotInstalledError: The scheme needs an extra.
        CacheUnavailableError: An option is not what it should be.
    """
    place, _, query = url.partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    try:
        options = {name: read(given.pop(name)) for name, read in _OPTIONS.items() if name in given}
    except ValueError as error:
        msg = f"cannot open a cache at {place!r}: an option is wrong: {error}"
        raise CacheUnavailableError(msg) from error
    return FsspecCache(place, storage_options=given, **options)
