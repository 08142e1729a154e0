"""Facts about exact repeats of a map: answered by chunk, and never otherwise than by records."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DiskCache, Pipeline, SeqEngine, TieredCache, node
from hypernodes.cache import Entry, MemoryCache, Result
from hypernodes.hashing import Signature, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ITEMS = {"x": list(range(30))}
CALLS: list[int] = []


@node(output_name="y")
def double(x: int, factor: int = 2) -> int:
    """Count the call."""
    CALLS.append(x)
    return x * factor


@node(output_name="z")
def wrap(y: int) -> list[int]:
    """Return something that can be changed."""
    CALLS.append(y)
    return [y]


PIPELINE = Pipeline([double, wrap])


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    CALLS.clear()


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    """A cache that has answered the map twice."""
    cache = DiskCache(tmp_path / "cache", key="k")
    for _ in range(3):
        run(cache)
    CALLS.clear()
    return cache


def run(cache: Any, inputs: dict[str, Any] | None = None, **options: Any) -> list[dict[str, Any]]:
    """Map over the items."""
    asked = ITEMS if inputs is None else inputs
    return list(PIPELINE.map(asked, map_over="x", engine=SeqEngine(cache=cache), **options))


def keep(cache: DiskCache, entries: list[Entry]) -> None:
    """Ask for a chunk, and keep it."""
    cache.find_chunk(b"c" * 32)
    cache.keep_chunk(b"c" * 32, [entries], [(entries, 0)])
    cache.flush()


def count_chunks(cache: DiskCache) -> int:
    """Return how many answers are kept."""
    with closing(sqlite3.connect(cache.path / "index.sqlite")) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM chunks").fetchone()[0])


#: A map of four inputs, in a process of its own.
SEEDED = """
import sys
from hypernodes import DiskCache, Pipeline, SeqEngine, node

@node(output_name="total")
def add(a, b, c, d):
    return a + b + c + d

engine = SeqEngine(DiskCache(sys.argv[1], key="k"))
inputs = {"a": [1, 2], "b": [3, 4], "c": [5, 6], "d": 7}
Pipeline(nodes=[add]).map(inputs, map_over=["a", "b", "c"], engine=engine)
"""


def execute(cache: DiskCache, statement: str, *values: Any) -> None:
    """Change the index by hand."""
    with closing(sqlite3.connect(cache.path / "index.sqlite")) as connection, connection:
        connection.execute(statement, values)


def _refuse(*_args: Any) -> Any:
    msg = "looked up"
    raise AssertionError(msg)


def test_one_repeat_keeps_no_answer(tmp_path: Path) -> None:
    """Whoever asks for something else each time pays next to nothing for it."""
    cache = DiskCache(tmp_path / "cache", key="k")
    sizes = []
    for _ in range(3):
        run(cache)
        sizes.append([size for (size,) in _select(cache, "SELECT length FROM chunks")])
    first, second, third = sizes
    assert ([], [0]) == (first, second)
    assert third > [0]


def test_a_third_repeat_looks_no_record_up(
    cache: DiskCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the repeats before found is kept for those that follow, in other processes too."""
    monkeypatch.setattr(DiskCache, "lookup_many", _refuse)
    expected = [{"y": 2 * x, "z": [2 * x]} for x in ITEMS["x"]]
    assert expected == run(cache)
    assert expected == run(DiskCache(tmp_path / "cache", key="k"))
    assert [] == CALLS


