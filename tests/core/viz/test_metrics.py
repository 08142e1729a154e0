from __future__ import annotations

import pytest

from hypernodes.viz._metrics import columns, text_width


def test_widths_are_those_of_helvetica() -> None:
    """An m is as wide as three i's and a bit, at any size."""
    assert (8.33, 2.22) == (text_width("m", 10), text_width("i", 10))


def test_bold_is_wider() -> None:
    """Names are set in bold."""
    assert text_width("name", 14, is_bold=True) > text_width("name", 14)


@pytest.mark.parametrize(("text", "count"), [("abc", 3), ("数", 2), ("e\u0301", 1), ("", 0)])
def test_columns_of_a_terminal(text: str, count: int) -> None:
    """Wide signs take two, combining ones none."""
    assert count == columns(text)
