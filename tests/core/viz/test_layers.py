from __future__ import annotations

from itertools import pairwise

from hypernodes.viz._grid import assign_tracks
from hypernodes.viz._layers import Net, make_layers


def test_arrows_lead_downward() -> None:
    r"""0 -> 1 -> 2 and 0 -> 2: the long arrow passes the rank of 1."""
    layers = make_layers([4, 4, 4], [Net(0, 2, ((1, 2), (2, 2))), Net(1, 2, ((2, 2),))], gap=2)
    assert [0, 1, 2, 1] == layers.rank_of


def test_a_source_stands_above_its_reader() -> None:
    """0 -> 1 -> 2 <- 3: number 3 is on the rank of 1, not on the first one."""
    nets = [Net(0, 0, ((1, 0),)), Net(1, 0, ((2, 0),)), Net(3, 0, ((2, 0),))]
    assert [0, 1, 2, 1] == make_layers([1, 1, 1, 1], nets, gap=1).rank_of


def test_crossings_are_avoided() -> None:
    """0 -> 3 and 1 -> 2: the second rank is turned round."""
    layers = make_layers([1] * 4, [Net(0, 0, ((3, 0),)), Net(1, 0, ((2, 0),))], gap=1)
    order = [layers.ranks[0].index(0), layers.ranks[1].index(3)]
    assert order[0] == order[1]


def test_neighbours_keep_their_distance() -> None:
    """However much they want the same place, boxes do not overlap."""
    nets = [Net(0, 5, tuple((n, 5) for n in range(1, 6)))]
    layers = make_layers([10] * 6, nets, gap=3)
    lefts = sorted(layers.lefts[n] for n in range(1, 6))
    assert all(right - left >= 13 - 1e-9 for left, right in pairwise(lefts))


def test_pinned_boxes_stay_first_and_last() -> None:
    """What comes in stays on the first rank, what goes out on the last."""
    nets = [Net(0, 0, ((1, 0), (2, 0))), Net(1, 0, ((3, 0),))]
    layers = make_layers([1] * 4, nets, gap=1, first=frozenset({0}), last=frozenset({3}))
    assert (0, 2) == (layers.rank_of[0], layers.rank_of[3])


def test_nothing_gives_no_ranks() -> None:
    """An empty level is no error."""
    assert [] == make_layers([], [], gap=1).ranks


def test_nets_share_a_track_where_they_do_not_touch() -> None:
    """One runs from 0 to 5, one from 10 to 15."""
    assert {0: 0, 1: 0} == assign_tracks({0: 0, 1: 10}, {0: [5], 1: [15]})


def test_a_net_that_comes_down_where_another_ends_turns_above_it() -> None:
    """0 ends in the column in which 1 begins, so 1 has turned away before."""
    tracks = assign_tracks({0: 0, 1: 5}, {0: [5], 1: [9]})
    assert tracks[1] < tracks[0]


def test_a_ring_of_nets_gets_tracks_all_the_same() -> None:
    """Two nets that swap columns cannot both turn above the other."""
    assert {0, 1} == set(assign_tracks({0: 0, 1: 5}, {0: [5], 1: [0]}).values())
