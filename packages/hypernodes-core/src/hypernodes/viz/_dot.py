"""Pictures as DOT text: for those who lay out and draw with their own Graphviz.

Uses only what every build of Graphviz understands, so there are no labels in
HTML: the first line of a box is its name, further lines are outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hypernodes.viz._model import Arrow, Box, Drawing
from hypernodes.viz._theme import GraphvizTheme

_INDENT: Final = "  "


def render_dot(
    drawing: Drawing, *, orient: str = "TB", theme: GraphvizTheme | None = None, **_options: Any
) -> str:
    """Return *drawing* as DOT text in the light colours of *theme*."""
    theme = theme or GraphvizTheme()
    ids = {box.id: f"n{number}" for number, box in enumerate(drawing.boxes)}
    ends = _inner_ends(drawing, ids)
    lines = [f"digraph {_quoted(drawing.title or 'pipeline')} {{"]
    lines += [f"{_INDENT}{line}" for line in _defaults(drawing, theme, orient)]
    lines += _boxes(drawing, ids, theme, None, 1)
    lines += [f"{_INDENT}{_edge(arrow, ids, ends, theme)}" for arrow in drawing.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _defaults(drawing: Drawing, theme: GraphvizTheme, orient: str) -> Iterator[str]:
    ink, family = theme.colour("ink"), "Helvetica"
    size, small = theme.font_size, theme.font_size * 0.78
    label = {"label": drawing.title, "labelloc": "t", "labeljust": "l"} if drawing.title else {}
    graph = {
        "rankdir": orient,
        "compound": "true",
        "bgcolor": _colour(theme, "background"),
        "nodesep": f"{theme.node_gap / 72:.3g}",
        "ranksep": f"{theme.rank_gap / 72:.3g}",
        "fontname": family,
        "fontsize": f"{size:g}",
        "fontcolor": ink,
        **label,
    }
    yield f"graph [{_attributes(graph)}]"
    node = {"shape": "box", "style": "rounded,filled", "fontname": family, "fontcolor": ink}
    yield f"node [{_attributes({**node, 'fontsize': f'{size * 0.9:g}', 'margin': '0.18,0.1'})}]"
    edge = {"color": theme.colour("line"), "arrowsize": "0.7", "fontname": family}
    colour = theme.colour("quiet")
    yield f"edge [{_attributes({**edge, 'fontsize': f'{small:g}', 'fontcolor': colour})}]"


def _boxes(
    drawing: Drawing, ids: Mapping[str, str], theme: GraphvizTheme, group: str | None, depth: int
) -> Iterator[str]:
    """Yield the boxes that lie in *group*, groups with what lies in them."""
    indent = _INDENT * depth
    for box in drawing.inside(group):
        if box.kind == "group":
            yield f"{indent}subgraph cluster_{ids[box.id]} {{"
            yield f"{indent}{_INDENT}{_cluster(box, theme)}"
            yield from _boxes(drawing, ids, theme, box.id, depth + 1)
            yield f"{indent}}}"
        else:
            yield f"{indent}{ids[box.id]} [{_attributes(_look(box, theme))}]"


def _look(box: Box, theme: GraphvizTheme) -> dict[str, str]:
    role = "bound" if box.state == "bound" else box.kind if box.is_node else "input"
    fields = [f"{field.name}: {field.type}" if field.type else field.name for field in box.fields]
    remarks = [f"({remark})" for remark in box.remarks]
    look = {
        "label": "\n".join([*([box.label] if box.label else []), *fields, *remarks]),
        "fillcolor": _colour(theme, f"{role}_fill"),
        "color": theme.colour(f"{role}_line"),
    }
    if box.kind == "nested":
        look["peripheries"] = "2"
    if box.state == "optional":
        look["style"] = "rounded,filled,dashed"
    if box.state == "bound":
        look["fontcolor"] = theme.colour("bound_ink")
    return look


def _cluster(box: Box, theme: GraphvizTheme) -> str:
    remarks = f" ({', '.join(box.remarks)})" if box.remarks else ""
    look = {
        "label": f"{box.label}{remarks}",
        "style": "rounded,filled",
        "fillcolor": _colour(theme, "group_fill"),
        "color": theme.colour("group_line"),
        "labeljust": "l",
        "margin": "16",
    }
    return f"graph [{_attributes(look)}]"


def _edge(
    arrow: Arrow, ids: Mapping[str, str], ends: Mapping[str, str], theme: GraphvizTheme
) -> str:
    look = {"label": arrow.label} if arrow.label else {}
    if arrow.is_mapped:
        look |= {"color": theme.colour("accent"), "penwidth": "1.6"}
    if arrow.target in ends:
        look["lhead"] = f"cluster_{ids[arrow.target]}"
    target = ends.get(arrow.target, ids[arrow.target])
    attributes = f" [{_attributes(look)}]" if look else ""
    return f"{ids[arrow.source]} -> {target}{attributes}"


def _inner_ends(drawing: Drawing, ids: Mapping[str, str]) -> dict[str, str]:
    """Return {group: the node at which an arrow to the whole group ends}."""
    found: dict[str, str] = {}
    for box in reversed(drawing.boxes):
        if box.group is not None:
            found[box.group] = found.get(box.id, ids[box.id])
    return found


def _attributes(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in values.items())


def _colour(theme: GraphvizTheme, role: str) -> str:
    colour = theme.colour(role)
    return "transparent" if colour == "none" else colour


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
