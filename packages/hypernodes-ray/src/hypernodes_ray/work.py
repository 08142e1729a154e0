"""What a worker does with one parcel: the body of every task and actor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ray

from hypernodes.execution import Failure, carry_out


def answer(name: str, manifest: Sequence[Any], parcel: bytes) -> bytes | Failure:
    """Carry out one parcel; an interrupt of the user's code is returned, not raised.

    Raised, ``sys.exit()`` in a function would end the worker, and Ray would
    try the task again, instead of ending the program that asked.

    Args:
        name: The name of the run's manifest.
        manifest: A reference to it, in a list: Ray hands over bare ones
            fetched, once per task.
        parcel: The packed parcel.
    """
    try:
        return carry_out(name, lambda: ray.get(manifest[0]), parcel)
    except BaseException as error:
        return Failure(error)


class Keeper:
    """An actor that answers parcels one after another and stays for the next run."""

    def answer(self, name: str, manifest: Sequence[Any], parcel: bytes) -> bytes | Failure:
        """Carry out one parcel; see `answer`."""
        return answer(name, manifest, parcel)
