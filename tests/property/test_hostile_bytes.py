"""Laws of every decoder of stored bytes: the right value, a miss or an error of ours; never code.

Bytes are what was written, mutated: a bit flipped, a piece cut out, doubled,
zeroed or taken from elsewhere; or they are anything at all.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hypernodes import BackendCache, DiskCache, FsspecCache, MemoryCache, Pipeline, SeqEngine, node
from hypernodes.cache import Entry, Payload, decode, encode
from hypernodes.cache._packs import unpack
from hypernodes.cache._record import (
    decode_blob,
    decode_record,
    encode_blob,
    encode_record,
    record_signer,
    with_inline,
)
from hypernodes.cache._trust import find_trust
from hypernodes.cache.formats._compression import compress, decompress
from hypernodes.callbacks import RunRecord, read_run, read_runs
from hypernodes.errors import CorruptEntryError, SerializationError
from hypernodes.hashing import Signature

TRUST = find_trust("a key of tests")
KEY = Signature(b"n" * 16, b"i" * 16)
SIGN = record_signer(TRUST, KEY.node)
#: What a decoder may not take to decode a few hundred bytes, in bytes.
MOST_MEMORY = 64 * 2**20


class Planted:
    """Runs code where it is unpickled."""

    ran = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return _ran, ()


def _ran() -> None:
    Planted.ran += 1


def _values() -> list[Any]:
    """Return values of every format that there is here."""
    found: list[Any] = [
        1,
        2**70,
        1.5,
        "text",
        b"bytes",
        [1, (2, {"a": None})],
        {"k": {1, 2}},
        "x" * 5000,
    ]
    for library, make in {
        "numpy": lambda numpy: [numpy.arange(12.0).reshape(3, 4), numpy.float32(1.5)],
        "pandas": lambda pandas: [pandas.DataFrame({"a": [1, 2], "b": ["x", None]})],
        "polars": lambda polars: [polars.DataFrame({"a": [1, 2]})],
        "pyarrow": lambda pyarrow: [pyarrow.table({"a": [1, 2]})],
    }.items():
        with contextlib.suppress(ImportError):
            found += make(__import__(library))
    return found


PAYLOADS = [encode(value, allow_pickle=False) for value in _values()]
PLANT = pickle.dumps(Planted())


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """Return *data* with something done to it, or anything else."""
    at = draw(st.integers(0, max(0, len(data) - 1)))
    end = draw(st.integers(at, len(data)))
    match draw(st.sampled_from(["flip", "cut", "double", "zero", "splice", "plant", "any"])):
        case "flip":
            changed = bytearray(data)
            for _ in range(draw(st.integers(1, 4))):
                changed[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
            return bytes(changed)
        case "cut":
            return data[:at] + data[end:]
        case "double":
            return data[:end] + data[at:]
        case "zero":
            return data[:at] + bytes(end - at) + data[end:]
        case "splice":
            other = bytes(draw(st.sampled_from(PAYLOADS)).data)
            return data[:at] + other + data[end:]
        case "plant":
            return draw(st.sampled_from([PLANT, data[:at] + PLANT, PLANT + data[at:]]))
        case _:
            return draw(st.binary(max_size=200))


@given(st.data(), st.sampled_from(PAYLOADS))
@settings(max_examples=400, deadline=None)
def test_formats_of_data_give_a_value_or_an_error_of_ours(
    draws: st.DataObject, payload: Payload
) -> None:
    """Without pickles allowed, no bytes run code, and nothing but our error comes out."""
    data = draws.draw(mutated(bytes(payload.data)))
    with contextlib.suppress(SerializationError), warnings.catch_warnings():
        # libraries complain of odd bytes before they refuse them
        warnings.simplefilter("ignore")
        decode(attrs.evolve(payload, data=data), allow_pickle=False)
    assert Planted.ran == 0


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_compressed_bytes_give_bytes_or_an_error_of_ours(draws: st.DataObject) -> None:
    """A claim of a huge size is refused before memory is taken for it."""
    data = draws.draw(mutated(compress(b"word " * 2000) or b""))
    with contextlib.suppress(SerializationError):
        assert len(decompress(data)) < MOST_MEMORY


@given(st.data(), st.sampled_from(PAYLOADS))
@settings(max_examples=300, deadline=None)
def test_changed_records_are_not_there(draws: st.DataObject, payload: Payload) -> None:
    """A record is what was written, or None."""
    entry = with_inline(Entry(KEY, (b"d" * 32,)), {b"d" * 32: payload})
    written = encode_record(entry, SIGN)
    data = draws.draw(mutated(written))
    found = decode_record(KEY, data, SIGN, with_arguments=True)
    assert (found is not None) == (data == written)


@given(st.data(), st.sampled_from(PAYLOADS))
@settings(max_examples=300, deadline=None)
def test_changed_values_are_not_there(draws: st.DataObject, payload: Payload) -> None:
    """A value that is kept apart is what was written, or None."""
    written = b"".join(map(bytes, encode_blob(b"d" * 32, payload, TRUST)))
    data = draws.draw(mutated(written))
    assert (decode_blob(b"d" * 32, data, TRUST) is not None) == (data == written)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_changed_index_objects_are_damaged(draws: st.DataObject) -> None:
    """An index object that is not what was written is said to be damaged."""
    data = draws.draw(mutated(b"x" * 300))
    with pytest.raises(CorruptEntryError):
        unpack(data, TRUST)


@node(output_name="y")
def work(x: int) -> dict[str, Any]:
    """Return something of several formats."""
    return {"x": x + 0, "text": "word " * 400, "more": [x] * 20}


def _open(kind: str, folder: Path) -> Any:
    if kind == "disk":
        return DiskCache(folder, key="a key of tests")
    mirror = tempfile.mkdtemp(dir=folder.parent)
    return FsspecCache(folder.as_uri(), key="a key of tests", mirror=mirror)


@pytest.fixture(scope="module", params=["disk", "fsspec"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a kind of cache and a folder with results of it."""
    folder = tmp_path_factory.mktemp("original") / "cache"
    cache = _open(request.param, folder)
    Pipeline([work], engine=SeqEngine(cache=cache)).map({"x": [1, 2, 3]}, map_over="x")
    cache.close()
    return request.param, folder


