"""What a code object says: a digest of the code that runs, not of a file.

The source is found through the code object and believed only if compiling it
gives the very bytecode that runs: a file may have been edited since, and a name
may lead to another function.  Then the digest is that of the syntax, equal on
every Python and blind to comments, docstrings and layout.  Otherwise, and for
code of libraries, it is that of the bytecode, its constants and names, with the
Python version.

::

    running code ── file ──> source text ──compile──> code objects of the file
         │                        │                        │
         └────────── same bytecode, nearest position? ─────┘
                                  └──> syntax at that position

Everything is remembered: per code object the digest, per source text its trees.
"""

from __future__ import annotations
import __future__

import ast
import linecache
import os
import sys
import threading
import warnings
import weakref
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache, partial
from hashlib import sha256
from types import CodeType
from typing import Any, Final

from hypernodes.hashing._canonical import LEAVES, joined, joined_set, sized
from hypernodes.hashing._identity import is_user_module
from hypernodes.hashing._syntax import FunctionSyntax, functions_in, syntax_digest

_PYTHON: Final = sized("{}.{}".format(*sys.version_info).encode())

_UNREADABLE: Final = (SyntaxError, ValueError, RecursionError, MemoryError)

_digests: dict[int, tuple[weakref.ref[CodeType], bytes]] = {}


def code_digest(code: CodeType, global_names: dict[str, Any]) -> bytes:
    """Return the 33-byte digest of *code*, which says how it was made.

    Args:
        code: The code object that runs.
        global_names: The globals of its function, through which the sources of
            modules that are not files are found.
    """
    known = known_digest(code)
    if known is not None:
        return known
    # the syntax of a library is not worth reading: its version says as much
    is_read = is_user_module(global_names.get("__name__"))
    syntax = _syntax_of(code, global_names) if is_read else None
    if syntax is None:
        digest = b"b" + _bytecode_digest(code)
    else:
        # without assertions the same text does something else
        digest = (b"o" if sys.flags.optimize else b"s") + syntax_digest(*syntax)
    remember_digest(code, digest)
    return digest


def known_digest(code: CodeType) -> bytes | None:
    """Return what was found to be the digest of *code*; None where nobody asked."""
    known = _digests.get(id(code))
    return known[1] if known is not None and known[0]() is code else None


def remember_digest(code: CodeType, digest: bytes) -> None:
    """Let *digest* be that of *code*, for as long as it lives.

    For code that came from a process where its source was found: here there
    need not be any.
    """
    key = id(code)
    _digests[key] = (weakref.ref(code, partial(_drop, _digests, key)), digest)


class _Source:
    """The functions of one source text, as code and as syntax."""

    def __init__(self, text: str, filename: str, flags: int) -> None:
        tree = ast.parse(text, filename)
        self._functions: dict[int, list[tuple[FunctionSyntax, str]]] = {}
        for function, class_name in functions_in(tree):
            self._functions.setdefault(_first_line(function), []).append((function, class_name))
        self._codes: dict[str, list[CodeType]] = {}
        module = compile(text, filename, "exec", flags, dont_inherit=True)
        for code in _codes_in(module):
            self._codes.setdefault(code.co_qualname, []).append(code)

    def find(self, running: CodeType) -> tuple[FunctionSyntax, str] | None:
        """Return the syntax whose bytecode is that of *running*."""
        digest = _bytecode_digest(running)
        namesakes = self._codes.get(running.co_qualname, ())
        same = [code for code in namesakes if _bytecode_digest(code) == digest]
        if not same:
            return None
        positions = list(running.co_positions())
        exact = [code for code in same if list(code.co_positions()) == positions]
        # moved code compiles to the same bytecode elsewhere
        return self._at((exact or same)[0])

    def _at(self, code: CodeType) -> tuple[FunctionSyntax, str] | None:
        is_lambda = code.co_name == "<lambda>"
        candidates = [
            found
            for found in self._functions.get(code.co_firstlineno, ())
            if isinstance(found[0], ast.Lambda) == is_lambda
        ]
        if len(candidates) < 2:
            return candidates[0] if candidates else None
        return _innermost_around(code, candidates)


