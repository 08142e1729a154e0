"""What the text after the question mark of a cache's URL means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from hypernodes.cache._disk import DiskCache
from hypernodes.cache._remote import FsspecCache
from hypernodes.errors import CacheUnavailableError, did_you_mean

T = TypeVar("T")
Readers = Mapping[str, Callable[[str], Any]]

_DISK: Final = "disk://"
_KEY: Final = re.compile(r"([?&]key=)[^&\s]+")


def _read_flag(text: str) -> bool:
    return bool(int(text))


# how the options in a URL are read
_TRUST_OPTIONS: Final[Readers] = {"allow_pickle": _read_flag, "key": str, "shared": _read_flag}
_REMOTE_OPTIONS: Final[Readers] = {
    **_TRUST_OPTIONS,
    "mirror": str,
    "pack_bytes": int,
    "timeout": float,
}
_DISK_OPTIONS: Final[Readers] = {
    **_TRUST_OPTIONS,
    "max_age": float,
    "max_bytes": int,
    "max_items": int,
    "ttl": float,
}


def hide_key(text: str) -> str:
    """Return *text* without the keys that URLs of caches in it may hold."""
    return _KEY.sub(r"\1...", text)


def open_disk_cache(url: str) -> DiskCache:
    """Open the `DiskCache` of a path or a ``disk://`` URL, whose query holds its options.

    A path is taken as it is, question marks included.

    Raises:
        CacheUnavailableError: The path is a file, or an option is not what it should be.
    """
    if not url.lower().startswith(_DISK):
        return DiskCache(url)
    place, options, others = _split(url, _DISK_OPTIONS)
    if others:
        (name, *_) = others
        hint = did_you_mean(name, list(_DISK_OPTIONS)) or f"; it has {', '.join(_DISK_OPTIONS)}"
        msg = f"cannot open a cache at {place!r}: a folder has no option {name!r}{hint}"
        raise CacheUnavailableError(msg)
    path = place[len(_DISK) :]
    if not path:
        msg = f"{place!r} names no folder; give disk://FOLDER"
        raise CacheUnavailableError(msg)
    return _make(place, lambda: DiskCache(path, **options))


def open_fsspec_cache(url: str) -> FsspecCache:
    """Open the cache at *url*, whose query holds options.

    ``key``, ``timeout`` and ``pack_bytes`` are those of `FsspecCache`, ``shared``
    and ``allow_pickle`` are 0 or 1; everything else goes to the filesystem.

    Raises:
        EngineNotInstalledError: The scheme needs an extra.
        CacheUnavailableError: An option is not what it should be.
    """
    place, options, others = _split(url, _REMOTE_OPTIONS)
    return _make(place, lambda: FsspecCache(place, storage_options=others, **options))


def _split(url: str, readers: Readers) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Return the place, the options that are known, and all others as they are.

    Raises:
        CacheUnavailableError: An option cannot be read.
    """
    place, _, query = url.partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    named = [name for name in readers if name in given]
    options = _make(place, lambda: {name: readers[name](given.pop(name)) for name in named})
    return place, options, given


def _make(place: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except ValueError as error:
        msg = f"cannot open a cache at {place!r}: an option is wrong: {error}"
        raise CacheUnavailableError(msg) from error
