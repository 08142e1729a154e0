"""The data files of a local store: segments that only grow, and large values by themselves.

Decides how bytes reach the disk and come back, and makes them durable before
it says where they lie.  A segment belongs to one process, which holds a lock
on it; after a fork the child takes another.  It refuses to know what the
bytes mean: whether they are what was written is for their signatures to say.

Reads copy.  A mapping would save that, but a file that is cut short while it
is mapped ends the process, and bytes that were checked could be others by the
time they are decoded.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import stat
import tempfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hypernodes.cache._runs import by_segment, find_runs

Place = tuple[int, int, int]
"""Segment, offset and length."""

#: Where the bytes of a value that has a file of its own are said to lie.
OWN_FILE: Final = 0
HEADER: Final = b"HNSG\x01\x00\x00\x00"
HEADER_BYTES: Final = len(HEADER) + 8

#: The modes of files.
PRIVATE: Final = 0o600
SHARED: Final = 0o640

_SEGMENT_BYTES: Final = 256 << 20
_OPEN_FILES: Final = 64
_MOST_TRIES: Final = 16
_sync = getattr(os, "fdatasync", os.fsync)


class Segments:
    """The segment files in *folder*, for one key; used under the lock of the index.

    Args:
        folder: Where they lie; made when something is written.
        key_id: Written at the head of each; segments of other keys are not read.
        is_shared: Let the group of the folder read.

    Attributes:
        head: What every file begins with.
        foreign: Segments that were met and that another key has signed.
    """

    def __init__(self, folder: Path, key_id: bytes, is_shared: bool = False) -> None:
        self._folder: Final = folder
        self.head: Final = HEADER + key_id
        self._mode: Final = SHARED if is_shared else PRIVATE
        self._written = -1
        self._number = OWN_FILE
        self._size = 0
        self._pid = os.getpid()
        self._readable: OrderedDict[int, int] = OrderedDict()
        self.foreign: set[int] = set()

    def append(self, pieces: Sequence[bytes]) -> tuple[int, list[int]]:
        """Write *pieces* one behind the other, durably; return the segment and where each begins.

        Raises:
            OSError: The disk is full, or the folder cannot be written.
        """
        if self._pid != os.getpid() or self._size >= _SEGMENT_BYTES:
            # closing does not unlock what a parent process still has open
            self.let_go()
        elif self._written >= 0 and os.fstat(self._written).st_size != self._size:
            # somebody cut it, or wrote to it: where the next piece begins is not known
            self.let_go()
        if self._written < 0:
            self._take()
        try:
            _write_all(self._written, b"".join(pieces))
            _sync(self._written)
        except BaseException:
            # what is half written belongs to nobody; the next append starts elsewhere
            self.let_go()
            raise
        starts = list(itertools.accumulate(map(len, pieces), initial=self._size))
        self._size = starts.pop()
        return self._number, starts

    def read(self, places: Sequence[Place]) -> list[bytes | None]:
        """Return the bytes at each of *places*; None where the file is not there.

        Too few where it was cut short.
        """
        return self.read_columns(*zip(*places, strict=True)) if places else []

    def read_columns(
        self, numbers: Sequence[int], offsets: Sequence[int], lengths: Sequence[int]
    ) -> list[bytes | None]:
        """Return the same for places that are given by columns; for many small pieces."""
        found: list[bytes | None] = [None] * len(numbers)
        for number, members in by_segment(numbers).items():
            file = self._open(number)
            if file is None:
                continue
            for first, last, some in find_runs(members, offsets, lengths):
                data = _read_at(file, last - first, first)
                for position in some:
                    start = offsets[position] - first
                    found[position] = data[start : start + lengths[position]]
        return found

    def read_apart(self, place: Place) -> bytearray | None:
        """Return the same for one place, in memory that belongs to the caller."""
        number, offset, length = place
        file = self._open(number)
        return None if file is None else _read_into(file, length, offset)

    def is_readable(self, number: int) -> bool:
        """Say whether a segment is there, and of our key."""
        return self._open(number) is not None

    def path(self, number: int) -> Path:
        """Return the file of a segment."""
        return self._folder / f"{number:012x}.seg"

    def numbers(self) -> list[int]:
        """Return the segments that are there."""
        try:
            names = [path.stem for path in self._folder.glob("*.seg")]
        except OSError:
            return []
        return [int(name, 16) for name in names if len(name) == 12 and _is_hex(name)]

    def size(self, number: int) -> int:
        """Return how long a segment is; 0 where it is not there."""
        try:
            return self.path(number).stat().st_size
        except OSError:
            return 0

    @contextlib.contextmanager
    def exclusively(self, number: int) -> Iterator[bool]:
        """Say whether no process is writing to a segment, and keep it so meanwhile."""
        try:
            file = os.open(self.path(number), os.O_RDWR)
        except OSError:
            yield False
            return
        try:
            yield _try_lock(file)
        finally:
            os.close(file)

    def remove(self, numbers: Sequence[int]) -> None:
        """Delete segments; who has them open reads on."""
        for number in numbers:
            if number == self._number:
                self.let_go()
            file = self._readable.pop(number, None)
            if file is not None:
                os.close(file)
            with contextlib.suppress(OSError):
                self.path(number).unlink()

    def is_current(self) -> bool:
        """Say whether what was appended last is in a file that still has its name."""
        return self._written >= 0 and os.fstat(self._written).st_nlink > 0

    def let_go(self) -> None:
        """Close the segment that is being written; the next append takes another."""
        if self._written >= 0:
            os.close(self._written)
        self._written, self._number, self._size = -1, OWN_FILE, 0
        self._pid = os.getpid()

    def close(self) -> None:
        """Close all files; the next use opens them again."""
        self.let_go()
        for file in self._readable.values():
            os.close(file)
        self._readable.clear()

    def _take(self) -> None:
        """Take a segment that nobody is writing to, else begin a new one."""
        make_folder(self._folder.parent, self._mode)
        make_folder(self._folder, self._mode)
        for number in self.numbers()[:_MOST_TRIES]:
            if self._adopt(number):
                return
        number = secrets.randbits(47) + 1
        self._written = create_file(self.path(number), self._mode)
        self._number = number
        _try_lock(self._written)
        _write_all(self._written, self.head)
        self._size = HEADER_BYTES
        sync_folder(self._folder)

    def _adopt(self, number: int) -> bool:
        """Go on with the segment of a process that is through with it."""
        if not HEADER_BYTES <= self.size(number) < _SEGMENT_BYTES // 2:
            return False
        try:
            file = os.open(self.path(number), os.O_RDWR | os.O_APPEND)
        except OSError:
            return False
        # a file that lost its name meanwhile would be written for nobody
        is_ours = _try_lock(file) and os.fstat(file).st_nlink > 0
        if not is_ours or _read_at(file, HEADER_BYTES, 0) != self.head:
            os.close(file)
            return False
        self._written, self._number, self._size = file, number, os.fstat(file).st_size
        return True

    def _open(self, number: int) -> int | None:
        """Return a file to read from; None where it is not there, or of another key."""
        file = self._readable.get(number)
        if file is not None:
            return file
        try:
            file = os.open(self.path(number), os.O_RDONLY)
        except OSError:
            return None
        head = _read_at(file, HEADER_BYTES, 0)
        if head != self.head:
            if is_of_other_key(head):
                self.foreign.add(number)
            os.close(file)
            return None
        self._readable[number] = file
        if len(self._readable) > _OPEN_FILES:
            os.close(self._readable.popitem(last=False)[1])
        return file


def is_of_other_key(data: bytes | bytearray) -> bool:
    """Say whether *data*, which does not begin with our head, begins with that of another key."""
    return len(data) >= HEADER_BYTES and data.startswith(HEADER)


def write_own_file(path: Path, pieces: Sequence[bytes | memoryview], mode: int = PRIVATE) -> None:
    """Write a file of its own: under another name, made durable, then renamed.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    make_folder(path.parent.parent, mode)
    make_folder(path.parent, mode)
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if mode != PRIVATE:
            Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    sync_folder(path.parent)


