"""The pipeline as a drawing, coloured by time and by hits.

Boxes stand in columns, each to the right of what it reads from; a nested
pipeline is a frame around its own boxes.  What reads what is told by the names
of values, as far as the run has told them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from hypernodes.callbacks import RunSummary, StepSummary
from hypernodes.cli._words import seconds
from hypernodes.cli.report._html import Html, element, join

_HEIGHT: Final = 58
_GAP_X: Final = 46
_GAP_Y: Final = 16
_PAD: Final = 14
_HEAD: Final = 26
_LETTER: Final = 7.8
_SMALL_LETTER: Final = 6.3
_LEAST: Final = 132
_LIFT: Final = 24
#: Arrows that go around something, side by side.
_DETOURS: Final = 3
_APART: Final = 7
_SMALLEST: Final = 0.7


@attrs.define
class _Box:
    """A step with its place: *edge* is where its column ends."""

    step: StepSummary
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    column: int = 0
    edge: float = 0.0
    inside: list[_Box] = attrs.field(factory=list)


def render_flow(run: RunSummary) -> Html:
    """Return the pipeline of *run* as SVG."""
    boxes = _boxes(list(run.steps.values()), "")
    width, height = _arrange(boxes)
    most = max((step.seconds for step in run.functions), default=0.0)
    return element(
        "svg",
        _arrows(boxes, 0, 0),
        *(_draw(box, 0, 0, most) for box in boxes),
        viewBox=f"-2 {-_LIFT:.0f} {width + 4:.0f} {height + 2 * _LIFT:.0f}",
        style=f"width:{width + 4:.0f}px;min-width:{_SMALLEST * width:.0f}px",
        role="img",
        aria_label=f"the pipeline {run.title}",
        class_="flow",
    )


def _boxes(steps: Sequence[StepSummary], inside: str) -> list[_Box]:
    """Return the boxes of the steps directly inside of the path *inside*."""
    found = []
    for step in steps:
        head, _, _ = step.path.rpartition("/")
        if head != inside:
            continue
        children = _boxes(steps, step.path)
        text = max(_LETTER * len(step.name), _SMALL_LETTER * len(_took(step)))
        width, height = text + 2 * _PAD, float(_HEIGHT)
        if children:
            inner_width, inner_height = _arrange(children)
            width = max(width, inner_width + 2 * _PAD)
            height = inner_height + _HEAD + 2 * _PAD
        found.append(_Box(step, max(width, _LEAST), height, inside=children))
    return found


def _arrange(boxes: Sequence[_Box]) -> tuple[float, float]:
    """Give each box its place in columns; return the width and height of all."""
    columns: dict[int, list[_Box]] = {}
    for box, column in zip(boxes, _columns([box.step for box in boxes]), strict=True):
        columns.setdefault(column, []).append(box)
    tallest = max((_stack(each) for each in columns.values()), default=0.0)
    x = 0.0
    for column in sorted(columns):
        y = (tallest - _stack(columns[column])) / 2
        edge = x + max(box.width for box in columns[column])
        for box in columns[column]:
            box.x, box.y, box.column, box.edge = x, y, column, edge
            y += box.height + _GAP_Y
        x = edge + _GAP_X
    return max(x - _GAP_X, 0.0), tallest


def _stack(boxes: Sequence[_Box]) -> float:
    return sum(box.height for box in boxes) + _GAP_Y * (len(boxes) - 1)


def _columns(steps: Sequence[StepSummary]) -> list[int]:
    """Return for each step its column: one more than those it reads from."""
    makers: dict[str, int] = {}
    columns: list[int] = []
    for step in steps:
        column = max((makers[name] for name in step.reads if name in makers), default=-1) + 1
        columns.append(column)
        makers.update(dict.fromkeys(step.writes, column))
    return columns


def _arrows(boxes: Sequence[_Box], left: float, top: float) -> Html:
    makers = {name: box for box in boxes for name in box.step.writes}
    pairs = {
        (id(makers[name]), id(box)): (makers[name], box)
        for box in boxes
        for name in box.step.reads
        if name in makers and makers[name] is not box
    }
    arrows: list[Html] = []
    detours = 0
    for source, target in pairs.values():
        between = [box for box in boxes if source.column < box.column < target.column]
        height = _detour(source, target, between, detours) if between else None
        detours += height is not None
        arrows.append(_arrow(source, target, height, left, top))
    return join(*arrows)


def _detour(source: _Box, target: _Box, between: Sequence[_Box], number: int) -> float:
    """Return the height at which an arrow passes what stands between two boxes."""
    above = min(box.y for box in between)
    below = max(box.y + box.height for box in between)
    away = _APART * (1 + number % _DETOURS)
    is_low = source.y + source.height / 2 + target.y + target.height / 2 > above + below
    return below + away if is_low else above - away


def _arrow(source: _Box, target: _Box, height: float | None, left: float, top: float) -> Html:
    start, y1 = left + source.x + source.width, top + source.y + source.height / 2
    # wider boxes of its column are passed straight before anything bends
    x1 = left + source.edge
    x2, y2 = left + target.x - 2, top + target.y + target.height / 2
    if height is None:
        way = _bend(x1, y1, x2, y2)
    else:
        x3, x4, y = x1 + _GAP_X, x2 - _GAP_X, top + height
        way = f"{_bend(x1, y1, x3, y)} H{x4:.1f} {_bend(x4, y, x2, y2)}"
    head = "m-6 -4 l6 4 l-6 4"
    return element("path", d=f"M{start:.1f} {y1:.1f} H{x1:.1f} {way} {head}", class_="arrow")


def _bend(x1: float, y1: float, x2: float, y2: float) -> str:
    """Return a curve that leaves and arrives level."""
    half = (x2 - x1) / 2
    return f"C{x1 + half:.1f} {y1:.1f} {x2 - half:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"


def _draw(box: _Box, left: float, top: float, most: float) -> Html:
    x, y = left + box.x, top + box.y
    step = box.step
    frame = element(
        "rect",
        x=f"{x:.1f}",
        y=f"{y:.1f}",
        width=f"{box.width:.1f}",
        height=f"{box.height:.1f}",
        rx=9,
        class_="group" if box.inside else "node failed" if step.failed else "node",
    )
    if box.inside:
        label = element("text", step.name, x=f"{x + _PAD:.1f}", y=f"{y + 19:.1f}", class_="label")
        inner_x, inner_y = x + _PAD, y + _HEAD + _PAD
        children = [_draw(each, inner_x, inner_y, most) for each in box.inside]
        return element("g", frame, label, _arrows(box.inside, inner_x, inner_y), *children)
    heat = 0.0 if most <= 0 else step.seconds / most
    glow = element(
        "rect",
        x=f"{x:.1f}",
        y=f"{y:.1f}",
        width=f"{box.width:.1f}",
        height=f"{box.height:.1f}",
        rx=9,
        class_="heat",
        style=f"opacity:{0.5 * heat:.2f}",
    )
    texts = [
        element("title", _describe(step)),
        element("text", step.name, x=f"{x + _PAD:.1f}", y=f"{y + 22:.1f}", class_="label"),
        element("text", _took(step), x=f"{x + _PAD:.1f}", y=f"{y + 40:.1f}", class_="small"),
    ]
    return element("g", frame, glow, *texts, _shares(step, x, y + box.height - 9, box.width))


def _shares(step: StepSummary, x: float, y: float, width: float) -> Html:
    """Return the bar of hits, executions and failures."""
    total = max(step.hits + step.executed + step.failed, 1)
    room, at = width - 2 * _PAD, x + _PAD
    track = element(
        "rect", x=f"{at:.1f}", y=f"{y:.1f}", width=f"{room:.1f}", height=3, class_="track"
    )
    parts = [track]
    for count, kind in ((step.hits, "hit"), (step.executed, "executed"), (step.failed, "failed")):
        wide = room * count / total
        if count:
            parts.append(
                element(
                    "rect",
                    x=f"{at:.1f}",
                    y=f"{y:.1f}",
                    width=f"{wide:.1f}",
                    height=3,
                    class_=f"is-{kind}",
                )
            )
        at += wide
    return join(*parts)


def _took(step: StepSummary) -> str:
    calls = step.executed + step.failed
    parts = [seconds(step.seconds)] if calls else []
    parts += [f"{step.hits:,} hit{'s' * (step.hits > 1)}"] if step.hits else []
    parts += [f"{step.failed:,} failed"] if step.failed else []
    return " · ".join(parts) or "not reached"


def _describe(step: StepSummary) -> str:
    reads, writes = ", ".join(step.reads) or "?", ", ".join(step.writes) or "?"
    return (
        f"{step.path}: {reads} → {writes}\n{step.executed:,} executed, {step.hits:,} hits, "
        f"{step.failed:,} failed, {seconds(step.seconds)}"
    )
