"""Saying why: dry plans with reasons, checks that hits are right, engines side by side."""

from hypernodes.explain._preview import Preview, preview
from hypernodes.explain._twin import Twin, Twins, compare_engines
from hypernodes.explain._verify import Verification, verify

__all__ = [
    "Preview",
    "Twin",
    "Twins",
    "Verification",
    "compare_engines",
    "preview",
    "verify",
]
