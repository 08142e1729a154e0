"""Parcels as Ray tasks: bytes out, bytes back, as many at once as there are processors.

The manifest of a run is put into the object store once, and each worker
process opens it once.  What user code gets is unpickled from it, so that
arrays are its own and writable, where Ray's would be read-only.  Tasks are
not tried again by Ray: what a lost one has done is not known.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import ray

from hypernodes.execution import Failure
from hypernodes_ray.work import answer

_AHEAD: Final = 3
#: The first parcels are small, to see how long items take.
_TRIALS: Final = 2


class TaskTransport:
    """Takes the parcels of one run to Ray workers.

    Args:
        options: Of each task: ``num_cpus``, ``num_gpus``, ``runtime_env``...
        count: How many parcels are carried out at once.

    Attributes:
        width: How many parcels may be under way.
    """

    def __init__(self, options: Mapping[str, Any], count: int) -> None:
        self.width: int = count
        self._count = count
        self._options = dict(options)
        self._name = ""
        self._manifest: Sequence[Any] = ()
        self._numbers: dict[Any, int] = {}
        self._delivered = 0

    def start(self, name: str, manifest: bytes) -> None:
        """Put the manifest where all workers can get it."""
        self._name = name
        self._manifest = [ray.put(manifest)]

    def send(self, number: int, parcel: bytes) -> None:
        """Submit the parcel as one task."""
        task = _task().options(max_retries=0, name="hypernodes", **self._options)
        reference = task.remote(self._name, self._manifest, parcel)
        self._numbers[reference] = number

    def receive(self) -> tuple[int, bytes | Exception]:
        """Wait for any task; an exception stands for one that is lost.

        Raises:
            BaseException: An interrupt that a user's function raised.
        """
        (reference, *_), _ = ray.wait(list(self._numbers), num_returns=1)
        number = self._numbers.pop(reference)
        self._delivered += 1
        if self._delivered == _TRIALS * self._count:
            # from now on waiting parcels keep workers busy while results are on their way
            self.width = _AHEAD * self._count
        try:
            answered = ray.get(reference)
        except Exception as error:
            self._took(reference, error)
            return number, error
        self._took(reference, answered)
        if isinstance(answered, Failure):
            raise answered.error
        return number, answered

    def _took(self, reference: Any, answered: Any) -> None:
        """Note what came back; tasks leave nobody behind."""

    def close(self) -> None:
        """Interrupt what is under way, without ending the workers."""
        for reference in self._numbers:
            # a cluster that is gone has nothing to cancel
            with contextlib.suppress(Exception):
                ray.cancel(reference, force=False)
        self._numbers.clear()
        self._manifest = ()


@functools.cache
def _task() -> Any:
    return ray.remote(answer)
