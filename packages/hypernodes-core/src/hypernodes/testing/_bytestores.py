"""What every byte store promises."""

from __future__ import annotations

from typing import Any

import pytest

from hypernodes.protocols import ByteStore

_KEY = "r/" + "0" * 32 + "/" + "f" * 32
_OTHER = "v/" + "a" * 64


class ByteStoreContract:
    """Tests of the five methods of a byte store, and of the bulk forms it has.

    Subclasses supply the fixture ``store``: an empty one.
    """

    @pytest.fixture
    def store(self) -> ByteStore:
        """An empty store."""
        raise NotImplementedError

    def test_an_unknown_key_is_none(self, store: ByteStore) -> None:
        """What was never put is not there."""
        assert (store.get(_KEY), store.has(_KEY)) == (None, False)

    @pytest.mark.parametrize("data", [b"", b"\x00", bytes(range(256)), b"x" * 2_000_000])
    def test_bytes_come_back(self, store: ByteStore, data: bytes) -> None:
        """All bytes come back, none and many of them too."""
        store.put(_KEY, data)
        found = store.get(_KEY)
        assert found is not None
        assert (data, True) == (bytes(found), store.has(_KEY))

    def test_a_key_is_written_again(self, store: ByteStore) -> None:
        """The last bytes count, however long the first were."""
        store.put(_KEY, b"the first ones")
        store.put(_KEY, b"2")
        assert store.get(_KEY) == b"2"

    def test_keys_are_apart(self, store: ByteStore) -> None:
        """Deleting one key leaves the other."""
        store.put(_KEY, b"1")
        store.put(_OTHER, b"2")
        store.delete(_KEY)
        assert (store.get(_KEY), store.get(_OTHER)) == (None, b"2")

    def test_clearing_forgets_all(self, store: ByteStore) -> None:
        """Nothing is left."""
        store.put(_KEY, b"1")
        store.put(_OTHER, b"2")
        store.clear()
        assert [store.has(_KEY), store.has(_OTHER)] == [False, False]

    def test_bulk_forms_agree_with_the_single_ones(self, store: Any) -> None:
        """Where a store has bulk forms, they say the same."""
        if not any(hasattr(store, name) for name in ("get_many", "put_many", "has_many")):
            pytest.skip("this store has no bulk forms; they are emulated")
        if hasattr(store, "put_many"):
            store.put_many({_KEY: b"1", _OTHER: b"2"})
        else:
            store.put(_KEY, b"1")
            store.put(_OTHER, b"2")
        names = [_OTHER, "v/nothing", _KEY]
        assert [store.get(name) for name in names] == [b"2", None, b"1"]
        if hasattr(store, "get_many"):
            found = {name: data for name, data in store.get_many(names).items() if data is not None}
            assert found == {_KEY: b"1", _OTHER: b"2"}
        if hasattr(store, "has_many"):
            assert [bool(each) for each in store.has_many(names)] == [True, False, True]
