"""Facts about the items of a map."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hypernodes.errors import HyperNodesError, MapLengthError, PlanError
from hypernodes.values import expand_columns


class _DataSet:
    """Sized and indexable, without ``__iter__`` and without an end."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> int:
        return 10 * index


def test_zip_walks_the_names_together() -> None:
    """In zip mode item *i* takes element *i* of every mapped name."""
    inputs = {"x": [1, 2], "y": (3, 4), "model": "tiny"}
    assert expand_columns(inputs, ["x", "y"], "zip") == (2, {"x": [1, 2], "y": [3, 4]})


def test_product_varies_the_last_name_fastest() -> None:
    """In product mode the last name in *over* changes from item to item."""
    inputs = {"x": [1, 2], "y": "ab", "z": range(2)} | {"y": ["a", "b"]}
    assert expand_columns(inputs, ["x", "y", "z"], "product") == (
        8,
        {
            "x": [1, 1, 1, 1, 2, 2, 2, 2],
            "y": ["a", "a", "b", "b", "a", "a", "b", "b"],
            "z": [0, 1, 0, 1, 0, 1, 0, 1],
        },
    )


def test_one_name_can_be_given_as_text() -> None:
    """*over* may be one name."""
    assert expand_columns({"text": [1]}, "text") == (1, {"text": [1]})


@pytest.mark.parametrize("mode", ["zip", "product"])
def test_no_elements_make_no_items(mode: str) -> None:
    """Empty columns make zero items."""
    assert expand_columns({"x": []}, ["x"], mode) == (0, {"x": []})


def test_a_product_with_an_empty_name_has_no_items() -> None:
    """One empty name empties the whole product."""
    expanded = expand_columns({"x": [1, 2], "y": []}, ["x", "y"], "product")
    assert expanded == (0, {"x": [], "y": []})


def test_unequal_lengths_are_refused_with_every_length() -> None:
    """Zip mode names each length and the way out."""
    with pytest.raises(MapLengthError) as caught:
        expand_columns({"x": [1], "y": [1, 2], "z": [1]}, ["x", "y", "z"], "zip")
    assert str(caught.value) == (
        "mapped inputs must have equal lengths in 'zip' mode: x has 1, y has 2, z has 1; "
        "use map_mode='product' for every combination"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, 2], [1, 2]),
        ((1, 2), [1, 2]),
        (range(2), [0, 1]),
        (deque([1, 2]), [1, 2]),
        ({"a": 1, "b": 2}.values(), [1, 2]),
        ({"a": 1, "b": 2}.keys(), ["a", "b"]),
        (_DataSet(), [0, 10]),
    ],
)
def test_sized_collections_hold_items(value: Any, expected: list[Any]) -> None:
    """Every sized collection with an order is walked."""
    assert expand_columns({"x": value}, ["x"]) == (2, {"x": expected})


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("text", "a str, which is one item; put it in a list"),
        (b"text", "a bytes, which is one item; put it in a list"),
        ({"a": 1}, r"a dict; pass list\(value.items\(\)\)"),
        ({1, 2}, r"a set, which has no fixed order; pass sorted\(value\)"),
        (frozenset({1}), "a frozenset, which has no fixed order"),
        (iter([1]), "a list_iterator, which is no sized collection of items; pass a list"),
        (7, "a int, which is no sized collection of items"),
        (None, "a NoneType, which is no sized collection of items"),
    ],
)
def test_values_without_items_are_refused(value: Any, remedy: str) -> None:
    """Text, mappings, sets, iterators and scalars are refused with a remedy."""
    with pytest.raises(ValueError, match=f"cannot map over 'x': its value is {remedy}"):
        expand_columns({"x": value}, ["x"])


def test_what_has_to_be_awaited_is_refused() -> None:
    """Async generators and coroutines, each with its remedy."""

    async def items() -> AsyncIterator[int]:
        yield 1

    async def item() -> list[int]:
        return [1]

    with pytest.raises(PlanError, match=r"read them first: \[item async for item in value\]"):
        expand_columns({"x": items()}, "x")
    waiting = item()
    with pytest.raises(PlanError, match="await it first"):
        expand_columns({"x": waiting}, "x")
    waiting.close()


@pytest.mark.parametrize(
    ("over", "mode", "message"),
    [
        (["x"], "zipp", "unknown map_mode 'zipp': use 'zip' or 'product'"),
        ([], "zip", "cannot map over nothing"),
        (["txt"], "zip", "cannot map over 'txt': not an input; did you mean 'text'?"),
        (["q"], "zip", r"cannot map over 'q': not an input; inputs are \['text', 'x'\]"),
        (["x", "x"], "product", "cannot map over 'x' twice"),
    ],
)
def test_requests_that_make_no_sense_are_refused(over: list[str], mode: str, message: str) -> None:
    """Unknown modes and names, no names and repeated names are ``ValueError``s of ours."""
    with pytest.raises(ValueError, match=message) as caught:
        expand_columns({"x": [1], "text": [2]}, over, mode)
    assert isinstance(caught.value, HyperNodesError)


def test_columns_are_new_lists() -> None:
    """The caller's list can change during a map without changing the map."""
    mapped = [1, 2]
    _, columns = expand_columns({"x": mapped}, ["x"])
    assert columns["x"] is not mapped


def test_numpy_arrays_give_what_iteration_gives() -> None:
    """Items of a numpy array are its scalars, or its rows."""
    numpy = pytest.importorskip("numpy")
    _, columns = expand_columns({"x": numpy.array([[1, 2], [3, 4]])}, ["x"])
    assert [row.tolist() for row in columns["x"]] == [[1, 2], [3, 4]]
    _, columns = expand_columns({"x": numpy.array([1.5])}, ["x"])
    assert type(columns["x"][0]) is numpy.float64


def test_a_numpy_array_without_dimension_is_refused() -> None:
    """A zero-dimensional array has no items."""
    numpy = pytest.importorskip("numpy")
    with pytest.raises(ValueError, match="no sized collection"):
        expand_columns({"x": numpy.array(3)}, ["x"])


@pytest.mark.parametrize("kind", ["array", "chunked_array"])
def test_arrow_arrays_give_python_values(kind: str) -> None:
    """Items of an Arrow array are plain Python values."""
    pyarrow = pytest.importorskip("pyarrow")
    data = [["a"], ["b", None]] if kind == "chunked_array" else ["a", "b", None]
    expanded = expand_columns({"x": getattr(pyarrow, kind)(data)}, ["x"])
    assert expanded == (3, {"x": ["a", "b", None]})


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_series_give_their_values_in_order(library: str) -> None:
    """Items of a column are its values, whatever its index."""
    frames = pytest.importorskip(library)
    series = frames.Series([3, 1, 2])
    if library == "pandas":
        series = series.sort_values()
    _, columns = expand_columns({"x": series}, ["x"])
    assert columns["x"] == ([1, 2, 3] if library == "pandas" else [3, 1, 2])


@pytest.mark.parametrize(
    ("library", "table"), [("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "table")]
)
def test_tables_are_refused(library: str, table: str) -> None:
    """A table is refused, for neither its rows nor its columns are meant for sure."""
    frames = pytest.importorskip(library)
    with pytest.raises(ValueError, match="which is a table; pass one column"):
        expand_columns({"x": getattr(frames, table)({"a": [1]})}, ["x"])
