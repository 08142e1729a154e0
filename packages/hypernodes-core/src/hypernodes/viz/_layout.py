"""Where everything goes: rectangles and curves, whoever decided on them.

Holds the records between a layout and a renderer, and knows neither.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

Point = tuple[float, float]


@attrs.frozen
class Rect:
    """A place: its upper left corner and its size, in pixels, y downward."""

    x: float
    y: float
    width: float
    height: float


@attrs.frozen
class Route:
    """The way of one arrow.

    Attributes:
        curve: A start, then three points per cubic Bezier piece.
        tip: Where its head points to.
        label: The middle of its label; None where it has none.
    """

    curve: tuple[Point, ...]
    tip: Point
    label: Point | None = None


@attrs.frozen
class Layout:
    """The places of a whole drawing.

    Attributes:
        width: Of everything.
        height: Likewise.
        places: {box id: where it is}, groups too.
        routes: One per arrow of the drawing, in its order.
    """

    width: float
    height: float
    places: Mapping[str, Rect]
    routes: tuple[Route, ...]
