"""Facts about the opt-in check of annotations."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Optional, Protocol, TypeVar

import pytest

from hypernodes import Node, Pipeline, node
from hypernodes.errors import TypeMismatchError
from hypernodes.graph import input_types, output_types
from hypernodes.graph._types import fits

T = TypeVar("T")


class _Reader(Protocol):
    def read(self) -> str: ...


class _Animal: ...


class _Dog(_Animal): ...


@node(output_name="text")
def load(path: str) -> str:
    """Load."""
    return path


@node(output_name="count")
def count(text: int) -> int:
    """Count, with a wrong annotation."""
    return text


@node(output_name=("n", "words"))
def split(text: str) -> tuple[int, list[str]]:
    """Split."""
    return 1, [text]


def test_mismatches_are_not_looked_for_by_default() -> None:
    """Annotations bind nobody who did not ask."""
    assert Pipeline([load, count]).nodes == [load, count]


def test_a_mismatch_names_both_ends() -> None:
    """The message names both nodes, the value and both annotations."""
    with pytest.raises(TypeMismatchError) as caught:
        Pipeline([load, count], strict_types=True)
    assert str(caught.value) == "'load' produces 'text' as str, but 'count' takes it as int"


def test_outputs_of_a_tuple_are_checked_one_by_one() -> None:
    """Each of several outputs has its part of the annotation."""
    assert output_types(split) == {"n": int, "words": list[str]}


def test_a_tuple_that_does_not_say_its_parts_is_open() -> None:
    """Where the parts are not known, anything fits."""
    anything = Node(lambda x: (x, x), ("a", "b"))
    assert output_types(anything) == {"a": Any, "b": Any}


def test_what_a_wrapper_maps_over_comes_out_as_lists() -> None:
    """Outputs of a mapped pipeline are lists of what is inside."""
    mapped = Pipeline([load]).as_node(map_over="path")
    assert (input_types(mapped), output_types(mapped)) == ({"path": Any}, {"text": list[str]})


def test_names_are_followed_into_nested_pipelines() -> None:
    """A wrapper takes and gives what is inside, by its outer names."""
    wrapper = Pipeline([load]).as_node(input_mapping={"p": "path"}, output_mapping={"text": "t"})
    assert (input_types(wrapper), output_types(wrapper)) == ({"p": str}, {"t": str})


def test_a_mismatch_with_a_nested_pipeline_is_found() -> None:
    """The check looks through wrappers."""
    inner = Pipeline([load]).as_node(map_over="path")
    taker = Node(split.func, ("n", "words"))
    with pytest.raises(TypeMismatchError, match=r"as list\[str\], but 'split' takes it as str"):
        Pipeline([inner, taker], strict_types=True)


def test_unresolvable_annotations_are_open() -> None:
    """A name that nobody knows is no reason to refuse."""

    def f(x: Unknown) -> Missing:  # type: ignore[name-defined]  # noqa: F821  # that is the point
        return x

    assert input_types(Node(f)) == {"x": Any}


def test_callables_without_annotations_are_open() -> None:
    """A partial has no annotations of its own, and is not judged."""
    bound = Node(functools.partial(load.func), "t")
    assert (input_types(bound), output_types(bound)) == ({"path": Any}, {"t": Any})


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (int, int),
        (Any, int),
        (int, Any),
        (int, object),
        (int, float),
        (bool, int),
        (_Dog, _Animal),
        (int, Optional[int]),  # noqa: UP045  # the old spelling counts too
        (int, int | str),
        (Literal[1], int),
        (Literal["a", "b"], str),
        (list[int], list),
        (list[int], Sequence[int]),
        (list[int], list[int]),
        (list[bool], list[int]),
        (None, int | None),
        (str, _Reader),
        (T, int),
        (int, T),
        ("int", str),
        (dict[str, int], Iterable),
    ],
)
def test_annotations_that_fit(given: Any, wanted: Any) -> None:
    """Every value of the first can be a value of the second, or nobody can say."""
    assert fits(given, wanted) is True


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (int, str),
        (float, int),
        (_Animal, _Dog),
        (int | str, int),
        (int | None, int),
        (Literal["a"], int),
        (int, Literal[1]),
        (list[str], list[int]),
        (list[int], tuple),
        (None, int),
        (int, str | None),
    ],
)
def test_annotations_that_do_not_fit(given: Any, wanted: Any) -> None:
    """Some value of the first cannot be a value of the second."""
    assert fits(given, wanted) is False
