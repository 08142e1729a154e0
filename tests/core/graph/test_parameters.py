"""Facts about which callables can be nodes, and what they take."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.errors import NodeDefinitionError
from hypernodes.graph import Parameter
from hypernodes.graph._parameters import callable_name, is_async, read_parameters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


class _Scale:
    """Callable, with a method that is callable too."""

    factor = 3

    def __call__(self, x: int) -> int:
        return x * self.factor

    def method(self, y: int) -> int:
        return y * self.factor


class _AsyncScale:
    """An object whose call is a coroutine."""

    async def __call__(self, x: int, factor: int = 3) -> int:
        return x * factor


async def _fetch(x: int) -> int:
    return x


def _two(x: int, y: int) -> int:
    return x + y


def test_parameters_keep_their_order() -> None:
    """Parameters come in the order of the signature."""

    def f(zeta, alpha, mid):
        return zeta, alpha, mid

    assert [each.name for each in read_parameters(f)] == ["zeta", "alpha", "mid"]


def test_a_default_makes_a_parameter_optional() -> None:
    """A parameter with a default is not required, also where the default is None."""

    def f(x, y=None, *, z=0):
        return x, y, z

    assert read_parameters(f) == (
        Parameter("x"),
        Parameter("y", required=False),
        Parameter("z", required=False, keyword_only=True),
    )


def test_keyword_only_parameters_are_marked() -> None:
    """A parameter behind the star is passed by keyword."""

    def f(x, *, y):
        return x, y

    assert read_parameters(f) == (Parameter("x"), Parameter("y", keyword_only=True))


def test_positional_only_parameters_are_wired_by_their_names() -> None:
    """A parameter before the slash is an input like any other."""

    def f(x, /, y):
        return x, y

    assert read_parameters(f) == (Parameter("x"), Parameter("y"))


def test_a_positional_only_default_is_refused() -> None:
    """What can be left out only by leaving out all that follows cannot be wired."""

    def f(x=1, /, y=2):
        return x, y

    with pytest.raises(NodeDefinitionError, match="'f' has the positional-only parameter 'x'"):
        read_parameters(f)


@pytest.mark.parametrize(
    ("function", "stars"),
    [(lambda *values: values, r"\*values"), (lambda **values: values, r"\*\*values")],
)
def test_variadic_parameters_are_refused(function: Callable[..., Any], stars: str) -> None:
    """What no name can reach is refused, with its stars and what to do."""
    with pytest.raises(
        NodeDefinitionError, match=rf"takes {stars}, which cannot be wired by name; give each"
    ):
        read_parameters(function)


def test_a_function_without_parameters_takes_nothing() -> None:
    """No parameters make no inputs."""
    assert read_parameters(lambda: 1) == ()


def test_a_partial_hides_what_it_binds_by_keyword() -> None:
    """A keyword that a partial binds is no parameter, those behind it are keyword-only."""
    assert read_parameters(functools.partial(_two, x=1)) == (Parameter("y", keyword_only=True),)


def test_a_partial_hides_what_it_binds_by_position() -> None:
    """An argument that a partial binds by position is no parameter."""
    assert read_parameters(functools.partial(_two, 1)) == (Parameter("y"),)


def test_a_partial_of_a_partial_hides_both() -> None:
    """Bindings of stacked partials add up."""
    assert read_parameters(functools.partial(functools.partial(_two, 1), y=2)) == ()


def test_a_bound_method_has_no_self() -> None:
    """The object of a bound method is no parameter."""
    assert read_parameters(_Scale().method) == (Parameter("y"),)


def test_a_callable_object_has_no_self() -> None:
    """A callable object takes what its call takes."""
    assert read_parameters(_Scale()) == (Parameter("x"),)


def test_a_class_takes_what_its_constructor_takes() -> None:
    """A class is a callable like any other."""

    class Point:
        def __init__(self, x: int, y: int = 0) -> None:
            self.x, self.y = x, y

    assert read_parameters(Point) == (Parameter("x"), Parameter("y", required=False))


def test_a_wrapped_function_has_the_parameters_of_the_original() -> None:
    """`functools.wraps` carries the signature along."""

    @functools.wraps(_two)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return _two(*args, **kwargs)

    assert [each.name for each in read_parameters(wrapper)] == ["x", "y"]


def test_a_builtin_with_a_signature_can_be_wired() -> None:
    """C functions that declare their parameters are welcome."""
    assert read_parameters(len) == (Parameter("obj"),)


def test_a_builtin_without_a_signature_is_refused() -> None:
    """What has no readable signature is refused with a remedy."""
    with pytest.raises(NodeDefinitionError, match="'min' has no readable signature; wrap it"):
        read_parameters(min)


def test_generator_functions_are_refused() -> None:
    """A generator would be consumed by its first reader."""

    def f(x: int) -> Iterator[int]:
        yield x

    with pytest.raises(NodeDefinitionError, match="'f' is a generator function; return a list"):
        read_parameters(f)


def test_async_generator_functions_are_refused() -> None:
    """An async generator is no coroutine."""

    async def f(x: int) -> AsyncIterator[int]:
        yield x

    with pytest.raises(NodeDefinitionError, match="'f' is a generator function"):
        read_parameters(f)


def test_objects_that_generate_are_refused() -> None:
    """A callable object whose call is a generator function is refused alike."""

    class Walk:
        def __call__(self, x: int) -> Iterator[int]:
            yield x

    with pytest.raises(NodeDefinitionError, match="'Walk' is a generator function"):
        read_parameters(Walk())


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (_two, "_two"),
        (lambda x: x, "<lambda>"),
        (functools.partial(functools.partial(_two, 1), 2), "_two"),
        (_Scale(), "_Scale"),
        (_Scale().method, "method"),
        (_Scale, "_Scale"),
        (functools.partial(_Scale()), "_Scale"),
    ],
)
def test_callables_are_called_what_readers_call_them(
    function: Callable[..., Any], expected: str
) -> None:
    """Functions by their name, partials by what they call, objects by their class."""
    assert callable_name(function) == expected


@pytest.mark.parametrize(
    "function",
    [
        _fetch,
        functools.partial(_fetch, 1),
        _AsyncScale(),
        _AsyncScale().__call__,
        functools.partial(_AsyncScale(), factor=2),
    ],
    ids=["function", "partial", "object", "method", "partial of object"],
)
def test_calls_that_give_coroutines_are_recognised(function: Callable[..., Any]) -> None:
    """Whatever its shape, a call that gives a coroutine is async."""
    assert is_async(function) is True


@pytest.mark.parametrize(
    "function",
    [_two, _Scale(), _Scale, _AsyncScale, functools.partial(_two, 1)],
    ids=["function", "object", "class", "class of async objects", "partial"],
)
def test_calls_that_give_values_are_not_async(function: Callable[..., Any]) -> None:
    """Calling a class gives an object, also where calling that object gives a coroutine."""
    assert is_async(function) is False
