"""A drawing cut at its borders: one level per pipeline, joined by ports.

An arrow that crosses borders becomes one piece per level.  Where it crosses
one there is a *port*, which carries the names of its values on both sides.
"""

from __future__ import annotations

import attrs

from hypernodes.viz._model import Arrow, Box, Drawing, Wire


@attrs.frozen
class End:
    """One end of a piece.

    Attributes:
        item: The id of a box of the level, or of one of the level's own ports.
        port: Where *item* is an opened pipeline: the id of its port.
    """

    item: str
    port: str | None = None


@attrs.frozen
class Piece:
    """A part of an arrow that lies on one level."""

    source: End
    target: End
    is_mapped: bool


Chain = list[tuple[str | None, Piece]]
"""The pieces of one arrow, each with the group on whose level it lies."""


@attrs.define
class Level:
    """What lies directly in one pipeline.

    Attributes:
        boxes: Its boxes, opened pipelines among them.
        ins: {port id: what it says} of what comes in.
        outs: {port id: what it says} of what goes out.
        pieces: What connects all of them.
    """

    boxes: tuple[Box, ...]
    ins: dict[str, str] = attrs.field(factory=dict)
    outs: dict[str, str] = attrs.field(factory=dict)
    pieces: dict[Piece, None] = attrs.field(factory=dict)


def split_levels(drawing: Drawing) -> dict[str | None, Level]:
    """Return {group: its level}; None is the outside."""
    levels, _ = cut_arrows(drawing)
    return levels


def cut_arrows(drawing: Drawing) -> tuple[dict[str | None, Level], list[Chain]]:
    """Return the levels, and for each arrow its pieces from its source to its target."""
    groups = [None, *(box.id for box in drawing.boxes if box.kind == "group")]
    levels = {group: Level(drawing.inside(group)) for group in groups}
    around = drawing.ancestors()
    chains = []
    for arrow in drawing.arrows:
        entered, target = around[arrow.target], arrow.target
        if target in levels:
            chain = _cut(arrow, levels, around[arrow.source], (*entered, target), None)
        else:
            chain = _cut(arrow, levels, around[arrow.source], entered, target)
        for group, piece in chain:
            levels[group].pieces[piece] = None
        chains.append(chain)
    return levels, chains


def _cut(
    arrow: Arrow,
    levels: dict[str | None, Level],
    left: tuple[str, ...],
    entered: tuple[str, ...],
    target: str | None,
) -> Chain:
    """Return the pieces of *arrow*, first outward and then inward; add its ports."""
    shared = 0
    while shared < min(len(left), len(entered)) and left[shared] == entered[shared]:
        shared += 1
    chain: Chain = []
    here = End(arrow.source)
    for group in reversed(left[shared:]):
        text, _ = _at_border(arrow.wires, len(chain))
        port = f"out:{arrow.source}:{text}"
        levels[group].outs[port] = text
        chain.append((group, Piece(here, End(port), is_mapped=False)))
        here = End(group, port)
    level, is_mapped = left[shared - 1] if shared else None, False
    for group in entered[shared:]:
        text, is_mapped = _at_border(arrow.wires, len(chain))
        port = f"in:{arrow.source}:{text}"
        levels[group].ins[port] = text
        chain.append((level, Piece(here, End(group, port), is_mapped)))
        here, level = End(port), group
    if target is not None:
        # a closed pipeline takes items, too: its border is part of its box
        is_mapped = arrow.is_mapped and len(entered) == shared
        chain.append((level, Piece(here, End(target), is_mapped)))
    return chain


def _at_border(wires: tuple[Wire, ...], number: int) -> tuple[str, bool]:
    """Return what the values are called on both sides of a border, and whether it maps."""
    parts = []
    for wire in wires:
        part = Wire(wire.names[number : number + 2], wire.mapped[number : number + 1])
        parts.append(f"each {part.text}" if part.is_mapped else part.text)
    return ", ".join(parts), any(wire.mapped[number] for wire in wires)
