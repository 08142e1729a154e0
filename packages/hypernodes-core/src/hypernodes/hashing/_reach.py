"""Which names a code object reaches: what it may read when it runs.

Read from the bytecode, so that it holds for any code, with or without source,
nested functions and comprehensions included.  Names are only listed here;
what they mean is for ``_closure.py`` to find out.

A chain such as ``helpers.math.scale`` is followed attribute by attribute.
Where a module goes another way (into a variable, into ``getattr``), nobody
can say which of its attributes are used; then every name and every string in
the code is taken for one.  Too many names only cost a needless run.
"""

from __future__ import annotations

import dis
import weakref
from collections.abc import Iterator
from functools import partial
from types import CodeType
from typing import Any, Final

import attrs

#: What can reach anything by a computed name.
_OPEN_DOORS: Final = frozenset({"eval", "exec", "globals", "__import__", "import_module"})
_ATTRIBUTES: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_GLOBALS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})

_known: dict[int, tuple[weakref.ref[CodeType], Reach]] = {}


@attrs.frozen
class Import:
    """An import inside a body.

    Attributes:
        module: The name as written, without leading dots.
        level: How many leading dots it has.
        names: What is imported from it; None for the module itself.
    """

    module: str
    level: int
    names: tuple[str, ...] | None


@attrs.frozen
class Reach:
    """The names that a code object reaches.

    Attributes:
        chains: Global names with the attributes that are read from them.
        imports: The imports in its body.
        words: Every attribute name and every string in it.
        assigned: The globals that it assigns.
        rebound: The captured variables that it assigns.
        doors: What it calls to reach things by computed names.
    """

    chains: tuple[tuple[str, ...], ...]
    imports: tuple[Import, ...]
    words: frozenset[str]
    assigned: frozenset[str]
    rebound: frozenset[str]
    doors: frozenset[str]


def reach_of(code: CodeType) -> Reach:
    """Return what *code* reaches; found once per code object."""
    known = _known.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    reach = _scan_all(code)
    key = id(code)
    _known[key] = (weakref.ref(code, partial(_drop, _known, key)), reach)
    return reach


def _scan_all(code: CodeType) -> Reach:
    chains: dict[tuple[str, ...], None] = {}
    imports: dict[Import, None] = {}
    words: set[str] = set()
    assigned: set[str] = set()
    rebound: set[str] = set()
    doors: set[str] = set()
    for part in _parts(code):
        words.update(part.co_names)
        words.update(const for const in part.co_consts if isinstance(const, str))
        instructions = list(dis.get_instructions(part))
        for position, instruction in enumerate(instructions):
            name = instruction.opname
            if name in _GLOBALS:
                chains[tuple(_chain(instructions, position))] = None
            elif name == "IMPORT_NAME":
                imports[_import(instructions, position)] = None
            elif name == "STORE_GLOBAL":
                assigned.add(instruction.argval)
            elif name == "STORE_DEREF" and instruction.argval in part.co_freevars:
                rebound.add(instruction.argval)
        doors.update(_doors(instructions))
    return Reach(
        tuple(sorted(chains)),
        tuple(sorted(imports, key=lambda each: (each.level, each.module, each.names or ()))),
        frozenset(words),
        frozenset(assigned),
        frozenset(rebound),
        frozenset(doors),
    )


def _parts(code: CodeType) -> Iterator[CodeType]:
    """Yield *code* and the code objects nested in it."""
    stack = [code]
    while stack:
        part = stack.pop()
        yield part
        stack += [const for const in part.co_consts if isinstance(const, CodeType)]


def _chain(instructions: list[dis.Instruction], position: int) -> Iterator[str]:
    """Yield a global name and the attributes that are read from it at once."""
    yield instructions[position].argval
    for instruction in instructions[position + 1 :]:
        if instruction.opname not in _ATTRIBUTES:
            return
        yield instruction.argval


def _import(instructions: list[dis.Instruction], position: int) -> Import:
    level, names = (instructions[position - back].argval for back in (2, 1))
    return Import(instructions[position].argval, int(level or 0), tuple(names) if names else None)


def _doors(instructions: list[dis.Instruction]) -> Iterator[str]:
    """Yield what is called to reach things by names that are not written down."""
    for position, instruction in enumerate(instructions):
        name: Any = instruction.argval
        if instruction.opname in _GLOBALS | _ATTRIBUTES and name in _OPEN_DOORS:
            yield name
        elif instruction.opname in _GLOBALS and name == "getattr":
            # getattr(x, "name") is an attribute like any other
            second = instructions[position + 2 : position + 3]
            if not second or second[0].opname != "LOAD_CONST":
                yield name


def _drop(known: dict[int, Any], key: int, _ref: object) -> None:
    known.pop(key, None)
