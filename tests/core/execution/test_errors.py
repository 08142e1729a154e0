"""Facts about a user's exception on its way home."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import cloudpickle
import pytest

from hypernodes import Pipeline, node
from hypernodes.errors import ExecutionError
from hypernodes.execution._errors import Failure, annotate


class StrangeError(Exception):
    """Takes other arguments than it keeps."""

    def __init__(self, code: int, *, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class PickyError(Exception):
    """Insists on two arguments when it is made."""

    def __new__(cls, one: int, two: int) -> PickyError:
        return super().__new__(cls, one, two)

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class SlottedError(Exception):
    """Keeps its detail in a slot, and nothing in its arguments."""

    __slots__ = ("detail",)

    def __init__(self, *, detail: int) -> None:
        self.detail = detail

    def __str__(self) -> str:
        return f"detail {self.detail}"


def travel(failure: Failure) -> Any:
    """Return *failure* as it comes out of another process."""
    return pickle.loads(cloudpickle.dumps(failure))


def notes(error: BaseException) -> list[str]:
    """Return the notes of an exception."""
    return list(getattr(error, "__notes__", []))


def test_annotate_says_where() -> None:
    """The note names the node, its path and the items around it, outermost first."""
    error = ValueError()
    annotate(error, "predict", "outer/score/predict", (3, 7))
    assert notes(error) == ["in node 'predict' at outer/score/predict, item 3, inner item 7"]


def test_annotate_says_it_once() -> None:
    """The same place is noted once, another place beside it."""
    error = ValueError()
    for path in ("a", "a", "b/a"):
        annotate(error, "a", path, ())
    assert notes(error) == ["in node 'a' at a", "in node 'a' at b/a"]


def test_a_run_notes_the_node() -> None:
    """The exception of a run has its own type and message and a note with the node path."""
    divide = node(output_name="y")(lambda x: 1 / x)
    inner = Pipeline(nodes=[divide], name="inner")
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        Pipeline(nodes=[inner]).run({"x": 0})
    assert notes(caught.value) == ["in node '<lambda>' at inner/<lambda>"]


def test_a_map_notes_the_item() -> None:
    """In a map the note names the item."""
    divide = node(output_name="y")(lambda x: 1 / x)
    with pytest.raises(ZeroDivisionError) as caught:
        Pipeline(nodes=[divide]).map({"x": [1, 2, 0]}, map_over="x")
    assert notes(caught.value) == ["in node '<lambda>' at <lambda>, item 2"]


def test_nested_maps_note_every_item() -> None:
    """In nested maps the note names the items from outside in."""
    divide = node(output_name="y")(lambda x: 1 / x)
    wrapper = Pipeline(nodes=[divide]).as_node({"xs": "x"}, map_over="xs", name="all")
    with pytest.raises(ZeroDivisionError) as caught:
        Pipeline(nodes=[wrapper]).map({"xs": [[1], [2, 0]]}, map_over="xs")
    assert notes(caught.value) == ["in node '<lambda>' at all/<lambda>, item 1, inner item 1"]


def test_a_map_raises_the_lowest_item() -> None:
    """Of several failing items the first one is raised, beyond the first chunk too."""
    divide = node(output_name="y")(lambda x: 1 / (x - 1200))
    with pytest.raises(ZeroDivisionError) as caught:
        Pipeline(nodes=[divide]).map({"x": [*range(1500), 1200]}, map_over="x")
    assert notes(caught.value) == ["in node '<lambda>' at <lambda>, item 1200"]


@pytest.mark.parametrize(
    "error",
    [StopIteration("x"), KeyError("k"), StrangeError(1, reason="r"), GeneratorExit()],
    ids=repr,
)
def test_every_type_reaches_the_caller(error: BaseException) -> None:
    """Exceptions that mean something to the interpreter arrive as themselves."""

    def raise_it(x: int) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        Pipeline(nodes=[node(output_name="y")(raise_it)]).map({"x": [1]}, map_over="x")
    assert caught.value is error


def test_a_failure_travels() -> None:
    """Type, arguments, attributes, notes and the item survive pickling."""
    error = StrangeError(3, reason="tired")
    error.add_note("a note")
    found = travel(Failure(error, 7))
    assert (type(found.error), found.error.args, found.item) == (StrangeError, ("3: tired",), 7)
    assert (found.error.code, found.error.reason, notes(found.error)) == (3, "tired", ["a note"])


@pytest.mark.parametrize(
    "error",
    [
        KeyError("k"),
        FileNotFoundError(2, "No such file or directory", "data.csv"),
        OSError("plain"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        ImportError("no module", name="m", path="p"),
        SystemExit(3),
        ExceptionGroup("several", [ValueError(1), KeyError(2)]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_an_exception_says_survives(error: BaseException) -> None:
    """Built-in exceptions say the same after they travelled."""
    found = travel(Failure(error)).error
    assert (type(found), str(found), found.args) == (type(error), str(error), error.args) or (
        isinstance(error, ExceptionGroup) and repr(found) == repr(error)
    )


@pytest.mark.parametrize("attribute", ["errno", "strerror", "filename"])
def test_the_attributes_of_an_os_error_survive(attribute: str) -> None:
    """``errno`` and the file name are there after it travelled, for ``except`` clauses to read."""
    error = FileNotFoundError(2, "No such file or directory", "data.csv")
    found = travel(Failure(error)).error
    assert getattr(found, attribute) == getattr(error, attribute)


def test_a_local_exception_travels() -> None:
    """An exception class that lives in a function keeps its name."""

    class LocalError(Exception):
        pass

    assert type(travel(Failure(LocalError("x"))).error).__name__ == "LocalError"


def test_an_exception_with_a_picky_constructor_travels() -> None:
    """What neither copies nor pickles by itself comes back with its type and message."""
    found = travel(Failure(PickyError(1, 2))).error
    assert (type(found), str(found)) == (PickyError, "1 and 2")


def test_what_cannot_travel_is_described() -> None:
    """An exception that cannot be rebuilt becomes an `ExecutionError` that holds its traceback."""

    class StuckError(ValueError):
        guard = threading.Lock()

    found = travel(Failure(StuckError("no"), 2))
    assert (type(found.error), found.item) == (ExecutionError, 2)
    assert "StuckError: no" in str(found.error)


def test_parts_that_cannot_travel_are_there_in_words() -> None:
    """Type, message and all other parts are kept; a note tells which are words."""
    error = StrangeError(3, reason="tired")
    error.args = (*error.args, threading.Lock())
    error.guard = threading.Lock()  # type: ignore[attr-defined]  # any attribute may be added
    found = travel(Failure(error)).error
    assert (type(found), str(found), found.reason) == (StrangeError, str(error), "tired")
    assert found.guard == repr(error.guard)  # type: ignore[attr-defined]  # as above
    assert notes(found) == ["only in words, because they cannot be sent: guard, args"]


def test_slots_of_an_exception_travel() -> None:
    """What a class of the user's keeps outside of ``__dict__`` is kept."""
    found = travel(Failure(SlottedError(detail=5))).error
    assert (type(found), str(found), found.detail) == (SlottedError, "detail 5", 5)


@pytest.mark.parametrize("make", [PickyError, lambda *_: SlottedError(detail=1)], ids=range(2))
def test_unusual_members_of_a_group_travel(make: Any) -> None:
    """What plain pickle cannot rebuild comes back inside a group as it does alone."""
    found = travel(Failure(ExceptionGroup("several", [make(1, 2), KeyError("k")]))).error
    assert [type(each) for each in found.exceptions] == [type(make(1, 2)), KeyError]
    assert str(found.exceptions[0]) == str(make(1, 2))


def test_exceptions_that_hold_each_other_travel() -> None:
    """Those in attributes are kept whole; one that holds itself is described where it would."""
    first, second = PickyError(1, 2), PickyError(3, 4)
    first.other, second.other = second, first  # type: ignore[attr-defined]  # as above
    found = travel(Failure(first)).error
    assert (str(found), str(found.other)) == ("1 and 2", "3 and 4")
    assert "PickyError" in str(found.other.other)
