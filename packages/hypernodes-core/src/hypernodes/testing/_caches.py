"""What every cache promises: to people, to engines, and whatever happens to its bytes."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final, Protocol

import pytest

from hypernodes.cache import Entry, Result
from hypernodes.engines import SeqEngine
from hypernodes.errors import SerializationError
from hypernodes.graph import node
from hypernodes.hashing import Signature, fingerprint
from hypernodes.pipeline import Pipeline
from hypernodes.protocols import Cache
from hypernodes.values import MISSING

#: The bytes of a store by name, past the cache: what the tests damage.
Objects = MutableMapping[str, bytes]

_VALUES: Final[list[Any]] = [
    None,
    False,
    0,
    "",
    (),
    [],
    {},
    1,
    True,
    1.5,
    "text",
    b"\x00",
    [1, (2, {"a": None})],
]
_LARGE: Final[dict[str, Any]] = {"text": "ab" * 40_000, "bytes": bytes(range(256)) * 4_000}


class Open(Protocol):
    """Opens the store of one test; each call stands for another process."""

    def __call__(self) -> Cache:
        """Return a cache."""
        ...


class CacheContract:
    """Tests of one cache.

    Subclasses supply the fixture ``open_cache``; and ``objects``, a back door
    to the stored bytes, without which nothing can be damaged.

    Attributes:
        is_shared: Whether a second object sees what the first one stored.
        is_picklable: Whether a pickled copy opens the same store.
        checks_bytes: Whether the fixture ``objects`` leads to the stored bytes.
    """

    is_shared: bool = True
    is_picklable: bool = True
    checks_bytes: bool = True

    @pytest.fixture
    def open_cache(self) -> Open:
        """Opens the store, which is empty at first."""
        raise NotImplementedError

    @pytest.fixture
    def objects(self) -> Callable[[], Objects]:
        """Returns the stored bytes by name; assigning to the mapping changes them."""
        raise NotImplementedError

    @pytest.fixture
    def cache(self, open_cache: Open) -> Cache:
        """An empty cache."""
        return open_cache()

    # -- single values ---------------------------------------------------------

    def test_nothing_is_there_at_first(self, cache: Cache) -> None:
        """A new cache has nothing, and says so by a value that nobody stores."""
        assert (cache.get("a"), cache.get("a", "else"), cache.has("a")) == (MISSING, "else", False)

    @pytest.mark.parametrize("value", [*_VALUES, *_LARGE.values()], ids=lambda v: repr(v)[:20])
    def test_a_value_comes_back(self, cache: Cache, value: Any) -> None:
        """Nothing, empty and false values are values like any other."""
        cache.put("a", value)
        found = cache.get("a")
        assert (value, type(value), True) == (found, type(found), cache.has("a"))

    def test_the_last_value_counts(self, cache: Cache) -> None:
        """Storing again replaces."""
        cache.put("a", 1)
        cache.put("a", "two")
        assert cache.get("a") == "two"

    def test_readers_share_nothing(self, cache: Cache) -> None:
        """Neither the stored object nor what one reader got changes what the next one gets."""
        value = [1]
        cache.put("a", value)
        value.append(2)
        cache.get("a").append(3)
        assert cache.get("a") == [1]

    def test_clearing_forgets_all(self, cache: Cache) -> None:
        """Nothing is there afterwards, and the cache works on."""
        cache.put("a", 1)
        cache.put("b", _LARGE["text"])
        cache.clear()
        assert [cache.has("a"), cache.has("b")] == [False, False]
        cache.put("a", 2)
        assert cache.get("a") == 2

    # -- bulk forms ------------------------------------------------------------

    def test_bulk_forms_keep_the_order(self, cache: Cache) -> None:
        """Records and values come in the order of the question, repeated ones too."""
        cache.store_many([make_result(at, f"value {at}") for at in range(5)])
        asked = [make_key(at) for at in (3, 9, 0, 3)]
        entries = cache.lookup_many(asked)
        assert [isinstance(entry, Entry) for entry in entries] == [True, False, True, True]
        assert [asked[0], asked[2], asked[3]] == [e.signature for e in entries if e is not MISSING]
        wanted = [(entry, 0) for entry in entries if isinstance(entry, Entry)]
        assert cache.load_many(wanted) == ["value 3", "value 0", "value 3"]

    def test_asking_for_nothing_gives_nothing(self, cache: Cache) -> None:
        """Empty questions have empty answers."""
        cache.store_many([])
        assert (cache.lookup_many([]), cache.load_many([])) == ([], [])

    def test_records_come_back(self, cache: Cache) -> None:
        """A record says under which key, what came out, how long it took and when."""
        result = make_result(1, "x", _LARGE["text"], seconds=2.5)
        cache.store_many([result])
        cache.flush()
        (found,) = cache.lookup_many([result.entry.signature])
        assert isinstance(found, Entry)
        assert (result.entry.digests, 2.5, result.entry.created) == (
            found.digests,
            found.seconds,
            found.created,
        )

    def test_each_output_loads_by_itself(self, cache: Cache) -> None:
        """Several outputs of one result are read one by one, in any order."""
        cache.store_many([make_result(1, "first", _LARGE["bytes"], None)])
        (entry,) = cache.lookup_many([make_key(1)])
        assert isinstance(entry, Entry)
        found = cache.load_many([(entry, 2), (entry, 1), (entry, 0)])
        assert [None, _LARGE["bytes"], "first"] == found

    def test_many_results_come_back(self, cache: Cache) -> None:
        """Thousands of results are stored and found in bulk."""
        cache.store_many([make_result(at, at, [at] * 3) for at in range(3000)])
        cache.flush()
        entries = cache.lookup_many([make_key(at) for at in range(3000)])
        wanted = [(entry, 1) for entry in entries if isinstance(entry, Entry)]
        assert [[at] * 3 for at in range(3000)] == cache.load_many(wanted)

    def test_what_cannot_be_encoded_is_told_and_the_rest_is_kept(self, cache: Cache) -> None:
        """The error names the positions, and loses no other result."""
        hopeless = make_result(1, None)
        hopeless = Result(hopeless.entry, (threading.Lock(),))
        with pytest.raises(SerializationError) as caught:
            cache.store_many([make_result(0, "a"), hopeless, make_result(2, "b")])
        assert list(caught.value.failed) == [1]
        kept = list(cache.lookup_many([make_key(0), make_key(2)]))
        assert cache.load_many([(e, 0) for e in kept if isinstance(e, Entry)]) == ["a", "b"]

    # -- others ----------------------------------------------------------------

    def test_others_find_what_was_flushed(self, cache: Cache, open_cache: Open) -> None:
        """Another process finds everything that was there at a flush."""
        if not self.is_shared:
            pytest.skip("this cache belongs to one object")
        cache.store_many([make_result(1, "x", _LARGE["text"])])
        cache.flush()
        other = open_cache()
        (entry,) = other.lookup_many([make_key(1)])
        assert isinstance(entry, Entry)
        assert ["x", _LARGE["text"]] == other.load_many([(entry, 0), (entry, 1)])

    def test_a_pickled_copy_opens_the_same(self, cache: Cache) -> None:
        """Workers get copies."""
        if not self.is_picklable:
            pytest.skip("a copy of this cache starts empty, or cannot be made")
        cache.put("a", 1)
        assert pickle.loads(pickle.dumps(cache)).get("a") == 1

    def test_threads_do_not_disturb_each_other(self, cache: Cache) -> None:
        """Many threads store and read at once, and everybody gets their own."""
        wrong: list[object] = []

        def work(number: int) -> None:
            for at in range(10):
                key = f"{number} {at}"
                cache.put(key, [key] * 50)
                if cache.get(key) != [key] * 50:
                    wrong.append(key)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []

    def test_a_pipeline_computes_once(self, cache: Cache) -> None:
        """The second run of a pipeline calls nothing, whatever the results were."""
        calls: list[int] = []

        @node(output_name="doubled", ignore=["calls"])
        def double(x: int) -> int | None:
            calls.append(x)
            return 2 * x if x else None

        pipeline = Pipeline(nodes=[double], engine=SeqEngine(cache=cache))
        for _ in range(2):
            found = pipeline.map(inputs={"x": [0, 1, 2]}, map_over="x")
            assert found == [{"doubled": None}, {"doubled": 2}, {"doubled": 4}]
        assert calls == [0, 1, 2]

    # -- damage ----------------------------------------------------------------

    @pytest.mark.filterwarnings("ignore::hypernodes.errors.CacheWarning")
    @pytest.mark.parametrize("kind", ["cut", "emptied", "zeroed", "flipped", "extended", "gone"])
    def test_damaged_bytes_are_misses(
        self, cache: Cache, open_cache: Open, request: pytest.FixtureRequest, kind: str
    ) -> None:
        """Whatever happens to one stored object, no wrong value comes back."""
        values = {f"key {at}": [at, "x" * 9000 * at] for at in range(3)}
        for name, data in self._each(cache, values, request):
            objects = self._objects(request)
            if kind == "gone":
                del objects[name]
            else:
                objects[name] = _DAMAGES[kind](data)
            self._check(open_cache(), values)
            self._objects(request)[name] = data

    @pytest.mark.filterwarnings("ignore::hypernodes.errors.CacheWarning")
    def test_swapped_bytes_are_misses(
        self, cache: Cache, open_cache: Open, request: pytest.FixtureRequest
    ) -> None:
        """Bytes that are sound but belong to another key do not answer."""
        values = {f"key {at}": [at, "x" * 9000] for at in range(3)}
        names = [name for name, _ in self._each(cache, values, request)]
        objects = self._objects(request)
        swapped = [objects[name] for name in names[1:] + names[:1]]
        for name, data in zip(names, swapped, strict=True):
            objects[name] = data
        self._check(open_cache(), values)

    @pytest.mark.filterwarnings("ignore::hypernodes.errors.CacheWarning")
    def test_a_planted_pickle_does_not_run(
        self, cache: Cache, open_cache: Open, request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        """Bytes that nobody signed are never decoded."""
        planted = pickle.dumps(_Bomb(str(tmp_path / "boom")))
        values = {"key": [1, "x" * 9000]}
        for name, data in self._each(cache, values, request):
            self._objects(request)[name] = data[: len(data) // 2] + planted
            self._check(open_cache(), values)
            self._objects(request)[name] = planted
            self._check(open_cache(), values)
            self._objects(request)[name] = data
        assert not (tmp_path / "boom").exists()

    def _each(
        self, cache: Cache, values: dict[str, Any], request: pytest.FixtureRequest
    ) -> Iterator[tuple[str, bytes]]:
        """Store *values* and yield what lies in the store."""
        if not self.checks_bytes:
            pytest.skip("this cache has no back door to its bytes")
        for key, value in values.items():
            cache.put(key, value)
        cache.flush()
        stored = dict(self._objects(request))
        assert stored
        yield from stored.items()

    def _objects(self, request: pytest.FixtureRequest) -> Objects:
        found: Objects = request.getfixturevalue("objects")()
        return found

    def _check(self, cache: Cache, values: dict[str, Any]) -> None:
        """Read everything; each answer is right or none, and never an exception."""
        for key, value in values.items():
            assert cache.get(key) in (value, MISSING)


class _Bomb:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path(self.path).touch, ()


_DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) * 2 // 3],
    "emptied": lambda _: b"",
    "extended": lambda data: data + b"\x00surplus",
    "flipped": lambda data: bytes(byte ^ (at % 97 == 0) for at, byte in enumerate(data)),
    "zeroed": lambda data: bytes(len(data)),
}


def make_key(number: int) -> Signature:
    """Return the key of the result called *number*."""
    return Signature(b"contract of node", number.to_bytes(16, "big"))


def make_result(number: int, *values: Any, seconds: float = 0.0) -> Result:
    """Return a result with *values* as outputs."""
    digests = tuple(fingerprint(value) for value in values)
    return Result(Entry(make_key(number), digests, seconds, time.time()), values)
