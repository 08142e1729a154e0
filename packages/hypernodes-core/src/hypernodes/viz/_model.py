"""Boxes and arrows: what a picture shows, whoever draws it.

A drawing holds no sizes, no colours and no objects of the user.  Its ids are
made of the paths of steps, so the same pipeline gives the same drawing in
every process.  This is what a third-party renderer receives.
"""

from __future__ import annotations

from typing import Literal

import attrs

Kind = Literal["function", "dual", "nested", "group", "input", "output"]
State = Literal["", "bound", "optional"]
ARROW_TEXT = " -> "


@attrs.frozen
class Field:
    """One named value of a box: an output of a function, or one of its inputs.

    Attributes:
        name: Its name.
        type: Its annotation as text; empty where there is none.
        is_stateful: Whether it is known to be a stateful object.
    """

    name: str
    type: str = ""
    is_stateful: bool = False


@attrs.frozen
class Box:
    """One node, or some inputs, of a picture.

    Attributes:
        id: Unique in its picture and the same in every process.
        kind: What it stands for.  A ``"nested"`` pipeline is closed, a
            ``"group"`` is one that is opened.
        label: The name of the node; empty for inputs and outputs.
        fields: What it gives, by name.
        remarks: What is special about it, in words.
        group: The id of the group it lies in; None at the outside.
        state: Inputs only: whether a value is bound, or there is a default.
        path: Nodes only: the path of its step, as observers know it.
        is_mapped: Whether a nested pipeline runs once per item.
    """

    id: str
    kind: Kind
    label: str = ""
    fields: tuple[Field, ...] = ()
    remarks: tuple[str, ...] = ()
    group: str | None = None
    state: State = ""
    path: str = ""
    is_mapped: bool = False

    @property
    def is_node(self) -> bool:
        """Whether it stands for a node, not for values."""
        return self.kind not in {"input", "output"}


@attrs.frozen
class Wire:
    """One value on its way through an arrow.

    Attributes:
        names: What it is called along the way: the name where it comes from
            first, then one name per border of a nested pipeline that is crossed.
        mapped: For each border, whether items are taken out of it there.
    """

    names: tuple[str, ...]
    mapped: tuple[bool, ...] = ()

    @property
    def is_mapped(self) -> bool:
        """Whether its items are handed over one by one."""
        return any(self.mapped)

    @property
    def text(self) -> str:
        """Its names, ``outer -> inner``, each change once."""
        kept = [name for i, name in enumerate(self.names) if not i or name != self.names[i - 1]]
        return ARROW_TEXT.join(kept)


@attrs.frozen
class Arrow:
    """All that one box reads from another one.

    Attributes:
        source: The id of the box that has the values.
        target: The id of the box that reads them.
        wires: One per value.
        label: What is worth writing beside it: renamed values, mapped values,
            and which of several outputs; empty where the boxes say it all.
    """

    source: str
    target: str
    wires: tuple[Wire, ...]
    label: str = ""

    @property
    def is_mapped(self) -> bool:
        """Whether items of a value are handed over one by one."""
        return any(wire.is_mapped for wire in self.wires)


@attrs.frozen
class Drawing:
    """A whole picture, ready to be rendered.

    Attributes:
        title: The pipeline's name, or an empty text.
        boxes: Groups before what lies in them, nodes in execution order,
            inputs first.
        arrows: All edges.
    """

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    def inside(self, group: str | None) -> tuple[Box, ...]:
        """Return the boxes that lie directly in *group*; None is the outside."""
        return tuple(box for box in self.boxes if box.group == group)

    def ancestors(self) -> dict[str, tuple[str, ...]]:
        """Return {box id: the groups around it, outermost first}."""
        found: dict[str, tuple[str, ...]] = {}
        for box in self.boxes:
            found[box.id] = () if box.group is None else (*found[box.group], box.group)
        return found
