"""The instructions of a code object, each by its name and what it is about.

The module ``dis`` says more and takes four times as long, which every node pays
once per process.  A test holds that both agree, on whatever Python runs it.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Sequence
from types import CodeType
from typing import Any, Final, NamedTuple


class Instruction(NamedTuple):
    """One instruction.

    Attributes:
        name: What it does.
        about: A name, a constant, a variable, two variables, or a number.
        number: Its argument as it is written.
    """

    name: str
    about: Any
    number: int


#: What reads an attribute; in its place on the stack comes its value, and maybe one more.
ATTRIBUTES: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_GIVES_NOTHING: Final = ("JUMP", "POP_", "STORE_")
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
        found.append(Instruction(_NAMES[kind], about, number))
    return found


def user_of(instructions: Sequence[Instruction], position: int) -> int:
    """Return where what the instruction at *position* has loaded is taken from the stack."""
    above = 0
    for place in range(position + 1, len(instructions)):
        name = instructions[place].name
        effect = effect_of(instructions[place])
        taken = -effect if name.startswith(_GIVES_NOTHING) else 1 - effect
        if above < max(taken, 1 if name in ATTRIBUTES else 0):
            return place
        above += effect
    return len(instructions)


def effect_of(instruction: Instruction) -> int:
    """Return by how much the stack grows where nothing is jumped over."""
    if instruction.name == "JUMP_FORWARD":
        # what one branch leaves there stands for that of the other
        return -1
    kind = dis.opmap[instruction.name]
    number = instruction.number if kind >= dis.HAVE_ARGUMENT else None
    return dis.stack_effect(kind, number, jump=False)