def read_own_file(path: Path) -> bytearray | None:
    """Return the bytes of *path* in memory that belongs to the caller; None where it is not."""
    try:
        with path.open("rb", buffering=0) as file:
            data = bytearray(os.fstat(file.fileno()).st_size)
            view = memoryview(data)
            at = 0
            while at < len(data) and (count := file.readinto(view[at:])):
                at += count
    except OSError:
        return None
    return data


def make_folder(folder: Path, file_mode: int) -> None:
    """Make *folder*, private unless its files are shared, and those above it as usual.

    Raises:
        OSError: It cannot be made.
    """
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    if file_mode == PRIVATE:
        folder.mkdir(exist_ok=True, mode=0o700)
    else:
        folder.mkdir(exist_ok=True)
        # whatever the user's mask takes away; who set the group to be inherited wants that kept
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~0o007 | 0o770)


def create_file(path: Path, file_mode: int) -> int:
    """Create a file that is not there yet and return it open for writing at its end.

    Raises:
        OSError: It cannot be made, or is there.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, file_mode)
    if file_mode != PRIVATE:
        # whatever the user's mask takes away
        path.chmod(file_mode)
    return file


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _read_at(file: int, count: int, offset: int) -> bytes:
    """Return up to *count* bytes; a failing disk gives none."""
    try:
        if hasattr(os, "pread"):
            return os.pread(file, count, offset)
        os.lseek(file, offset, os.SEEK_SET)
        return os.read(file, count)
    except OSError:
        return b""


def _read_into(file: int, count: int, offset: int) -> bytearray:
    """Return the same as `_read_at`, without a copy where the system can."""
    if not hasattr(os, "preadv"):
        return bytearray(_read_at(file, count, offset))
    data = bytearray(count)
    try:
        size = os.preadv(file, [data], offset)
    except OSError:
        size = 0
    del data[size:]
    return data


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _try_lock(file: int) -> bool:
    """Lock *file* as long as it is open; say whether nobody else has."""
    try:
        # deferred: there is none on Windows, where every writer begins a new segment
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_hex(text: str) -> bool:
    return not set(text) - set("0123456789abcdef")
