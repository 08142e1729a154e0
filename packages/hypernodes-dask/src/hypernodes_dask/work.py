"""What a worker does with one parcel, whatever brought it there."""

from __future__ import annotations

from hypernodes.execution import Failure, carry_out


def answer(name: str, manifest: bytes, parcel: bytes) -> bytes | Failure:
    """Carry out one parcel; an interrupt of the user's code is returned, not raised.

    Raised, ``sys.exit()`` in a function would end the worker instead of the
    program that asked.
    """
    try:
        return carry_out(name, lambda: manifest, parcel)
    except BaseException as error:
        return Failure(error)
