"""Drawing: a pipeline as boxes and arrows, one output format a file."""

from hypernodes.viz._mermaid import render_mermaid
from hypernodes.viz._model import Arrow, Box, Drawing, make_drawing
from hypernodes.viz._render import Picture, visualize
from hypernodes.viz._text import render_text

__all__ = [
    "Arrow",
    "Box",
    "Drawing",
    "Picture",
    "make_drawing",
    "render_mermaid",
    "render_text",
    "visualize",
]
