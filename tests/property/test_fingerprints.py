"""Digests of any value that Hypothesis can think of."""

from __future__ import annotations

import copy
import math
import pickle
import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hypernodes.hashing import Signature, _walk, fingerprint, item_digest, node_digest
from hypernodes.hashing._dispatch import Dispatch

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 3)
    | st.floats()
    | st.sampled_from([0.0, -0.0, 1.0])
    | st.complex_numbers()
    | st.text(st.characters(), max_size=5)
    | st.binary(max_size=5)
    | st.binary(max_size=5).map(bytearray)
    | st.just(...)
)
KEYS = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=2) | st.binary(max_size=2)


def containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return strategies for containers of *children*."""
    return (
        st.lists(children, max_size=12)
        | st.lists(st.floats(), max_size=12)
        | st.lists(st.text(max_size=2), max_size=12)
        | st.lists(st.integers(), max_size=12)
        | st.lists(children, max_size=4).map(tuple)
        | st.dictionaries(KEYS, children, max_size=10)
        | st.sets(KEYS, max_size=10)
        | st.frozensets(KEYS, max_size=10)
    )


VALUES = st.recursive(SCALARS, containers, max_leaves=25)


def model(value: Any) -> Any:
    """Return a text that is equal exactly for equal values, written the slow and plain way."""
    kind = type(value).__name__
    if isinstance(value, float):
        return kind, "nan" if math.isnan(value) else struct.pack("<d", value)
    if isinstance(value, complex):
        return kind, model(value.real), model(value.imag)
    if isinstance(value, list | tuple):
        return kind, tuple(model(item) for item in value)
    if isinstance(value, dict):
        return kind, tuple((model(key), model(item)) for key, item in value.items())
    if isinstance(value, set | frozenset):
        return kind, frozenset(model(item) for item in value)
    return kind, bytes(value) if isinstance(value, bytearray) else value


@settings(deadline=None, max_examples=300)
@given(VALUES, VALUES)
def test_digests_are_equal_exactly_for_equal_values(one: Any, other: Any) -> None:
    """Two values share a digest if, and only if, they are the same in type and content."""
    assert (fingerprint(one) == fingerprint(other)) == (model(one) == model(other))


@settings(deadline=None, max_examples=300)
@given(VALUES)
def test_copies_share_the_digest(value: Any) -> None:
    """Copies, pickles and other ways to the same value have its digest."""
    expected = fingerprint(value)
    assert fingerprint(copy.deepcopy(value)) == expected
    assert fingerprint(pickle.loads(pickle.dumps(value))) == expected


@settings(deadline=None, max_examples=200)
@given(VALUES)
def test_sharing_never_shows(value: Any) -> None:
    """One object in two places equals two equal objects."""
    assert fingerprint([value, value]) == fingerprint([value, copy.deepcopy(value)])


@settings(deadline=None, max_examples=200)
@given(VALUES)
def test_depth_never_shows(value: Any) -> None:
    """A part of a deep value, which takes another walk, is the part that it is."""
    one, other = [value, {"k": [value]}], [copy.deepcopy(value), {"k": [value]}]
    for _ in range(30):
        one, other = [one], [other]
    shallow = fingerprint([value])
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint([value]) == shallow


@settings(deadline=None, max_examples=300)
@given(VALUES)
def test_both_walks_write_the_same_token(value: Any) -> None:
    """The quick walk and the thorough one differ in speed only."""
    expand = Dispatch({}).expand
    thorough = _walk._Descent(expand).token(value, "value")
    assert _walk._quick_any(value, 100, expand, {}) == thorough


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(SCALARS, max_size=3), max_size=4))
def test_brackets_count(rows: list[list[Any]]) -> None:
    """Moving a border between lists changes the digest, unless nothing moved."""
    flat = [item for row in rows for item in row]
    assert (fingerprint(flat) == fingerprint(rows)) == (model(flat) == model(rows))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12), st.integers(0, 5))
def test_graphs_with_cycles_have_digests_that_copies_share(
    edges: list[tuple[int, int]], label: int
) -> None:
    """Any graph of lists equals its copy, and differs when a reachable label does."""
    nodes: list[list[Any]] = [[f"node {i}"] for i in range(6)]
    for start, end in edges:
        nodes[start].append(nodes[end])
    before = fingerprint(nodes)
    assert fingerprint(copy.deepcopy(nodes)) == before
    assert [fingerprint(n) for n in copy.deepcopy(nodes)] == [fingerprint(n) for n in nodes]
    nodes[label][0] = "other"
    assert fingerprint(nodes) != before


@settings(deadline=None, max_examples=200)
@given(st.text(), st.text())
def test_every_text_is_a_signature_of_its_own(one: str, other: str) -> None:
    """Distinct keys of the user's are distinct signatures, which survive their text."""
    parsed = Signature.parse(one)
    assert (parsed == Signature.parse(other)) == (one == other)
    assert Signature.parse(str(parsed)) == parsed


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3)), max_size=3),
    st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3)), max_size=3),
)
def test_keys_count_each_part(one: list[tuple[str, bytes]], other: list[tuple[str, bytes]]) -> None:
    """Nothing can be moved from one part of a key to the next."""
    assert (item_digest(one) == item_digest(other)) == (one == other)
    parts = [[b for _, b in pairs] for pairs in (one, other)]
    digests = [node_digest(b"code", *each) for each in parts]
    assert (digests[0] == digests[1]) == (parts[0] == parts[1])
