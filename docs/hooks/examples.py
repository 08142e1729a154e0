"""Docstrings as the reference shows them: ``Example:`` is what Griffe calls ``Examples:``."""

from __future__ import annotations

import re
from typing import Any

import griffe

_HEADING = re.compile(r"^Example:$", re.MULTILINE)


class ExampleSections(griffe.Extension):
    """Have doctests shown as code."""

    def on_object(self, *, obj: griffe.Object, **_kwargs: Any) -> None:
        """Rename the heading in what is read of *obj*."""
        if obj.docstring is not None:
            obj.docstring.value = _HEADING.sub("Examples:", obj.docstring.value)
