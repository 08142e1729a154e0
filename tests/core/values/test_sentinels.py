"""Facts about the two values that mean "no value"."""

import pickle

import pytest

from hypernodes.values import MISSING, UNSET


@pytest.mark.parametrize("sentinel", [MISSING, UNSET])
def test_sentinels_are_false(sentinel: object) -> None:
    """A sentinel is false, so that ``value or default`` works."""
    assert not sentinel


@pytest.mark.parametrize("sentinel", [MISSING, UNSET])
def test_sentinels_stay_single_through_pickle(sentinel: object) -> None:
    """A sentinel is the same object after a pickle round trip."""
    assert pickle.loads(pickle.dumps(sentinel)) is sentinel


def test_sentinels_print_their_names() -> None:
    """The repr of a sentinel is the name that code uses."""
    assert [repr(MISSING), repr(UNSET)] == ["MISSING", "UNSET"]
