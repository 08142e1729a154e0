"""One level in rows and columns: where its boxes are, and how arrows get there.

Between two ranks lies a *channel*: arrows come down into it, run sideways on
*tracks*, and go on downward.  Two arrows share a track only where they do not
touch, and where one comes down in the column in which another one leaves, it
gets the upper track.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from hypernodes.viz._layers import Layers, Net, Segment, make_layers
from hypernodes.viz._levels import End, Level

GAP: Final = 3


@attrs.frozen
class Size:
    """How large an item is, and the columns of its ports if those are fixed."""

    width: int
    height: int
    ports: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen
class Run:
    """A net on its way through one channel.

    Attributes:
        net: Its number.
        source: The item that it comes from; None where it only passes.
        top: The column in which it comes.
        start: The row at which it comes: the last one of what is above.
        bottoms: (column, last row, whether an arrowhead is due) of each end.
        track: The row on which it runs sideways; None if it goes straight.
        is_mapped: Whether its items are handed over one by one.
    """

    net: int
    source: str | None
    top: int
    start: int
    bottoms: tuple[tuple[int, int, bool], ...]
    track: int | None
    is_mapped: bool


@attrs.frozen
class Grid:
    """A level, laid out.

    Attributes:
        width: In columns.
        height: In rows.
        places: {item: (row, column)} of its upper left corner.
        runs: All ways of all nets.
    """

    width: int
    height: int
    places: Mapping[str, tuple[int, int]]
    runs: tuple[Run, ...]


@attrs.define
class _Wiring:
    """The nets of a level, by number."""

    items: list[str]
    nets: list[Net]
    mapped: list[bool]


def lay_out_level(level: Level, sizes: Mapping[str, Size]) -> Grid:
    """Return where everything on *level* is, its items as large as *sizes* says."""
    wiring = _wire(level, sizes)
    order = {item: number for number, item in enumerate(wiring.items)}
    layers = make_layers(
        [sizes[item].width for item in wiring.items],
        wiring.nets,
        gap=GAP,
        first=frozenset(order[port] for port in level.ins),
        last=frozenset(order[port] for port in level.outs),
    )
    _round(layers)
    return _Plotter(layers, wiring, sizes, level).plot()


def _wire(level: Level, sizes: Mapping[str, Size]) -> _Wiring:
    items = [*level.ins, *(box.id for box in level.boxes), *level.outs]
    order = {item: number for number, item in enumerate(items)}
    targets: dict[End, list[tuple[int, float]]] = {}
    mapped: dict[End, bool] = {}
    for piece in level.pieces:
        number = order[piece.target.item]
        end = (number, _column(piece.target, sizes))
        if end not in targets.setdefault(piece.source, []):
            targets[piece.source].append(end)
        mapped[piece.source] = mapped.get(piece.source, False) or piece.is_mapped
    nets = [
        Net(order[source.item], _column(source, sizes), tuple(ends))
        for source, ends in targets.items()
    ]
    return _Wiring(items, nets, list(mapped.values()))


def _column(end: End, sizes: Mapping[str, Size]) -> int:
    size = sizes[end.item]
    return size.width // 2 if end.port is None else size.ports[end.port]


def _round(layers: Layers) -> None:
    """Move everything to whole columns, gaps kept."""
    for rank in layers.ranks:
        least = 0
        for number in rank:
            left = max(round(layers.lefts[number]), least)
            layers.lefts[number] = left
            least = left + round(layers.widths[number]) + GAP
    _straighten(layers)


def _straighten(layers: Layers) -> None:
    """Move what has one arrow from above exactly below it, where there is room."""
    upward: dict[int, list[Segment]] = {}
    for segment in layers.segments:
        upward.setdefault(segment.lower, []).append(segment)
    for rank in layers.ranks:
        for index, number in enumerate(rank):
            if len(upward.get(number, ())) != 1:
                continue
            (only,) = upward[number]
            column = layers.lefts[only.upper] + only.upper_offset
            wanted = column - only.lower_offset
            least, most = 0.0, float("inf")
            if index:
                before = rank[index - 1]
                least = layers.lefts[before] + layers.widths[before] + GAP
            if index + 1 < len(rank):
                most = layers.lefts[rank[index + 1]] - GAP - layers.widths[number]
            # only a step of a column or two: a longer way was decided on before
            if least <= wanted <= most and abs(wanted - layers.lefts[number]) <= 2:
                layers.lefts[number] = wanted


@attrs.define
class _Plotter:
    """A level on its way from ranks to rows."""

    layers: Layers
    wiring: _Wiring
    sizes: Mapping[str, Size]
    level: Level
    places: dict[str, tuple[int, int]] = attrs.field(factory=dict)
    runs: list[Run] = attrs.field(factory=list)

    def plot(self) -> Grid:
        """Return the grid: rank after rank, each with the channel below it."""
        row = 0
        for rank in self.layers.ranks:
            height = max([self._height(n) for n in rank], default=1)
            for number in rank:
                if number < len(self.wiring.items):
                    self.places[self.wiring.items[number]] = (row, self._left(number))
            row = self._channel(rank, row, row + height)
        width = max([self._left(n) + round(w) for n, w in enumerate(self.layers.widths)], default=0)
        return Grid(width, row, self.places, tuple(self.runs))

    def _channel(self, rank: list[int], top: int, row: int) -> int:
        """Plot what leads from *rank* to the next one; return the row of the next one."""
        upper = set(rank)
        by_net: dict[int, list[Segment]] = {}
        for segment in self.layers.segments:
            if segment.upper in upper:
                by_net.setdefault(segment.net, []).append(segment)
        if not by_net:
            return row
        tops = {net: self._top(parts[0]) for net, parts in by_net.items()}
        bottoms = self._bottoms(by_net, tops)
        tracks = assign_tracks(tops, bottoms)
        after = row + max([track + 1 for track in tracks.values()] or [1]) + 1
        for net, parts in by_net.items():
            source = self._item(parts[0].upper)
            start = top if source is None else top + self._height(parts[0].upper) - 1
            ends = tuple(
                (column, after - 1, self._has_head(part.lower))
                for part, column in zip(parts, bottoms[net], strict=True)
            )
            track = None if net not in tracks else row + tracks[net]
            is_mapped = self.wiring.mapped[net]
            self.runs.append(Run(net, source, tops[net], start, ends, track, is_mapped))
        return after

    def _item(self, number: int) -> str | None:
        items = self.wiring.items
        return items[number] if number < len(items) else None

    def _has_head(self, number: int) -> bool:
        item = self._item(number)
        return item is not None and item not in self.level.outs

    def _left(self, number: int) -> int:
        return round(self.layers.lefts[number])

    def _height(self, number: int) -> int:
        item = self._item(number)
        return 1 if item is None else self.sizes[item].height

    def _top(self, segment: Segment) -> int:
        return self._left(segment.upper) + round(segment.upper_offset)

    def _bottoms(
        self, by_net: Mapping[int, list[Segment]], tops: Mapping[int, int]
    ) -> dict[int, list[int]]:
        """Return the columns in which each net ends; those that share a box are spread."""
        sharing: dict[int, list[Segment]] = {}
        for segment in (part for parts in by_net.values() for part in parts):
            sharing.setdefault(segment.lower, []).append(segment)
        columns: dict[Segment, int] = {}
        for lower, segments in sharing.items():
            left = self._left(lower)
            if self._is_fixed(lower):
                columns |= {each: left + round(each.lower_offset) for each in segments}
            else:
                width = round(self.layers.widths[lower])
                segments.sort(key=lambda each: tops[each.net])
                columns |= spread_ends(segments, tops, left, width)
        return {net: [columns[part] for part in parts] for net, parts in by_net.items()}

    def _is_fixed(self, number: int) -> bool:
        item = self._item(number)
        return item is None or item in self.level.outs or bool(self.sizes[item].ports)


def spread_ends(
    segments: Sequence[Segment], tops: Mapping[int, int], left: int, width: int
) -> dict[Segment, int]:
    """Return a column for each of *segments*, straight below its top where that is free."""
    found: dict[Segment, int] = {}
    least = left + 1
    for index, segment in enumerate(segments):
        others = {column for net, column in tops.items() if net != segment.net}
        most = left + width - 2 - (len(segments) - 1 - index)
        evenly = left + round((index + 1) * width / (len(segments) + 1) - 0.5)
        wanted = tops[segment.net] if least <= tops[segment.net] <= most else evenly
        wanted = min(max(wanted, least), most)
        free = [c for c in range(least, most + 1) if c not in others] or [wanted]
        column = min(free, key=lambda each, wanted=wanted: (abs(each - wanted), each))  # type: ignore[misc]  # the default binds the loop's value
        found[segment] = column
        least = column + 1
    return found


def assign_tracks(tops: Mapping[int, int], bottoms: Mapping[int, list[int]]) -> dict[int, int]:
    """Return {net: track} for the nets that run sideways, 0 at the top."""
    spans = {
        net: (min(top, *bottoms[net]), max(top, *bottoms[net]))
        for net, top in tops.items()
        if set(bottoms[net]) != {top}
    }
    above = {
        net: [other for other in spans if other != net and tops[other] in bottoms[net]]
        for net in spans
    }
    tracks: dict[int, int] = {}

    def assign(net: int, waiting: tuple[int, ...]) -> None:
        # nets that wait for each other in a ring are broken up where the ring closes
        for other in above[net]:
            if other not in tracks and other not in waiting:
                assign(other, (*waiting, net))
        least = max([tracks[other] + 1 for other in above[net] if other in tracks], default=0)
        tracks[net] = _free_track(spans, tracks, net, least)

    def turn(net: int) -> tuple[float, int]:
        # of two that run to the right, the left one turns below the other one, and so on
        ends = bottoms[net]
        is_right = sum(ends) / len(ends) > tops[net]
        return (-tops[net] if is_right else tops[net], net)

    for net in sorted(spans, key=turn):
        if net not in tracks:
            assign(net, ())
    return tracks


def _free_track(
    spans: Mapping[int, tuple[int, int]], tracks: Mapping[int, int], net: int, least: int
) -> int:
    left, right = spans[net]
    taken = {
        track
        for other, track in tracks.items()
        if spans[other][0] <= right + 1 and left <= spans[other][1] + 1
    }
    while least in taken:
        least += 1
    return least
