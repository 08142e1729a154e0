"""``hypernodes twin``: engines side by side, in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Cli

_ITEMS = ("--input", 'passage=["A", "B c", "d"]', "--map-over", "passage")


def test_engines_are_compared(cli: Cli) -> None:
    """Every engine has a row, and one is recommended."""
    answer = cli("twin", "shop:pipeline", *_ITEMS, "--engines", "seq,async")
    assert answer.code == 0
    assert [line.split()[0] for line in answer.out.splitlines()[2:]] == ["seq", "async"]
    assert "3 items of 3 carried out; use " in answer.err


def test_the_comparison_comes_as_data(cli: Cli) -> None:
    """JSON holds what the table shows."""
    answer = cli("twin", "shop:pipeline", *_ITEMS, "--engines", "async", "--sample", "2", "--json")
    found = answer.json
    assert (found["items"], found["sample"]) == (3, 2)
    assert [row["engine"] for row in found["engines"]] == ["seq", "async"]
    assert all(row["is_equal"] and row["has_same_keys"] for row in found["engines"])


def test_an_engine_that_is_not_there_is_said(cli: Cli) -> None:
    """The others are compared all the same."""
    answer = cli("twin", "shop:pipeline", *_ITEMS, "--engines", "seq,nothing", "--json")
    assert answer.code == 0
    assert "unknown engine 'nothing'" in answer.json["engines"][1]["problem"]


def test_a_single_run_is_compared_too(cli: Cli) -> None:
    """Without items there is one run on each engine."""
    answer = cli("twin", "shop:pipeline", "-i", "passage=A b", "--engines", "async", "--json")
    assert (answer.code, answer.json["items"], answer.json["sample"]) == (0, None, 1)
