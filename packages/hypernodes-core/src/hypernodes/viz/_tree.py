"""Pictures as an indented list: what is left where a drawing would be too wide."""

from __future__ import annotations

from collections.abc import Iterator

from hypernodes.viz._model import Box, Drawing, Field


def render_tree(drawing: Drawing) -> str:
    """Return *drawing* as a tree: inputs first, then nodes in execution order.

    Each node shows what it reads and what it gives::

        inputs: text: str
        ├─ clean(text) -> cleaned: str
        └─ count(cleaned) -> word_count: int
    """
    lines = [drawing.title] if drawing.title else []
    outside = [box for box in drawing.inside(None) if box.kind == "input"]
    for title, states in (("inputs", {"", "optional"}), ("bound", {"bound"})):
        shown = [box for box in outside if box.state in states]
        names = [_field(field, box) for box in shown for field in box.fields]
        if names:
            lines.append(f"{title}: {', '.join(names)}")
    reads = _reads(drawing)
    lines += _tree(drawing, reads, None, "")
    return "\n".join(lines) + "\n"


def _tree(
    drawing: Drawing, reads: dict[str, list[str]], group: str | None, indent: str
) -> Iterator[str]:
    shown = [box for box in drawing.inside(group) if box.is_node]
    for box in shown:
        is_last = box is shown[-1]
        yield f"{indent}{'└─' if is_last else '├─'} {_line(box, reads)}"
        if box.kind == "group":
            yield from _tree(drawing, reads, box.id, f"{indent}{'   ' if is_last else '│  '}")


def _reads(drawing: Drawing) -> dict[str, list[str]]:
    """Return {box id: the names of what it reads}, seen through boxes of outputs."""
    reads: dict[str, list[str]] = {}
    for arrow in drawing.arrows:
        for wire in arrow.wires:
            reads.setdefault(arrow.target, []).append(wire.names[-1])
    return reads


def _line(box: Box, reads: dict[str, list[str]]) -> str:
    remarks = f"  ({'; '.join(box.remarks)})" if box.remarks else ""
    if box.kind == "group":
        return f"{box.label}{remarks}"
    given = ", ".join(f"{f.name}: {f.type}" if f.type else f.name for f in box.fields)
    arrow = f" -> {given}" if given else ""
    return f"{box.label}({', '.join(reads.get(box.id, ()))}){arrow}{remarks}"


def _field(field: Field, box: Box) -> str:
    note = " (optional)" if box.state == "optional" else ""
    return f"{field.name}: {field.type}{note}" if field.type else f"{field.name}{note}"
