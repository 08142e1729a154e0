"""`File`: a path that is known by the content of its file.

Decides what a file is in a fingerprint, its name and its bytes, and when bytes
that were read before need not be read again.  It refuses to know where files
come from, and how its answer becomes part of a key.

A digest is remembered with the *state* of the file: device, inode, size and
both times.  Who writes to a file changes its state, with two exceptions::

    write ── read ── write      within one tick of the file system's clock
    map ── write ── read ── write      both writes through one memory map

The first is why young files are read each time.  The second cannot be seen.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, final

import attrs

_State: TypeAlias = tuple[int, ...]

_CHUNK_BYTES: Final = 1 << 20
_SHA_BYTES: Final = 64 * 1024
_QUIET_SECONDS: Final = 2
_MAX_REMEMBERED: Final = 10_000

# absolute path: state and digest; plain assignments, so threads need no lock
_remembered: dict[Path, tuple[_State, str]] = {}


@final
@attrs.frozen(repr=False)
class File(os.PathLike[str]):
    """Have a file count by its content where a path counts by its text.

    A function receives the `File` itself and opens it as any path.  Two files
    are the same input if they have the same name and the same bytes, whatever
    folder they are in; the name counts because functions look at suffixes.
    A link is known by its own name and the content it leads to.

    Nothing is read before a fingerprint is asked for.  The first costs reading
    the whole file, 0.4 s a gigabyte or more; later ones ask for size and times
    (25 us), and read again what has changed or is younger than two seconds.  Bytes
    that another part of the program writes through a memory map (``mmap``,
    ``numpy.memmap``) leave the times alone: call ``os.utime`` after them.

    A relative path is kept as it is and means what it means where it is used.
    `File` is for inputs, passed or bound: one that is captured as a global is
    looked at once per process, and a node that writes a file should return its
    path, because equal files in two folders are one result.

    Attributes:
        path: Where the file is, as text, as given; it need not exist yet.

    Raises:
        TypeError: *path* is no path.

    Example:
        >>> file = File(Path("prices") / "2024.csv")
        >>> file
        File('prices/2024.csv')
        >>> Path(file).suffix, file == File("prices/2024.csv")
        ('.csv', True)
    """

    path: str = attrs.field(converter=os.fsdecode)

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"File({self.path!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (File, (self.path,))

    def __hypernodes_key__(self) -> tuple[str, str, str]:
        """Return plain data that stands for the file in a fingerprint.

        Raises:
            OSError: There is no such file, it cannot be read, or it is a folder.
        """
        path = Path(self.path)
        return "file", path.name, _content_digest(path)


def _content_digest(path: Path) -> str:
    """Return the digest of the file's bytes, read or remembered."""
    _check_kind(path)
    # a network folder may answer stat from an old copy; opening asks it anew
    with path.open("rb") as stream:
        now = time.time()
        status = os.fstat(stream.fileno())
        state = _state(status)
        place = path.absolute()
        known = _remembered.get(place)
        if known is not None and known[0] == state:
            return known[1]
        digest = _read_digest(stream)
        if _is_quiet(status, now) and _state(os.fstat(stream.fileno())) == state:
            if len(_remembered) >= _MAX_REMEMBERED:
                _remembered.clear()
            _remembered[place] = state, digest
    return digest


def _check_kind(path: Path) -> None:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        msg = "a folder has no content, pass the files in it"
        raise IsADirectoryError(errno.EISDIR, msg, str(path))
    if not stat.S_ISREG(mode):
        # to open a pipe would wait for its writer
        msg = "neither a file nor a link to one, pass what it holds"
        raise OSError(errno.EINVAL, msg, str(path))


def _state(status: os.stat_result) -> _State:
    # the change time tells of writers that set the modification time back
    times = status.st_mtime_ns, status.st_ctime_ns
    return status.st_dev, status.st_ino, status.st_size, *times


def _is_quiet(status: os.stat_result, now: float) -> bool:
    """Say whether a write after *now* is bound to show in the times of the file.

    Clocks of file systems tick every few milliseconds, on some every two
    seconds: of two writes within one tick the second leaves size and times as
    they were.  So a state says nothing before the tick is over, and a file
    whose times lie in the future is never quiet.
    """
    return now - max(status.st_mtime, status.st_ctime) > _QUIET_SECONDS


def _read_digest(stream: BinaryIO) -> str:
    """Return the digest of what is left in *stream*, with its algorithm."""
    chunk = stream.read(_CHUNK_BYTES)
    # the size alone decides, on every machine: else shared caches would split
    if len(chunk) <= _SHA_BYTES:
        return f"sha256:{sha256(chunk).hexdigest()}"
    # blake3 is needed for large files only, and `import hypernodes` stays cheap
    from blake3 import blake3

    hasher = blake3()
    while chunk:
        hasher.update(chunk)
        chunk = stream.read(_CHUNK_BYTES)
    return f"blake3:{hasher.hexdigest()}"
