"""Facts about what all our caches share, on both kinds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.cache import DiskCache, EncodedCache, Entry, MemoryCache, Result
from hypernodes.errors import SerializationError
from hypernodes.hashing import Signature, fingerprint
from hypernodes.values import MISSING

if TYPE_CHECKING:
    from pathlib import Path


class NoFingerprint:
    """Pickles, and refuses to be fingerprinted."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __cache_key__(self) -> str:
        msg = "no key"
        raise RuntimeError(msg)


class Undecodable:
    """Pickles, and cannot be made again."""

    def __reduce__(self) -> Any:
        return (int, ("no number",))


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> EncodedCache:
    """A new cache of each kind."""
    return MemoryCache() if request.param == "memory" else DiskCache(tmp_path / "cache")


def key(number: int) -> Signature:
    """Return a signature."""
    return Signature(bytes(16), number.to_bytes(16, "big"))


def result(number: int, *values: Any) -> Result:
    """Return a result under ``key(number)``."""
    return Result(Entry(key(number), tuple(fingerprint(value) for value in values)), values)


def test_get_returns_what_was_put(cache: EncodedCache) -> None:
    """A value comes back equal, under a signature and under a text."""
    cache.put("text", {"a": [1, None]})
    cache.put(key(1), (2, 3))
    assert (cache.get("text"), cache.get(key(1))) == ({"a": [1, None]}, (2, 3))


def test_a_signature_and_its_text_are_one_key(cache: EncodedCache) -> None:
    """``str(signature)`` finds what was put under the signature."""
    cache.put(key(1), "x")
    assert cache.get(str(key(1))) == "x"


def test_get_of_nothing_is_missing(cache: EncodedCache) -> None:
    """What is not there is ``MISSING``, or the default that was given; never None."""
    assert (cache.get("no"), cache.get("no", None), cache.get("no", 3)) == (MISSING, None, 3)


def test_none_is_a_value(cache: EncodedCache) -> None:
    """A stored None is there, and comes back as None whatever the default."""
    cache.put("none", None)
    assert (cache.has("none"), cache.get("none", "default")) == (True, None)


def test_has_says_what_is_there(cache: EncodedCache) -> None:
    """``has`` knows stored keys and no others."""
    cache.put("a", 1)
    assert (cache.has("a"), cache.has("b")) == (True, False)


def test_put_replaces(cache: EncodedCache) -> None:
    """The last value put under a key is the one that is there."""
    for value in (1, 2, 1, [3]):
        cache.put("a", value)
    assert cache.get("a") == [3]


def test_put_replaces_what_has_no_fingerprint(cache: EncodedCache) -> None:
    """The last value counts also where values have no fingerprint."""
    for number in (1, 2):
        cache.put("a", NoFingerprint(number))
    assert cache.get("a").number == 2


def test_values_without_fingerprint_do_not_collide(cache: EncodedCache) -> None:
    """Values without a fingerprint live under their own keys."""
    cache.put_many({"a": NoFingerprint(1), "b": NoFingerprint(2)})
    assert [each.number for each in cache.get_many(["a", "b"])] == [1, 2]


def test_clear_forgets_everything(cache: EncodedCache) -> None:
    """After ``clear`` nothing is there, and new values can be put."""
    cache.put("a", 1)
    cache.clear()
    assert (cache.has("a"), cache.get("a")) == (False, MISSING)
    cache.put("a", 2)
    assert cache.get("a") == 2


def test_bulk_forms_keep_the_order(cache: EncodedCache) -> None:
    """The bulk forms answer in the order of the keys, repeated ones too."""
    cache.put_many({"a": 1, "b": None})
    assert cache.has_many(["b", "x", "a", "b"]) == [True, False, True, True]
    assert cache.get_many(["b", "x", "a", "b"], default="-") == [None, "-", 1, None]


def test_bulk_forms_of_nothing(cache: EncodedCache) -> None:
    """No keys, no answers."""
    cache.put_many({})
    assert (cache.get_many([]), cache.has_many([]), cache.lookup_many([])) == ([], [], [])


def test_many_keys_at_once(cache: EncodedCache) -> None:
    """Bulk forms take more keys than one query holds."""
    names = [f"key {number}" for number in range(1201)]
    cache.put_many({name: number for number, name in enumerate(names)})
    assert cache.get_many(names) == list(range(1201))


def test_lookup_answers_with_records(cache: EncodedCache) -> None:
    """``lookup_many`` gives one record per signature, in order, ``MISSING`` where there is none."""
    cache.store_many([result(1, "a"), result(2, "b", "c")])
    found = cache.lookup_many([key(2), key(3), key(1)])
    assert found == [result(2, "b", "c").entry, MISSING, result(1, "a").entry]


def test_load_answers_per_output(cache: EncodedCache) -> None:
    """``load_many`` gives one value per entry and position, in order."""
    cache.store_many([result(1, "a"), result(2, "b", None)])
    two, one = result(2, "b", None).entry, result(1, "a").entry
    assert cache.load_many([(two, 1), (one, 0), (two, 0)]) == [None, "a", "b"]


def test_load_of_what_is_gone_is_missing(cache: EncodedCache) -> None:
    """A value that is no longer there is ``MISSING``, the others come."""
    cache.store_many([result(1, "a")])
    assert cache.load_many([(result(9, "z").entry, 0), (result(1, "a").entry, 0)]) == [MISSING, "a"]


def test_loads_share_nothing(cache: EncodedCache) -> None:
    """Two answers, also of one call, are two objects, and neither is the one that was put."""
    given = [1]
    cache.put("a", given)
    found = [*cache.get_many(["a", "a"]), cache.get("a")]
    assert (found, len({id(each) for each in [given, *found]})) == ([[1], [1], [1]], 4)


