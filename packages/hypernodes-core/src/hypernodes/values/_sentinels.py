"""The two values that mean "no value", so that ``None`` never has to."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal


class Unset(Enum):
    """The type of `UNSET`: a setting that nobody gave, to be inherited."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return self.value

    def __bool__(self) -> Literal[False]:
        return False


class Missing(Enum):
    """The type of `MISSING`: what a cache answers for a key it does not hold."""

    MISSING = "MISSING"

    def __repr__(self) -> str:
        return self.value

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Final = Unset.UNSET
MISSING: Final = Missing.MISSING
