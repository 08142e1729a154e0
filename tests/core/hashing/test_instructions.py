"""Facts about reading bytecode."""

from __future__ import annotations

import ast
import dis
import inspect
import typing
from collections.abc import Iterator
from types import CodeType, ModuleType

import pytest

from hypernodes.hashing._instructions import instructions_of

_TOLD = {*dis.hasname, *dis.hasconst, *dis.haslocal, *dis.hasfree}


def codes_of(module: ModuleType) -> Iterator[CodeType]:
    """Yield all code objects of a module."""
    stack = [compile(inspect.getsource(module), "<module>", "exec")]
    while stack:
        code = stack.pop()
        yield code
        stack += [const for const in code.co_consts if isinstance(const, CodeType)]


def shown_by_dis(code: CodeType) -> list[tuple[str, object]]:
    """Return what the standard library says; None for what it does not tell."""
    shown = [each for each in dis.get_instructions(code) if each.opname != "EXTENDED_ARG"]
    return [
        (each.opname, each.argval if each.opcode in _TOLD and each.opname != "KW_NAMES" else None)
        for each in shown
    ]


@pytest.mark.parametrize("module", [ast, inspect, typing], ids=lambda each: each.__name__)
def test_the_standard_library_agrees(module: ModuleType) -> None:
    """Name and argument of every instruction are those that ``dis`` shows."""
    for code in codes_of(module):
        theirs = shown_by_dis(code)
        ours = [
            (name, None if known is None else about)
            for (name, about, _), (_, known) in zip(instructions_of(code), theirs, strict=True)
        ]
        assert ours == theirs


def test_wide_arguments_are_put_together() -> None:
    """The three hundredth name is found as the first one is."""
    text = "; ".join(f"name{number}" for number in range(300))
    loads = [
        each for each in instructions_of(compile(text, "<text>", "exec")) if each[1] is not None
    ]
    assert [about for name, about, _ in loads if name == "LOAD_NAME"] == [
        f"name{number}" for number in range(300)
    ]
