r"""Places in layers, without Graphviz: for terminals, one level of nesting at a time.

Boxes are put on ranks so that arrows lead downward, ranks are ordered so that
arrows cross little, and boxes move sideways until arrows are short::

    rank 0      a     b          1. rank: the longest way from a source,
                 \   /               sources pulled down to their readers
    rank 1        c              2. what passes a rank gets a place there
                 / \             3. sweeps order each rank by the middle of
    rank 2      d   e               what a box is connected to
                                 4. sweeps move boxes to that middle; where
                                    they would overlap, the block that they
                                    form goes to the least squares

Cost: linear in arrows and passed ranks, times a fixed number of sweeps.
``assets/layout.js`` does the same in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf
from typing import Final

import attrs

_ORDER_SWEEPS: Final = 8
_PLACE_SWEEPS: Final = 12
_STRAIGHT: Final = 6.0
_Near = tuple[int, float]


@attrs.frozen
class Net:
    """One source and all that it leads to.

    Attributes:
        source: The number of a box.
        offset: Where on it the net begins, from its left side.
        targets: (number of a box, where on it the net ends) for each.
    """

    source: int
    offset: float
    targets: tuple[tuple[int, float], ...]


@attrs.frozen
class Segment:
    """A part of a net, from one rank to the next."""

    net: int
    upper: int
    upper_offset: float
    lower: int
    lower_offset: float


@attrs.define
class Layers:
    """Boxes on ranks; numbers behind those of the boxes stand for passing nets.

    Attributes:
        boxes: How many boxes there are; passing nets have higher numbers.
        ranks: The numbers on each rank, from left to right.
        rank_of: {number: rank}.
        widths: {number: width}.
        segments: All parts of all nets.
        lefts: {number: its left side}, once placed.
    """

    boxes: int
    ranks: list[list[int]]
    rank_of: list[int]
    widths: list[float]
    segments: list[Segment] = attrs.field(factory=list)
    lefts: list[float] = attrs.field(factory=list)


def make_layers(
    widths: Sequence[float],
    nets: Sequence[Net],
    *,
    gap: float,
    first: frozenset[int] = frozenset(),
    last: frozenset[int] = frozenset(),
) -> Layers:
    """Return boxes of *widths* on ranks, each at its place from left to right.

    Args:
        widths: One per box.
        nets: What connects them; there must be no cycle.
        gap: The least distance between neighbours.
        first: Boxes that stay on the first rank.
        last: Boxes that stay on the last rank.
    """
    rank_of = assign_ranks(len(widths), nets, first, last)
    ranks: list[list[int]] = [[] for _ in range(max(rank_of, default=-1) + 1)]
    layers = Layers(len(widths), ranks, rank_of, list(widths))
    for number, rank in enumerate(rank_of):
        layers.ranks[rank].append(number)
    for number, net in enumerate(nets):
        _route(layers, number, net)
    _order(layers)
    _place(layers, gap)
    return layers


def assign_ranks(
    count: int,
    nets: Sequence[Net],
    first: frozenset[int] = frozenset(),
    last: frozenset[int] = frozenset(),
) -> list[int]:
    """Return the rank of each box; a source stands just above its nearest reader."""
    targets: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for net in nets:
        for target, _ in net.targets:
            targets[net.source].append(target)
            waiting[target] += 1
    sources = [number for number in range(count) if not waiting[number]]
    rank_of = [0 if number in first else int(bool(first)) for number in range(count)]
    ready = list(sources)
    for number in ready:
        for target in targets[number]:
            rank_of[target] = max(rank_of[target], rank_of[number] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for number in sources:
        if number not in first and targets[number]:
            rank_of[number] = min(rank_of[target] for target in targets[number]) - 1
    bottom = max([rank_of[n] for n in range(count) if n not in last], default=-1) + 1
    for number in last:
        rank_of[number] = bottom
    used = {rank: place for place, rank in enumerate(sorted(set(rank_of)))}
    return [used[rank] for rank in rank_of]


def _route(layers: Layers, number: int, net: Net) -> None:
    """Cut a net into segments; on each rank that it passes it gets one place."""
    upper, offset = net.source, net.offset
    bottom = max((layers.rank_of[target] for target, _ in net.targets), default=0)
    for rank in range(layers.rank_of[net.source] + 1, bottom + 1):
        for target, lower_offset in net.targets:
            if layers.rank_of[target] == rank:
                layers.segments.append(Segment(number, upper, offset, target, lower_offset))
        if rank < bottom:
            passing = len(layers.widths)
            layers.widths.append(1)
            layers.rank_of.append(rank)
            layers.ranks[rank].append(passing)
            layers.segments.append(Segment(number, upper, offset, passing, 0))
            upper, offset = passing, 0


def _order(layers: Layers) -> None:
    """Order every rank by the middle of its neighbours, and keep the best order seen."""
    above, below = _neighbours(layers)
    best, fewest = [list(rank) for rank in layers.ranks], _crossings(layers)
    for sweep in range(_ORDER_SWEEPS):
        is_down = sweep % 2 == 0
        ranks = layers.ranks if is_down else layers.ranks[::-1]
        for fixed, rank in pairwise(ranks):
            place = {number: index for index, number in enumerate(fixed)}
            near = above if is_down else below
            old = {number: index for index, number in enumerate(rank)}
            middle = {n: _middle([place[m] + at for m, at in near[n]], old[n]) for n in rank}
            rank.sort(key=lambda n, middle=middle, old=old: (middle[n], old[n]))  # type: ignore[misc]  # defaults bind the loop's values
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(rank) for rank in layers.ranks], crossings
    layers.ranks = best


def _neighbours(layers: Layers) -> tuple[list[list[_Near]], list[list[_Near]]]:
    """Return for each number what is above and below it, and how far to the right on that."""
    above: list[list[_Near]] = [[] for _ in layers.widths]
    below: list[list[_Near]] = [[] for _ in layers.widths]
    for segment in layers.segments:
        upper, lower = _ends(layers, segment)
        above[segment.lower].append((segment.upper, upper))
        below[segment.upper].append((segment.lower, lower))
    return above, below


def _ends(layers: Layers, segment: Segment) -> tuple[float, float]:
    """Return where on its two ends a segment begins and ends, as shares of their widths."""
    upper = segment.upper_offset / max(layers.widths[segment.upper], 1)
    return upper, segment.lower_offset / max(layers.widths[segment.lower], 1)


def _middle(places: list[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _crossings(layers: Layers) -> int:
    """Return how often arrows cross: inversions, counted by a binary indexed tree."""
    place = {n: index for rank in layers.ranks for index, n in enumerate(rank)}
    by_rank: dict[int, list[tuple[float, float]]] = {}
    for segment in layers.segments:
        upper, lower = _ends(layers, segment)
        ends = (place[segment.upper] + upper, place[segment.lower] + lower)
        by_rank.setdefault(layers.rank_of[segment.upper], []).append(ends)
    found = 0
    for pairs in by_rank.values():
        order = {low: index for index, low in enumerate(sorted({low for _, low in pairs}))}
        found += _inversions([order[low] for _, low in sorted(pairs)])
    return found


def _inversions(values: list[int]) -> int:
    size = max(values, default=0) + 1
    tree = [0] * (size + 1)
    found = 0
    for seen, value in enumerate(values):
        index, not_above = value + 1, 0
        while index:
            not_above += tree[index]
            index -= index & -index
        found += seen - not_above
        index = value + 1
        while index <= size:
            tree[index] += 1
            index += index & -index
    return found


def _place(layers: Layers, gap: float) -> None:
    """Give every number its left side, nearest to the middle of its neighbours."""
    layers.lefts = [0.0] * len(layers.widths)
    for rank in layers.ranks:
        left = 0.0
        for number in rank:
            layers.lefts[number] = left
            left += layers.widths[number] + gap
    upward: list[list[Segment]] = [[] for _ in layers.widths]
    downward: list[list[Segment]] = [[] for _ in layers.widths]
    for segment in layers.segments:
        upward[segment.lower].append(segment)
        downward[segment.upper].append(segment)
    for sweep in range(_PLACE_SWEEPS):
        is_down = sweep % 2 == 0
        for rank in layers.ranks if is_down else layers.ranks[::-1]:
            wishes = [_wish(layers, n, upward[n] if is_down else downward[n]) for n in rank]
            _settle(layers, rank, wishes, gap)
    _straighten(layers, gap)
    least = min(layers.lefts, default=0.0)
    layers.lefts = [left - least for left in layers.lefts]


def _straighten(layers: Layers, gap: float) -> None:
    """Let a net that passes several ranks do so in one line, as far as there is room."""
    room: dict[int, tuple[float, float]] = {}
    for rank in layers.ranks:
        edges = [-inf, *(layers.lefts[n] + layers.widths[n] + gap for n in rank)]
        starts = [*(layers.lefts[n] - gap for n in rank), inf]
        for index, number in enumerate(rank):
            least, most = edges[index], starts[index + 1] - layers.widths[number]
            room[number] = (least, max(least, most))
    chains: dict[int, list[int]] = {}
    for segment in layers.segments:
        if segment.lower in room and segment.lower >= layers.boxes:
            chains.setdefault(segment.net, []).append(segment.lower)
    for chain in chains.values():
        line: list[int] = []
        least, most = -inf, inf
        for number in chain:
            low, high = room[number]
            if max(least, low) > min(most, high):
                _draw_line(layers, line, least, most)
                line, least, most = [], -inf, inf
            line.append(number)
            least, most = max(least, low), min(most, high)
        _draw_line(layers, line, least, most)


def _draw_line(layers: Layers, line: list[int], least: float, most: float) -> None:
    for number in line:
        layers.lefts[number] = min(max(layers.lefts[line[0]], least), most)


def _wish(layers: Layers, number: int, segments: list[Segment]) -> tuple[float, float]:
    """Return where *number* wants its left side, and how much."""
    if not segments:
        return layers.lefts[number], 0.1
    wanted, weight = 0.0, 0.0
    for segment in segments:
        ends = (segment.upper, segment.upper_offset), (segment.lower, segment.lower_offset)
        (other, theirs), (_, mine) = ends if segment.lower == number else ends[::-1]
        pull = _STRAIGHT if layers.widths[other] == layers.widths[number] == 1 else 1.0
        wanted += pull * (layers.lefts[other] + theirs - mine)
        weight += pull
    return wanted / weight, weight


def _settle(layers: Layers, rank: list[int], wishes: list[tuple[float, float]], gap: float) -> None:
    """Move the numbers of a rank as near to their wishes as order and gaps allow."""
    starts, total = [], 0.0
    for number in rank:
        starts.append(total)
        total += layers.widths[number] + gap
    blocks: list[tuple[float, float, int]] = []  # where, weight, how many
    for (wanted, weight), start in zip(wishes, starts, strict=True):
        block = (wanted - start, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            where, heavy, count = blocks.pop()
            both = heavy + block[1]
            block = ((where * heavy + block[0] * block[1]) / both, both, count + block[2])
        blocks.append(block)
    for number, start, where in zip(rank, starts, _spread(blocks), strict=True):
        layers.lefts[number] = where + start


def _spread(blocks: list[tuple[float, float, int]]) -> Iterator[float]:
    for where, _, count in blocks:
        for _ in range(count):
            yield where