@given(draws=st.data())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_run_on_a_changed_store_gives_the_right_results(
    written: Any, draws: st.DataObject
) -> None:
    """Whatever was done to a file of a store, a map on it gives what it gives without one."""
    kind, original = written
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "cache"
        shutil.copytree(original, folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
        path = draws.draw(st.sampled_from(files))
        path.write_bytes(draws.draw(mutated(path.read_bytes())))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cache = _open(kind, folder)
            found = Pipeline([work], engine=SeqEngine(cache=cache)).map({"x": [1, 2]}, map_over="x")
            cache.close()
    assert found == [{"y": work(1)}, {"y": work(2)}]
    assert Planted.ran == 0


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return the lines of a record of a run, one of whose calls failed."""
    folder = tmp_path_factory.mktemp("runs")
    engine = SeqEngine(cache=MemoryCache(), callbacks=[RunRecord(folder)])
    inputs = {"x": [1, "2", None]}
    Pipeline([work]).map(inputs, map_over="x", engine=engine, on_error="collect")
    (path,) = (each.file for each in read_runs(folder))
    return path.read_bytes().splitlines(keepends=True)


@given(draws=st.data())
@settings(max_examples=300, deadline=None)
def test_changed_run_records_are_read_as_far_as_they_make_sense(
    recorded: list[bytes], draws: st.DataObject
) -> None:
    """A record of a run that was cut or changed gives what is left of it, and no error."""
    lines = list(recorded)
    number = draws.draw(st.integers(0, len(lines) - 1))
    lines[number] = draws.draw(mutated(lines[number]) | _other_types(lines[number]))
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        Path(file.name).write_bytes(b"".join(lines))
        found = read_run(file.name)
    assert found.title
    assert isinstance(found.seconds + found.hits + found.executed, float)


def _other_types(line: bytes) -> st.SearchStrategy[bytes]:
    """Return the line with values of other types in it."""
    fields = json.loads(line)
    odd = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
    return st.dictionaries(st.sampled_from(sorted(fields)), odd, min_size=1).map(
        lambda other: json.dumps({**fields, **other}).encode() + b"\n"
    )


def test_a_planted_pickle_runs_in_no_kind_of_cache(tmp_path: Path) -> None:
    """Where somebody writes pickles of his own for all the bytes, results are made anew."""
    store: dict[str, bytes] = {}

    class Drawer:
        """A byte store in a dict."""

        def get(self, key: str) -> bytes | None:
            return store.get(key)

        def put(self, key: str, data: bytes) -> None:
            store[key] = data

        def has(self, key: str) -> bool:
            return key in store

        def delete(self, key: str) -> None:
            store.pop(key, None)

        def clear(self) -> None:
            store.clear()

    for _ in range(2):
        cache = BackendCache(Drawer(), key="a key of tests")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = Pipeline([work], engine=SeqEngine(cache=cache)).run({"x": 1})
        store.update(dict.fromkeys(store, PLANT))
    assert (found, Planted.ran) == ({"y": work(1)}, 0)
