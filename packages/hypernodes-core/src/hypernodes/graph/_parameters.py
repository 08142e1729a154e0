"""What a callable takes: the parameters that become the inputs of a node.

Decides which callables can be nodes and how their parameters are named and
passed.  Knows nothing of graphs.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from inspect import Parameter as Signed
from typing import Any, Final

import attrs

from hypernodes.errors import NodeDefinitionError

_VARIADIC: Final[dict[object, str]] = {Signed.VAR_POSITIONAL: "*", Signed.VAR_KEYWORD: "**"}


@attrs.frozen
class Parameter:
    """One parameter of a node.

    Attributes:
        name: The name that wires it.
        required: Whether it has no default.
        keyword_only: Whether it can only be passed by keyword.
    """

    name: str
    required: bool = True
    keyword_only: bool = False


def callable_name(func: Callable[..., Any]) -> str:
    """Return what readers call *func*: a function's name, an object's class name."""
    func = _without_partials(func)
    name = getattr(func, "__name__", None)
    return name if isinstance(name, str) else type(func).__name__


def is_async(func: Callable[..., Any]) -> bool:
    """Say whether calling *func* gives a coroutine."""
    return inspect.iscoroutinefunction(_body(func))


def read_parameters(func: Callable[..., Any]) -> tuple[Parameter, ...]:
    """Return the parameters of *func* that can be wired, in order.

    Arguments that a `functools.partial` binds, by position or by keyword, are
    bound: they are not parameters of the node.

    Raises:
        NodeDefinitionError: *func* has no signature, or one that cannot be
            wired by names.
    """
    name = callable_name(func)
    _refuse_generator(func, name)
    try:
        signature = inspect.signature(func)
    except (TypeError, ValueError) as error:
        msg = f"{name!r} has no readable signature; wrap it in a function with named parameters"
        raise NodeDefinitionError(msg) from error
    bound = func.keywords if isinstance(func, functools.partial) else {}
    signed = [
        parameter for parameter in signature.parameters.values() if parameter.name not in bound
    ]
    for parameter in signed:
        _refuse_unwirable(name, parameter)
    return tuple(
        Parameter(
            parameter.name,
            required=parameter.default is Signed.empty,
            keyword_only=parameter.kind is Signed.KEYWORD_ONLY,
        )
        for parameter in signed
    )


def _without_partials(func: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(func, functools.partial):
        func = func.func
    return func


def _body(func: Callable[..., Any]) -> object:
    """Return the function that a call of *func* runs first: an object's ``__call__``."""
    func = _without_partials(func)
    if isinstance(func, type) or inspect.isroutine(func):
        return func
    return getattr(func, "__call__", None)  # noqa: B004 - the method itself is looked at


def _refuse_generator(func: Callable[..., Any], name: str) -> None:
    body = _body(func)
    if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
        msg = f"{name!r} is a generator function; return a list, or map over the items"
        raise NodeDefinitionError(msg)


def _refuse_unwirable(name: str, parameter: Signed) -> None:
    """Refuse parameters that no name can reach."""
    stars = _VARIADIC.get(parameter.kind)
    if stars is not None:
        msg = (
            f"{name!r} takes {stars}{parameter.name}, which cannot be wired by name; "
            "give each input a parameter of its own"
        )
        raise NodeDefinitionError(msg)
    if parameter.kind is Signed.POSITIONAL_ONLY and parameter.default is not Signed.empty:
        msg = (
            f"{name!r} has the positional-only parameter {parameter.name!r} with a default; "
            "move it behind the '/' or drop the default"
        )
        raise NodeDefinitionError(msg)
