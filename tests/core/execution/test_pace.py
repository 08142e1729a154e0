"""Facts about how many items travel together."""

from __future__ import annotations

import pytest

from hypernodes.execution._pace import CHUNK_ITEMS, Pace, read_pace


def test_without_a_time_it_stays() -> None:
    """Where no time is asked for, nothing that is learned changes the size."""
    pace = Pace(7)
    pace.note(7, 1e9)
    assert pace.size == 7


def test_it_grows_to_what_fits() -> None:
    """A chunk that took a tenth of its time is followed by one eight times as long."""
    pace, sizes = Pace(1, 1.0), list[int]()
    for _ in range(4):
        pace.note(pace.size, pace.size * 0.001)
        sizes.append(pace.size)
    assert sizes == [8, 64, 512, 1000]


def test_it_shrinks_where_items_become_slow() -> None:
    """Slow items travel in small chunks, of one at least."""
    pace = Pace(100, 1.0)
    pace.note(100, 10.0)
    slower = pace.size
    pace.note(10, 1000.0)
    assert (slower, pace.size) == (10, 1)


@pytest.mark.parametrize("seconds", [0.0, 1e-12])
def test_no_time_at_all_is_no_division(seconds: float) -> None:
    """A clock that did not move counts as very fast."""
    pace = Pace(1, 1.0)
    pace.note(1, seconds)
    assert pace.size == 8


def test_nothing_is_learned_from_nothing() -> None:
    """An empty chunk does not count."""
    pace = Pace(4, 1.0)
    pace.note(0, 5.0)
    assert pace.size == 4


def test_it_never_exceeds_the_most() -> None:
    """Neither at first nor later."""
    pace = Pace(50, 1.0, 20)
    before = pace.size
    pace.note(20, 1e-6)
    assert (before, pace.size) == (20, 20)


@pytest.mark.parametrize(("given", "size"), [(None, CHUNK_ITEMS), (1, 1), (5_000, 5_000)], ids=str)
def test_a_number_is_a_size(given: int | None, size: int) -> None:
    """A number stands for chunks of that size; without one it is the usual size."""
    assert read_pace(given).size == size


def test_a_stream_begins_with_one_item() -> None:
    """Its first result is there after one item; a number is kept to."""
    own, asked = read_pace(None, is_stream=True), read_pace(50, is_stream=True)
    assert (own.size, own.is_fixed, asked.size, asked.is_fixed) == (1, False, 50, True)


@pytest.mark.parametrize("given", [0, -1])
def test_less_than_one_is_refused(given: int) -> None:
    """A chunk of no items would never end."""
    with pytest.raises(ValueError, match="at least one item"):
        read_pace(given)
