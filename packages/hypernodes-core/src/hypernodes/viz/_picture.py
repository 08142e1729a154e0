"""What `visualize` returns: a rendered picture that shows itself in a notebook."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from typing import Any, Final, Literal

import attrs

Format = Literal["svg", "png", "html", "mermaid", "dot", "text"]
MIME_TYPES: Final = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "html": "text/html",
    "mermaid": "text/vnd.mermaid",
    "dot": "text/vnd.graphviz",
    "text": "text/plain",
}
_FRAME_HEIGHT: Final = 640


@attrs.frozen
class Picture:
    """A rendered picture.

    ``str`` gives its text; as the last expression of a notebook cell it shows
    itself, light or dark as the notebook is.

    Attributes:
        data: Its text, or the bytes of a PNG.
        format: ``"svg"``, ``"png"``, ``"html"``, ``"mermaid"``, ``"dot"``,
            ``"text"``, or what the renderer of a plugin is called.
    """

    data: Any
    format: str = "text"
    _inline: Callable[[], str] | None = attrs.field(
        default=None, eq=False, repr=False, alias="inline"
    )

    def __str__(self) -> str:
        return repr(self) if isinstance(self.data, bytes) else str(self.data)

    def to_bytes(self) -> bytes:
        """Return what is written to a file."""
        return self.data if isinstance(self.data, bytes) else str(self.data).encode("utf-8")

    def __repr__(self) -> str:
        is_bytes = isinstance(self.data, bytes)
        size = len(self.data if is_bytes else str(self.data))
        unit = "bytes" if is_bytes else "characters"
        return f"Picture(format={self.format!r}, {size} {unit})"

    def _repr_html_(self) -> str:
        """Return it as part of a page."""
        if self.format == "svg":
            svg = self._inline() if self._inline else self.data
            return f'<div style="overflow-x:auto">{svg}</div>'
        if self.format == "png":
            encoded = base64.b64encode(self.data).decode()
            return f'<img alt="pipeline" src="data:image/png;base64,{encoded}">'
        if self.format == "html":
            # a page of its own, so that its styles and scripts stay in it
            return (
                f'<iframe title="pipeline" srcdoc="{escape(self.data)}" '
                f'style="width:100%;height:{_FRAME_HEIGHT}px;border:0"></iframe>'
            )
        return f'<pre style="line-height:1.2">{escape(str(self))}</pre>'

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, Any]:
        """Return it in every way in which a notebook may show it."""
        bundle = {"text/html": self._repr_html_(), "text/plain": repr(self)}
        if self.format == "text":
            bundle["text/plain"] = self.data
        elif self.format in {"svg", "mermaid", "dot"}:
            bundle[MIME_TYPES[self.format]] = self.data
        return bundle
