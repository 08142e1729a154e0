"""Facts about caches that fail while a run uses them."""

from __future__ import annotations

from typing import Any

import pytest

from hypernodes.cache import Entry, MemoryCache, Result
from hypernodes.errors import (
    CacheError,
    CacheUnavailableError,
    CacheWarning,
    FingerprintError,
    SerializationError,
)
from hypernodes.execution._guard import GuardedCache
from hypernodes.hashing import Signature, fingerprint
from hypernodes.values import MISSING


class Flaky(MemoryCache):
    """Fails in the methods that are listed, and counts their calls."""

    def __init__(self, *broken: str, error: Exception | None = None) -> None:
        super().__init__()
        self.broken = set(broken)
        self.error = error or OSError("disk on fire")
        self.calls: list[str] = []

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.broken:
            raise self.error

    def lookup_many(self, signatures: Any) -> Any:
        """Fail or look up."""
        self._call("lookup")
        return super().lookup_many(signatures)

    def load_many(self, wanted: Any) -> Any:
        """Fail or load."""
        self._call("load")
        return super().load_many(wanted)

    def store_many(self, results: Any) -> None:
        """Fail or store."""
        self._call("store")
        super().store_many(results)

    def flush(self) -> None:
        """Fail or flush."""
        self._call("flush")


def result(number: int = 1, value: Any = "a") -> Result:
    """Return a result."""
    key = Signature(bytes(16), number.to_bytes(16, "big"))
    return Result(Entry(key, (fingerprint(number),)), (value,))


def write(guard: GuardedCache) -> None:
    """Store a result and flush twice."""
    guard.store(result(), "n")
    guard.flush()
    guard.flush()


def test_a_healthy_cache_is_used_as_it_is() -> None:
    """What was stored is found and loaded."""
    guard, one = GuardedCache(Flaky()), result()
    stored = guard.store(one, "n")
    entries = guard.lookup_many([one.entry.signature])
    assert (stored, entries, guard.load_many([(one.entry, 0)])) == (True, [one.entry], ["a"])


def test_nothing_asked_is_nothing_called() -> None:
    """Empty requests do not reach the cache."""
    cache = Flaky("lookup", "load")
    guard = GuardedCache(cache)
    assert (guard.lookup_many([]), guard.load_many([]), cache.calls) == ([], [], [])


def test_a_failed_lookup_is_a_miss_and_a_warning() -> None:
    """A cache that cannot be read answers nothing and is left alone for the rest of the run."""
    cache = Flaky("lookup")
    guard = GuardedCache(cache)
    with pytest.warns(CacheWarning, match=r"cannot be read.*disk on fire"):
        found = guard.lookup_many([result().entry.signature] * 2)
    guard.lookup_many([result().entry.signature])
    stored = guard.store(result(), "n")
    guard.flush()
    assert (found, stored, cache.calls) == ([MISSING] * 2, False, ["lookup"])


def test_a_failed_load_is_missing_and_a_warning() -> None:
    """Values that cannot be read are ``MISSING``."""
    guard = GuardedCache(Flaky("load"))
    with pytest.warns(CacheWarning, match="cannot be read"):
        assert guard.load_many([(result().entry, 0)]) == [MISSING]


@pytest.mark.parametrize("name", ["store", "flush"])
def test_a_failed_write_is_a_warning(name: str) -> None:
    """A cache that cannot be written is one warning."""
    guard = GuardedCache(Flaky(name))
    with pytest.warns(CacheWarning, match=r"cannot be written.*disk on fire") as caught:
        write(guard)
    assert len(caught) == 1


def test_a_value_that_cannot_be_stored_does_not_end_the_cache() -> None:
    """After an unpicklable value the cache goes on with others."""
    guard, good = GuardedCache(Flaky()), result(2)
    with pytest.warns(CacheWarning, match="result of 'n' is not cached"):
        stored = guard.store(result(1, (each for each in ())), "n")
    assert (stored, guard.store(good, "n")) == (False, True)


