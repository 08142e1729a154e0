"""Facts about what a map returns where failures are collected."""

from __future__ import annotations

import asyncio
import pickle

import pytest

from hypernodes.execution import FailedItem, MapResults

ERROR = ValueError("bad")


def results(*failed: BaseException) -> MapResults:
    """Return one finished item, and those that failed."""
    return MapResults(
        [{"y": 1}, *(FailedItem(n, error, "at", {"x": n}) for n, error in enumerate(failed, 1))]
    )


def test_they_are_a_list_in_item_order() -> None:
    """Failed items stand in their places."""
    found = results(ERROR)
    assert (len(found), found[0], found[1].item) == (2, {"y": 1}, 1)


def test_they_are_told_apart() -> None:
    """Finished are dicts, failed are records."""
    found = results(ERROR)
    assert (found.finished, [each.error for each in found.failed]) == ([{"y": 1}], [ERROR])


def test_without_failures_there_is_no_group() -> None:
    """Nothing to raise."""
    found = results()
    found.raise_failures()
    assert found.exception_group() is None


def test_failures_are_raised_together() -> None:
    """One group holds them in item order, and says how many there were."""
    errors = [ValueError(1), KeyError(2)]
    with pytest.raises(ExceptionGroup, match="2 of 3 items failed") as caught:
        results(*errors).raise_failures()
    assert list(caught.value.exceptions) == errors


def test_a_group_can_hold_cancellations() -> None:
    """What is no `Exception` makes it a group of the wider kind."""
    group = results(asyncio.CancelledError()).exception_group()
    assert (type(group), isinstance(group, ExceptionGroup)) == (BaseExceptionGroup, False)


def test_inputs_stay_out_of_the_representation() -> None:
    """Large inputs do not flood a log."""
    each = FailedItem(3, ERROR, "outer/at", {"x": "x" * 1000})
    assert repr(each) == "FailedItem(item=3, error=ValueError('bad'), path='outer/at')"


def test_they_can_be_pickled() -> None:
    """Results go to other processes and come back as what they were."""
    found = pickle.loads(pickle.dumps(results(ERROR)))
    assert (type(found), found.finished, str(found.failed[0].error)) == (
        MapResults,
        [{"y": 1}],
        "bad",
    )
