"""Saying why: dry plans with reasons, and checks that hits are right."""

from hypernodes.explain._preview import Preview, preview
from hypernodes.explain._verify import Verification, verify

__all__ = ["Preview", "Verification", "preview", "verify"]
