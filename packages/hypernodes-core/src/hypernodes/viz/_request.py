"""What somebody asked to have drawn: checked first, then answered.

Decides what the name of an engine and the suffix of a file mean, and refuses
what it does not know before anything is drawn or written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs

from hypernodes.errors import UnknownPluginError
from hypernodes.graph import NestedPipeline
from hypernodes.plugins import get_visualizer
from hypernodes.viz._arrange import arrange
from hypernodes.viz._dot import render_dot
from hypernodes.viz._draw import make_drawing
from hypernodes.viz._html import render_html
from hypernodes.viz._mermaid import render_mermaid
from hypernodes.viz._model import Drawing
from hypernodes.viz._picture import Picture
from hypernodes.viz._png import render_png
from hypernodes.viz._svg import render_svg
from hypernodes.viz._text import render_text
from hypernodes.viz._theme import GraphvizTheme, read_style

ORIENTS: Final = ("TB", "LR", "BT", "RL")
RETURN_TYPES: Final = ("auto", "str", "bytes")
MODES: Final = ("auto", "light", "dark")
_FORMATS: Final = {
    ".svg": "svg",
    ".png": "png",
    ".html": "html",
    ".htm": "html",
    ".mmd": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".txt": "text",
}
_SVG: Final = ("svg", "layers")
_RENDERERS: Final[Mapping[str, Callable[..., str | bytes]]] = {
    "svg": render_svg,
    "layers": partial(render_svg, lay_out=arrange),
    "png": render_png,
    "mermaid": render_mermaid,
    "dot": render_dot,
    "text": render_text,
}


@attrs.frozen(kw_only=True)
class PictureRequest:
    """One call of `visualize`, its arguments known to be good.

    Attributes:
        filename: Where to write; None to write nothing.
        form: The format, or the name of a plugin's renderer.
        orient: Where the data flows.
        theme: How it looks.
        return_type: What to give back.
        depth: How many levels are opened.
        show_types: Whether annotations are noted.
        group_inputs: Whether inputs share boxes.
    """

    filename: str | os.PathLike[str] | None
    form: str
    orient: str
    theme: GraphvizTheme
    return_type: str
    depth: int | None
    show_types: bool
    group_inputs: bool

    @classmethod
    def read(
        cls,
        *,
        engine: str,
        style: str | GraphvizTheme,
        filename: str | os.PathLike[str] | None,
        **rest: Any,
    ) -> PictureRequest:
        """Return the request that the arguments of `visualize` make.

        Raises:
            ValueError: One of them is not among the choices.
        """
        _check(rest["orient"], ORIENTS, "orient")
        _check(rest["return_type"], RETURN_TYPES, "return_type")
        _check_depth(rest["depth"])
        form = _form_of(filename, engine)
        return cls(filename=filename, form=form, theme=read_style(style), **rest)

    def answer(
        self,
        pipeline: NestedPipeline,
        options: dict[str, Any],
        *,
        flatten: bool,
        separate_outputs: bool,
    ) -> Any:
        """Draw *pipeline*, write it where a file was named, and return what was asked for."""
        _check(options.get("mode", "auto"), MODES, "mode")
        options |= {"theme": self.theme, "orient": self.orient}
        shown: dict[str, Any] = {"show_types": self.show_types, "group_inputs": self.group_inputs}
        if self.form == "html":
            # the page explains itself, and opens and closes by itself
            del options["show_legend"]
            page = render_html(pipeline, depth=self.depth, **shown, **options)
            picture = Picture(page, self.form)
        else:
            drawing = make_drawing(
                pipeline, self.depth, flatten=flatten, separate_outputs=separate_outputs, **shown
            )
            picture = _render(drawing, self.form, options)
        if self.filename is not None:
            Path(self.filename).write_bytes(picture.to_bytes())
        if self.return_type == "auto":
            return picture
        return str(picture) if self.return_type == "str" else picture.to_bytes()


def _render(drawing: Drawing, form: str, options: dict[str, Any]) -> Picture:
    renderer = _RENDERERS.get(form) or get_visualizer(form)
    data = renderer(drawing, **options)
    if form not in _SVG:
        return Picture(data, form)
    return Picture(data, "svg", inline=lambda: str(renderer(drawing, **options, is_inline=True)))


def _form_of(filename: str | os.PathLike[str] | None, engine: str) -> str:
    """Return the format to draw, or the name of a plugin's renderer.

    Raises:
        UnknownPluginError: There is no such engine; a `ValueError`.
        ValueError: Nobody writes files of this suffix, or not this engine.
    """
    is_ours = engine in _RENDERERS or engine in {"graphviz", "html"}
    if not is_ours:
        _refuse_unknown(engine)
    suffix = None if filename is None else Path(filename).suffix.lower()
    if engine == "graphviz":
        if suffix is None:
            return "svg"
        _check(suffix, tuple(_FORMATS), "suffix", f" of {os.fspath(filename or '')!r}")
        return _FORMATS[suffix]
    form = "svg" if engine == "layers" else engine
    if is_ours and _FORMATS.get(suffix or "", form) != form:
        right = next(each for each, written in _FORMATS.items() if written == form)
        msg = f"engine {engine!r} does not write {suffix!r}; use a name that ends in {right!r}"
        raise ValueError(msg)
    return engine


def _refuse_unknown(engine: str) -> None:
    try:
        get_visualizer(engine)
    except UnknownPluginError as error:
        ours = ", ".join(["graphviz", "html", *_RENDERERS])
        msg = f"unknown engine {engine!r} for pictures; use {ours}, or install a plugin ({error})"
        raise UnknownPluginError(msg) from error


def _check(value: object, known: tuple[str, ...], what: str, where: str = "") -> None:
    if value not in known:
        msg = f"unknown {what} {value!r}{where}; use {', '.join(known)}"
        raise ValueError(msg)


def _check_depth(depth: object) -> None:
    if depth is not None and (not isinstance(depth, int) or isinstance(depth, bool) or depth < 1):
        msg = f"depth is the number of levels to show, 1 or more, or None for all; got {depth!r}"
        raise ValueError(msg)