def test_processes_with_other_hash_seeds_share_answers(tmp_path: Path) -> None:
    """The answer for a map of several inputs is found whatever the seed of the process."""
    cache = DiskCache(tmp_path / "cache", key="k")
    seeds = ("1", "2", "3", "4")
    for seed in seeds:
        subprocess.run(
            [sys.executable, "-c", SEEDED, str(cache.path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            timeout=60,
        )
    # the second one leaves a mark, the third one keeps the answer
    assert 1 == count_chunks(cache)


def test_values_are_decoded_anew(cache: DiskCache) -> None:
    """What a caller does to a result, nobody else sees."""
    run(cache)[3]["z"].append("changed")
    assert [6] == run(cache)[3]["z"]


def test_hits_are_counted_alike(cache: DiskCache) -> None:
    """A chunk stands for as many hits, and as much time saved, as its records."""
    before = cache.stats()
    run(cache)
    after = cache.stats()
    assert 60 == after["hits"] - before["hits"]
    assert after["seconds_saved"] > before["seconds_saved"]


@pytest.mark.parametrize(
    ("inputs", "options"),
    [
        ({"x": list(range(29, -1, -1))}, {}),
        ({"x": [*range(29), 28]}, {}),
        ({"x": list(range(30)), "factor": 3}, {}),
        ({"x": [float(x) for x in range(30)]}, {}),
        ({"x": list(range(30))}, {"output_name": "z"}),
        ({"x": list(range(30))}, {"output_name": ("z", "y")}),
    ],
    ids=["order", "item", "constant", "type", "output", "outputs"],
)
def test_what_differs_is_not_answered(
    cache: DiskCache, inputs: dict[str, Any], options: dict[str, Any]
) -> None:
    """Other items, values or outputs get what they would get without a cache."""
    expected = run(None, inputs, **options)
    for _ in range(4):
        assert repr(expected) == repr(run(cache, inputs, **options))


def test_an_input_that_varies_is_not_one_that_is_whole(tmp_path: Path) -> None:
    """Two maps whose inputs have the same digests, but not the same part, stay apart."""
    pipeline = Pipeline([wrap])
    engine = SeqEngine(cache=DiskCache(tmp_path / "cache", key="k"))
    for _ in range(3):
        assert [{"z": [1]}, {"z": [1]}] == list(
            pipeline.map({"y": [1, 1]}, map_over="y", engine=engine)
        )
        assert [{"z": [[1, 1]]}] == list(pipeline.map({"y": [[1, 1]]}, map_over="y", engine=engine))


@pytest.mark.parametrize(
    "drop",
    [
        lambda cache: cache.prune(node="wrap"),
        lambda cache: cache.prune(max_items=59),
        lambda cache: cache.prune(max_age=0),
        lambda cache: cache.clear(),
        lambda cache: execute(
            cache, "DELETE FROM records WHERE key = (SELECT MAX(key) FROM records)"
        ),
    ],
    ids=["node", "number", "age", "all", "rows"],
)
def test_what_is_dropped_is_executed_again(
    cache: DiskCache, drop: Callable[[DiskCache], Any]
) -> None:
    """No answer outlives a record that it was made of."""
    drop(cache)
    assert 0 == count_chunks(cache)
    run(cache)
    assert CALLS


def test_what_is_replaced_is_answered_anew(cache: DiskCache, tmp_path: Path) -> None:
    """A result that somebody stores under the same key is what the next map gives."""
    (listed, *_) = cache.list_results("wrap")
    DiskCache(tmp_path / "cache", key="k").put(listed.signature, ["replaced"])
    assert 0 == count_chunks(cache)
    for _ in range(4):
        assert 1 == [row["z"] for row in run(cache)].count(["replaced"])


def test_what_is_not_written_yet_counts(cache: DiskCache) -> None:
    """A result that waits in this process is what the next map gives."""
    (listed, *_) = cache.list_results("wrap")
    value = ["waiting"]
    entry = Entry(listed.signature, (fingerprint(value),), created=time.time())
    cache.store_many([Result(entry, (value,))])
    assert 1 == [row["z"] for row in run(cache)].count(["waiting"])


def test_an_answer_whose_records_were_replaced_meanwhile_is_not_kept(tmp_path: Path) -> None:
    """Between looking up and writing, another process may have stored something else."""
    cache = DiskCache(tmp_path / "cache", key="k")
    node, items = b"n" * 16, [bytes([n]) * 16 for n in range(3)]
    keys = [Signature(node, item) for item in items]
    cache.put_many({key: n for n, key in enumerate(keys)})
    entries = [each for each in cache.lookup_many(keys) if isinstance(each, Entry)]
    keep(cache, entries)
    assert None is cache.find_chunk(b"c" * 32)
    cache.keep_chunk(b"c" * 32, [entries], [(entries, 0)])
    DiskCache(tmp_path / "cache", key="k").put(keys[1], "other")
    cache.flush()
    assert None is cache.find_chunk(b"c" * 32)
    entries = [each for each in cache.lookup_many(keys) if isinstance(each, Entry)]
    keep(cache, entries)
    keep(cache, entries)
    assert [[0, "other", 2]] == cache.find_chunk(b"c" * 32)


def test_results_that_expire_are_looked_at_one_by_one(tmp_path: Path) -> None:
    """With a time to live no answer is kept, nor used that others kept."""
    cache = DiskCache(tmp_path / "cache", key="k", ttl=3600)
    for _ in range(4):
        run(cache)
    assert 0 == count_chunks(cache)
    other = DiskCache(tmp_path / "cache", key="k")
    for _ in range(2):
        run(other)
    assert 1 == count_chunks(other)
    CALLS.clear()
    run(DiskCache(tmp_path / "cache", key="k", ttl=1e-9))
    assert CALLS


@pytest.mark.parametrize("how", ["flip", "cut", "gone", "plant"])
def test_a_damaged_answer_is_made_from_records(cache: DiskCache, how: str) -> None:
    """Whatever became of its bytes, the results are right and nothing is executed."""
    with closing(sqlite3.connect(cache.path / "index.sqlite")) as connection:
        number, offset, length = connection.execute(
            "SELECT segment, offset, length FROM chunks"
        ).fetchone()
    path = cache.path / "segments" / f"{number:012x}.seg"
    data = bytearray(path.read_bytes())
    if how == "flip":
        data[offset + length - 1] ^= 1
    elif how == "cut":
        del data[offset + length - 1 :]
    elif how == "plant":
        data[offset : offset + 16] = bytes(16)
    path.write_bytes(data)
    if how == "gone":
        execute(cache, "UPDATE chunks SET segment = 12345")
    cache.close()
    assert [{"y": 2 * x, "z": [2 * x]} for x in ITEMS["x"]] == run(cache)
    assert [] == CALLS


def test_large_values_are_not_kept_twice(tmp_path: Path) -> None:
    """Where values and not records take the time, there is no answer to keep."""

    @node(output_name="text")
    def long(x: int) -> str:
        return random.Random(x).randbytes(2000).hex()

    cache = DiskCache(tmp_path / "cache", key="k")
    for _ in range(4):
        Pipeline([long]).map(ITEMS, map_over="x", engine=SeqEngine(cache=cache))
    assert [(0,)] == _select(cache, "SELECT length FROM chunks")


def test_a_chunk_is_a_use_of_its_records(cache: DiskCache) -> None:
    """What was asked for by chunk is not what goes first, because nobody used it."""
    execute(cache, "UPDATE records SET used = 1, created = 1")
    execute(cache, "UPDATE chunks SET used = 1")
    run(cache)
    cache.close()
    assert all(listed.used > time.time() - 60 for listed in cache.list_results())
    assert 1 == count_chunks(cache)


def test_answers_count_as_bytes_and_go_first(tmp_path: Path) -> None:
    """A limit of bytes covers them; making room costs no result as long as they are enough."""
    cache = DiskCache(tmp_path / "cache", key="k")
    for _ in range(3):
        run(cache)
    size = sum(
        int(sum_of)
        for table in ("records", "chunks")
        for (sum_of,) in _select(cache, f"SELECT SUM(length) FROM {table}")
    )
    assert 0 == cache.prune(max_bytes=size - 1)
    CALLS.clear()
    run(cache)
    assert [] == CALLS


def test_compaction_leaves_no_answer_behind(cache: DiskCache) -> None:
    """Their space is given back, and they are made again."""
    cache.prune(max_items=60)
    cache.compact()
    assert 0 == count_chunks(cache)
    run(cache)
    assert (1, []) == (count_chunks(cache), CALLS)


def test_a_tier_asks_near(cache: DiskCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """A near cache answers a repeat by itself."""
    monkeypatch.setattr(TieredCache, "lookup_many", _refuse)
    assert 30 == len(run(TieredCache(cache, MemoryCache())))


def test_changed_code_is_executed(cache: DiskCache) -> None:
    """A node is part of the key of a chunk."""

    @node(output_name="z")
    def wrap(y: int) -> list[int]:
        return [y, y]

    changed = Pipeline([double, wrap])
    engine = SeqEngine(cache=cache)
    for _ in range(4):
        rows = changed.map(ITEMS, map_over="x", engine=engine)
        assert [[2 * x, 2 * x] for x in ITEMS["x"]] == [row["z"] for row in rows]


def _select(cache: DiskCache, query: str) -> list[Any]:
    with closing(sqlite3.connect(cache.path / "index.sqlite")) as connection:
        return connection.execute(query).fetchall()
