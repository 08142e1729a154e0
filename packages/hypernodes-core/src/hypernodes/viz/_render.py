"""From a pipeline to a picture: which renderer, which file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Literal

import attrs

from hypernodes.errors import UnknownPluginError
from hypernodes.graph import NestedPipeline
from hypernodes.plugins import get_visualizer
from hypernodes.viz._model import make_drawing

_BY_SUFFIX: Final = {".mmd": "mermaid", ".txt": "text"}


@attrs.frozen
class Picture:
    """A rendered picture.

    Attributes:
        data: Its text.
    """

    data: str

    def __str__(self) -> str:
        return self.data


def visualize(
    pipeline: NestedPipeline,
    filename: str | os.PathLike[str] | None = None,
    *,
    engine: str | None = None,
    depth: int | None = 1,
    orient: Literal["TB", "LR", "BT", "RL"] = "TB",
    show_types: bool = True,
    **options: Any,
) -> Picture:
    """Draw *pipeline*; with *filename*, also write it there.

    Args:
        pipeline: What to draw.
        filename: Where to write; its suffix picks the format: ``.mmd`` for
            Mermaid, ``.txt`` for text.
        engine: The renderer by name, ``"mermaid"`` or ``"text"``; by default
            the one of the suffix, else Mermaid.
        depth: How many levels are opened: 1 shows nested pipelines closed,
            None opens them all.
        orient: Where the data flows.
        show_types: Write annotations beside inputs and outputs.
        **options: For the renderer.

    Raises:
        UnknownPluginError: There is no such renderer, or none for the suffix.
    """
    name = engine or _renderer_for(filename)
    drawing = make_drawing(pipeline, depth, show_types)
    picture = Picture(get_visualizer(name)(drawing, orient=orient, **options))
    if filename is not None:
        Path(filename).write_text(picture.data, encoding="utf-8")
    return picture


def _renderer_for(filename: str | os.PathLike[str] | None) -> str:
    if filename is None:
        return "mermaid"
    suffix = Path(filename).suffix
    if suffix not in _BY_SUFFIX:
        known = ", ".join(_BY_SUFFIX)
        msg = f"no renderer writes {suffix or 'files without a suffix'!r}; use {known}"
        raise UnknownPluginError(msg)
    return _BY_SUFFIX[suffix]
