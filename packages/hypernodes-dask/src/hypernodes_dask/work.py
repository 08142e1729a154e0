"""What a worker does with one parcel, whatever brought it there."""

from __future__ import annotations

import pickle

from hypernodes.errors import ExecutionError
from hypernodes.execution import carry_out


def answer(name: str, manifest: bytes, parcel: bytes) -> bytes | BaseException:
    """Carry out one parcel; an interrupt of the user's code is returned, not raised.

    Raised, ``sys.exit()`` in a function would end the worker instead of the
    program that asked.
    """
    try:
        return carry_out(name, lambda: manifest, parcel)
    except BaseException as error:
        return _portable(error)


def _portable(error: BaseException) -> BaseException:
    """Return *error*, or what stands for it where it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return ExecutionError(f"{type(error).__name__}: {error}")
    return error
