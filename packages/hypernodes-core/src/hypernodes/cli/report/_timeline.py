"""When what ran: one lane per step, and the items of a map as a mosaic.

A lane of thousands of calls is drawn as at most a few hundred pieces: calls
that would touch on the screen become one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from hypernodes.callbacks import RunSummary, Span, StepSummary
from hypernodes.cli._words import seconds
from hypernodes.cli.report._html import Html, element, join

_PIECES: Final = 600
_TICKS: Final = 6
_MOST_CELLS: Final = 4000
_WEIGHT: Final = {"failed": 2, "executed": 1, "hit": 0}


@attrs.define
class _Piece:
    """Calls of one kind, one after the other."""

    kind: str
    begin: float
    end: float
    count: int = 1
    items: tuple[int, int] | None = None


def render_lanes(run: RunSummary) -> Html:
    """Return the lanes of all steps, with an axis of time above them."""
    total = max(run.seconds, 1e-6)
    spans: dict[str, list[Span]] = {}
    for span in run.spans:
        spans.setdefault(span.path, []).append(span)
    lanes = [_lane(step, spans.get(step.path, []), total) for step in run.steps.values()]
    return element("div", _axis(total), *lanes, class_="lanes")


def render_workers(run: RunSummary) -> Html | None:
    """Return a lane per process that executed something; None where all was done by one."""
    total = max(run.seconds, 1e-6)
    spans: dict[str, list[Span]] = {}
    for span in run.spans:
        if not span.nested and span.kind != "hit":
            spans.setdefault(span.worker or run.place, []).append(span)
    if set(spans) <= {run.place}:
        return None
    lanes = [_worker(name, spans[name], total) for name in sorted(spans)]
    return element("div", _axis(total), *lanes, class_="lanes")


def _worker(name: str, spans: Sequence[Span], total: float) -> Html:
    calls, took = len(spans), seconds(sum(span.seconds for span in spans))
    label = element("div", name, class_="lane-name", title=f"{calls:,} calls, {took}")
    bars = [_bar(piece, "calls", total) for piece in _merge(spans, total)]
    return element("div", label, element("div", *bars, class_="bars"), class_="lane")


def _axis(total: float) -> Html:
    ticks = [
        element("span", seconds(at), style=f"left:{100 * at / total:.3f}%")
        for at in _nice_ticks(total)
    ]
    return element("div", element("div"), element("div", *ticks, class_="axis"), class_="lane")


def _nice_ticks(total: float) -> Iterator[float]:
    """Yield round times, about half a dozen."""
    raw = total / _TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= raw)
    # the last one would run into the edge
    for number in range(int(total * 0.88 / step) + 1):
        yield number * step


def _lane(step: StepSummary, spans: Sequence[Span], total: float) -> Html:
    depth = step.path.count("/")
    name = element(
        "div",
        step.name,
        class_="lane-name nested" if step.nested else "lane-name",
        style=f"padding-left:{depth * 16}px",
        title=step.path,
    )
    bars = [_bar(piece, step.name, total) for piece in _merge(spans, total)]
    kind = "bars nested" if step.nested else "bars"
    return element("div", name, element("div", *bars, class_=kind), class_="lane")


def _merge(spans: Sequence[Span], total: float) -> list[_Piece]:
    """Return *spans* as pieces; those closer than a pixel or so become one."""
    near = total / _PIECES
    pieces: list[_Piece] = []
    for span in sorted(spans, key=lambda each: each.at):
        end = span.at + span.seconds
        last = pieces[-1] if pieces else None
        is_next = last is not None and last.kind == span.kind and span.at - last.end < near
        is_small = last is not None and max(end, last.end) - last.begin < near * 40
        if last is not None and is_next and is_small:
            last.end, last.count = max(last.end, end), last.count + 1
            last.items = _span_items(last.items, span.item)
        else:
            pieces.append(_Piece(span.kind, span.at, end, 1, _span_items(None, span.item)))
    return pieces


def _span_items(known: tuple[int, int] | None, item: int | None) -> tuple[int, int] | None:
    if item is None:
        return known
    return (item, item) if known is None else (min(known[0], item), max(known[1], item))


def _bar(piece: _Piece, name: str, total: float) -> Html:
    left, width = 100 * piece.begin / total, 100 * (piece.end - piece.begin) / total
    items = ""
    if piece.items is not None:
        first, last = piece.items
        items = f" · item {first}" if first == last else f" · items {first:,} to {last:,}"
    took = seconds(piece.end - piece.begin)
    calls = f"{piece.count:,} × " if piece.count > 1 else ""
    return element(
        "i",
        class_=f"is-{piece.kind}",
        style=f"left:{left:.3f}%;width:{max(width, 0.12):.3f}%",
        title=f"{calls}{name} {piece.kind}{items} · {took}, from {seconds(piece.begin)}",
    )


def render_items(run: RunSummary) -> Html:
    """Return one cell per item of the outermost map, or per some items of a large one."""
    total = run.total or 0
    each = max(-(-total // _MOST_CELLS), 1)
    cells = [_cell(run, first, min(first + each, total)) for first in range(0, total, each)]
    about = f"one square stands for {each:,} items" if each > 1 else ""
    note = element("p", about, class_="note") if about else None
    return join(element("div", *cells, class_="mosaic"), note)


def _cell(run: RunSummary, first: int, end: int) -> Html:
    kinds = [run.items.get(item, "open") for item in range(first, end)]
    worst = max(kinds, key=lambda kind: _WEIGHT.get(kind, -1))
    name = f"item {first}" if end == first + 1 else f"items {first:,} to {end - 1:,}"
    words = {"open": "not reached"}
    return element("i", class_=f"is-{worst}", title=f"{name}: {words.get(worst, worst)}")