def _innermost_around(
    code: CodeType, candidates: list[tuple[FunctionSyntax, str]]
) -> tuple[FunctionSyntax, str] | None:
    """Return the smallest of several lambdas whose body encloses *code*."""
    spans = [
        ((line, column), (end_line, end_column))
        for line, end_line, column, end_column in code.co_positions()
        # an empty span belongs to the call, not to the body
        if line and end_line and column is not None and end_column
    ]
    if not spans:
        return None
    start, end = min(span[0] for span in spans), max(span[1] for span in spans)
    around = []
    for found in candidates:
        body: Any = found[0].body
        first, last = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
        if first <= start and end <= last:
            around.append(((last[0] - first[0], last[1] - first[1]), found))
    return min(around, key=lambda pair: pair[0])[1] if around else None


def _first_line(function: FunctionSyntax) -> int:
    decorators: list[ast.expr] = getattr(function, "decorator_list", [])
    return min([function.lineno, *(decorator.lineno for decorator in decorators)])


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    stack = [code]
    while stack:
        found = stack.pop()
        yield found
        stack += reversed([const for const in found.co_consts if isinstance(const, CodeType)])


# one at a time: the parser of Python 3.11 mixes up the depths of two threads
_parsing = threading.Lock()


def _reset_lock() -> None:
    global _parsing  # noqa: PLW0603 - a forked child may inherit it locked
    _parsing = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_lock)


@lru_cache(maxsize=128)
def _read(text: str, filename: str, flags: int) -> _Source | None:
    found = _parse(text, filename, flags)
    if found is None:
        # the stack of the caller must not decide what a text says: the parser,
        # which recurses, gets one of its own
        results: list[_Source | None] = []
        thread = threading.Thread(target=lambda: results.append(_parse(text, filename, flags)))
        thread.start()
        thread.join()
        found = results[0]
    return found


def _parse(text: str, filename: str, flags: int) -> _Source | None:
    with _parsing, warnings.catch_warnings(), suppress(*_UNREADABLE):
        # the compiler has said what it has to say about this text before
        warnings.simplefilter("ignore")
        return _Source(text, filename, flags)
    return None


def _syntax_of(code: CodeType, global_names: dict[str, Any]) -> tuple[FunctionSyntax, str] | None:
    # without this, the text of a file edited since would be the old one for ever
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename, global_names))
    # a notebook's cells inherit this from one another
    flags = code.co_flags & __future__.annotations.compiler_flag
    source = _read(text, code.co_filename, flags) if text else None
    return None if source is None else source.find(code)


_COUNTED_FIELDS: Final = (
    "co_code",
    "co_exceptiontable",
    "co_flags",
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_name",
    "co_consts",
)


def _bytecode_digest(code: CodeType) -> bytes:
    """Return the digest of what *code* does on this Python, wherever it stands."""
    parts = [_token(getattr(code, field)) for field in _COUNTED_FIELDS]
    return sha256(b"".join([_PYTHON, *parts])).digest()


def _token(value: Any) -> bytes:
    """Return the token of a part of a code object."""
    leaf = LEAVES.get(type(value))
    if leaf is not None:
        return leaf(value)
    if isinstance(value, CodeType):
        return b"C" + _bytecode_digest(value)
    if isinstance(value, tuple):
        return b"t" + joined([_token(item) for item in value])
    if isinstance(value, frozenset):
        return b"Z" + joined_set([_token(item) for item in value])
    # slices are constants from Python 3.14 on
    return b"k" + joined([_token(part) for part in (value.start, value.stop, value.step)])


def _drop(known: dict[int, Any], key: int, _ref: object) -> None:
    known.pop(key, None)
