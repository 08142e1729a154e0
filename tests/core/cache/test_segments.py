"""Facts about the data files of a local store."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from hypernodes.cache import _runs, _segments
from hypernodes.cache._segments import Segments, read_own_file, write_own_file

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and file locks")


@pytest.fixture
def segments(tmp_path: Path) -> Segments:
    """Segments in a folder that does not exist yet."""
    return Segments(tmp_path / "cache" / "segments", b"key one!")


def places(segments: Segments, *pieces: bytes) -> list[tuple[int, int, int]]:
    """Append *pieces* and return where they are."""
    number, starts = segments.append(pieces)
    return [(number, start, len(piece)) for start, piece in zip(starts, pieces, strict=True)]


def test_pieces_come_back(segments: Segments, tmp_path: Path) -> None:
    """What was appended is read, in any order, by others too."""
    one, two, none = places(segments, b"one", b"two", b"")
    (three,) = places(segments, b"three")
    other = Segments(tmp_path / "cache" / "segments", b"key one!")
    assert segments.read([three, one, none]) == [b"three", b"one", b""]
    assert other.read([two, two, three]) == [b"two", b"two", b"three"]


def test_nothing_is_created_before_the_first_piece(segments: Segments, tmp_path: Path) -> None:
    """Making and reading segments touch no file."""
    assert segments.read([(5, 0, 3)]) == [None]
    assert not (tmp_path / "cache").exists()


def test_scattered_pieces_come_back(segments: Segments) -> None:
    """Pieces far apart are read one by one, those between skipped."""
    pieces = [bytes([number % 251]) * (number * 37) for number in range(400)]
    found = places(segments, *pieces)
    some = slice(3, 400, 29)
    assert segments.read(found[some][::-1]) == pieces[some][::-1]


def test_a_long_run_is_read_in_parts(segments: Segments, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is asked for, no more than there is room for is read at once."""
    monkeypatch.setattr(_runs, "_READ_BYTES", 1000)
    pieces = [bytes([number]) * 90 for number in range(100)] + [b"x" * 3000]
    found = places(segments, *pieces)
    assert segments.read(found[::-1]) == pieces[::-1]


def test_pieces_may_overlap(segments: Segments) -> None:
    """Rows that say so are damaged, which is for signatures to tell; all bytes come."""
    ((number, start, _),) = places(segments, b"0123456789")
    found = segments.read([(number, start, 10), (number, start + 2, 3), (number, start + 2, 5)])
    assert found == [b"0123456789", b"234", b"23456"]


def test_what_is_cut_comes_back_short(segments: Segments) -> None:
    """Behind the end of a file there are too few bytes, and no error."""
    one, two = places(segments, b"one", b"two")
    with segments.path(one[0]).open("r+b") as file:
        file.truncate(two[1] + 1)
    assert segments.read([one, two, (one[0], 10**6, 5)]) == [b"one", b"t", b""]


def test_a_cut_segment_is_not_written_to(segments: Segments) -> None:
    """After its file was cut by somebody, what is appended is found all the same."""
    (one,) = places(segments, b"one")
    with segments.path(one[0]).open("r+b") as file:
        file.truncate(one[1])
    (two,) = places(segments, b"two")
    assert segments.read([two]) == [b"two"]


@posix
def test_a_segment_has_one_writer(segments: Segments, tmp_path: Path) -> None:
    """Two writers at once write to two files; a later one goes on with the first's."""
    other = Segments(tmp_path / "cache" / "segments", b"key one!")
    (one,), (two,) = places(segments, b"one"), places(other, b"two")
    segments.close()
    third = Segments(tmp_path / "cache" / "segments", b"key one!")
    (three,) = places(third, b"three")
    assert (one[0] != two[0], three[0]) == (True, one[0])
    assert third.read([one, two, three]) == [b"one", b"two", b"three"]


@posix
def test_a_full_segment_is_followed_by_another(
    segments: Segments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Segments do not grow forever."""
    monkeypatch.setattr(_segments, "_SEGMENT_BYTES", 100)
    first, second = places(segments, bytes(200)), places(segments, b"two")
    assert first[0][0] != second[0][0]


def test_segments_of_another_key_are_not_read(segments: Segments, tmp_path: Path) -> None:
    """They are named, not mixed up with damage, and never written to."""
    other = Segments(tmp_path / "cache" / "segments", b"key two!")
    (mine,) = places(segments, b"mine")
    segments.close()
    (theirs,) = places(other, b"theirs")
    assert (other.read([mine, theirs]), other.foreign) == ([None, b"theirs"], {mine[0]})


@pytest.mark.parametrize("head", [b"", b"short", b"something else at the beginning"])
def test_files_that_are_no_segments_are_not_read(segments: Segments, head: bytes) -> None:
    """A file without our head is not there, and not taken for another key's."""
    (one,) = places(segments, b"one")
    segments.close()
    segments.path(one[0]).write_bytes(head)
    assert (segments.read([one]), segments.foreign) == ([None], set())


def test_other_files_in_the_folder_do_not_matter(segments: Segments, tmp_path: Path) -> None:
    """Names that are not ours are passed over."""
    (one,) = places(segments, b"one")
    for name in ("notes.txt", "x.seg", "zzzzzzzzzzzz.seg"):
        (tmp_path / "cache" / "segments" / name).touch()
    assert segments.numbers() == [one[0]]


def test_a_deleted_segment_is_noticed(segments: Segments) -> None:
    """A writer can tell that its file has lost its name."""
    (one,) = places(segments, b"one")
    before = segments.is_current()
    segments.path(one[0]).unlink()
    assert (before, segments.is_current()) == (True, False)


@posix
def test_a_forked_child_writes_elsewhere(segments: Segments, tmp_path: Path) -> None:
    """A child does not write to the segment of its parent, who goes on with it."""
    (one,) = places(segments, b"parent")
    pid = os.fork()
    if pid == 0:
        found = places(segments, b"child")
        (tmp_path / "place").write_text(repr(found[0]))
        os._exit(0)
    os.waitpid(pid, 0)
    child = tuple(map(int, (tmp_path / "place").read_text().strip("()").split(",")))
    (two,) = places(segments, b"again")
    assert (child[0] != one[0], two[0]) == (True, one[0])
    assert segments.read([one, two, child]) == [b"parent", b"again", b"child"]  # type: ignore[list-item]  # three numbers


@posix
def test_a_segment_in_use_is_not_exclusive(segments: Segments, tmp_path: Path) -> None:
    """Nobody else can have a segment for itself while it is written to."""
    other = Segments(tmp_path / "cache" / "segments", b"key one!")
    (one,) = places(segments, b"one")
    with other.exclusively(one[0]) as while_written:
        pass
    segments.close()
    with other.exclusively(one[0]) as afterwards:
        pass
    assert (while_written, afterwards) == (False, True)


def test_a_file_of_its_own_replaces_at_once(tmp_path: Path) -> None:
    """A large value is written under another name first, and nothing is left behind."""
    path = tmp_path / "cache" / "values" / "ab" / "abc"
    for content in (b"one", b"two"):
        write_own_file(path, [content, b"!"])
    assert (read_own_file(path), list(path.parent.iterdir())) == (bytearray(b"two!"), [path])


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """After a failure neither the value nor its new file is there."""
    path = tmp_path / "cache" / "values" / "ab" / "abc"
    with pytest.raises(TypeError):
        write_own_file(path, [b"good", None])  # type: ignore[list-item]  # fails in the middle
    assert (read_own_file(path), list(path.parent.iterdir())) == (None, [])
