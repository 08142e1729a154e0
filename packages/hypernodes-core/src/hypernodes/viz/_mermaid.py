"""Pictures as Mermaid flowcharts: text that GitHub and many editors draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hypernodes.viz._model import Box, Drawing, Field
from hypernodes.viz._theme import GraphvizTheme

_SHAPES: Final = {
    "function": ('["', '"]'),
    "dual": ('{{"', '"}}'),
    "nested": ('[["', '"]]'),
    "input": ('(["', '"])'),
    "output": ('(["', '"])'),
}
_ESCAPES: Final = (
    ("#", "#35;"),
    ("&", "#amp;"),
    ('"', "#quot;"),
    ("<", "#lt;"),
    (">", "#gt;"),
    ("|", "#124;"),
    ("`", "#96;"),
)


def render_mermaid(
    drawing: Drawing, *, orient: str = "TB", theme: GraphvizTheme | None = None, **_options: Any
) -> str:
    """Return *drawing* as a Mermaid flowchart.

    Args:
        drawing: What to draw.
        orient: ``"TB"``, ``"LR"``, ``"BT"`` or ``"RL"``.
        theme: Whose light colours the boxes get; without one they are
            coloured by whoever draws the chart, light or dark.
    """
    ids = {box.id: f"n{number}" for number, box in enumerate(drawing.boxes)}
    lines = [f'---\ntitle: "{_title(drawing.title)}"\n---'] if drawing.title else []
    lines.append(f"flowchart {orient}")
    lines += _boxes(drawing, ids, None, 1)
    for arrow in drawing.arrows:
        line = "==>" if arrow.is_mapped else "-->"
        label = f'|"{_text(arrow.label)}"|' if arrow.label else ""
        lines.append(f"    {ids[arrow.source]} {line}{label} {ids[arrow.target]}")
    lines += _classes(drawing, ids, theme)
    return "\n".join(lines) + "\n"


def _boxes(
    drawing: Drawing, ids: Mapping[str, str], group: str | None, depth: int
) -> Iterator[str]:
    """Yield the boxes that lie in *group*, groups with what lies in them."""
    indent = "    " * depth
    for box in drawing.inside(group):
        if box.kind == "group":
            yield f'{indent}subgraph {ids[box.id]} ["{_label(box)}"]'
            yield from _boxes(drawing, ids, box.id, depth + 1)
            yield f"{indent}end"
        else:
            left, right = _SHAPES[box.kind]
            yield f"{indent}{ids[box.id]}{left}{_label(box)}{right}"


def _label(box: Box) -> str:
    fields = () if box.kind == "group" else box.fields
    lines = [f"<b>{_text(box.label)}</b>"] if box.label else []
    lines += [_text(_field(field)) for field in fields]
    lines += [f"<i>{_text(remark)}</i>" for remark in box.remarks]
    return "<br/>".join(lines)


def _field(field: Field) -> str:
    return f"{field.name}: {field.type}" if field.type else field.name


def _classes(
    drawing: Drawing, ids: Mapping[str, str], theme: GraphvizTheme | None
) -> Iterator[str]:
    """Yield what is bound and optional as classes, and with a theme its colours."""
    members: dict[str, list[str]] = {}
    for box in drawing.boxes:
        name: str = "bound" if box.state == "bound" else "input" if not box.is_node else box.kind
        members.setdefault(name, []).append(ids[box.id])
        if box.state == "optional":
            members.setdefault("optional", []).append(ids[box.id])
    styles = {"bound": "opacity:0.6", "optional": "stroke-dasharray:4 3"}
    if theme is not None:
        ink = theme.colour("ink")
        for name in members.keys() - {"optional"}:
            fill, line = theme.colour(f"{name}_fill"), theme.colour(f"{name}_line")
            colour = theme.colour("bound_ink") if name == "bound" else ink
            styles[name] = f"fill:{fill},stroke:{line},color:{colour}"
    for name, style in sorted(styles.items()):
        if name in members:
            yield f"    classDef {name} {style}"
            yield f"    class {','.join(members[name])} {name}"


def _text(text: str) -> str:
    """Escape what Mermaid would read as syntax."""
    for sign, entity in _ESCAPES:
        text = text.replace(sign, entity)
    return text


def _title(title: str) -> str:
    """Escape what YAML would read as the end of a quoted text."""
    return title.replace("\\", "\\\\").replace('"', '\\"')
