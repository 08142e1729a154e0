"""The settings of a `DaskEngine`: frozen, and checked when it is made."""

from __future__ import annotations

import os
from typing import Final, Literal

import attrs

Scheduler = Literal["threads", "processes", "synchronous", "distributed"]
WorkloadType = Literal["io", "cpu", "mixed"]

_SCHEDULERS = ("threads", "processes", "synchronous", "distributed")
_COUNT = attrs.validators.optional([attrs.validators.instance_of(int), attrs.validators.ge(1)])

#: How long a chunk should take: waiting wants many at once, computing wants little overhead.
CHUNK_SECONDS: Final = {"io": 0.05, "mixed": 0.1, "cpu": 0.2}
_IO_THREADS: Final = 32
_SPARE_THREADS: Final = 4


@attrs.frozen
class DaskOptions:
    """How chunks go through Dask.

    Attributes:
        scheduler: Which of Dask's schedulers carries them out.
        num_workers: How many at once; None leaves it to Dask's configuration,
            then to *workload_type*.
        workload_type: What the nodes mostly do: decides how many threads
            there are and how long a chunk should take.
        npartitions: How many chunks; None lets the time decide that items take.

    Raises:
        TypeError: A count is not an int.
        ValueError: A name is unknown, or a count is below 1.
    """

    scheduler: Scheduler = attrs.field(
        default="threads", validator=attrs.validators.in_(_SCHEDULERS)
    )
    num_workers: int | None = attrs.field(default=None, validator=_COUNT)
    workload_type: WorkloadType = attrs.field(
        default="mixed", validator=attrs.validators.in_(tuple(CHUNK_SECONDS))
    )
    npartitions: int | None = attrs.field(default=None, validator=_COUNT)

    @property
    def threads(self) -> int:
        """How many threads carry out chunks: more than processors where they wait."""
        processors = os.cpu_count() or 1
        most = {
            "cpu": processors,
            "mixed": processors + _SPARE_THREADS,
            "io": max(_IO_THREADS, 4 * processors),
        }
        return self._configured() or most[self.workload_type]

    @property
    def processes(self) -> int:
        """How many processes carry out chunks."""
        return self._configured() or os.cpu_count() or 1

    def _configured(self) -> int | None:
        # deferred: Dask is only needed once something is mapped
        import dask

        return self.num_workers or dask.config.get("num_workers", None)
