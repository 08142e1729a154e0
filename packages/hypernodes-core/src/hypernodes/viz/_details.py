"""What can be read about each node: its code, its parameters, where it is from.

Looks at functions and never calls them.  Values appear only where they are
short and simple; of everything else the type is named, because a `repr` may
be long, slow or private.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from hypernodes.graph import AnyNode, DualNode, NestedNode, NestedPipeline
from hypernodes.plan import Plan
from hypernodes.viz._annotations import describe_inputs
from hypernodes.viz._build import whole_plan

_MAX_VALUE: Final = 40


@attrs.frozen
class Details:
    """All that can be read about one node.

    Attributes:
        place: File and line, without the folders.
        doc: Its docstring.
        remarks: Further words about it: whether and how it is called again.
        parameters: {"name", "type", "note"} of each.
        codes: {"title", "code"} of each body.
    """

    place: str = ""
    doc: str = ""
    remarks: tuple[str, ...] = ()
    parameters: tuple[dict[str, str], ...] = ()
    codes: tuple[dict[str, str], ...] = ()


def describe_nodes(pipeline: NestedPipeline) -> dict[str, Details]:
    """Return {path: details} of every node that a run of *pipeline* would carry out."""
    return dict(_described(pipeline, whole_plan(pipeline)))


def _described(pipeline: NestedPipeline, plan: Plan) -> Iterator[tuple[str, Details]]:
    for step in plan.steps:
        node = pipeline.graph.nodes[step.position]
        yield step.path, _details(node)
        if step.nested is not None and isinstance(node, NestedNode):
            yield from _described(node.pipeline, step.nested.plan)


def _details(node: AnyNode) -> Details:
    if isinstance(node, NestedNode):
        return Details(parameters=_parameters(node, None))
    bodies = {"Code": _plain(node.func)} if not isinstance(node, DualNode) else {}
    if isinstance(node, DualNode):
        bodies = {"For one": _plain(node.singular), "For many": _plain(node.batch)}
    first = next(iter(bodies.values()))
    found = {title: _source(body) for title, body in bodies.items()}
    return Details(
        place=_place(first),
        doc=inspect.getdoc(first) or "" if inspect.isroutine(first) else "",
        remarks=("retries, timeout or rate limit",) if node.policy is not None else (),
        parameters=_parameters(node, first),
        codes=tuple({"title": t, "code": code} for t, code in found.items() if code),
    )


def _parameters(node: AnyNode, body: Callable[..., Any] | None) -> tuple[dict[str, str], ...]:
    types = describe_inputs(node)
    defaults = {} if body is None else _defaults(body)
    rows = []
    for parameter in node.parameters:
        name = parameter.name
        note = "" if parameter.required else "optional"
        if note and name in defaults:
            note = f"= {_short(defaults[name])}"
        rows.append({"name": name, "type": types.get(name, ""), "note": note})
    return tuple(rows)


def _plain(body: Callable[..., Any]) -> Any:
    """Return the function itself: without partials, of an object what is called."""
    while hasattr(body, "func") and hasattr(body, "keywords"):
        body = body.func
    body = inspect.unwrap(body)
    return body if inspect.isroutine(body) or inspect.isclass(body) else type(body).__call__


def _source(body: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(body)).rstrip()
    except (OSError, TypeError):
        return ""


def _place(body: Any) -> str:
    code = getattr(body, "__code__", None)
    return "" if code is None else f"{Path(code.co_filename).name}:{code.co_firstlineno}"


def _defaults(body: Any) -> dict[str, Any]:
    try:
        signed = inspect.signature(body).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {each.name: each.default for each in signed if each.default is not each.empty}


def _short(value: Any) -> str:
    if isinstance(value, str | int | float | bool | None):
        text = repr(value)
        return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}…"
    return type(value).__name__
