"""Facts about the SQLite file of a disk cache."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.cache._index import Index
from hypernodes.cache._rows import SCHEMA_VERSION
from hypernodes.errors import CacheUnavailableError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """An index that does not exist yet."""
    return Index(tmp_path / "deep" / "folder" / "index.sqlite")


def add(index: Index, *names: str) -> None:
    """Insert a row for each of *names*."""
    with index.writing() as connection:
        connection.executemany("INSERT INTO pins VALUES (?)", [(name,) for name in names])


def found(index: Index) -> list[str]:
    """Return the names that are there."""
    with index.reading() as connection:
        rows = connection.execute("SELECT target FROM pins ORDER BY target").fetchall()
    return [name for (name,) in rows]


def test_nothing_is_created_before_the_first_use(index: Index) -> None:
    """Making an index touches no file; the first use makes the folder."""
    before = index.path.parent.exists()
    add(index, "a")
    assert (before, index.path.exists()) == (False, True)


def test_the_folder_is_private(index: Index) -> None:
    """The folder is readable by its owner alone."""
    add(index, "a")
    assert stat.S_IMODE(index.path.parent.stat().st_mode) == 0o700


def test_readers_and_writers_do_not_block_each_other(index: Index) -> None:
    """The file is in write-ahead mode."""
    add(index)
    with closing(sqlite3.connect(index.path)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_error_inside_rolls_back(index: Index) -> None:
    """What an interrupted transaction has inserted is not there."""
    add(index, "a")

    def be_interrupted() -> None:
        with index.writing() as connection:
            connection.execute("DELETE FROM pins")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_interrupted()
    assert found(index) == ["a"]


def test_close_is_followed_by_opening_again(index: Index) -> None:
    """Closing twice is harmless, and the next use opens the file again."""
    add(index, "a")
    index.close()
    index.close()
    assert found(index) == ["a"]


def test_a_deleted_file_is_made_again(index: Index) -> None:
    """When the file was deleted meanwhile, the next use starts anew."""
    add(index, "a")
    for path in index.path.parent.iterdir():
        path.unlink()
    index.path.parent.rmdir()
    add(index, "b")
    assert found(index) == ["b"]


def test_a_replaced_file_is_opened(index: Index, tmp_path: Path) -> None:
    """When another file took its place meanwhile, the next use reads that one."""
    other = Index(tmp_path / "other" / "index.sqlite")
    add(index, "a")
    add(other, "b")
    other.close()
    other.path.replace(index.path)
    for left in ("-wal", "-shm"):
        index.path.with_name(index.path.name + left).unlink(missing_ok=True)
    assert found(index) == ["b"]


def test_every_sqlite_error_is_one_of_ours(index: Index) -> None:
    """A wrong statement, a damaged file, a full disk: `CacheUnavailableError` naming the folder."""
    with (
        pytest.raises(CacheUnavailableError, match=index.path.parent.name),
        index.reading() as c,
    ):
        c.execute("SELECT * FROM nowhere")


@pytest.mark.parametrize("content", [b"no database, but long enough to be read" * 30, bytes(8192)])
def test_a_file_that_is_no_database_is_refused(index: Index, content: bytes) -> None:
    """A foreign file in its place raises and is left as it is."""
    index.path.parent.mkdir(parents=True)
    index.path.write_bytes(content)
    with pytest.raises(CacheUnavailableError):
        add(index, "a")
    assert index.path.read_bytes() == content


def test_an_empty_file_is_a_new_database(index: Index) -> None:
    """A file of no bytes, as a crash right after creation leaves, is filled."""
    index.path.parent.mkdir(parents=True)
    index.path.touch()
    add(index, "a")
    assert found(index) == ["a"]


def _read_and_write(index: Index, queue: Any) -> None:
    seen = found(index)
    add(index, "b")
    queue.put(seen)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_opens_a_connection_of_its_own(index: Index) -> None:
    """A child of a process with an open index reads and writes, and disturbs nothing."""
    add(index, "a")
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_read_and_write, args=(index, queue))
    child.start()
    seen = queue.get(timeout=20)
    child.join(20)
    add(index, "c")
    assert (seen, found(index)) == (["a"], ["a", "b", "c"])


def test_writers_wait_for_each_other(index: Index) -> None:
    """Of two processes that write, the second sees what the first has written."""
    add(index, "a")
    other = Index(index.path)
    seen: list[list[str]] = []

    def write() -> None:
        with other.writing() as connection:
            rows = connection.execute("SELECT target FROM pins").fetchall()
            seen.append(sorted(name for (name,) in rows))

    with index.writing() as connection:
        thread = threading.Thread(target=write)
        thread.start()
        connection.execute("INSERT INTO pins VALUES ('b')")
    thread.join(20)
    assert seen == [["a", "b"]]


def test_a_newer_format_is_refused_and_left_alone(index: Index) -> None:
    """What a newer version wrote is neither read nor changed; the error says what to do."""
    add(index, "a")
    with index.reading() as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    index.close()
    with pytest.raises(CacheUnavailableError, match=r"newer hypernodes .* upgrade"):
        found(Index(index.path))
    with closing(sqlite3.connect(index.path)) as connection:
        rows = connection.execute("SELECT target FROM pins").fetchall()
    assert rows == [("a",)]


def test_an_older_format_is_begun_anew(index: Index) -> None:
    """What an older version wrote is forgotten."""
    add(index, "a")
    with index.reading() as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION - 1}")
    index.close()
    assert found(Index(index.path)) == []


def test_a_damaged_file_is_set_aside(index: Index) -> None:
    """A file of ours that turns out to be damaged is kept under another name; a new one begins."""
    add(index, *(f"name {number}" for number in range(2000)))
    index.close()
    data = index.path.read_bytes()
    index.path.write_bytes(data[:4096] + b"?" * (len(data) - 4096))
    with pytest.raises(CacheUnavailableError, match=r"it is kept as damaged-\w+\.sqlite"):
        found(index)
    add(index, "new")
    kept = list(index.path.parent.glob("damaged-*.sqlite"))
    assert (found(index), len(kept)) == (["new"], 1)


def test_a_transaction_that_an_interrupt_left_open_is_rolled_back(index: Index) -> None:
    """Interrupts fall between any two lines; the next writer goes on, nothing is half done."""
    add(index, "a")
    with index.reading() as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO pins VALUES ('half')")
    add(index, "b")
    assert found(index) == ["a", "b"]


def test_an_interrupt_at_the_beginning_of_a_transaction_ends_it(index: Index) -> None:
    """Even one that falls right behind the statement that begins it."""
    add(index, "a")

    class Begins:
        """A connection that is interrupted once a transaction has begun."""

        def __init__(self, connection: sqlite3.Connection) -> None:
            self.connection = connection

        @property
        def in_transaction(self) -> bool:
            return self.connection.in_transaction

        def execute(self, statement: str) -> Any:
            done = self.connection.execute(statement)
            if statement.startswith("BEGIN"):
                raise KeyboardInterrupt
            return done

    with index.reading() as connection:
        pass
    index._connection = Begins(connection)  # type: ignore[assignment]  # stands in for one
    with pytest.raises(KeyboardInterrupt):
        add(index, "b")
    index._connection = connection
    assert (connection.in_transaction, found(index)) == (False, ["a"])
