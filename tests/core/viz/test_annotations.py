from __future__ import annotations

import collections.abc
import typing
from typing import Any, Literal, Optional

import pytest

from hypernodes.viz._annotations import MAX_LENGTH, describe_type

T = typing.TypeVar("T")


class Vector:
    pass


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int, "int"),
        (None, "None"),
        (Any, ""),
        (Vector, "Vector"),
        (list[Vector], "list[Vector]"),
        (dict[str, list[int]], "dict[str, list[int]]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (int | None, "int | None"),
        (Optional[str], "str | None"),  # noqa: UP045 - the old spelling
        (Literal["a", 1], "'a' | 1"),
        (collections.abc.Callable[[int, str], bool], "(int, str) -> bool"),
        (collections.abc.Callable[..., Any], "(...) -> Any"),
        (T, "T"),
        ("Later", "Later"),
        (typing.ForwardRef("Later"), "Later"),
        (typing.List, "List"),  # noqa: UP006 - the old spelling
    ],
)
def test_a_type_is_written_without_modules(hint: Any, text: str) -> None:
    """Annotations are short: no module names, no typing."""
    assert text == describe_type(hint)


def test_what_is_no_type_is_called_by_its_type() -> None:
    """An object as annotation gives no address away."""
    assert "object" == describe_type(object())


def test_a_long_type_is_cut() -> None:
    """Boxes do not grow with types."""
    text = describe_type(dict[str, dict[str, dict[str, dict[str, int]]]])
    assert (MAX_LENGTH, "…") == (len(text), text[-1])