def test_changes_after_put_do_not_count(cache: EncodedCache) -> None:
    """A cache keeps bytes, never a reference to what it was given."""
    given = [1]
    cache.put("a", given)
    given.append(2)
    assert cache.get("a") == [1]


def test_equal_values_share_their_bytes(cache: EncodedCache) -> None:
    """Equal results of different keys are stored once."""
    big = random.Random(0).randbytes(10_000)
    cache.put("a", big)
    before = cache.stats()["bytes"]  # type: ignore[attr-defined]  # both kinds have it
    cache.put("b", big)
    assert cache.stats()["bytes"] == before  # type: ignore[attr-defined]  # both kinds have it


def test_several_values_come_back_as_a_tuple(cache: EncodedCache) -> None:
    """``get`` of a result with several outputs is a tuple of them."""
    cache.store_many([result(1, "a", None)])
    assert cache.get(key(1)) == ("a", None)


def test_what_cannot_be_encoded_raises(cache: EncodedCache) -> None:
    """``put`` of an unpicklable value raises and leaves nothing behind."""
    with pytest.raises(SerializationError, match="generator"):
        cache.put("a", (each for each in ()))
    assert not cache.has("a")


def test_what_cannot_be_encoded_leaves_the_others(cache: EncodedCache) -> None:
    """A bulk store keeps what can be encoded, and says which positions could not."""
    bad = Result(Entry(key(2), (bytes(32),)), (lambda: 0,))
    with pytest.raises(SerializationError) as caught:
        cache.store_many([result(1, "a"), bad, result(3, "c")])
    assert list(caught.value.failed) == [1]
    assert cache.get_many([key(1), key(2), key(3)]) == ["a", MISSING, "c"]


def test_what_cannot_be_decoded_is_missing_and_forgotten(cache: EncodedCache) -> None:
    """A value that does not decode is not there, and the next one can take its place."""
    digest = fingerprint("x")
    cache.store_many([Result(Entry(key(1), (digest,)), (Undecodable(),))])
    first = cache.get(key(1), "default")
    cache.store_many([Result(Entry(key(1), (digest,)), ("x",))])
    assert (first, cache.get(key(1))) == ("default", "x")


def test_stats_count(cache: EncodedCache) -> None:
    """``stats`` counts entries and the bytes of their values."""
    empty = cache.stats()  # type: ignore[attr-defined]  # both kinds have it
    cache.put_many({"a": "x" * 100, "b": "y" * 100})
    full = cache.stats()  # type: ignore[attr-defined]  # both kinds have it
    assert (empty["entries"], empty["bytes"], full["entries"]) == (0, 0, 2)
    assert full["bytes"] >= 200


def test_prune_keeps_the_newest(cache: Any) -> None:
    """``prune(max_items=...)`` drops what was stored first, and its values."""
    for number in range(4):
        entry = Entry(key(number), (fingerprint(number),), created=float(number))
        cache.store_many([Result(entry, (number,))])
    dropped = cache.prune(max_items=1)
    assert (dropped, cache.get_many([key(n) for n in range(4)])) == (3, [MISSING] * 3 + [3])


def test_prune_keeps_values_that_are_still_needed(cache: Any) -> None:
    """A value shared with a newer result outlives the older one."""
    for number in (1, 2):
        entry = Entry(key(number), (fingerprint("same"),), created=float(number))
        cache.store_many([Result(entry, ("same",))])
    cache.prune(max_items=1)
    assert (cache.get(key(1)), cache.get(key(2))) == (MISSING, "same")


def test_prune_of_nothing_drops_nothing(cache: Any) -> None:
    """Fewer results than the limit all stay."""
    cache.put("a", 1)
    assert (cache.prune(max_items=5), cache.get("a")) == (0, 1)


@pytest.mark.parametrize("others", [[1, 2], [1, "text"], [1, [2]], [1, "x" * 10_000]])
def test_one_value_of_many_that_does_not_decode_is_missing_alone(
    cache: EncodedCache, others: list[Any]
) -> None:
    """Values that are loaded together come whatever is wrong with one of them."""
    values = [others[0], Undecodable(), others[1]]
    cache.store_many(
        [Result(Entry(key(n), (bytes([n]) * 32,)), (v,)) for n, v in enumerate(values)]
    )
    found = cache.lookup_many([key(n) for n in range(3)])
    loaded = cache.load_many([(each, 0) for each in found if isinstance(each, Entry)])
    assert [others[0], MISSING, others[1]] == loaded


def test_values_of_several_outputs_are_loaded_side_by_side(cache: EncodedCache) -> None:
    """Each position leads to its own value, large or small."""
    cache.store_many([result(1, "a", "b" * 10_000), result(2, "c", "d"), result(3, "e")])
    one, two, three = cache.lookup_many([key(n) for n in (1, 2, 3)])
    wanted = [(one, 0), (one, 1), (two, 1), (two, 0), (three, 0)]
    assert ["a", "b" * 10_000, "d", "c", "e"] == cache.load_many(wanted)  # type: ignore[arg-type]
    assert ["a", "c", "e"] == cache.load_many([(one, 0), (two, 0), (three, 0)])  # type: ignore[list-item]


def test_large_values_are_written_before_all_are_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are stored at once, a few megabytes of them are held encoded."""
    cache = DiskCache(tmp_path / "cache")
    portions: list[int] = []
    write = DiskCache.write
    monkeypatch.setattr(
        DiskCache, "write", lambda self, some: (portions.append(len(some)), write(self, some))[1]
    )
    values = [random.Random(n).randbytes(3 << 20) for n in range(7)]
    cache.store_many([result(n, value) for n, value in enumerate(values)])
    assert [3, 3, 1] == portions
    assert values == cache.get_many([key(n) for n in range(7)])
