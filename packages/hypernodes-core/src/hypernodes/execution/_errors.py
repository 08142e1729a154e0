"""A user's exception on its way home: kept as it is, with a note where it happened.

An exception that crosses a process takes the first of these ways that gives it
back whole: its own reduction; its arguments and attributes, put into a new
object without calling its constructor; the same, with words in the place of
those that cannot be sent; a description of it all.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import inspect
import io
import pickle
import traceback
from typing import Any, Final

import attrs

from hypernodes.errors import ExecutionError

#: Exceptions within exceptions that are kept whole; deeper ones are described.
_MOST_INSIDE: Final = 8


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


def place_inside(error: BaseException, around: tuple[int, ...], item: int) -> None:
    """Correct the note of a map that was carried out apart and lies inside items of others.

    Args:
        error: What failed in it.
        around: The items of the maps around it, outermost first.
        item: The item that failed, as the map apart counts.
    """
    if not around:
        return
    known = f", item {item}"
    inside = "".join(f", inner item {each}" for each in (*around[1:], item))
    notes: list[str] = getattr(error, "__notes__", [])
    for place, note in enumerate(notes):
        if note.startswith("in node ") and known in note:
            notes[place] = note.replace(known, f", item {around[0]}{inside}", 1)
            return


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


def pack_error(error: BaseException, around: tuple[int, ...] = ()) -> list[Any]:
    """Return *error* and the chain of its causes as data; a chain that bites its tail is cut.

    Args:
        error: The exception.
        around: The ids of the exceptions that hold it.
    """
    chain: list[Any] = []
    seen: set[int] = set(around)
    link = ""
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        data = _choose_way(found, (*around, id(found)))
        chain.append((link, data, found.__suppress_context__))
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


def _choose_way(error: BaseException, around: tuple[int, ...]) -> bytes:
    """Return the bytes of the first way that brings *error* back whole."""
    notes = tuple(getattr(error, "__notes__", ()))
    same: list[bytes] = []
    for way in (_by_reduction, _by_parts, _by_what_can_be_sent):
        # whatever a user's reduction or constructor raises only means: not this way
        with contextlib.suppress(Exception):
            data = way(error, notes, around)
            call, arguments = pickle.loads(data)
            found = call(*arguments)
            if not _is_same(found, error):
                continue
            same.append(data)
            if way is not _by_reduction or _members(found) == _members(error):
                return data
    if same:
        return same[0]
    text = "".join(traceback.format_exception(error))
    return pickle.dumps((_describe, (text, notes)))


def _by_reduction(error: BaseException, notes: tuple[str, ...], _around: tuple[int, ...]) -> bytes:
    # deferred: only failures that travel between processes need it
    import cloudpickle

    data: bytes = cloudpickle.dumps((_reduced, (error, notes)))
    return data


def _by_parts(error: BaseException, notes: tuple[str, ...], around: tuple[int, ...]) -> bytes:
    return _dump((_rebuild, (type(error), error.args, _attributes(error), notes)), around)


def _by_what_can_be_sent(
    error: BaseException, notes: tuple[str, ...], around: tuple[int, ...]
) -> bytes:
    """Return *error* with words in the place of parts that no process can be given."""
    arguments = tuple(_sendable(value, around) for value in error.args)
    attributes = {name: _sendable(value, around) for name, value in _attributes(error).items()}
    lost = [name for name, value in attributes.items() if isinstance(value, _Words)]
    if any(isinstance(value, _Words) for value in arguments):
        lost.append("args")
    note = f"only in words, because they cannot be sent: {', '.join(lost)}"
    return _dump((_rebuild, (type(error), arguments, attributes, (*notes, note))), around)


class _Words(str):
    """What something is in words, which stand for it as they are."""

    __slots__ = ()
    __repr__ = str.__str__


def _sendable(value: Any, around: tuple[int, ...]) -> Any:
    try:
        _dump(value, around)
    except Exception:
        return _Words(repr(value))
    return value


def _dump(value: Any, around: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    _pickler()(stream, around).dump(value)
    return stream.getvalue()


@functools.cache
def _pickler() -> Any:
    # deferred: only failures that travel between processes need it
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
        """Pickles the parts of an exception; exceptions among them go as all others do."""

        def __init__(self, stream: io.BytesIO, around: tuple[int, ...]) -> None:
            super().__init__(stream, protocol=5)
            self._around = around

        def reducer_override(self, obj: Any) -> Any:
            if not isinstance(obj, BaseException):
                return super().reducer_override(obj)
            if id(obj) in self._around or len(self._around) > _MOST_INSIDE:
                return _describe, (repr(obj), ())
            return unpack_error, (pack_error(obj, self._around),)

    return Pickler


def _attributes(error: BaseException) -> dict[str, Any]:
    """Return what *error* keeps: in its ``__dict__`` and in the slots of the user's classes."""
    found = {key: value for key, value in vars(error).items() if key != "__notes__"}
    for kind in type(error).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(error, name):
                found[name] = getattr(error, name)
    return found


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
    for name, value in attributes.items():
        # a class may refuse to be changed
        object.__setattr__(error, name, value)
    return _reduced(error, notes)


def _describe(text: str, notes: tuple[str, ...]) -> BaseException:
    return _reduced(ExecutionError(f"an exception could not be sent: {text}"), notes)
