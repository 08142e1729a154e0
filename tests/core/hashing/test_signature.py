"""How digests become keys."""

from __future__ import annotations

import pickle

import pytest

from hypernodes.hashing import (
    Signature,
    column_digest,
    fingerprint,
    item_digest,
    node_digest,
)

ONE = Signature(bytes(16), b"\x01" * 16)
TWO = Signature(b"\x01" * 16, bytes(16))


def test_the_text_is_two_hexadecimal_numbers() -> None:
    """A signature is written as node and item."""
    assert str(ONE) == "0" * 32 + "-" + "01" * 16


def test_a_signature_comes_back_from_its_text() -> None:
    """Parsing undoes writing."""
    assert Signature.parse(str(ONE)) == ONE


@pytest.mark.parametrize("text", ["", "mine", str(ONE) + " ", str(TWO).replace("0", "A"), "\udc80"])
def test_any_other_text_has_a_place_of_its_own(text: str) -> None:
    """Users' keys share a node that no pipeline has, and differ by item."""
    parsed = Signature.parse(text)
    assert parsed.node == Signature.parse("another").node
    assert parsed.item != Signature.parse("another").item
    assert (len(parsed.node), len(parsed.item)) == (16, 16)


def test_signatures_sort_by_node_first() -> None:
    """What belongs to one node lies together."""
    assert sorted([TWO, ONE]) == [ONE, TWO]


def test_signatures_are_values() -> None:
    """They can be keys, cannot be changed, and survive a pickle."""
    assert {ONE: 1}[pickle.loads(pickle.dumps(ONE))] == 1
    with pytest.raises(AttributeError):
        ONE.node = b""  # type: ignore[misc]  # what the test is about


def test_node_digests_count_every_part() -> None:
    """Parts cannot be shifted from one to the next."""
    parts = [(b"ab",), (b"a", b"b"), (b"", b"ab"), (b"ab", b""), (b"a", b"b", b"")]
    digests = {node_digest(*part) for part in parts}
    assert len(digests) == len(parts)
    assert {len(digest) for digest in digests} == {16}


def test_item_digests_count_names_and_order() -> None:
    """Each argument counts under its name, in its place."""
    a, b = fingerprint(1), fingerprint(2)
    arguments = [
        [],
        [("x", a)],
        [("x", b)],
        [("y", a)],
        [("x", a), ("y", b)],
        [("y", b), ("x", a)],
        [("x", b), ("y", a)],
    ]
    digests = {item_digest(each) for each in arguments}
    assert len(digests) == len(arguments)
    assert {len(digest) for digest in digests} == {16}


def test_columns_count_order_and_length() -> None:
    """A mapped result is the list of its items, and is not the list of their digests."""
    a, b = fingerprint(1), fingerprint(2)
    columns = {column_digest(each) for each in ([], [a], [a, b], [b, a], [a, a])}
    assert len(columns) == 5
    assert column_digest([a]) not in (a, fingerprint([1]), fingerprint([a]))
