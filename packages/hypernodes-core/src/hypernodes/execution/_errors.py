"""A user's exception on its way home: kept as it is, with a note where it happened."""

from __future__ import annotations

import pickle
import traceback
from typing import Any

import attrs

from hypernodes.errors import ExecutionError


def annotate(error: BaseException, node: str, path: str, items: tuple[int, ...]) -> None:
    """Add the note that says where *error* happened; the innermost place is kept.

    Args:
        error: The user's exception; gains a note and nothing else.
        node: The name of the node.
        path: Its path, ``"outer/inner/node"``.
        items: The item numbers of the maps around it, outermost first.
    """
    words = [f"in node {node!r} at {path}"]
    words += [f"{'item' if level == 0 else 'inner item'} {item}" for level, item in enumerate(items)]
    note = ", ".join(words)
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


@attrs.define
class Failure:
    """The exception that ended a chunk, and the item it ended at.

    Pickling keeps type, arguments, attributes and notes also where the
    exception's constructor has another signature, which plain pickle cannot.

    Attributes:
        error: The exception.
        item: The number of the item in its map; None for a single run.
    """

    error: BaseException
    item: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        error = self.error
        text = "".join(traceback.format_exception(error))
        state = {key: value for key, value in vars(error).items() if key != "__notes__"}
        notes = list(getattr(error, "__notes__", ()))
        record = (type(error), error.args, state, notes)
        return {"item": self.item, "text": text, "record": record if _survives(record) else None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.item = state["item"]
        if state["record"] is None:
            self.error = ExecutionError(f"the exception of a worker could not be sent: {state['text']}")
            return
        kind, arguments, attributes, notes = state["record"]
        error = kind.__new__(kind, *arguments)
        error.args = arguments
        vars(error).update(attributes)
        for note in notes:
            error.add_note(note)
        self.error = error


def _survives(record: tuple[Any, ...]) -> bool:
    # deferred: only failures that travel between processes need it
    import cloudpickle

    try:
        pickle.loads(cloudpickle.dumps(record))
    except Exception:
        return False
    return True
