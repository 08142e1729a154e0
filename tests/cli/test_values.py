"""How text and JSON become what annotations ask for."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from pathlib import Path
from typing import Any

import attrs
import pytest

from hypernodes import File, Pipeline, node
from hypernodes.cli._faults import CommandError
from hypernodes.cli._plain import to_plain
from hypernodes.cli._values import Inputs


class Colour(Enum):
    RED = "red"


@attrs.frozen
class Point:
    x: int
    y: float = 0.0


def _read(hint: Any, value: Any, *, is_text: bool = True) -> Any:
    inputs = Inputs({"x": hint}, frozenset())
    return inputs.structure("x", value, "--input", is_text=is_text)


@pytest.mark.parametrize(
    ("hint", "text", "expected"),
    [
        (str, "5", "5"),
        (int, "5", 5),
        (float, "5", 5.0),
        (bool, "no", False),
        (bool, "1", True),
        (int | None, "", None),
        (int | None, "3", 3),
        (int | str, "3", "3"),
        (list[int], "[1, 2]", [1, 2]),
        (tuple[int, str], '[1, "a"]', (1, "a")),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (Path, "a/b", Path("a/b")),
        (Colour, '"red"', Colour.RED),
        (Colour, "red", Colour.RED),
        (Point, '{"x": 1}', Point(1)),
        (list[Point], '[{"x": 1, "y": 2}]', [Point(1, 2.0)]),
        (dt.date, "2024-02-29", dt.date(2024, 2, 29)),
        (Any, "[1]", [1]),
        (Any, "plain", "plain"),
        (complex, "[1]", [1]),
    ],
)
def test_text_becomes_what_is_wanted(hint: Any, text: str, expected: Any) -> None:
    """The annotation decides; what has none is JSON where it can be."""
    assert _read(hint, text) == expected


def test_a_file_input_is_made_of_its_path(tmp_path: Path) -> None:
    """A `File` is known by its content, and given by its name."""
    path = tmp_path / "data.txt"
    path.write_text("x", "utf-8")
    assert isinstance(_read(File, str(path)), File)


@pytest.mark.parametrize(
    ("hint", "value"),
    [(int, 2.5), (int, True), (int, "x"), (bool, "maybe"), (str, 3), (float, None), (Colour, "x")],
)
def test_a_value_that_does_not_fit_is_refused(hint: Any, value: Any) -> None:
    """Nothing is cut off or guessed."""
    with pytest.raises(CommandError, match="--input: 'x' must be"):
        _read(hint, value, is_text=False)


def test_the_place_inside_of_a_value_is_named() -> None:
    """The message leads to the field."""
    with pytest.raises(CommandError, match=r"\$\[0\]\.x"):
        _read(list[Point], '[{"x": "a"}]')


def test_inputs_know_types_and_defaults() -> None:
    """Bound inputs and those with a default are not required."""

    @node(output_name="out")
    def f(a: int, b: str, c: float = 1.0) -> float:
        return a + c

    inputs = Inputs.of(Pipeline([f]).bind(b="x"))
    assert (inputs.required, inputs.describe("a")) == ({"a"}, "a: int")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Point(1), {"x": 1, "y": 0.0}),
        (Colour.RED, "red"),
        ({1: (2, {3})}, {"1": [2, [3]]}),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (Path("a") / "b", str(Path("a") / "b")),
        (float("nan"), "nan"),
    ],
)
def test_values_become_plain(value: Any, expected: Any) -> None:
    """Every value has a form that JSON can hold."""
    assert to_plain(value) == expected


def test_what_has_no_plain_form_is_shown() -> None:
    """A finished run always has something to show."""
    assert to_plain([object]) == ["<class 'object'>"]


def test_arrays_become_lists() -> None:
    """Numbers of libraries become plain ones."""
    np = pytest.importorskip("numpy")
    assert to_plain({"a": np.arange(3), "b": np.float64(1.5)}) == {"a": [0, 1, 2], "b": 1.5}


def test_models_are_made_and_taken_apart() -> None:
    """Pydantic models go in and out as objects."""
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        x: int

    assert to_plain(_read(Model, '{"x": "3"}')) == {"x": 3}


def test_an_enum_says_what_it_takes() -> None:
    """A value that is none of them is refused with all of them."""
    with pytest.raises(CommandError, match=r"'x' must be Colour \('red'\): got 'blue'"):
        _read(Colour, "blue")
