"""Facts about files as values: what they are, how they are known, when they are read."""

from __future__ import annotations

import copy
import mmap
import os
import pickle
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from hypernodes.errors import FingerprintError
from hypernodes.hashing import fingerprint
from hypernodes.values import File, _file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that was written just now."""
    path = tmp_path / "data.txt"
    path.write_bytes(b"one")
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The streams whose content was read, in order; nothing is remembered before."""
    read_digest, streams = _file._read_digest, []

    def note(stream: Any) -> str:
        streams.append(stream)
        return read_digest(stream)

    monkeypatch.setattr(_file, "_read_digest", note)
    monkeypatch.setattr(_file, "_remembered", {})
    return streams


def write_same_times(path: Path, content: bytes) -> None:
    """Replace the content of *path* by as many bytes, and put its times back."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def make_pipe(path: Path) -> None:
    """Make a pipe that nobody writes to."""
    os.mkfifo(path)


# -- the value -------------------------------------------------------------------------


def test_a_file_is_opened_like_a_path(path: Path) -> None:
    """`open` and `Path` take a file for its path."""
    with open(File(path), "rb") as stream:  # noqa: PTH123 - what users write
        assert (stream.read(), Path(File(path)), os.fspath(File(path))) == (b"one", path, str(path))


@pytest.mark.parametrize("given", ["a/b.txt", b"a/b.txt", Path("a/b.txt"), File("a/b.txt")])
def test_any_kind_of_path_makes_the_same_file(given: Any) -> None:
    """Text, bytes, paths and files give equal files with equal hashes."""
    file = File(given)
    assert (file.path, file, hash(file)) == ("a/b.txt", File("a/b.txt"), hash(File("a/b.txt")))


@pytest.mark.parametrize("other", [File("b"), File("./a"), "a", Path("a")], ids=repr)
def test_files_are_equal_by_the_text_of_their_paths(other: Any) -> None:
    """A file equals no file with another path, and never the path itself."""
    assert File("a") != other


def test_the_repr_shows_the_path() -> None:
    """`repr` is the call that makes the file."""
    assert repr(File("a/b.txt")) == "File('a/b.txt')"


@pytest.mark.parametrize("given", [3, None, ["a"]])
def test_only_paths_make_files(given: Any) -> None:
    """Anything but a path raises `TypeError`."""
    with pytest.raises(TypeError, match=r"expected str, bytes or os\.PathLike object"):
        File(given)


def test_a_file_cannot_be_changed() -> None:
    """Assigning another path raises."""
    with pytest.raises(AttributeError):
        File("a").path = "b"  # type: ignore[misc]  # the mistake under test


def test_a_pickle_carries_the_path_alone(path: Path) -> None:
    """Pickles and copies know the path, and nothing of the content."""
    before = pickle.dumps(File(path))
    path.write_bytes(b"another content")
    assert [pickle.loads(before), copy.deepcopy(File(path))] == [File(path), File(path)]
    assert pickle.dumps(File(path)) == before


# -- the fingerprint -------------------------------------------------------------------


def test_the_key_is_name_and_content(path: Path) -> None:
    """A file gives its name and the digest of its bytes to those who ask."""
    key = ("file", "data.txt", f"sha256:{sha256(b'one').hexdigest()}")
    assert File(path).__hypernodes_key__() == key


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_the_size_alone_chooses_the_algorithm(path: Path, size: int) -> None:
    """Up to 64 KiB it is SHA-256, above BLAKE3, over all the bytes."""
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    path.write_bytes(content)
    small, large = sha256(content).hexdigest(), blake3(content).hexdigest()
    expected = f"sha256:{small}" if size <= 65_536 else f"blake3:{large}"
    assert File(path).__hypernodes_key__()[2] == expected


def test_the_same_content_in_another_folder_is_the_same(path: Path, tmp_path: Path) -> None:
    """The folder does not count."""
    other = tmp_path / "deep" / "er" / path.name
    other.parent.mkdir(parents=True)
    other.write_bytes(path.read_bytes())
    assert fingerprint(File(path)) == fingerprint(File(other))


def test_the_same_content_under_another_name_differs(path: Path) -> None:
    """The name counts: functions look at suffixes."""
    before = fingerprint(File(path))
    assert fingerprint(File(path.rename(path.with_suffix(".csv")))) != before


def test_a_file_is_no_other_value(path: Path) -> None:
    """A file differs from its path, its text, its bytes and its key."""
    others = [path, str(path), b"one", File(path).__hypernodes_key__()]
    assert fingerprint(File(path)) not in [fingerprint(other) for other in others]


def test_files_count_inside_containers(path: Path) -> None:
    """A list or dictionary of files is known by their contents."""
    before = fingerprint({"files": [File(path)]})
    path.write_bytes(b"two")
    assert fingerprint({"files": [File(path)]}) != before


def test_a_link_has_its_own_name_and_the_content_it_leads_to(path: Path, tmp_path: Path) -> None:
    """A link to other content is another value, and one of equal name is the same."""
    (tmp_path / "links").mkdir()
    (tmp_path / "other.txt").write_bytes(b"two")
    link = tmp_path / "links" / "data.txt"
    link.symlink_to(path)
    assert fingerprint(File(link)) == fingerprint(File(path))
    link.unlink()
    link.symlink_to(tmp_path / "other.txt")
    assert fingerprint(File(link)) != fingerprint(File(path))


def test_a_relative_path_follows_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `chdir` a relative path is another file, for the fingerprint as for `open`."""
    file, keys = File("data.txt"), []
    for content in (b"one", b"two", b"one"):
        folder = tmp_path / content.decode()
        folder.mkdir(exist_ok=True)
        (folder / "data.txt").write_bytes(content)
        monkeypatch.chdir(folder)
        keys.append(file.__hypernodes_key__()[2])
    contents = [b"one", b"two", b"one"]
    assert keys == [f"sha256:{sha256(content).hexdigest()}" for content in contents]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, r"FileNotFoundError: .*No such file or directory: .*absent"),
        (Path.mkdir, r"IsADirectoryError: .*a folder has no content, pass the files in it.*absent"),
        (make_pipe, r"OSError: .*neither a file nor a link to one, pass what it holds.*absent"),
    ],
    ids=["missing", "folder", "pipe"],
)
def test_what_cannot_be_read_has_no_fingerprint(tmp_path: Path, make: Any, reason: str) -> None:
    """A missing file, a folder and a pipe say what they are and where."""
    path = tmp_path / "absent"
    make(path)
    with pytest.raises(FingerprintError, match=rf"at inputs\['f'\]\[0\]: .*{reason}"):
        fingerprint([File(path)], "inputs['f']")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_an_unreadable_file_has_no_fingerprint(path: Path) -> None:
    """A file without the right to read it raises, also where it was read before."""
    File(path).__hypernodes_key__()
    path.chmod(0)
    with pytest.raises(PermissionError):
        File(path).__hypernodes_key__()


