"""Annotations as short text: what a picture writes beside a name.

Decides how much of a type is worth reading in a box.  An annotation that is
no type gives its type's name, because its `repr` may hold an address.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Final, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

from hypernodes.graph import AnyNode, NestedNode, input_types, output_types

MAX_LENGTH: Final = 36
_UNIONS: Final = (Union, types.UnionType)


def describe_type(hint: Any) -> str:
    """Return *hint* as short text, modules left out; empty for `Any`."""
    if hint is Any:
        return ""
    text = " ".join(_text(hint).split())
    return text if len(text) <= MAX_LENGTH else f"{text[: MAX_LENGTH - 1]}…"


def describe_inputs(node: AnyNode) -> dict[str, str]:
    """Return {input name: type as text} of *node*, seen from outside."""
    return _described(node, read_hints(input_types, node) or dict.fromkeys(node.root_args, Any))


def describe_outputs(node: AnyNode) -> dict[str, str]:
    """Return {output name: type as text} of *node*, seen from outside."""
    described = _described(node, read_hints(output_types, node))
    if not isinstance(node, NestedNode) and isinstance(node.output_name, str):
        raw = _raw(node).get("return")
        if not described.get(node.output_name) and isinstance(raw, str):
            described[node.output_name] = describe_type(raw)
    return described


def read_hints(read: Callable[[AnyNode], dict[str, Any]], node: AnyNode) -> dict[str, Any]:
    """Return what *read* finds out about *node*; nothing where an annotation cannot be read."""
    try:
        return read(node)
    except Exception:  # evaluating an annotation may raise anything
        return {}


def _described(node: AnyNode, hints: dict[str, Any]) -> dict[str, str]:
    """Describe *hints*; where a name could not be resolved, as it was written."""
    raw = {} if isinstance(node, NestedNode) else _raw(node)
    found = {}
    for name, hint in hints.items():
        written = raw.get(name)
        found[name] = describe_type(written if hint is Any and isinstance(written, str) else hint)
    return found


def _raw(node: Any) -> dict[str, Any]:
    body = node.func if hasattr(node, "func") else node.singular
    found: dict[str, Any] = getattr(body, "__annotations__", {})
    return found


def _text(hint: Any) -> str:
    if hint is None or hint is type(None):
        return "None"
    if hint is Any or hint is Ellipsis:
        return "Any" if hint is Any else "..."
    if isinstance(hint, str):
        return hint
    if isinstance(hint, ForwardRef):
        return hint.__forward_arg__
    if isinstance(hint, TypeVar):
        return hint.__name__
    arguments = get_args(hint)
    if arguments:
        return _generic(hint, arguments)
    return getattr(hint, "__name__", None) or type(hint).__name__


def _generic(hint: Any, arguments: tuple[Any, ...]) -> str:
    origin = get_origin(hint)
    if origin in _UNIONS:
        return " | ".join(_text(each) for each in arguments)
    if origin is Literal:
        return " | ".join(
            repr(each) if isinstance(each, str | int | bool | bytes) else _text(each)
            for each in arguments
        )
    if origin is Callable:
        *taken, given = arguments
        shown = ", ".join(_text(each) for each in _flat(taken))
        return f"({shown}) -> {_text(given)}"
    inside = ", ".join(_text(each) for each in arguments)
    return f"{_text(origin)}[{inside}]"


def _flat(taken: list[Any]) -> list[Any]:
    """Return the parameters of a callable, which come as one list or an ellipsis."""
    return taken[0] if len(taken) == 1 and isinstance(taken[0], list) else taken
