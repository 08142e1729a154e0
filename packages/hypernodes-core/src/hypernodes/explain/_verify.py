"""Are hits what a call would give now?  Compute some again and compare."""

from __future__ import annotations

from typing import Any

import attrs

from hypernodes.errors import PlanError
from hypernodes.execution import Recheck, Request, recheck


@attrs.frozen
class Verification:
    """The outcome of computing some recorded results again.

    Attributes:
        checked: Every result that was computed again.
    """

    checked: tuple[Recheck, ...]

    @property
    def impure(self) -> tuple[str, ...]:
        """The paths of the functions that gave another result, each once."""
        return tuple(dict.fromkeys(each.path for each in self.checked if not each.is_same))

    def __bool__(self) -> bool:
        """Say whether everything came out the same."""
        return not self.impure

    def __str__(self) -> str:
        """Return the outcome in a sentence."""
        count = f"{len(self.checked)} recorded results computed again"
        if not self.impure:
            return f"{count}: all the same"
        names = ", ".join(self.impure)
        return (
            f"{count}: {names} gave another result; give what it depends on as inputs, "
            "or set cache=False"
        )


def verify(engine: Any, pipeline: Any, request: Request, sample: float) -> Verification:
    """Compute a *sample* of the hits of *request* again and compare fingerprints.

    Raises:
        PlanError: *sample* is not between 0 and 1.
    """
    if not 0 < sample <= 1:
        msg = f"sample must be above 0 and at most 1, got {sample!r}"
        raise PlanError(msg)
    return Verification(tuple(recheck(engine, pipeline, request, sample)))
