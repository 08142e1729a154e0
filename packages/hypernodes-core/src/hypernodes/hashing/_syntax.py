"""The canonical text of a syntax tree, the same on every supported Python.

``ast.dump`` changes from version to version.  This text has the name of each
node's class and its fields, and leaves out what is empty or None, positions,
contexts, and docstrings: what is left is what the code says.  Constants are
written by the canonical encoding, so ``1``, ``True`` and ``1.0`` differ.

Of the function itself, decorators and default values are left out too: they are
evaluated when it is defined, and counted by what came of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from typing import Any, Final

from hypernodes.hashing._canonical import LEAVES, sized

FunctionSyntax = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DOCUMENTED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
_LEFT_OUT: Final = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_PRIVATE: Final = re.compile(r"__\w*(?<!__)\Z")


def syntax_digest(function: FunctionSyntax, class_name: str) -> bytes:
    """Return the digest of *function*, found in the body of class *class_name*.

    The class counts only where the function uses a name such as ``__x``, which
    means another attribute in each class.
    """
    parts: list[bytes] = []
    is_private = _write(function, parts)
    if is_private and class_name:
        parts.append(b"P" + sized(class_name.encode()))
    return sha256(b"".join(parts)).digest()


def _write(root: FunctionSyntax, parts: list[bytes]) -> bool:
    """Append the text of *root* to *parts*; say whether a private name occurs."""
    is_private = False
    # a stack, since expressions may be nested deeper than Python may recurse
    stack: list[Any] = [root]
    while stack:
        item = stack.pop()
        kind: type = type(item)
        if kind is bytes:
            parts.append(item)
        elif kind is list:
            parts.append(b"[" + _count(len(item)))
            stack += [_text_of(each) for each in reversed(item)]
        elif kind is str:
            is_private = is_private or bool(_PRIVATE.match(item))
            parts.append(LEAVES[str](item))
        else:
            head, fields = _form_of(kind)
            children = _fields(item, fields, root)
            parts.append(head + _count(len(children) // 2))
            stack += reversed(children)
    return is_private


@cache
def _form_of(kind: Any) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    """Return the head of a node's text and its counted fields, each with its text."""
    names = [name for name in kind._fields if name not in _LEFT_OUT]
    head = b"(" + sized(kind.__name__.encode())
    return head, tuple((name, sized(name.encode())) for name in names)


def _fields(node: ast.AST, fields: Iterable[tuple[str, bytes]], root: FunctionSyntax) -> list[Any]:
    """Return what *node* holds: the text of a field's name, its value, the next one."""
    found: list[Any] = []
    for name, text in fields:
        value: Any = getattr(node, name, None)
        if node is root and name == "decorator_list":
            continue
        if node is root.args and name in ("defaults", "kw_defaults"):
            continue
        if name == "body" and isinstance(node, _DOCUMENTED):
            value = _without_docstring(value)
        if name == "values" and isinstance(node, ast.JoinedStr):
            # Python 3.12 ends some format specifications with an empty text
            value = [part for part in node.values if getattr(part, "value", None) != ""]
        # the value None of a constant is not an absent field
        if value == [] or (value is None and not isinstance(node, ast.Constant)):
            continue
        found += (text, _text_of(value))
    return found


def _text_of(value: Any) -> Any:
    """Return the text of a constant; what is still to be taken apart, or a name, as it is."""
    return value if isinstance(value, ast.AST | list | str) else _constant(value)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest
    return body


def _count(number: int) -> bytes:
    return number.to_bytes(8, "little")


def _constant(value: Any) -> bytes:
    leaf = LEAVES.get(type(value))
    if leaf is not None:
        return leaf(value)
    if isinstance(value, tuple):
        return b"t" + _count(len(value)) + b"".join(map(_constant, value))
    # only trees that a program has built hold other constants
    msg = f"cannot write a constant of type {type(value).__name__}"
    raise TypeError(msg)


def functions_in(tree: ast.AST) -> list[tuple[FunctionSyntax, str]]:
    """Return every function below *tree* with the name of the class around it."""
    found = []
    stack: list[tuple[Any, str]] = [(tree, "")]
    while stack:
        node, class_name = stack.pop()
        if isinstance(node, _FUNCTIONS):
            found.append((node, class_name))
        inner = node.name if isinstance(node, ast.ClassDef) else class_name
        # half the cost of ast.iter_child_nodes, which every source file pays
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                if value._fields:
                    stack.append((value, inner))
            elif isinstance(value, list):
                stack += [(each, inner) for each in value if isinstance(each, ast.AST)]
    return found
