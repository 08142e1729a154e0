"""Do the annotations at the two ends of each edge fit?  An opt-in check.

Asks one question of two annotations: can every value of the first be a value
of the second?  Where the answer is not certain (unresolvable names, type
variables, protocols) it says yes: the check finds mistakes, it proves nothing.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from hypernodes.errors import TypeMismatchError
from hypernodes.graph._nested import NestedNode

if TYPE_CHECKING:
    from hypernodes.graph._graph import AnyNode, Graph

_UNIONS = (Union, types.UnionType)


def check_types(graph: Graph) -> None:
    """Refuse an edge whose producer returns what its consumer cannot take.

    Raises:
        TypeMismatchError: Naming both nodes, the edge and both annotations.
    """
    for consumer in graph.nodes:
        for name, wanted in input_types(consumer).items():
            number = graph.producers.get(name)
            if number is None:
                continue
            producer = graph.nodes[number]
            given = output_types(producer).get(name, Any)
            if not fits(given, wanted):
                msg = (
                    f"{producer.name!r} produces {name!r} as {_show(given)}, "
                    f"but {consumer.name!r} takes it as {_show(wanted)}"
                )
                raise TypeMismatchError(msg)


def input_types(node: AnyNode) -> dict[str, Any]:
    """Return {input name: annotation}, as seen from outside."""
    if not isinstance(node, NestedNode):
        hints = _hints(_body(node))
        return {name: hints.get(name, Any) for name in node.root_args}
    inside: dict[str, Any] = {}
    for inner in node.pipeline.graph.nodes:
        for name, hint in input_types(inner).items():
            inside.setdefault(name, hint)
    wired = {outer: inside.get(inner, Any) for inner, outer in node.wiring.items()}
    # any iterable of items may be mapped over: its own type says little
    return {outer: Any if outer in node.map_over else hint for outer, hint in wired.items()}


def output_types(node: AnyNode) -> dict[str, Any]:
    """Return {output name: annotation}, as seen from outside."""
    if not isinstance(node, NestedNode):
        returned = _hints(_body(node)).get("return", Any)
        if isinstance(node.output_name, str):
            return {node.output_name: returned}
        parts = get_args(returned) if get_origin(returned) is tuple else ()
        parts = parts if len(parts) == len(node.outputs) else (Any,) * len(node.outputs)
        return dict(zip(node.outputs, parts, strict=True))
    graph = node.pipeline.graph
    inside = {name: hint for inner in graph.nodes for name, hint in output_types(inner).items()}
    shown = {outer: inside.get(inner, Any) for inner, outer in node.visible_outputs.items()}
    return (
        {name: types.GenericAlias(list, (hint,)) for name, hint in shown.items()}
        if node.map_over
        else shown
    )


def fits(given: Any, wanted: Any) -> bool:
    """Say whether a value annotated *given* can be one annotated *wanted*."""
    if _is_open(given) or _is_open(wanted) or given == wanted:
        return True
    if get_origin(given) in _UNIONS:
        return all(fits(member, wanted) for member in get_args(given))
    if get_origin(wanted) in _UNIONS:
        return any(fits(given, member) for member in get_args(wanted))
    if get_origin(given) is typing.Literal:
        return all(fits(type(value), wanted) for value in get_args(given))
    if get_origin(wanted) is typing.Literal:
        return False
    return _class_fits(given, wanted)


def _class_fits(given: Any, wanted: Any) -> bool:
    """Compare two classes, then their type arguments where both have as many."""
    one, other = get_origin(given) or given, get_origin(wanted) or wanted
    one, other = (type(None) if side is None else side for side in (one, other))
    if not isinstance(one, type) or not isinstance(other, type):
        return True
    if getattr(other, "_is_protocol", False):
        return True
    # PEP 484: an int is welcome where a float or a complex is wanted
    numbers = {(int, float), (int, complex), (float, complex)}
    if not issubclass(one, other) and (one, other) not in numbers:
        return False
    mine, theirs = get_args(given), get_args(wanted)
    if one is not other or len(mine) != len(theirs):
        return True
    return all(fits(left, right) for left, right in zip(mine, theirs, strict=True))


def _is_open(hint: Any) -> bool:
    return hint in (Any, object, Ellipsis) or isinstance(
        hint, (str, typing.TypeVar, typing.ForwardRef)
    )


def _body(node: AnyNode) -> Callable[..., Any]:
    return node.func if hasattr(node, "func") else node.singular  # type: ignore[union-attr]  # Node or DualNode


def _hints(func: Callable[..., Any]) -> dict[str, Any]:
    """Return the resolved annotations of *func*; none where a name is unknown."""
    target = func if hasattr(func, "__annotations__") else getattr(func, "__call__", func)  # noqa: B004
    try:
        return typing.get_type_hints(target)
    except (NameError, TypeError, AttributeError):
        return {}


def _show(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
