"""Tokens for values that contain themselves.

A cyclic value stands for an endless tree, and its token has to be that of the
tree: neither where we enter the cycle nor who shares which object may matter.
So the members of a cycle (a strongly connected component) are told apart as the
states of an automaton are, by colours::

    round 0   every member has the same colour
    round k   colour of a member = digest of its token, where each reference to
              a member is replaced by that member's colour of round k - 1

The number of colours grows from round to round and stays when it repeats once;
members that still share a colour have the same endless tree.  The colours then
are the names of the states, and the pairs (name, colour of the next round) are
the whole automaton.  A member's token is its name and the digest of all pairs,
so equal tokens mean equal trees, between two values as well.

n members take at most n rounds of n tokens; `MAX_ROUNDS_TIMES_MEMBERS` bounds
the product.  The module knows nothing of types: it gets members as functions
from colours to text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

from hypernodes.hashing._expansion import NotFingerprintableError

MAX_ROUNDS_TIMES_MEMBERS: Final = 1_000_000

_NO_TYPE: Final = "a cycle"

#: Writes a member down, given the token of each member it refers to.
Writer = Callable[[Mapping[int, bytes]], bytes]


def tokens_of_cycle(members: Mapping[int, Writer]) -> dict[int, bytes]:
    """Return one token per member, equal for members with the same endless tree."""
    names = dict.fromkeys(members, b"@" + bytes(32))
    count = 1
    rounds = 0
    while True:
        colours = {key: b"@" + sha256(write(names)).digest() for key, write in members.items()}
        found = len(set(colours.values()))
        if found == count:
            break
        names, count = colours, found
        rounds += 1
        if rounds * len(members) > MAX_ROUNDS_TIMES_MEMBERS:
            reason = f"{len(members)} objects refer to each other in a circle"
            raise NotFingerprintableError(_NO_TYPE, reason)
    automaton = sorted({names[key] + colours[key] for key in members})
    summary = sha256(b"".join(automaton)).digest()
    return {key: b"@@" + names[key] + summary for key in members}
