"""The settings of a `RayEngine`: frozen, and checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

_TEXT = attrs.validators.optional(attrs.validators.instance_of(str))
_MAPPING = attrs.validators.optional(attrs.validators.instance_of(dict))


@attrs.frozen
class RayOptions:
    """How chunks go through Ray.

    Attributes:
        address: The cluster to connect to; None uses the one that is
            connected already, else starts one here.
        num_cpus: How many processors a cluster started here may use, or None
            for all.
        runtime_env: What workers need: packages, files, variables.

    Raises:
        TypeError: A setting is of the wrong type.
        ValueError: *num_cpus* is below 1.
    """

    address: str | None = attrs.field(default=None, validator=_TEXT)
    num_cpus: int | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(
            [attrs.validators.instance_of(int), attrs.validators.ge(1)]
        ),
    )
    # it may hold passwords
    runtime_env: Mapping[str, Any] | None = attrs.field(
        default=None, validator=_MAPPING, repr=False
    )
