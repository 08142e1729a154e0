"""The settings of a `DaftEngine`: frozen, and checked when it is made.

Decides what may be set and what a mistake is told; imports Daft only where
names of Daft's own configuration were given and Daft is there to be asked.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs

from hypernodes.errors import did_you_mean

Runner = Literal["native", "ray"]
#: The one key of ``default_daft_config`` that is ours: how many items travel together.
BATCH_SIZE: Final = "batch_size"
_RUNNERS: Final = ("native", "ray")


@attrs.frozen
class DaftOptions:
    """How chunks go through Daft.

    Attributes:
        use_batch_udf: Hand over whole chunks; False calls one row UDF per
            item, with the same results.
        default_daft_config: Arguments of Daft's execution configuration, and
            ``batch_size``, the number of items that travel together; None
            for Daft's own configuration and sizes by measured cost.

    Raises:
        TypeError: A setting is of the wrong type.
        ValueError: Daft has no such setting, or the batch size is below one.
    """

    use_batch_udf: bool = attrs.field(default=True, validator=attrs.validators.instance_of(bool))
    default_daft_config: Mapping[str, Any] | None = attrs.field(default=None)

    @default_daft_config.validator
    def _check_config(self, _attribute: object, value: object) -> None:
        if value is None:
            return
        if not isinstance(value, Mapping):
            msg = f"default_daft_config must be a mapping or None, not {value!r}"
            raise TypeError(msg)
        _check_batch_size(value.get(BATCH_SIZE))
        _check_names([name for name in value if name != BATCH_SIZE])

    @property
    def batch_size(self) -> int | None:
        """How many items travel together; None where their cost decides."""
        return (self.default_daft_config or {}).get(BATCH_SIZE)

    @property
    def execution_config(self) -> dict[str, Any]:
        """What Daft itself is told."""
        given = self.default_daft_config or {}
        return {name: value for name, value in given.items() if name != BATCH_SIZE}


@attrs.frozen
class Placement:
    """Where a `DaftEngine` has its work done.

    Attributes:
        runner: ``"native"`` for this machine, ``"ray"`` for a Ray cluster,
            None for the runner that Daft has been given.
        address: Of the Ray cluster: ``"auto"``, ``"host:port"`` or
            ``"ray://host:port"``; None for the one that this process is
            connected to, else a new one on this machine.
        num_workers: How many chunks at once; None for one per processor that
            this process may use, or that the cluster has.

    Raises:
        TypeError: A setting is of the wrong type.
        ValueError: There is no such runner, an address is given without Ray,
            or the number of workers is below one.
    """

    runner: Runner | None = attrs.field(default=None)
    address: str | None = attrs.field(default=None)
    num_workers: int | None = attrs.field(default=None)

    @runner.validator
    def _check_runner(self, _attribute: object, value: object) -> None:
        if value is not None and value not in _RUNNERS:
            hint = did_you_mean(str(value), _RUNNERS)
            msg = f"unknown runner {value!r}; use 'native', 'ray' or None{hint}"
            raise ValueError(msg)

    @address.validator
    def _check_address(self, _attribute: object, value: object) -> None:
        if value is None:
            return
        if not isinstance(value, str):
            msg = f"address must be a text such as 'ray://head:10001' or None, not {value!r}"
            raise TypeError(msg)
        if self.runner != "ray":
            msg = f"address {value!r} is that of a Ray cluster; give runner='ray' with it"
            raise ValueError(msg)

    @num_workers.validator
    def _check_workers(self, _attribute: object, value: object) -> None:
        if value is None:
            return
        if not isinstance(value, int) or isinstance(value, bool):
            msg = f"num_workers must be a number or None, not {value!r}"
            raise TypeError(msg)
        if value < 1:
            msg = f"num_workers must be 1 or more, not {value}"
            raise ValueError(msg)

    def workers(self, runner: Runner) -> int:
        """Return how many chunks are carried out at once on *runner*."""
        if self.num_workers is not None:
            return self.num_workers
        if runner == "native":
            return available_processors()
        return max(1, int(resources_of(runner).get("CPU", available_processors())))


def available_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def resources_of(runner: Runner) -> Mapping[str, float]:
    """Return how much there is of what nodes ask for, where that is known."""
    if runner == "native":
        return {"CPU": os.cpu_count() or 1}
    # deferred: only the Ray runner has it
    import ray

    if not ray.is_initialized():
        return {}
    there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray has no types here
    return {"CPU": there.get("CPU", 0), "GPU": there.get("GPU", 0)}


def _check_batch_size(size: object) -> None:
    if size is None:
        return
    if not isinstance(size, int) or isinstance(size, bool):
        msg = f"batch_size in default_daft_config must be a number of items, not {size!r}"
        raise TypeError(msg)
    if size < 1:
        msg = f"batch_size in default_daft_config must be 1 or more, not {size}"
        raise ValueError(msg)


def _check_names(names: list[str]) -> None:
    """Refuse names that Daft's configuration does not have; without Daft nobody can say."""
    if not names or importlib.util.find_spec("daft") is None:
        return
    # deferred: heavy, and only asked where something of its own is to be set
    import daft

    known = set(inspect.signature(daft.set_execution_config).parameters) - {"config"}
    for name in names:
        if name not in known:
            hint = did_you_mean(name, [*known, BATCH_SIZE])
            msg = f"Daft has no execution setting {name!r}{hint}"
            raise ValueError(msg)
