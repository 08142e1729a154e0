"""Facts about who encodes a value and who decodes it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.cache import MemoryCache, PickleSerializer, set_registered_serializers
from hypernodes.cache._entry import Payload
from hypernodes.cache._serializers import decode, encode
from hypernodes.errors import SerializationError
from hypernodes.plugins import registered_serializers
from hypernodes.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Upper:
    """Encodes text in capitals, to be recognised by."""

    name = "upper"
    version = 2
    is_pickle = False

    def can_encode(self, value: Any) -> bool:
        """Say yes to text."""
        return isinstance(value, str)

    def encode(self, value: Any) -> bytes:
        """Return the text in capitals."""
        return bytes(value.upper().encode())

    def decode(self, data: bytes | memoryview, version: int) -> Any:
        """Return the text and the version."""
        return f"{bytes(data).decode()} v{version}"


class Broken(Upper):
    """Claims everything and fails at it."""

    name = "broken"

    def can_encode(self, value: Any) -> bool:
        """Say yes."""
        return True

    def encode(self, value: Any) -> bytes:
        """Raise."""
        msg = "out of ink"
        raise OSError(msg)


@pytest.fixture
def registered() -> Iterator[list[Any]]:
    """The registered serializers; a list to fill."""
    found: list[Any] = []
    set_registered_serializers(lambda: found)
    yield found
    set_registered_serializers(registered_serializers)


def test_registered_serializers_are_asked_first(registered: list[Any]) -> None:
    """A registered serializer that can encode a value goes before ours."""
    registered.append(Upper())
    assert (encode("a").serializer, encode(1).serializer) == ("upper", "data")


def test_pickle_is_asked_last(registered: list[Any]) -> None:
    """Only what is more than data is pickled."""
    assert (encode([1]).serializer, encode([print]).serializer) == ("data", "pickle")


def test_pickle_can_be_refused(registered: list[Any]) -> None:
    """Without pickle a value that needs it is an error that says so, and data is not."""
    assert decode(encode([1], allow_pickle=False), allow_pickle=False) == [1]
    with pytest.raises(SerializationError, match=r"only pickle can encode list.*allow_pickle"):
        encode([print], allow_pickle=False)
    with pytest.raises(SerializationError, match=r"stored with 'pickle'.*allow_pickle"):
        decode(encode([print]), allow_pickle=False)


def test_a_refused_pickle_is_not_asked_for_by_name(registered: list[Any]) -> None:
    """Naming the serializer does not get around the refusal."""
    with pytest.raises(SerializationError, match="allow_pickle=False"):
        encode(1, "pickle", allow_pickle=False)


def test_a_named_serializer_that_cannot_is_an_error(registered: list[Any]) -> None:
    """A format that was asked for by name is not silently replaced."""
    with pytest.raises(SerializationError, match="cannot encode list with 'data'"):
        encode([print], "data")


def test_large_values_are_compressed_where_it_pays(registered: list[Any]) -> None:
    """What shrinks is kept compressed, says so, and comes back; noise and small values are not."""
    noise, pattern = random.Random(1).randbytes(5000), b"ab" * 5000
    payload = encode(pattern)
    assert ("data+zstd", True) == (payload.serializer, len(payload.data) < 100)
    assert (pattern, "data", "data") == (
        decode(payload),
        encode(noise).serializer,
        encode(b"ab" * 500).serializer,
    )


def test_a_large_value_that_does_not_compress_is_sampled(registered: list[Any]) -> None:
    """Megabytes of noise are passed over after a look at their middle."""
    noise = random.Random(1).randbytes(2 << 20)
    assert decode(encode(noise)) == noise


def test_a_decompression_bomb_is_an_error(registered: list[Any]) -> None:
    """Bytes that claim to stand for far more than they can are not decompressed."""
    zstandard = pytest.importorskip("zstandard")
    bomb = zstandard.ZstdCompressor(level=1).compress(bytes(1 << 20))
    forged = bomb[:4] + bytes([bomb[4] | 0xC0]) + (1 << 50).to_bytes(8, "little") + bomb[9:]
    with pytest.raises(SerializationError, match=r"claim to stand for|damaged"):
        decode(Payload("data+zstd", 1, forged))


def test_views_decode_like_bytes(registered: list[Any]) -> None:
    """What lies in a mapped file is decoded without being copied first."""
    for value in (None, 1, 2.5, "text", b"raw", [1, "x"], b"ab" * 5000, {"a": bytearray(9000)}):
        payload = encode(value)
        view = Payload(payload.serializer, payload.version, memoryview(payload.data))
        assert decode(view) == value


def test_pickled_arrays_are_writable_again(registered: list[Any]) -> None:
    """Large buffers beside a pickle come back as the kind of memory they were."""
    numpy = pytest.importorskip("numpy")
    value = (numpy.arange(5000.0), numpy.ma.masked_array([1, 2], [0, 1]), print)
    frozen = numpy.arange(5000.0)
    frozen.flags.writeable = False
    payload = encode((*value, frozen))
    found = decode(payload)
    assert payload.serializer.startswith("pickle")
    assert (found[0].tolist(), found[3].tolist()) == (value[0].tolist(), frozen.tolist())
    assert (True, False) == (found[0].flags.writeable, found[3].flags.writeable)


def test_the_first_that_can_encode_is_taken(registered: list[Any]) -> None:
    """Registered serializers are asked in order."""
    first = Upper()
    first.name = "first"
    registered.extend([first, Upper()])
    assert encode("a").serializer == "first"


def test_a_payload_names_serializer_and_version(registered: list[Any]) -> None:
    """What was encoded says by whom, and decoding is told the version."""
    registered.append(Upper())
    payload = encode("a")
    assert (payload, decode(payload)) == (Payload("upper", 2, b"A"), "A v2")


def test_old_versions_are_handed_to_the_serializer(registered: list[Any]) -> None:
    """A payload of an older version is decoded as that version."""
    registered.append(Upper())
    assert decode(Payload("upper", 1, b"A")) == "A v1"


def test_a_named_serializer_is_used(registered: list[Any]) -> None:
    """The name of a serializer overrides the order."""
    registered.extend([Broken(), Upper()])
    assert encode("a", "upper").serializer == "upper"
    assert encode("a", "pickle").serializer == "pickle"


def test_an_unknown_name_says_what_to_do(registered: list[Any]) -> None:
    """A serializer that is not installed is an error that names it."""
    with pytest.raises(SerializationError, match=r"no serializer named 'gone'.*install"):
        encode("a", "gone")
    with pytest.raises(SerializationError, match=r"no serializer named 'gone'.*install"):
        decode(Payload("gone", 1, b""))


def test_a_serializer_that_fails_is_named(registered: list[Any]) -> None:
    """A failure to encode names type, serializer and cause."""
    registered.append(Broken())
    with pytest.raises(SerializationError, match="cannot encode str with 'broken': out of ink"):
        encode("a")


def test_bytes_that_do_not_decode_are_an_error(registered: list[Any]) -> None:
    """A failure to decode names the serializer and keeps the cause."""
    with pytest.raises(SerializationError, match="'pickle'") as caught:
        decode(Payload("pickle", 1, b"no pickle"))
    assert caught.value.__cause__ is not None


def test_a_value_of_an_uninstalled_serializer_is_missing(registered: list[Any]) -> None:
    """Once the extension is gone, what it stored is not there, and can be stored anew."""
    cache = MemoryCache()
    registered.append(Upper())
    cache.put("k", "a")
    registered.clear()
    first = cache.get("k")
    cache.put("k", "a")
    assert (first, cache.get("k")) == (MISSING, "a")


@pytest.mark.parametrize(
    "value", [None, True, 2**70, "\ud800", {1: ()}, float("inf"), ...], ids=repr
)
def test_pickle_gives_values_back(value: Any) -> None:
    """`PickleSerializer` returns values of the same type."""
    pickler = PickleSerializer()
    found = pickler.decode(pickler.encode(value), pickler.version)
    assert (found, type(found)) == (value, type(value))
