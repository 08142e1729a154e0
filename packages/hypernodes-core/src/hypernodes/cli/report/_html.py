"""HTML made of elements, with everything escaped that did not come from here."""

from __future__ import annotations

import html
from typing import Final

_VOID: Final = frozenset({"br", "meta", "rect", "line", "path", "link"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, /, *children: str | None, **attributes: str | float | None) -> Html:
    """Return an element; children that are not `Html` are escaped.

    A trailing underscore of an attribute's name is dropped, others become
    hyphens; attributes that are None are left out.

    Example:
        >>> element("p", "1 < 2", class_="note", data_n=3)
        '<p class="note" data-n="3">1 &lt; 2</p>'
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = join(*children)
    if tag in _VOID and not inside:
        return Html(f"<{tag}{given}/>")
    return Html(f"<{tag}{given}>{inside}</{tag}>")


def join(*children: str | None) -> Html:
    """Return *children* one after the other, escaped where they are not `Html`."""
    return Html(
        "".join(
            child if isinstance(child, Html) else html.escape(child)
            for child in children
            if child is not None
        )
    )