def test_recent_knows_what_was_stored_since_the_last_flush() -> None:
    """Stored results are recent until they are flushed or forgotten."""
    guard, one, other = GuardedCache(Flaky()), result(1), result(2)
    guard.store(one, "n")
    guard.store(other, "n")
    guard.forget(other.entry.signature)
    guard.forget(None)
    before = [guard.recent(each.entry.signature) for each in (one, other)]
    guard.flush()
    assert (before, guard.recent(one.entry.signature)) == ([one.entry, None], None)


def test_what_was_not_stored_is_not_recent() -> None:
    """A result that could not be stored answers nobody."""
    guard, bad = GuardedCache(Flaky()), result(1, (each for each in ()))
    with pytest.warns(CacheWarning):
        guard.store(bad, "n")
    assert guard.recent(bad.entry.signature) is None


def test_equal_messages_warn_once() -> None:
    """One message is one warning in a run."""
    guard = GuardedCache(Flaky())
    with pytest.warns(CacheWarning) as caught:
        [guard.warn(message) for message in ("a", "b", "a")]
    assert [str(each.message) for each in caught] == ["a", "b"]


@pytest.mark.parametrize("name", ["lookup", "load", "store", "flush"])
def test_strict_raises_what_else_is_a_warning(name: str) -> None:
    """With ``strict`` a failing cache raises `CacheError` that holds the cause."""
    error = OSError("disk on fire")
    guard, one = GuardedCache(Flaky(name, error=error), strict=True), result()
    uses = {
        "lookup": lambda: guard.lookup_many([one.entry.signature]),
        "load": lambda: guard.load_many([(one.entry, 0)]),
        "store": lambda: guard.store(one, "n"),
        "flush": guard.flush,
    }
    with pytest.raises(CacheUnavailableError, match="on fire") as caught:
        uses[name]()
    chain = [caught.value.__cause__, getattr(caught.value.__cause__, "__cause__", None)]
    assert str(error) in " ".join(map(str, chain))


def test_strict_keeps_the_kind_of_error() -> None:
    """With ``strict`` the error is of the kind that the cache has raised."""
    guard = GuardedCache(Flaky(), strict=True)
    with pytest.raises(SerializationError, match="'n'"):
        guard.store(result(1, (each for each in ())), "n")


def test_strict_keeps_fingerprint_errors() -> None:
    """With ``strict`` a missing fingerprint is a `FingerprintError`."""
    guard = GuardedCache(Flaky(), strict=True)
    with pytest.raises(FingerprintError):
        guard.warn("no fingerprint", FingerprintError("x"))


def test_strict_without_a_cause_is_a_cache_error() -> None:
    """With ``strict`` any warning of the cache is a `CacheError`."""
    with pytest.raises(CacheError, match="odd"):
        GuardedCache(Flaky(), strict=True).warn("odd")


def test_interrupts_pass() -> None:
    """A keyboard interrupt in a cache is no failure of the cache."""

    class Interrupted(MemoryCache):
        def lookup_many(self, signatures: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        GuardedCache(Interrupted()).lookup_many([result().entry.signature])


def test_an_interrupted_write_is_made_up_for() -> None:
    """Results that an interrupt kept from being written are written when the run ends."""

    class Interrupted(MemoryCache):
        """Is interrupted once, while it writes."""

        times = 0

        def write(self, stored: Any) -> None:
            """Be interrupted, or write."""
            self.times += 1
            if self.times == 1:
                raise KeyboardInterrupt
            super().write(stored)

    cache = Interrupted()
    guarded, kept = GuardedCache(cache), result()
    guarded.store(kept, "n")
    with pytest.raises(KeyboardInterrupt):
        guarded.settle()
    guarded.flush()
    assert cache.lookup_many([kept.entry.signature]) == [kept.entry]
