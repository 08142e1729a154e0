"""Facts about the notes that explain a miss."""

from __future__ import annotations

import pytest

from hypernodes import stateful
from hypernodes.cache import (
    UNREAD,
    Argument,
    NodeParts,
    ReasonKind,
    compare_arguments,
    compare_nodes,
    describe_value,
    nearest,
)


def parts(**changes: object) -> NodeParts:
    """Return an account of a node, with *changes*."""
    base = {
        "step": "train",
        "own": "main.train",
        "symbols": {"main.train": ["1", "main.py:3"], "features.scale": ["2", "features.py:12"]},
        "constants": {"constant features.FACTOR": ["3", "2"]},
        "environment": {"numpy": "2.0"},
        "created": 0.0,
    }
    return NodeParts(**{**base, **changes})  # type: ignore[arg-type]  # a test's shorthand


@pytest.mark.parametrize(
    ("changes", "kind", "text"),
    [
        (
            {"symbols": {**parts().symbols, "main.train": ["9", "main.py:3"]}},
            ReasonKind.CODE,
            "its code changed (main.py:3)",
        ),
        (
            {"symbols": {**parts().symbols, "features.scale": ["9", "features.py:14"]}},
            ReasonKind.HELPER,
            "helper features.scale changed (features.py:14)",
        ),
        (
            {"constants": {"constant features.FACTOR": ["9", "3"]}},
            ReasonKind.CONSTANT,
            "constant features.FACTOR 2 -> 3",
        ),
        ({"environment": {"numpy": "2.1"}}, ReasonKind.ENVIRONMENT, "numpy 2.0 -> 2.1"),
    ],
    ids=["code", "helper", "constant", "environment"],
)
def test_each_difference_is_a_sentence(
    changes: dict[str, object], kind: ReasonKind, text: str
) -> None:
    """The sentence names what changed, where, and from what to what."""
    (reason,) = compare_nodes(parts(), parts(**changes))
    assert (reason.kind, reason.text) == (kind, text)


def test_new_and_dropped_helpers_are_told_apart() -> None:
    """A helper that is used now, or no longer, says so."""
    alone = parts(symbols={"main.train": ["1", "main.py:3"]})
    texts = [next(compare_nodes(*pair)).text for pair in ((alone, parts()), (parts(), alone))]
    assert texts == [
        "helper features.scale is new (features.py:12)",
        "helper features.scale is no longer used (features.py:12)",
    ]


def test_arguments_show_old_and_new() -> None:
    """A changed parameter shows both values; one from upstream names its maker."""
    old = [Argument("lr", "1", "0.01"), Argument("data", "2", "list of 3")]
    new = [Argument("lr", "9", "0.001"), Argument("data", "9", "list of 3")]
    reasons = list(compare_arguments(old, new, {"data": "load"}))
    assert [(reason.kind, reason.text) for reason in reasons] == [
        (ReasonKind.INPUT, "parameter lr 0.01 -> 0.001"),
        (ReasonKind.UPSTREAM, "data from load changed (list of 3)"),
    ]


def test_what_was_not_read_is_not_shown() -> None:
    """Of two accounts of a value the one that says something is shown."""
    pairs = [("3", UNREAD), (UNREAD, "4"), (UNREAD, UNREAD)]
    texts = [
        next(compare_arguments([Argument("k", "1", one)], [Argument("k", "2", two)], {})).text
        for one, two in pairs
    ]
    assert texts == ["parameter k changed (3)", "parameter k changed (4)", "parameter k changed"]


def test_given_and_dropped_parameters_are_named() -> None:
    """An optional parameter that is given, or no longer, is a reason."""
    one = [Argument("k", "1", "1")]
    texts = [next(compare_arguments(a, b, {})).text for a, b in (([], one), (one, []))]
    assert texts == ["parameter k is given", "parameter k is no longer given"]


def test_the_nearest_call_shares_most() -> None:
    """Of several recorded calls the one with most equal arguments is compared."""
    calls = [[Argument("a", n, ""), Argument("b", "1", "")] for n in ("7", "8")]
    assert nearest(calls, [Argument("a", "8", ""), Argument("b", "1", "")]) == 1
    assert nearest([], []) is None


def test_accounts_travel_as_text() -> None:
    """An account is read back as it was written."""
    assert NodeParts.from_json(parts().to_json()).symbols["main.train"] == ["1", "main.py:3"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.01, "0.01"),
        ("x" * 100, "'" + "x" * 17 + "..." + "x" * 18 + "'"),
        ([1, 2], "list of 2"),
        (object(), "object"),
    ],
    ids=["number", "long text", "list", "object"],
)
def test_values_are_described_in_a_few_words(value: object, words: str) -> None:
    """Small values show themselves, others their type and size."""
    assert describe_value(value) == words


def test_describing_loads_nothing() -> None:
    """A stateful object is described without being built."""
    loads: list[int] = []

    @stateful
    class Model:
        def __init__(self) -> None:
            loads.append(1)

    assert (describe_value(Model()), loads) == (Model.__qualname__, [])


def test_arrays_are_described_by_type_and_shape() -> None:
    """An array shows what it is made of, not what it holds."""
    array = pytest.importorskip("numpy").zeros((3, 4))
    assert describe_value(array) == "ndarray float64 3 x 4"
