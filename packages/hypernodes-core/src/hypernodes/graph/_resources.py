"""What a node needs to be carried out: processors, graphics cards, a process, a pool.

Decides how these wishes are spelled, and refuses at once those that make no
sense.  Engines that can grant them read them from the plan, the others go on
without: none of it changes a result, so none of it enters a key.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import attrs

from hypernodes.errors import NodeDefinitionError


@attrs.frozen
class Resources:
    """All that a node asks for.

    Attributes:
        gpus: Graphics cards that a call occupies; a share of one, or whole ones.
        cpus: Processors that a call occupies; None leaves it to the engine.
        use_process: Whether it is to be called in a process of its own, which
            it may block or bring down; None leaves it to the engine.
        max_concurrency: How many workers call it at most, each with stateful
            objects of its own; None leaves it to the engine.

    Raises:
        NodeDefinitionError: A value makes no sense.

    Example:
        >>> Resources(gpus=0.5, max_concurrency=4).gpus
        0.5
        >>> Resources(gpus=1.5)
        Traceback (most recent call last):
            ...
        hypernodes.errors.NodeDefinitionError: gpus of a node must be a share of one or a whole \
number of them, got 1.5
    """

    gpus: float = attrs.field(default=0)
    cpus: float | None = attrs.field(default=None)
    use_process: bool | None = attrs.field(default=None)
    max_concurrency: int | None = attrs.field(default=None)

    @gpus.validator
    def _check_gpus(self, _attribute: object, value: Any) -> None:
        if not _is_amount(value) or value < 0 or (value > 1 and value != int(value)):
            msg = f"gpus of a node must be a share of one or a whole number of them, got {value!r}"
            raise NodeDefinitionError(msg)

    @cpus.validator
    def _check_cpus(self, _attribute: object, value: Any) -> None:
        if value is not None and (not _is_amount(value) or value <= 0):
            msg = f"cpus of a node must be a number above 0, got {value!r}"
            raise NodeDefinitionError(msg)

    @use_process.validator
    def _check_process(self, _attribute: object, value: object) -> None:
        if value is not None and not isinstance(value, bool):
            msg = f"use_process of a node must be True, False or None, got {value!r}"
            raise NodeDefinitionError(msg)

    @max_concurrency.validator
    def _check_concurrency(self, _attribute: object, value: Any) -> None:
        is_count = isinstance(value, Integral) and not isinstance(value, bool)
        if value is not None and (not is_count or value < 1):
            msg = f"max_concurrency of a node must be a number of workers above 0, got {value!r}"
            raise NodeDefinitionError(msg)


def read_resources(
    gpus: float = 0,
    cpus: float | None = None,
    use_process: bool | None = None,
    max_concurrency: int | None = None,
) -> Resources | None:
    """Return what the options of a node spell; None where they ask for nothing.

    Raises:
        NodeDefinitionError: An option makes no sense.
    """
    resources = Resources(gpus, cpus, use_process, max_concurrency)
    return None if resources == Resources() else resources


def _is_amount(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
