"""A user's exception on its way home: kept as it is, with a note where it happened.

An exception that crosses a process takes the first of three ways that gives
it back whole: its own reduction; its arguments and attributes, put into a new
object without calling its constructor; a description in words.
"""

from __future__ import annotations

import builtins
import contextlib
import inspect
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import attrs

from hypernodes.errors import ExecutionError

#: How a received state becomes an exception again.
_Way = tuple[Callable[..., BaseException], tuple[Any, ...]]


def annotate(error: BaseException, node: str, path: str, items: tuple[int, ...]) -> None:
    """Add the note that says where *error* happened.

    Args:
        error: The user's exception; gains a note and nothing else.
        node: The name of the node.
        path: Its path, ``"outer/inner/node"``.
        items: The item numbers of the maps around it, outermost first.
    """
    words = [f"in node {node!r} at {path}"]
    words += [
        f"{'item' if level == 0 else 'inner item'} {item}" for level, item in enumerate(items)
    ]
    add_note(error, ", ".join(words))


def add_note(error: BaseException, note: str) -> None:
    """Add *note* to *error*, once."""
    if note not in getattr(error, "__notes__", ()):
        # an exception may refuse attributes; it is still the user's, and goes on without
        with contextlib.suppress(Exception):
            error.add_note(note)


def stand_in(error: BaseException, instead: str) -> ExecutionError:
    """Return what is raised for *error* where Python would take it for an end.

    A coroutine that raises `StopIteration` has returned, and a generator that
    does has come to its end; Python raises a `RuntimeError` that says nothing.

    Args:
        error: What was to leave a coroutine or a generator; becomes the cause.
        instead: How to get the exception itself.
    """
    kind = type(error).__name__
    msg = (
        f"a node raised {kind}, which ends iterating and awaiting and so cannot come out of "
        f"them; {instead}, or raise another exception in the node"
    )
    found = ExecutionError(msg)
    found.__cause__ = error
    for note in getattr(error, "__notes__", ()):
        add_note(found, note)
    return found


@attrs.define
class Failure:
    """An exception of one item: what was raised, where, and for which one.

    Pickling keeps type, arguments, attributes, notes and causes, also where
    the exception's constructor has another signature, which plain pickle
    cannot.

    Attributes:
        error: The exception.
        item: The number of the item in its map; None for a single run.
        path: The path of the node that raised it; empty where none did.
    """

    error: BaseException
    item: int | None = None
    path: str = ""

    def __getstate__(self) -> dict[str, Any]:
        return {"item": self.item, "path": self.path, "record": pack_error(self.error)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.item, self.path = state["item"], state["path"]
        self.error = unpack_error(state["record"])


def pack_error(error: BaseException) -> list[Any]:
    """Return *error* and the chain of its causes as data; a chain that bites its tail is cut."""
    chain: list[Any] = []
    seen: set[int] = set()
    link = ""
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        chain.append((link, _choose_way(found), found.__suppress_context__))
        link = "__cause__" if found.__cause__ is not None else "__context__"
        found = found.__cause__ or found.__context__
    return chain


def unpack_error(chain: list[Any]) -> BaseException:
    """Return the exception that `pack_error` packed, with its causes."""
    errors: list[BaseException] = []
    for link, data, suppress in chain:
        call, arguments = pickle.loads(data)
        error: BaseException = call(*arguments)
        if link:
            setattr(errors[-1], link, error)
        errors.append(error)
        error.__suppress_context__ = suppress
    for error, (_, _, suppress) in zip(errors, chain, strict=True):
        # setting a cause sets this too
        error.__suppress_context__ = suppress
    return errors[0]


def _choose_way(error: BaseException) -> bytes:
    """Return the bytes of the first way that brings *error* back whole."""
    # deferred: only failures that travel between processes need it
    import cloudpickle

    attributes = {key: value for key, value in vars(error).items() if key != "__notes__"}
    notes = tuple(getattr(error, "__notes__", ()))
    ways: list[_Way] = [
        (_reduced, (error, notes)),
        (_rebuild, (type(error), error.args, attributes, notes)),
    ]
    same: list[bytes] = []
    for way in ways:
        # whatever a user's reduction or constructor raises only means: not this way
        with contextlib.suppress(Exception):
            data: bytes = cloudpickle.dumps(way)
            call, arguments = pickle.loads(data)
            found = call(*arguments)
            if not _is_same(found, error):
                continue
            same.append(data)
            if _members(found) == _members(error):
                return data
    if same:
        return same[0]
    text = "".join(traceback.format_exception(error))
    return pickle.dumps((_describe, (text, notes)))


def _is_same(found: BaseException, error: BaseException) -> bool:
    # cloudpickled classes come back as equals, not as themselves
    return type(found).__qualname__ == type(error).__qualname__ and str(found) == str(error)


def _members(error: BaseException) -> dict[str, Any]:
    """Return what built-in classes keep outside of ``__dict__``: a value, a file, a line."""
    names = [name for kind in type(error).__mro__ for name in vars(kind)]
    return {name: getattr(error, name, None) for name in names if _is_member(error, name)}


def _is_member(error: BaseException, name: str) -> bool:
    attribute = inspect.getattr_static(error, name, None)
    return not name.startswith("__") and inspect.ismemberdescriptor(attribute)


def _reduced(error: BaseException, notes: tuple[str, ...]) -> BaseException:
    for note in notes:
        add_note(error, note)
    return error


def _rebuild(
    kind: type[BaseException],
    arguments: tuple[Any, ...],
    attributes: dict[str, Any],
    notes: tuple[str, ...],
) -> BaseException:
    """Make an exception without its own constructor, by the built-in class it comes from."""
    base: Any = kind
    while base.__module__ != builtins.__name__:
        # of several built-in classes, the one that a new object must be made by
        base = base.__base__
    error: BaseException = base.__new__(kind, *arguments)
    base.__init__(error, *arguments)
    error.args = arguments
    vars(error).update(attributes)
    return _reduced(error, notes)


def _describe(text: str, notes: tuple[str, ...]) -> BaseException:
    return _reduced(ExecutionError(f"an exception could not be sent: {text}"), notes)
