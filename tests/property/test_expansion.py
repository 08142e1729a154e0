"""Expansion against its definition: `zip` and `itertools.product`."""

from __future__ import annotations

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from hypernodes.values import expand_columns

NAMES = ["a", "b", "c", "d"]


def _columns(length: st.SearchStrategy[int]) -> st.SearchStrategy[dict[str, list[int]]]:
    column = length.flatmap(lambda n: st.lists(st.integers(), min_size=n, max_size=n))
    return st.dictionaries(st.sampled_from(NAMES), column, min_size=1)


@given(_columns(st.integers(0, 4)))
def test_product_is_itertools_product(columns: dict[str, list[int]]) -> None:
    """The rows of a product are those of ``itertools.product``, in its order."""
    names = sorted(columns)
    count, expanded = expand_columns(columns, names, "product")
    rows = list(zip(*(expanded[name] for name in names), strict=True))
    assert rows == list(itertools.product(*(columns[name] for name in names)))
    assert count == math.prod(len(items) for items in columns.values())


@given(st.integers(0, 6).flatmap(lambda n: _columns(st.just(n))))
def test_zip_is_zip(columns: dict[str, list[int]]) -> None:
    """The columns of a zip are the mapped values themselves."""
    count, expanded = expand_columns(columns, list(columns), "zip")
    assert (expanded, {count}) == (columns, {len(items) for items in columns.values()})


@given(_columns(st.integers(1, 3)))
def test_the_order_of_names_is_that_of_over(columns: dict[str, list[int]]) -> None:
    """Reversing *over* reverses which name varies fastest, and keeps the items."""
    names = sorted(columns)
    rows = [
        list(zip(*(expand_columns(columns, over, "product")[1][n] for n in names), strict=True))
        for over in (names, names[::-1])
    ]
    assert sorted(rows[0]) == sorted(rows[1])


@given(st.lists(st.none() | st.integers(), max_size=5))
def test_mapping_one_name_is_the_same_in_both_modes(items: list[int | None]) -> None:
    """With one mapped name there is no difference between the modes."""
    expansions = [expand_columns({"x": items}, ["x"], mode) for mode in ("zip", "product")]
    assert expansions == [(len(items), {"x": items})] * 2
