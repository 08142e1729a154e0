"""Pictures as indented text: for terminals, logs and tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypernodes.viz._model import Box, Drawing


def render_text(drawing: Drawing, **_options: Any) -> str:
    """Return *drawing* as a tree: inputs first, then nodes in execution order.

    Each node shows what it reads and what it gives::

        inputs: text: str
        ├─ clean(text) -> cleaned: str
        └─ count(cleaned) -> word_count: int
    """
    lines = [drawing.title] if drawing.title else []
    inputs = [box.label for box in drawing.boxes if box.kind == "input"]
    bound = [box.label for box in drawing.boxes if box.kind == "bound" and box.group is None]
    if inputs:
        lines.append(f"inputs: {', '.join(inputs)}")
    if bound:
        lines.append(f"bound: {', '.join(bound)}")
    lines += _tree(drawing, None, "")
    return "\n".join(lines) + "\n"


def _tree(drawing: Drawing, group: str | None, indent: str) -> Iterator[str]:
    shown = [
        box for box in drawing.boxes if box.group == group and box.kind not in {"input", "bound"}
    ]
    for box in shown:
        is_last = box is shown[-1]
        yield f"{indent}{'└─' if is_last else '├─'} {_line(drawing, box)}"
        if box.kind == "group":
            yield from _tree(drawing, box.id, f"{indent}{'   ' if is_last else '│  '}")


def _line(drawing: Drawing, box: Box) -> str:
    remarks = f"  ({'; '.join(box.remarks)})" if box.remarks else ""
    if box.kind == "group":
        return f"{box.label}{remarks}"
    reads = ", ".join(arrow.label for arrow in drawing.arrows if arrow.target == box.id)
    return f"{box.label}({reads}) -> {', '.join(box.outputs)}{remarks}"
