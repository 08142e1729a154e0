"""What every serializer promises."""

from __future__ import annotations

import pickle
import random
from collections.abc import Sequence
from typing import Any

import pytest

from hypernodes.cache import Payload, decode, encode
from hypernodes.errors import SerializationError
from hypernodes.protocols import Serializer

_ROUNDS = 200


class SerializerContract:
    """Tests of one serializer with values of its own.

    Subclasses supply the fixtures ``serializer`` and ``values``, and
    ``others`` where there are values it refuses.  They override ``is_same``
    where ``==`` does not say whether two values are the same.
    """

    @pytest.fixture
    def serializer(self) -> Serializer:
        """The serializer."""
        raise NotImplementedError

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        """Values that it encodes: small, large, empty and odd ones."""
        raise NotImplementedError

    @pytest.fixture
    def others(self) -> Sequence[Any]:
        """Values that it does not encode."""
        return ()

    def is_same(self, one: Any, other: Any) -> bool:
        """Say whether two values are the same in type and state."""
        return type(one) is type(other) and bool(one == other)

    def test_it_has_a_name_and_a_version(self, serializer: Serializer) -> None:
        """Both are written beside every value, and a plus sign is taken."""
        name, version = serializer.name, serializer.version
        assert (str, int) == (type(name), type(version))
        assert name.isprintable()
        assert "+" not in name
        assert 0 < len(name) <= 60
        assert version >= 1

    def test_it_encodes_its_values(self, serializer: Serializer, values: Sequence[Any]) -> None:
        """What it says it can encode becomes bytes."""
        for value in values:
            assert serializer.can_encode(value), value
            assert isinstance(serializer.encode(value), bytes)

    def test_it_refuses_other_values(self, serializer: Serializer, others: Sequence[Any]) -> None:
        """It does not claim what it could not give back."""
        assert [value for value in others if serializer.can_encode(value)] == []

    def test_values_come_back(self, serializer: Serializer, values: Sequence[Any]) -> None:
        """Decoding gives the same value, from bytes and from a view of them."""
        for value in values:
            data = serializer.encode(value)
            for found in (data, memoryview(data)):
                assert self.is_same(value, serializer.decode(found, serializer.version)), value

    def test_each_decoding_makes_a_new_value(
        self, serializer: Serializer, values: Sequence[Any]
    ) -> None:
        """Encoding does not keep the value: it is the same after it was decoded twice."""
        for value in values:
            data = serializer.encode(value)
            first = serializer.decode(data, serializer.version)
            second = serializer.decode(data, serializer.version)
            assert self.is_same(first, second)

    def test_it_can_be_pickled(self, serializer: Serializer) -> None:
        """Workers get a copy."""
        assert serializer.name == pickle.loads(pickle.dumps(serializer)).name

    def test_damaged_bytes_are_a_value_or_an_error(
        self, serializer: Serializer, values: Sequence[Any]
    ) -> None:
        """Whatever was changed, a cache gets a value or a `SerializationError`."""
        if serializer.is_pickle:
            pytest.skip("pickled bytes are checked before they are decoded, and never damaged")
        draws = random.Random(1)
        for value in values:
            data = serializer.encode(value)
            for _ in range(_ROUNDS // len(values) + 1):
                self._decode(serializer, _damage(data, draws))

    def test_caches_use_it(self, serializer: Serializer, values: Sequence[Any]) -> None:
        """A value that names it goes through a cache's own encoding and comes back."""
        for value in values:
            payload = encode(value, serializer.name)
            assert serializer.name == payload.serializer.partition("+")[0]
            assert self.is_same(value, decode(payload))

    def _decode(self, serializer: Serializer, data: bytes) -> None:
        try:
            decode(Payload(serializer.name, serializer.version, data))
        except SerializationError:
            return


def _damage(data: bytes, draws: random.Random) -> bytes:
    """Return *data* cut, extended or with some bytes changed."""
    at = draws.randrange(len(data) + 1)
    kind = draws.randrange(4)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data + draws.randbytes(draws.randint(1, 9))
    size = draws.randint(1, 4)
    return data[:at] + draws.randbytes(size) + data[at + (size if kind == 2 else 0) :]
