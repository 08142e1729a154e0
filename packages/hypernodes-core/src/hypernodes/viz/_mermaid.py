"""Pictures as Mermaid flowcharts: text that GitHub and many editors draw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hypernodes.viz._model import Box, Drawing

_SHAPES: Final = {
    "function": ('["', '"]'),
    "dual": ('{{"', '"}}'),
    "nested": ('[["', '"]]'),
    "input": ('(["', '"])'),
    "bound": ('(["', '"])'),
}


def render_mermaid(drawing: Drawing, *, orient: str = "TB", **_options: Any) -> str:
    """Return *drawing* as a Mermaid flowchart.

    Args:
        drawing: What to draw.
        orient: ``"TB"``, ``"LR"``, ``"BT"`` or ``"RL"``.
    """
    lines = [f"---\ntitle: {drawing.title}\n---"] if drawing.title else []
    lines.append(f"flowchart {orient}")
    lines += _boxes(drawing, None, 1)
    for arrow in drawing.arrows:
        lines.append(f'    {_id(arrow.source)} -- "{_text(arrow.label)}" --> {_id(arrow.target)}')
    lines.append("    classDef bound opacity:0.6")
    return "\n".join(lines) + "\n"


def _boxes(drawing: Drawing, group: str | None, depth: int) -> Iterator[str]:
    """Yield the boxes that lie in *group*, groups with what lies in them."""
    indent = "    " * depth
    for box in drawing.boxes:
        if box.group != group:
            continue
        if box.kind == "group":
            yield f'{indent}subgraph {_id(box.id)} ["{_label(box)}"]'
            yield from _boxes(drawing, box.id, depth + 1)
            yield f"{indent}end"
        else:
            left, right = _SHAPES[box.kind]
            style = ":::bound" if box.kind == "bound" else ""
            yield f"{indent}{_id(box.id)}{left}{_label(box)}{right}{style}"


def _label(box: Box) -> str:
    return "<br/>".join(_text(line) for line in (box.label, *box.outputs, *box.remarks))


def _text(text: str) -> str:
    """Escape what Mermaid would read as syntax."""
    for sign, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(sign, entity)
    return text


def _id(identity: str) -> str:
    return identity.replace("/", "_")
