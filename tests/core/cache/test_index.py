"""Facts about the SQLite file of a disk cache."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.cache._index import Index
from hypernodes.errors import CacheUnavailableError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """An index that does not exist yet."""
    return Index(tmp_path / "deep" / "folder" / "index.sqlite")


def add(index: Index, *digests: bytes) -> None:
    """Insert a payload for each digest."""
    with index.connection() as connection:
        connection.executemany(
            "INSERT INTO payloads VALUES (?, 's', 1, x'', x'')", [(d,) for d in digests]
        )


def found(index: Index, *digests: bytes) -> list[bytes]:
    """Return which of *digests* are there."""
    query = "SELECT digest FROM payloads WHERE digest"
    return sorted(digest for (digest,) in index.select(query, digests))


def test_nothing_is_created_before_the_first_use(index: Index) -> None:
    """Making an index touches no file; the first use makes the folder."""
    before = index.path.parent.exists()
    add(index, b"a")
    assert (before, index.path.exists()) == (False, True)


def test_the_folder_is_private(index: Index) -> None:
    """The folder is readable by its owner alone."""
    add(index, b"a")
    assert stat.S_IMODE(index.path.parent.stat().st_mode) == 0o700


def test_readers_and_writers_do_not_block_each_other(index: Index) -> None:
    """The file is in write-ahead mode."""
    add(index)
    with closing(sqlite3.connect(index.path)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_select_finds_keys_in_batches(index: Index) -> None:
    """More keys than one query holds are all found."""
    keys = [number.to_bytes(2, "big") for number in range(1100)]
    add(index, *keys)
    assert found(index, *keys, b"other") == keys


def test_an_error_inside_rolls_back(index: Index) -> None:
    """What an interrupted transaction has inserted is not there."""
    add(index, b"a")

    def be_interrupted() -> None:
        with index.connection() as connection:
            connection.execute("DELETE FROM payloads")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_interrupted()
    assert found(index, b"a") == [b"a"]


def test_close_is_followed_by_opening_again(index: Index) -> None:
    """Closing twice is harmless, and the next use opens the file again."""
    add(index, b"a")
    index.close()
    index.close()
    assert found(index, b"a") == [b"a"]


def test_a_deleted_file_is_made_again(index: Index) -> None:
    """When the file was deleted meanwhile, the next use starts anew."""
    add(index, b"a")
    for path in index.path.parent.iterdir():
        path.unlink()
    index.path.parent.rmdir()
    add(index, b"b")
    assert found(index, b"a", b"b") == [b"b"]


def test_a_replaced_file_is_opened(index: Index, tmp_path: Path) -> None:
    """When another file took its place meanwhile, the next use reads that one."""
    other = Index(tmp_path / "other" / "index.sqlite")
    add(index, b"a")
    add(other, b"b")
    other.close()
    other.path.replace(index.path)
    for left in ("-wal", "-shm"):
        index.path.with_name(index.path.name + left).unlink(missing_ok=True)
    assert found(index, b"a", b"b") == [b"b"]


def test_every_sqlite_error_is_one_of_ours(index: Index) -> None:
    """A wrong statement, a damaged file, a full disk: `CacheUnavailableError` naming the folder."""
    with (
        pytest.raises(CacheUnavailableError, match=index.path.parent.name),
        index.connection() as c,
    ):
        c.execute("SELECT * FROM nowhere")


@pytest.mark.parametrize("content", [b"no database, but long enough to be read" * 30, bytes(8192)])
def test_a_file_that_is_no_database_is_refused(index: Index, content: bytes) -> None:
    """A foreign file in its place raises and is left as it is."""
    index.path.parent.mkdir(parents=True)
    index.path.write_bytes(content)
    with pytest.raises(CacheUnavailableError):
        add(index, b"a")
    assert index.path.read_bytes() == content


def test_an_empty_file_is_a_new_database(index: Index) -> None:
    """A file of no bytes, as a crash right after creation leaves, is filled."""
    index.path.parent.mkdir(parents=True)
    index.path.touch()
    add(index, b"a")
    assert found(index, b"a") == [b"a"]


def _read_and_write(index: Index, queue: Any) -> None:
    seen = found(index, b"a", b"b")
    add(index, b"b")
    queue.put(seen)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_opens_a_connection_of_its_own(index: Index) -> None:
    """A child of a process with an open index reads and writes, and disturbs nothing."""
    add(index, b"a")
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_read_and_write, args=(index, queue))
    child.start()
    seen = queue.get(timeout=20)
    child.join(20)
    add(index, b"c")
    assert (seen, found(index, b"a", b"b", b"c")) == ([b"a"], [b"a", b"b", b"c"])
