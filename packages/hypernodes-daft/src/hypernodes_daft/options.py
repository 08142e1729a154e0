"""The settings of a `DaftEngine`: frozen, and checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class DaftOptions:
    """How chunks go through Daft.

    Attributes:
        use_batch_udf: Hand over whole chunks; False calls one row UDF per
            item, with the same results.
        default_daft_config: Arguments of Daft's execution configuration,
            or None for Daft's own.

    Raises:
        TypeError: A setting is of the wrong type.
    """

    use_batch_udf: bool = attrs.field(default=True, validator=attrs.validators.instance_of(bool))
    default_daft_config: Mapping[str, Any] | None = attrs.field(default=None)

    @default_daft_config.validator
    def _check_config(self, _attribute: object, value: object) -> None:
        if value is not None and not isinstance(value, Mapping):
            msg = f"default_daft_config must be a mapping or None, not {value!r}"
            raise TypeError(msg)
