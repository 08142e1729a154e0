"""Order and cycles of small integer graphs: pure functions without recursion.

A graph is a list: entry *i* holds the numbers of the nodes that node *i*
waits for.  Both algorithms are linear in nodes plus edges (ordering: times
the logarithm of the width), and neither recurses, so that chains of many
thousand nodes are as welcome as short ones.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Sequence


def order_nodes(
    dependencies: Sequence[Collection[int]], priority: Callable[[int], tuple[str, int]]
) -> list[int]:
    """Return the nodes, dependencies first, ties by *priority* (Kahn 1962).

    Nodes on a cycle, and those below one, are left out.
    """
    dependents: list[list[int]] = [[] for _ in dependencies]
    waiting = [len(needed) for needed in dependencies]
    for node, needed in enumerate(dependencies):
        for dependency in needed:
            dependents[dependency].append(node)
    ready = [(priority(node), node) for node, count in enumerate(waiting) if count == 0]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        _, node = heapq.heappop(ready)
        order.append(node)
        for dependent in dependents[node]:
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                heapq.heappush(ready, (priority(dependent), dependent))
    return order


def find_cycle(dependencies: Sequence[Collection[int]], among: Collection[int]) -> list[int]:
    """Return one cycle as ``[a, b, ..., a]`` in the direction of the data.

    Every node in *among* must wait for another one in it, as those that
    `order_nodes` leaves out do; walking upward must then come round.
    """
    members = set(among)
    node = min(members)
    seen: dict[int, int] = {}
    walked: list[int] = []
    while node not in seen:
        seen[node] = len(walked)
        walked.append(node)
        node = min(dependency for dependency in dependencies[node] if dependency in members)
    # walked leads upstream; data flows the other way
    cycle = [*walked[seen[node] :], node]
    return cycle[::-1]
