"""Drawings changed into other drawings: levels closed, inputs joined, outputs set apart.

Each function takes a drawing and returns one, and decides nothing about how
it will look.  The interactive page does the same to the same data, so what
is said here about names has its twin in ``assets/fold.js``.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from hypernodes.viz._model import Arrow, Box, Drawing, Wire


def fold(drawing: Drawing, depth: int | None) -> Drawing:
    """Close what lies deeper than *depth* levels: 1 closes every nested pipeline.

    An arrow into a closed pipeline keeps the name that its value has inside,
    because that is what shows how it is renamed.
    """
    if depth is None:
        return drawing
    around = drawing.ancestors()
    boxes = []
    for box in drawing.boxes:
        level = len(around[box.id])
        if level < depth:
            is_closed = box.kind == "group" and level == depth - 1
            boxes.append(attrs.evolve(box, kind="nested") if is_closed else box)
    arrows = [_folded(arrow, around, depth - 1) for arrow in drawing.arrows]
    return attrs.evolve(drawing, boxes=tuple(boxes), arrows=tuple(filter(None, arrows)))


def _folded(arrow: Arrow, around: dict[str, tuple[str, ...]], opened: int) -> Arrow | None:
    """Return *arrow* between what is left of its ends; None if both are in one closed box."""
    source, target = (*around[arrow.source], arrow.source), (*around[arrow.target], arrow.target)
    start, end = source[: opened + 1][-1], target[: opened + 1][-1]
    if start == end:
        return None
    shared = _shared(around[arrow.source], around[arrow.target])
    exits = len(around[arrow.source]) - shared
    hidden = max(0, len(around[arrow.source]) - opened)
    (wire,) = arrow.wires
    # up to the target, and one name further where the target is closed
    last = min(len(wire.names) - 1, exits + opened + 1 - shared)
    cut = Wire(wire.names[hidden : last + 1], wire.mapped[hidden:last])
    return attrs.evolve(arrow, source=start, target=end, wires=(cut,))


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def flatten(drawing: Drawing) -> Drawing:
    """Take the groups away and leave what lies in them.

    What leads to a group as a whole then leads to the first node in it.
    """
    first: dict[str, str] = {}
    for box in reversed(drawing.boxes):
        if box.group is not None and box.is_node:
            first[box.group] = first.get(box.id, box.id)
    kept = tuple(attrs.evolve(box, group=None) for box in drawing.boxes if box.kind != "group")
    arrows = tuple(
        attrs.evolve(arrow, target=first.get(arrow.target, arrow.target))
        for arrow in drawing.arrows
    )
    return attrs.evolve(drawing, boxes=kept, arrows=arrows)


def separate_outputs(drawing: Drawing) -> Drawing:
    """Give every output of a node a box of its own, between the node and its readers."""
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    homes: dict[tuple[str, str], str] = {}
    for box in drawing.boxes:
        if not box.is_node or box.kind == "group":
            boxes.append(box)
            continue
        boxes.append(attrs.evolve(box, fields=()))
        for field in box.fields:
            identity = f"output:{box.id}:{field.name}"
            homes[box.id, field.name] = identity
            boxes.append(Box(identity, "output", fields=(field,), group=box.group))
            arrows.append(Arrow(box.id, identity, (Wire((field.name,)),)))
    for arrow in drawing.arrows:
        (wire,) = arrow.wires
        home = homes.get((arrow.source, wire.names[0]), arrow.source)
        arrows.append(attrs.evolve(arrow, source=home))
    return attrs.evolve(drawing, boxes=tuple(boxes), arrows=tuple(arrows))


def join_arrows(drawing: Drawing) -> Drawing:
    """Make one arrow of all that leads from one box to another, and label it."""
    joined: dict[tuple[str, str], list[Wire]] = {}
    for arrow in drawing.arrows:
        joined.setdefault((arrow.source, arrow.target), []).extend(arrow.wires)
    boxes = {box.id: box for box in drawing.boxes}
    arrows = []
    for (source, target), wires in joined.items():
        kept = tuple(dict.fromkeys(wires))
        arrows.append(Arrow(source, target, kept, label_of(boxes[source], kept)))
    return attrs.evolve(drawing, arrows=tuple(arrows))


def label_of(source: Box, wires: Iterable[Wire]) -> str:
    """Return what an arrow from *source* should say: only what the boxes do not."""
    parts = []
    for wire in wires:
        is_ambiguous = source.is_node and len(source.fields) > 1
        if wire.is_mapped:
            parts.append(f"each {wire.text}")
        elif is_ambiguous or len(set(wire.names)) > 1:
            parts.append(wire.text)
    return ", ".join(parts)


def group_inputs(drawing: Drawing) -> Drawing:
    """Put inputs of one state that are read by the same nodes in the same way into one box.

    The box stands where the first of them stood and has its id.
    """
    readers: dict[str, set[tuple[str, bool]]] = {}
    for arrow in drawing.arrows:
        readers.setdefault(arrow.source, set()).add((arrow.target, arrow.is_mapped))
    together: dict[object, list[Box]] = {}
    for box in drawing.boxes:
        if box.kind == "input":
            key = (box.group, box.state, frozenset(readers.get(box.id, ())))
            together.setdefault(key, []).append(box)
    home = {box.id: group[0].id for group in together.values() for box in group}
    fields = {
        group[0].id: tuple(field for box in group for field in box.fields)
        for group in together.values()
    }
    boxes = tuple(
        attrs.evolve(box, fields=fields.get(box.id, box.fields))
        for box in drawing.boxes
        if home.get(box.id, box.id) == box.id
    )
    arrows = tuple(
        attrs.evolve(arrow, source=home.get(arrow.source, arrow.source)) for arrow in drawing.arrows
    )
    return attrs.evolve(drawing, boxes=boxes, arrows=arrows)
