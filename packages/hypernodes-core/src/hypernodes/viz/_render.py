"""The way in: from a pipeline to a picture, and to what a notebook shows for it.

Every pipeline carries these two functions, and most never draw, so nothing
that draws is loaded before the first call.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

from hypernodes.graph import NestedPipeline

if TYPE_CHECKING:
    from hypernodes.viz._theme import GraphvizTheme

Orient = Literal["TB", "LR", "BT", "RL"]
ReturnType = Literal["auto", "str", "bytes"]


def visualize(  # noqa: PLR0913, PLR0917 - these options are the interface
    pipeline: NestedPipeline,
    filename: str | os.PathLike[str] | None = None,
    engine: str = "graphviz",
    depth: int | None = 1,
    separate_outputs: bool = False,
    orient: Orient = "TB",
    flatten: bool = False,
    group_inputs: bool = True,
    show_legend: bool = False,
    show_types: bool = True,
    style: str | GraphvizTheme = "default",
    return_type: ReturnType = "auto",
    interactive: bool = False,
    **options: Any,
) -> Any:
    """Draw *pipeline* as it would run; with *filename*, also write it there.

    The picture shows functions with what they give, inputs with their types,
    bound inputs lighter, optional ones dashed, and nested pipelines closed or
    opened.  What a run would leave out is not drawn.  The same pipeline and
    options give the same bytes on every machine, but for the fonts of a PNG.

    The first picture of a process takes about a second, because Graphviz is
    then made ready; each further one a few milliseconds.

    Args:
        pipeline: What to draw.
        filename: Where to write; its suffix picks the format: ``.svg``,
            ``.png``, ``.html``, ``.mmd`` (Mermaid), ``.dot`` or ``.txt``.
        engine: Who draws: ``"graphviz"`` (SVG, or the format of *filename*),
            ``"layers"`` (SVG without the extra, laid out less well),
            ``"html"``, ``"mermaid"``, ``"dot"``, ``"text"``, or the renderer
            of a plugin.
        depth: How many levels are opened: 1 shows nested pipelines closed,
            2 opens one level, None all.
        separate_outputs: Give every output a box of its own.
        orient: Where the data flows: ``"TB"``, ``"LR"``, ``"BT"`` or ``"RL"``.
        flatten: Show what is inside of opened pipelines without their borders.
        group_inputs: Put inputs with the same readers into one box.
        show_legend: Explain what appears.
        show_types: Note annotations beside names.
        style: A name in `DESIGN_STYLES` or a `GraphvizTheme`; an unknown name
            is drawn as the default, with a warning.
        return_type: ``"auto"`` gives a `Picture`, ``"str"`` its text and
            ``"bytes"`` its bytes.
        interactive: Make a page to explore: nested pipelines open and close,
            and each node shows its code, cache state and times.  It starts at
            *depth* and needs neither Graphviz nor a network.
        **options: For the renderer.  SVG, PNG and HTML: *mode*, ``"light"``,
            ``"dark"`` or ``"auto"``; PNG: *scale*; text: *width*, *colour*;
            HTML: *run*, what to show of a run, a `Recorder`, the preview that
            ``Pipeline.plan`` gives, or {path: counts}.

    Returns:
        A `Picture`, which shows itself in a notebook.

    Raises:
        ValueError: There is no such engine, suffix, orient, depth or return
            type; the message lists the choices.  Nothing was written.
        VizNotInstalledError: SVG or PNG without the extra ``viz``; an
            `ImportError` whose message holds the install line.
        PlanError: A nested pipeline is mapped over an input that is bound in it.

    Example:
        >>> from hypernodes import Pipeline, node
        >>> @node(output_name="count")
        ... def count_words(text: str) -> int:
        ...     return len(text.split())
        >>> print(visualize(Pipeline([count_words]), engine="text"))
         ╭───────────╮
         │ text: str │
         ╰─────┬─────╯
               │
               ▼
        ┌─────────────┐
        │ count_words │
        │ count: int  │
        └─────────────┘
        <BLANKLINE>
    """
    # deferred: most processes never draw
    from hypernodes.viz._request import PictureRequest

    request = PictureRequest.read(
        filename=filename,
        engine="html" if interactive else engine,
        orient=orient,
        style=style,
        return_type=return_type,
        depth=depth,
        show_types=show_types,
        group_inputs=group_inputs,
    )
    return request.answer(
        pipeline,
        {**options, "show_legend": show_legend},
        flatten=flatten,
        separate_outputs=separate_outputs,
    )


def show_in_notebook(pipeline: NestedPipeline, **_options: Any) -> dict[str, Any]:
    """Return what a notebook shows for *pipeline* itself.

    That is its picture as SVG, without Graphviz laid out in layers.  What
    cannot be drawn is shown by its `repr`: showing never fails.
    """
    # deferred: most processes never draw
    from hypernodes.viz._graphviz import has_graphviz

    plain = repr(pipeline)
    try:
        picture = visualize(pipeline, engine="graphviz" if has_graphviz() else "layers")
    except Exception:  # a value that cannot be shown must not break its notebook
        return {"text/plain": plain}
    bundle: dict[str, Any] = picture._repr_mimebundle_()
    return {**bundle, "text/plain": plain}
