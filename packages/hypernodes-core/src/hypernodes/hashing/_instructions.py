"""The instructions of a code object, each by its name and what it is about.

The module ``dis`` says more and takes four times as long, which every node pays
once per process.  A test holds that both agree, on whatever Python runs it.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Sequence
from types import CodeType
from typing import Any, Final

#: Name and argument: a name, a constant, a variable, two variables, or a number.
Instruction = tuple[str, Any]

_EXTENDED: Final = dis.EXTENDED_ARG
_CACHE: Final = dis.opmap.get("CACHE", 0)
_NAMES: Final = dis.opname
_HAS_NAME: Final = frozenset(dis.hasname)
_HAS_CONSTANT: Final = frozenset(dis.hasconst)
_HAS_VARIABLE: Final = frozenset([*dis.haslocal, *dis.hasfree])
_TWO_VARIABLES: Final = frozenset(
    code for name, code in dis.opmap.items() if name.count("FAST") == 2 and code in _HAS_VARIABLE
)

#: By how many bits a name's number is shifted, to make room for flags.
_SHIFTS: Final = {
    dis.opmap[name]: bits
    for name, bits, since in (
        ("LOAD_GLOBAL", 1, (3, 11)),
        ("LOAD_ATTR", 1, (3, 12)),
        ("LOAD_SUPER_ATTR", 2, (3, 12)),
    )
    if name in dis.opmap and sys.version_info >= since
}


def instructions_of(code: CodeType) -> Sequence[Instruction]:
    """Return the instructions of *code* itself, in order."""
    names, constants = code.co_names, code.co_consts
    own = code.co_varnames
    variables = (*own, *(each for each in code.co_cellvars if each not in own), *code.co_freevars)
    raw = code.co_code
    found: list[Instruction] = []
    more = 0
    for position in range(0, len(raw), 2):
        kind, number = raw[position], raw[position + 1] | more
        if kind == _EXTENDED:
            # it only widens the argument of the next one
            more = number << 8
            continue
        more = 0
        if kind == _CACHE:
            continue
        about: Any = number
        if kind in _HAS_NAME:
            about = names[number >> _SHIFTS.get(kind, 0)]
        elif kind in _TWO_VARIABLES:
            about = variables[number >> 4], variables[number & 15]
        elif kind in _HAS_VARIABLE:
            about = variables[number]
        elif kind in _HAS_CONSTANT:
            about = constants[number]
        found.append((_NAMES[kind], about))
    return found
