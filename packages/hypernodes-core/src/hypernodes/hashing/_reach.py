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

import weakref
from collections.abc import Iterator, Sequence
from functools import partial
from types import CodeType
from typing import Any, Final

import attrs

from hypernodes.hashing._instructions import (
    ATTRIBUTES,
    Instruction,
    effect_of,
    instructions_of,
    user_of,
)

#: What can reach anything by a computed name.
_OPEN_DOORS: Final = frozenset(
    {"eval", "exec", "globals", "__import__", "__subclasses__", "import_module"}
)
_GLOBALS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_VARIABLES: Final = _GLOBALS.union(
    {"LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_AND_CLEAR", "LOAD_FAST_LOAD_FAST", "LOAD_DEREF"},
    {"LOAD_FAST_BORROW", "LOAD_FAST_BORROW_LOAD_FAST_BORROW", "LOAD_CLASSDEREF"},
)
_STORES: Final = frozenset({"STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF"})

_known: dict[int, tuple[weakref.ref[CodeType], Reach]] = {}


@attrs.frozen
class Import:
    """An import inside a body.

    Attributes:
        module: The name as written, without leading dots.
        level: How many leading dots it has.
        names: What is imported from it; None for the module itself.
        bound: The variables that hold what was imported.
    """

    module: str
    level: int
    names: tuple[str, ...] | None
    bound: frozenset[str] = frozenset()


@attrs.frozen
class Reach:
    """The names that a code object reaches.

    Attributes:
        chains: Global names with the attributes that are read from them.
        imports: The imports in its body.
        words: Every attribute name and every string in it.
        bare: The variables that are read for more than an attribute.
        assigned: The globals that it assigns.
        rebound: The captured variables that it assigns.
        stored: The attributes that it assigns, those of ``self`` left out.
        doors: What it calls to reach things by computed names.
    """

    chains: tuple[tuple[str, ...], ...]
    imports: tuple[Import, ...]
    words: frozenset[str]
    bare: frozenset[str]
    assigned: frozenset[str]
    rebound: frozenset[str]
    stored: frozenset[str]
    doors: frozenset[str]


def reach_of(code: CodeType) -> Reach:
    """Return what *code* reaches; found once per code object."""
    known = _known.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    reach = _Scan(code).reach()
    key = id(code)
    _known[key] = (weakref.ref(code, partial(_drop, _known, key)), reach)
    return reach


class _Scan:
    """One reading of a code object and of those nested in it."""

    def __init__(self, code: CodeType) -> None:
        self._chains: set[tuple[str, ...]] = set()
        self._imports: set[Import] = set()
        self._words: set[str] = set()
        self._bare: set[str] = set()
        self._assigned: set[str] = set()
        self._rebound: set[str] = set()
        self._stored: set[str] = set()
        self._doors: set[str] = set()
        for part in _parts(code):
            self._words.update(part.co_names)
            self._words.update(const for const in part.co_consts if isinstance(const, str))
            instructions = instructions_of(part)
            for position in range(len(instructions)):
                self._read(part, instructions, position)

    def reach(self) -> Reach:
        """Return what was found."""
        order = {each: (each.level, each.module, each.names or ()) for each in self._imports}
        return Reach(
            tuple(sorted(self._chains)),
            tuple(sorted(self._imports, key=order.__getitem__)),
            frozenset(self._words),
            frozenset(self._bare),
            frozenset(self._assigned),
            frozenset(self._rebound),
            frozenset(self._stored),
            frozenset(self._doors),
        )

    def _read(self, part: CodeType, instructions: Sequence[Instruction], position: int) -> None:
        name, value, _ = instructions[position]
        if name in _GLOBALS:
            self._chains.add(tuple(_chain(instructions, position)))
            self._doors.update(_doors(instructions, position))
        elif name in ATTRIBUTES:
            self._doors.update(_OPEN_DOORS.intersection({value}))
        elif name == "IMPORT_NAME":
            self._imports.add(_import(instructions, position))
        elif name == "STORE_GLOBAL":
            self._assigned.add(value)
        elif name == "STORE_DEREF" and value in part.co_freevars:
            self._rebound.add(value)
        elif name == "STORE_ATTR" and instructions[position - 1][1] != "self":
            self._stored.add(value)
        if name in _VARIABLES and not _reads_attribute(instructions, position):
            self._bare.update(value if isinstance(value, tuple) else {str(value)})


def _parts(code: CodeType) -> Iterator[CodeType]:
    """Yield *code* and the code objects nested in it."""
    stack = [code]
    while stack:
        part = stack.pop()
        yield part
        stack += [const for const in part.co_consts if isinstance(const, CodeType)]


def _reads_attribute(instructions: Sequence[Instruction], position: int) -> bool:
    """Say whether only an attribute is read of what is loaded at *position*."""
    after = instructions[position + 1 : position + 2]
    is_pair = isinstance(instructions[position][1], tuple)
    return bool(after) and after[0][0] in ATTRIBUTES and not is_pair


def _chain(instructions: Sequence[Instruction], position: int) -> Iterator[str]:
    """Yield a global name and the attributes that are read from it at once."""
    yield instructions[position][1]
    for name, value, _ in instructions[position + 1 :]:
        if name not in ATTRIBUTES:
            return
        yield value


def _import(instructions: Sequence[Instruction], position: int) -> Import:
    level, names = (instructions[position - back][1] for back in (2, 1))
    bound = set()
    for name, value, _ in instructions[position + 1 :]:
        if name in _STORES:
            bound.add(value)
        elif name not in {"IMPORT_FROM", "SWAP", "POP_TOP"}:
            break
    module = instructions[position][1]
    return Import(module, int(level or 0), tuple(names) if names else None, frozenset(bound))


def _doors(instructions: Sequence[Instruction], position: int) -> Iterator[str]:
    """Yield the global name where it is called to reach things by names not written down."""
    name = instructions[position][1]
    # getattr(x, "name") is an attribute like any other
    is_open = name == "getattr" and not _names_attribute(instructions, position)
    if name in _OPEN_DOORS or is_open:
        yield name


def _names_attribute(instructions: Sequence[Instruction], position: int) -> bool:
    """Say whether what is loaded at *position* is called with a text as second argument."""
    call = user_of(instructions, position)
    above = 0
    for place in range(position + 1, min(call, len(instructions))):
        name, about, _ = instructions[place]
        if above == 1 and name == "LOAD_CONST" and type(about) is str:
            # a part of a name that is put together is taken by something else
            return user_of(instructions, place) == call
        above += effect_of(instructions[place])
    return False


def _drop(known: dict[int, Any], key: int, _ref: object) -> None:
    known.pop(key, None)
