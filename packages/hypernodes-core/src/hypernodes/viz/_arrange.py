"""Places without Graphviz: for what is too much for it, and where there is none.

Each level of nesting is laid out by `_layers`, from the inside out, and put
into its place from the outside in.  Everything flows downward here; other
directions turn sizes before and places after.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import attrs

from hypernodes.viz._boxes import LABEL_SIZE, Shape
from hypernodes.viz._layers import Layers, Net, Segment, make_layers
from hypernodes.viz._layout import Layout, Point, Rect, Route
from hypernodes.viz._levels import End, Level, Piece, cut_arrows
from hypernodes.viz._metrics import text_width
from hypernodes.viz._model import Drawing
from hypernodes.viz._theme import GraphvizTheme

_PAD: Final = 16.0
_PORT: Final = 8.0
_HEAD: Final = 7.0
_MAX_GAP: Final = 220.0


@attrs.frozen
class Arranged:
    """One level, laid out by itself.

    Attributes:
        size: Across and along the flow; for a group with its border.
        places: {item: where it is}, within the border.
        paths: {piece: its points}.
        ports: {port: how far across it is}, from the border.
        inset: From the border to what is in it, across and along.
    """

    size: Point
    places: Mapping[str, Point]
    paths: Mapping[Piece, list[Point]]
    ports: Mapping[str, float] = attrs.field(factory=dict)
    inset: Point = (0.0, 0.0)


def arrange(
    drawing: Drawing, shapes: Mapping[str, Shape], theme: GraphvizTheme, orient: str
) -> Layout:
    """Return places for the boxes of *drawing*, each as large as its shape."""
    levels, chains = cut_arrows(drawing)
    is_turned = orient in {"LR", "RL"}
    sizes = {
        name: _turned((shape.width, shape.height), is_turned) for name, shape in shapes.items()
    }
    if is_turned:
        theme = _with_room(drawing, theme)
    done: dict[str | None, Arranged] = {}
    for group in reversed(list(levels)):
        heading = None if group is None else shapes[group]
        done[group] = _level(levels[group], sizes, done, heading, theme, is_turned)
        if group is not None:
            sizes[group] = done[group].size
    corners = _corners(levels, done)
    across, along = done[None].size
    turn = _Turn(is_turned, along if orient in {"BT", "RL"} else None)
    places = {box.id: turn.rect(corners[box.id], sizes[box.id]) for box in drawing.boxes}
    routes = []
    for chain in chains:
        points: list[Point] = []
        for group, piece in chain:
            left, top = corners[group]
            inset = done[group].inset
            path = done[group].paths[piece]
            points += [(left + inset[0] + x, top + inset[1] + y) for x, y in path]
        routes.append(_route([turn.point(point) for point in points], is_turned))
    width, height = _turned((across, along), is_turned)
    return Layout(width, height, places, tuple(routes))


def _with_room(drawing: Drawing, theme: GraphvizTheme) -> GraphvizTheme:
    """Return *theme* with ranks so far apart that a label fits between them."""
    size = theme.font_size * LABEL_SIZE
    widest = max((text_width(arrow.label, size) for arrow in drawing.arrows), default=0.0)
    return attrs.evolve(theme, rank_gap=max(theme.rank_gap, min(widest + 30, _MAX_GAP)))


def _turned(size: Point, is_turned: bool) -> Point:
    return size[::-1] if is_turned else size


def _level(
    level: Level,
    sizes: Mapping[str, Point],
    done: Mapping[str | None, Arranged],
    heading: Shape | None,
    theme: GraphvizTheme,
    is_turned: bool,
) -> Arranged:
    items = [*level.ins, *(box.id for box in level.boxes), *level.outs]
    order = {item: number for number, item in enumerate(items)}
    own = dict.fromkeys((*level.ins, *level.outs), (_PORT, 0.0))
    known = {item: own.get(item) or sizes[item] for item in items}

    def offset(end: End) -> float:
        return known[end.item][0] / 2 if end.port is None else done[end.item].ports[end.port]

    pieces: dict[End, list[Piece]] = {}
    for piece in level.pieces:
        pieces.setdefault(piece.source, []).append(piece)
    nets = [
        Net(
            order[source.item],
            offset(source),
            tuple((order[piece.target.item], offset(piece.target)) for piece in leaving),
        )
        for source, leaving in pieces.items()
    ]
    layers = make_layers(
        [known[item][0] for item in items],
        nets,
        gap=theme.node_gap,
        first=frozenset(order[port] for port in level.ins),
        last=frozenset(order[port] for port in level.outs),
    )
    stack = _Stack(layers, [known[item][1] for item in items], theme.rank_gap)
    paths = {}
    for number, leaving in enumerate(pieces.values()):
        for piece in leaving:
            paths[piece] = stack.path(number, order[piece.target.item])
    places = {item: (layers.lefts[n], stack.tops[layers.rank_of[n]]) for item, n in order.items()}
    ends = [left + width for left, width in zip(layers.lefts, layers.widths, strict=True)]
    size = (max(ends, default=0.0), stack.height)
    if heading is None:
        return Arranged(size, places, paths)
    return _framed(Arranged(size, places, paths), own, heading, is_turned)


def _framed(
    inner: Arranged, ports: Mapping[str, Point], heading: Shape, is_turned: bool
) -> Arranged:
    """Return *inner* with a border around it and room for its heading."""
    above = heading.height + 14
    inset = (above, _PAD) if is_turned else (_PAD, above)
    least = heading.width + 2 * _PAD
    across, along = (size + start + _PAD for size, start in zip(inner.size, inset, strict=True))
    if is_turned:
        along = max(along, least)
    else:
        inset = (inset[0] + max(least - across, 0) / 2, inset[1])
        across = max(across, least)
    found = {port: inset[0] + inner.places[port][0] + _PORT / 2 for port in ports}
    return Arranged((across, along), inner.places, inner.paths, found, inset)


def _corners(
    levels: Mapping[str | None, Level], done: Mapping[str | None, Arranged]
) -> dict[str | None, Point]:
    """Return the corner of every box and of every level, from the outside in."""
    corners: dict[str | None, Point] = {None: (0.0, 0.0)}
    for group, level in levels.items():
        (left, top), (across, along) = corners[group], done[group].inset
        for box in level.boxes:
            x, y = done[group].places[box.id]
            corners[box.id] = (left + across + x, top + along + y)
    return corners


class _Stack:
    """Ranks below each other, as far apart as the arrows between them need."""

    def __init__(self, layers: Layers, heights: list[float], gap: float) -> None:
        self._layers = layers
        self._heights = heights
        self._into = {(each.net, each.lower): each for each in layers.segments}
        spans = [0.0] * len(layers.ranks)
        for each in layers.segments:
            rank = layers.rank_of[each.upper]
            spans[rank] = max(spans[rank], abs(self._start(each) - self._end(each)))
        self.tops: list[float] = []
        self._bottoms: list[float] = []
        top = 0.0
        for rank, numbers in enumerate(layers.ranks):
            self.tops.append(top)
            self._bottoms.append(top + max((self._height(n) for n in numbers), default=0.0))
            top = self._bottoms[-1] + gap + min(50.0, spans[rank] * 0.09)
        self.height = self._bottoms[-1] if self._bottoms else 0.0

    def path(self, net: int, target: int) -> list[Point]:
        """Return the points of *net* on its way to *target*."""
        points: list[Point] = []
        each = self._into.get((net, target))
        while each is not None:
            rank = self._layers.rank_of[each.upper]
            points.append((self._end(each), self.tops[self._layers.rank_of[each.lower]]))
            bottom = self.tops[rank] + self._height(each.upper)
            # beside something tall, first down and only then sideways
            if self._bottoms[rank] - bottom > 8:
                points.append((self._start(each), self._bottoms[rank]))
            points.append((self._start(each), bottom))
            each = self._into.get((net, each.upper))
        return points[::-1]

    def _start(self, each: Segment) -> float:
        return self._layers.lefts[each.upper] + each.upper_offset

    def _end(self, each: Segment) -> float:
        return self._layers.lefts[each.lower] + each.lower_offset

    def _height(self, number: int) -> float:
        return self._heights[number] if number < len(self._heights) else 0.0


@attrs.frozen
class _Turn:
    """From places that flow downward to places that flow where they should."""

    is_turned: bool
    length: float | None

    def point(self, point: Point) -> Point:
        """Return where *point* is in the end."""
        across, along = point
        along = along if self.length is None else self.length - along
        return (along, across) if self.is_turned else (across, along)

    def rect(self, corner: Point, size: Point) -> Rect:
        """Return the place of a box."""
        across, along = corner
        near = (across, along if self.length is None else along + size[1])
        return Rect(*self.point(near), *_turned(size, self.is_turned))


def _route(points: list[Point], is_turned: bool) -> Route:
    """Return a curve through *points* that leaves and arrives along the flow."""
    kept = [point for n, point in enumerate(points) if not n or point != points[n - 1]]
    axis = 0 if is_turned else 1
    tip = kept[-1]
    sign = 1 if tip[axis] >= kept[-2][axis] else -1
    end = list(tip)
    end[axis] -= _HEAD * sign
    kept[-1] = (end[0], end[1])
    curve = [kept[0]]
    for start, stop in pairwise(kept):
        middle = (start[axis] + stop[axis]) / 2
        if is_turned:
            curve += [(middle, start[1]), (middle, stop[1]), stop]
        else:
            curve += [(start[0], middle), (stop[0], middle), stop]
    return Route(tuple(curve), tip, _label_place(kept))


def _label_place(points: list[Point]) -> Point:
    """Return the middle of the longest part of a way."""
    parts = list(pairwise(points))
    (x, y), (to_x, to_y) = max(
        parts, key=lambda ends: abs(ends[0][0] - ends[1][0]) + abs(ends[0][1] - ends[1][1])
    )
    return (x + to_x) / 2, (y + to_y) / 2
