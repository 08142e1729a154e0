"""One call from a pipeline to the drawing that was asked for."""

from __future__ import annotations

from hypernodes.graph import NestedPipeline
from hypernodes.viz import _fold
from hypernodes.viz._build import build_drawing
from hypernodes.viz._model import Drawing


def make_drawing(
    pipeline: NestedPipeline,
    depth: int | None = 1,
    *,
    show_types: bool = True,
    flatten: bool = False,
    separate_outputs: bool = False,
    group_inputs: bool = True,
) -> Drawing:
    """Return the drawing of *pipeline*: boxes and arrows without sizes or colours.

    Args:
        pipeline: What to draw.
        depth: How many levels are opened: 1 shows nested pipelines closed,
            None opens them all.
        show_types: Note annotations beside names.
        flatten: Show what is inside of opened pipelines without their borders.
        separate_outputs: Give every output a box of its own.
        group_inputs: Put inputs with the same readers into one box.

    Raises:
        PlanError: A nested pipeline is mapped over an input that is bound in it.
    """
    drawing = _fold.fold(build_drawing(pipeline, show_types), depth)
    if flatten:
        drawing = _fold.flatten(drawing)
    if separate_outputs:
        drawing = _fold.separate_outputs(drawing)
    if group_inputs:
        drawing = _fold.group_inputs(drawing)
    return _fold.join_arrows(drawing)
