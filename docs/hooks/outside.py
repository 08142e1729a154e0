"""Links that leave docs/, for those who read the pages in the repository.

A site holds pages alone, so there such a link becomes the path it led to.
"""

from __future__ import annotations

import re
from typing import Any

_LINK = re.compile(r"\[([^\]]+)\]\((?:\.\./)+((?:packages|examples)/[^)]+?)/README\.md\)")


def on_page_markdown(markdown: str, **_kwargs: Any) -> str:
    """Name what a page links to outside the site."""
    return _LINK.sub(_name, markdown)


def _name(link: re.Match[str]) -> str:
    text, path = link.groups()
    return f"`{path}`" if path == text else f"{text} (`{path}`)"
