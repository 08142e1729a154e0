"""Facts about order and cycles, on graphs small enough to draw."""

from __future__ import annotations

import itertools

from hypernodes.graph._topology import find_cycle, order_nodes


def _by_number(number: int) -> tuple[str, int]:
    return "", number


def test_dependencies_come_first() -> None:
    """In 2 -> 1 -> 0 the order is that of the data."""
    assert order_nodes([[1], [2], []], _by_number) == [2, 1, 0]


def test_ties_go_by_priority() -> None:
    """Of the nodes that are ready, the one with the smallest priority is next.

    ::

        0 ("b") ─┐
        1 ("c") ─┼─> 3 ("d")
        2 ("a") ─┘
    """
    names = "bcad"
    assert order_nodes([[], [], [], [0, 1, 2]], lambda n: (names[n], n)) == [2, 0, 1, 3]


def test_a_freed_node_competes_at_once() -> None:
    """A node that has become ready is weighed against those that were before it.

    ::

        0 ("a") -> 2 ("b")
        1 ("c")
    """
    names = "acb"
    assert order_nodes([[], [], [0]], lambda n: (names[n], n)) == [0, 2, 1]


def test_equal_names_go_by_number() -> None:
    """Equal names are ordered as they were given."""
    assert order_nodes([[], [], []], lambda n: ("same", n)) == [0, 1, 2]


def test_cycles_and_what_hangs_below_are_left_out() -> None:
    """In 0 -> 1 <-> 2 -> 3 only node 0 can be ordered."""
    assert order_nodes([[], [0, 2], [1], [2]], _by_number) == [0]


def test_a_cycle_is_found_in_the_direction_of_the_data() -> None:
    """Data that flows 0 -> 1 -> 2 -> 0 is printed so, and closes."""
    cycle = find_cycle([[2], [0], [1]], {0, 1, 2})
    assert (len(cycle), cycle[0] == cycle[-1]) == (4, True)
    assert set(itertools.pairwise(cycle)) == {(0, 1), (1, 2), (2, 0)}


def test_what_hangs_below_a_cycle_is_not_printed() -> None:
    """In 1 <-> 2 -> 0 the node below is no part of the cycle."""
    assert set(find_cycle([[2], [2], [1]], {0, 1, 2})) == {1, 2}


def test_a_node_that_waits_for_itself_is_a_cycle() -> None:
    """The smallest cycle has one node."""
    assert find_cycle([[0]], {0}) == [0, 0]


def test_long_chains_need_no_recursion() -> None:
    """A hundred thousand nodes in a row are ordered, and their cycle is found."""
    count = 100_000
    chain = [[]] + [[n] for n in range(count - 1)]
    ring = [[count - 1]] + [[n] for n in range(count - 1)]
    assert order_nodes(chain, _by_number) == list(range(count))
    assert len(find_cycle(ring, range(count))) == count + 1


def test_nothing_has_an_order() -> None:
    """No nodes make an empty order."""
    assert order_nodes([], _by_number) == []
