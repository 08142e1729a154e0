"""Deciding: a graph and a request become a frozen plan and its settings."""

from hypernodes.plan._annotations import annotation_of
from hypernodes.plan._compile import compile_plan
from hypernodes.plan._records import Nested, Plan, Step
from hypernodes.plan._settings import Settings, all_callbacks, resolve_settings

__all__ = [
    "Nested",
    "Plan",
    "Settings",
    "Step",
    "all_callbacks",
    "annotation_of",
    "compile_plan",
    "resolve_settings",
]