# -- when it is read -------------------------------------------------------------------


def test_an_old_file_is_read_once(reads: list[Any]) -> None:
    """What has not changed for a while is read once, whoever asks."""
    keys = {File(os.__file__).__hypernodes_key__() for _ in range(3)}
    assert (len(keys), len(reads)) == (1, 1)


def test_a_young_file_is_read_each_time(path: Path, reads: list[Any]) -> None:
    """What was written just now may be written again within one tick, so it is read again."""
    keys = {File(path).__hypernodes_key__() for _ in range(3)}
    assert (len(keys), len(reads)) == (1, 3)


def test_a_file_from_the_future_is_read_each_time(path: Path, reads: list[Any]) -> None:
    """Times that lie ahead say nothing."""
    os.utime(path, (time.time() + 1000, time.time() + 1000))
    keys = {File(path).__hypernodes_key__() for _ in range(3)}
    assert (len(keys), len(reads)) == (1, 3)


def test_each_of_many_quick_writes_is_noticed(path: Path) -> None:
    """Content of the same size and times, written right away, is never mistaken."""
    for number in range(300):
        content = f"{number % 2:03}".encode()
        write_same_times(path, content)
        digest = File(path).__hypernodes_key__()[2]
        assert digest == f"sha256:{sha256(content).hexdigest()}"


def test_times_that_were_put_back_do_not_deceive(
    path: Path, reads: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A remembered file whose writer restores size and modification time is read again."""
    monkeypatch.setattr(_file, "_QUIET_SECONDS", 0.1)
    time.sleep(0.2)
    keys = [File(path).__hypernodes_key__() for _ in range(2)]
    write_same_times(path, b"two")
    keys.append(File(path).__hypernodes_key__())
    assert ([key == keys[0] for key in keys], len(reads)) == ([True, True, False], 2)


def test_a_replaced_file_is_read_again(
    path: Path, reads: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another file moved to a remembered path counts by its own content."""
    monkeypatch.setattr(_file, "_QUIET_SECONDS", 0.1)
    other = path.with_name("new")
    other.write_bytes(b"two")
    time.sleep(0.2)
    before = File(path).__hypernodes_key__()
    other.replace(path)
    assert (File(path).__hypernodes_key__() == before, len(reads)) == (False, 2)


def test_writes_through_a_memory_map_show_after_utime(
    path: Path, reads: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`os.utime` tells of writes that leave size and times as they are."""
    monkeypatch.setattr(_file, "_QUIET_SECONDS", 0.1)
    with path.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as view:
        view[:] = b"two"
        time.sleep(0.2)
        before = File(path).__hypernodes_key__()
        view[:] = b"six"
        os.utime(path)
        assert (File(path).__hypernodes_key__() == before, len(reads)) == (False, 2)


def test_the_memory_is_bounded(
    tmp_path: Path, reads: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its bound the memory starts anew, and the answers stay right."""
    monkeypatch.setattr(_file, "_QUIET_SECONDS", -1)
    monkeypatch.setattr(_file, "_MAX_REMEMBERED", 2)
    for number in range(5):
        path = tmp_path / str(number)
        path.write_bytes(b"x")
        File(path).__hypernodes_key__()
    assert (len(_file._remembered), len(reads)) == (1, 5)
