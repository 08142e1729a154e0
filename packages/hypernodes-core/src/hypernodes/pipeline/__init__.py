"""Pipelines: nodes wired by names, and how to run them."""

from hypernodes.pipeline._pipeline import Pipeline

__all__ = ["Pipeline"]
