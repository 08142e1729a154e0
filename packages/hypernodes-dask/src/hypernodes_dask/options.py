"""The settings of a `DaskEngine`: frozen, and checked when it is made."""

from __future__ import annotations

from typing import Literal

import attrs

Scheduler = Literal["threads", "processes", "synchronous", "distributed"]
WorkloadType = Literal["io", "cpu", "mixed"]

_SCHEDULERS = ("threads", "processes", "synchronous", "distributed")
_WORKLOAD_TYPES = ("io", "cpu", "mixed")
_COUNT = attrs.validators.optional([attrs.validators.instance_of(int), attrs.validators.ge(1)])


@attrs.frozen
class DaskOptions:
    """How chunks go through Dask.

    Attributes:
        scheduler: Which of Dask's schedulers carries them out.
        num_workers: How many at once; None leaves it to the scheduler.
        workload_type: What the nodes mostly do, which decides the chunk size
            where *npartitions* does not.
        npartitions: How many chunks; None derives it.

    Raises:
        TypeError: A count is not an int.
        ValueError: A name is unknown, or a count is below 1.
    """

    scheduler: Scheduler = attrs.field(
        default="threads", validator=attrs.validators.in_(_SCHEDULERS)
    )
    num_workers: int | None = attrs.field(default=None, validator=_COUNT)
    workload_type: WorkloadType = attrs.field(
        default="mixed", validator=attrs.validators.in_(_WORKLOAD_TYPES)
    )
    npartitions: int | None = attrs.field(default=None, validator=_COUNT)
